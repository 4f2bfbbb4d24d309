use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::checkout::{Checkout, REPOSITORY};

/// The scripts that workflows, the azd project and the page about deployment name.
fn named() -> BTreeSet<String> {
    let mut pages = vec!["azure.yaml".to_owned(), "docs/deploy.md".to_owned()];
    for entry in fs::read_dir(Path::new(REPOSITORY).join(".github/workflows")).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        pages.push(format!(".github/workflows/{}", name.to_string_lossy()));
    }
    let mut names = BTreeSet::new();
    for page in pages {
        let text = fs::read_to_string(Path::new(REPOSITORY).join(page)).expect("a page");
        for part in text.split("./scripts/").skip(1) {
            let end = part.find(|letter: char| !(letter.is_ascii_lowercase() || letter == '-'));
            names.insert(part[..end.unwrap_or(part.len())].to_owned());
        }
    }
    names
}

#[test]
fn every_script_that_is_named_exists_and_explains_itself() {
    let checkout = Checkout::new();
    let names = named();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        let printed = checkout.run(&name, &["--help"], &[]).succeeds().printed();
        assert!(
            printed.starts_with(&format!("Usage: scripts/{name}")),
            "{name}: {printed}"
        );
    }
}

/// GNU's `date -d` is not that of macOS.
#[test]
fn documented_commands_do_not_use_gnu_date() {
    for entry in fs::read_dir(Path::new(REPOSITORY).join("docs")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let dates = text.split("date ").skip(1);
        let gnu = dates.filter_map(|rest| rest.split(')').next());
        let found: Vec<_> = gnu.filter(|words| words.contains("-d '")).collect();
        assert!(found.is_empty(), "{}: date {found:?}", path.display());
    }
}

/// Without the ref, a build of any branch passes, and its build.yml can sign any file.
#[test]
fn documented_verifications_name_what_was_built() {
    let page = fs::read_to_string(Path::new(REPOSITORY).join("docs/deploy.md")).expect("a page");
    let is_command = |line: &&str| line.starts_with("gh attestation verify");
    let commands: Vec<_> = page.lines().filter(is_command).collect();
    assert!(!commands.is_empty());
    for command in commands {
        assert!(command.contains(" --source-ref "), "{command}");
    }
}

/// A script ends when the last command of a line fails, not an earlier one.
#[test]
fn no_line_of_a_script_hides_a_failure_behind_another_assignment() {
    let mut found = Vec::new();
    for folder in ["scripts", "scripts/lib"] {
        let folder = Path::new(REPOSITORY).join(folder);
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            let is_shell =
                text.starts_with("#!/usr/bin/env bash") || text.starts_with("# shellcheck");
            let hides = |line: &&str| {
                let assigned = line.trim_start().split_once("=$(");
                let name = |text: &str| {
                    text.chars()
                        .all(|letter| letter.is_ascii_lowercase() || letter == '_')
                };
                assigned.is_some_and(|(first, rest)| {
                    let another = rest
                        .rsplit_once("=$(")
                        .and_then(|(start, _)| start.rsplit_once(") "));
                    name(first) && another.is_some_and(|(_, second)| name(second))
                })
            };
            let lines = text.lines().filter(hides).filter(|_| is_shell);
            found.extend(lines.map(|line| format!("{}: {line}", path.display())));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}
