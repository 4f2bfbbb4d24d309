//! Each promise of the templates, broken once in a copy of the text, turns its check red.
//! `damages.tsv` has the check, the file, a text, and what replaces its first occurrence.

use std::collections::BTreeSet;
use std::path::Path;

use deployment_checks::{CHECKS, Project};

struct Damage {
    check: &'static str,
    path: &'static str,
    text: String,
    replacement: String,
}

fn damages() -> Vec<Damage> {
    let lines = include_str!("damages.tsv").lines();
    let lines = lines.filter(|line| !line.starts_with('#'));
    let unescape = |text: &str| text.replace("\\n", "\n");
    lines
        .map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let [check, path, text, replacement] = columns[..] else {
                panic!("not four columns: {line}");
            };
            Damage {
                check,
                path,
                text: unescape(text),
                replacement: unescape(replacement),
            }
        })
        .collect()
}

#[test]
fn each_broken_promise_is_found() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = Project::load(&root).unwrap();
    let mut problems = Vec::new();
    for damage in damages() {
        let Damage {
            check,
            path,
            text,
            replacement,
        } = damage;
        let original = project.text(path);
        if !original.contains(&text) {
            problems.push(format!("{check}: {path} has no `{text}`"));
            continue;
        }
        let damaged = project.with_text(path, original.replacen(&text, &replacement, 1));
        let Some(check) = CHECKS.iter().find(|known| known.name == check) else {
            problems.push(format!("there is no check {check}"));
            continue;
        };
        match damaged {
            Ok(damaged) if (check.find_violations)(&damaged).is_empty() => {
                let name = check.name;
                problems.push(format!("{name}: `{replacement}` in {path} is not found"));
            }
            Ok(_) => {}
            Err(error) => problems.push(format!("{}: `{replacement}`: {error}", check.name)),
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn each_check_is_damaged_once() {
    let damages = damages();
    let damaged: BTreeSet<_> = damages.iter().map(|damage| damage.check).collect();
    let checks: BTreeSet<_> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(damaged, checks);
}
