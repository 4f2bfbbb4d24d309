//! Each promise of the templates holds.

use std::path::Path;

use deployment_checks::{CHECKS, Project};

#[test]
fn templates_keep_their_promises() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = Project::load(&root).unwrap();
    let mut problems = Vec::new();
    for check in CHECKS {
        for violation in (check.find_violations)(&project) {
            problems.push(format!("{}: {violation}", check.name));
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
