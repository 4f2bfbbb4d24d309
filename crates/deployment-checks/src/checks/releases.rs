//! Settings and releases: `provision` gives a template's settings to the server that runs, which is
//! of the previous release and rejects a `ZAVA_` name that it does not know.
//!
//! `tests/releases/` has a folder for each release, with the names of its settings.

use super::settings::given;
use super::{Report, Violation};
use crate::templates::Project;

const RELEASES: &str = "tests/releases/";
const KNOWN: &str = "src/settings/variables.rs";

pub(super) fn settings(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let this = version(project);
    let paths = project.texts_in(RELEASES).map(|(path, _)| path);
    let previous = paths
        .filter_map(|path| path.strip_prefix(RELEASES)?.strip_suffix("/settings"))
        .filter(|release| numbers(release) < numbers(this))
        .max_by_key(|release| numbers(release))
        // Before the first release, this version.
        .unwrap_or(this);
    let path = format!("{RELEASES}{previous}/settings");
    let known: Vec<_> = project.text(&path).lines().collect();
    let mut count = 0;
    for (path, name) in given(project) {
        count += 1;
        let problem = format!("release {previous} does not know {name}: set it in the next one");
        report.require_that(known.contains(&&*name), path, problem);
    }
    report.require_that(count > 20, "infra", "the templates give no settings");
    for file in &project.parameter_files {
        let lines = project.text(&file.path).lines().map(str::trim);
        let names = lines.filter_map(|line| line.strip_prefix("{ name: '")?.split_once('\''));
        for (name, _) in names {
            let problem = format!("release {previous} does not know {name}");
            report.require_that(known.contains(&name), &file.path, problem);
        }
    }
    report.0
}

pub(super) fn record(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let path = format!("{RELEASES}{}/settings", version(project));
    let mut recorded: Vec<_> = project.text(&path).lines().collect();
    let mut known: Vec<_> = project
        .text(KNOWN)
        .lines()
        .filter_map(|line| line.strip_prefix("    ")?.split_once(" = "))
        .map(|(name, _)| name)
        .filter(|name| {
            let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            name.contains('_') && name.chars().all(is_part)
        })
        .collect();
    report.require_that(known.len() > 60, KNOWN, "there are no settings");
    recorded.sort_unstable();
    known.sort_unstable();
    for name in known.iter().filter(|name| !recorded.contains(name)) {
        report.add(&path, 0, format!("{name} is missing"));
    }
    for name in recorded.iter().filter(|name| !known.contains(name)) {
        report.add(&path, 0, format!("{name} is no setting"));
    }
    report.0
}

/// The version of the server.
fn version(project: &Project) -> &str {
    let mut lines = project.text("Cargo.toml").lines();
    lines
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .unwrap_or("")
}

/// A version as numbers, which compare.
fn numbers(version: &str) -> Vec<u32> {
    let numbers = version.split('.');
    numbers
        .map(|number| number.parse().unwrap_or(u32::MAX))
        .collect()
}
