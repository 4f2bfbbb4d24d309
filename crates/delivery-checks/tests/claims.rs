//! Every claim holds of this repository, and a damage to what it is about turns it red.

use std::path::Path;

use delivery_checks::{Files, claims};

fn repository() -> Files {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    Files::read(root).expect("the files of the repository")
}

#[test]
fn every_claim_holds() {
    let files = repository();
    let mut violations = Vec::new();
    for claim in claims() {
        let found = (claim.violations)(&files);
        violations.extend(
            found
                .into_iter()
                .map(|text| format!("{}: {text}", claim.name)),
        );
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// A claim, a file, a text in it, and what replaces its first occurrence.
const DAMAGES: &[(&str, &str, &str, &str)] = include!("damages.in");

#[test]
fn every_damage_turns_its_claim_red() {
    let whole = repository();
    let mut missed = Vec::new();
    for (name, file, from, to) in DAMAGES {
        let claim = claims().into_iter().find(|claim| claim.name == *name);
        let Some(claim) = claim else {
            missed.push(format!("there is no claim {name}"));
            continue;
        };
        let text = whole.text(file);
        if !text.contains(from) {
            missed.push(format!("{name}: {file} does not contain `{from}`"));
            continue;
        }
        let mut files = whole.clone();
        files.set(file, text.replacen(from, to, 1));
        if (claim.violations)(&files).is_empty() {
            missed.push(format!(
                "{name}: `{to}` instead of `{from}` in {file} is not found"
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn every_claim_is_damaged() {
    let claims = claims();
    let without = claims
        .iter()
        .filter(|claim| DAMAGES.iter().all(|damage| damage.0 != claim.name));
    let names: Vec<_> = without.map(|claim| claim.name).collect();
    assert!(names.is_empty(), "no damage for {names:?}");
}
