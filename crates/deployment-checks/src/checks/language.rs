//! The language: what all tools can read, and what a compiler would reject.

use std::collections::{BTreeMap, BTreeSet};

use super::{Report, Violation};
use crate::syntax::{File, Kind};
use crate::templates::Project;

/// Constructs that checkov's parser cannot read. A file with one would be skipped, without an error.
pub(super) fn dialect(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for file in project.files.values() {
        for line in &file.long_ternaries {
            report.add(&file.path, *line, "a ternary takes several lines");
        }
        for declaration in &file.declarations {
            let text = declaration.value.as_ref().map_or("", |value| &value.text);
            let type_text = declaration.type_text.as_str();
            let is_typed = matches!(declaration.kind, Kind::Parameter | Kind::Output);
            if is_typed && type_text.contains(['|', '{', '(']) {
                let problem = format!("the type of {} needs a name", declaration.name);
                report.add(&file.path, declaration.line, problem);
            }
            if declaration.kind == Kind::Type && text.contains('@') {
                report.add(&file.path, declaration.line, "a member has a decorator");
            }
            if text.contains("...") || text.contains(") =>") {
                let problem = "a spread, or a lambda with several arguments";
                report.add(&file.path, declaration.line, problem);
            }
        }
    }
    report.0
}

/// Names that Bicep declares itself.
const BUILT_IN: [&str; 2] = ["az", "sys"];

pub(super) fn names_are_declared(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for file in project.files.values() {
        let mut declared = BTreeSet::from(BUILT_IN);
        for declaration in &file.declarations {
            if declaration.kind != Kind::Output && !declared.insert(&declaration.name) {
                let problem = format!("{} is declared twice", declaration.name);
                report.add(&file.path, declaration.line, problem);
            }
        }
        for declaration in &file.declarations {
            for name in &declaration.uses {
                if declaration.kind != Kind::Type && !declared.contains(name.as_str()) {
                    let problem = format!("{name} is not declared");
                    report.add(&file.path, declaration.line, problem);
                }
            }
        }
        for import in file.with_kind(Kind::Import) {
            let path = resolve(&file.path, &import.type_text);
            let source = project.files.get(&path);
            if source.is_none_or(|source| source.find(Kind::Type, &import.name).is_none()) {
                let problem = format!("{path} has no type {}", import.name);
                report.add(&file.path, import.line, problem);
            }
        }
    }
    report.0
}

pub(super) fn nothing_is_unused(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let mut imported = BTreeSet::new();
    for file in project.files.values() {
        let used = used_names(file);
        for declaration in &file.declarations {
            let must_be_used = match declaration.kind {
                Kind::Parameter | Kind::Variable | Kind::Import => true,
                Kind::Resource => declaration.is_existing,
                Kind::Module | Kind::Output | Kind::Type => false,
            };
            if must_be_used && !used.contains(declaration.name.as_str()) {
                let problem = format!("{} is not used", declaration.name);
                report.add(&file.path, declaration.line, problem);
            }
            if declaration.kind == Kind::Import {
                imported.insert(declaration.name.as_str());
            }
        }
    }
    for file in project.files.values() {
        for declaration in file.with_kind(Kind::Type) {
            let name = declaration.name.as_str();
            if !imported.contains(name) && !used_names(file).contains(name) {
                report.add(&file.path, declaration.line, format!("{name} is not used"));
            }
        }
        let path = file.path.as_str();
        let is_used = path == "infra/main.bicep"
            || project.files.values().any(|other| {
                other.declarations.iter().any(|declaration| {
                    matches!(declaration.kind, Kind::Module | Kind::Import)
                        && resolve(&other.path, &declaration.type_text) == path
                })
            });
        if !is_used {
            report.add(path, 0, "no template uses this file");
        }
    }
    report.0
}

fn used_names(file: &File) -> BTreeSet<&str> {
    let mut used = BTreeSet::new();
    for declaration in &file.declarations {
        used.extend(declaration.uses.iter().map(String::as_str));
        if matches!(declaration.kind, Kind::Parameter | Kind::Output) {
            used.insert(declaration.type_text.trim_end_matches(['[', ']', '?']));
        }
        if let Some(condition) = &declaration.condition {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            used.extend(condition.split(|c| !is_part(c)));
        }
    }
    used
}

pub(super) fn descriptions(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for file in project.files.values() {
        for declaration in &file.declarations {
            let mut add = |problem: &str| {
                let problem = format!("{}: {problem}", declaration.name);
                report.add(&file.path, declaration.line, problem);
            };
            if !matches!(
                declaration.kind,
                Kind::Parameter | Kind::Output | Kind::Type
            ) {
                continue;
            }
            let description = declaration.decorator("description").unwrap_or("");
            let is_sentence = description.ends_with(".'");
            if !is_sentence {
                add("there is no description, or it is no sentence");
            }
            if declaration.kind != Kind::Parameter {
                continue;
            }
            let type_text = declaration.type_text.as_str();
            let may_be_absent = declaration.value.is_some() || type_text.ends_with('?');
            let expected = if may_be_absent {
                "'Optional. "
            } else {
                "'Required. "
            };
            if !description.starts_with(expected) {
                add("the description does not say whether a value is required");
            }
            let has = |name| declaration.decorator(name).is_some();
            let is_bounded = match type_text.trim_end_matches('?') {
                "int" => has("allowed") || has("minValue") && has("maxValue"),
                // Modules are called by the main template only, which bounds what comes from outside.
                "string" => file.path != "infra/main.bicep" || has("minLength") && has("maxLength"),
                array if array.ends_with("[]") => {
                    file.path != "infra/main.bicep" || has("maxLength")
                }
                _ => true,
            };
            if !is_bounded {
                add("there are no bounds");
            }
        }
    }
    report.0
}

pub(super) fn versions(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let mut versions = BTreeMap::new();
    for file in project.files.values() {
        for resource in file.with_kind(Kind::Resource) {
            let Some((name, version)) = resource.type_text.split_once('@') else {
                let problem = format!("{} has no version", resource.name);
                report.add(&file.path, resource.line, problem);
                continue;
            };
            let first = *versions.entry(name).or_insert(version);
            if first != version {
                let problem = format!("{name} has the versions {first} and {version}");
                report.add(&file.path, resource.line, problem);
            }
            // Azure has no other version of diagnostic settings that knows groups of categories.
            let is_stable = name == "Microsoft.Insights/diagnosticSettings";
            if version.contains("preview") && !is_stable {
                let problem = format!("{name} is of a preview");
                report.add(&file.path, resource.line, problem);
            }
        }
        for module in file.with_kind(Kind::Module) {
            if module.type_text.contains(':') {
                let problem = "a module comes from a registry";
                report.add(&file.path, module.line, problem);
            }
        }
    }
    report.require_that(!versions.is_empty(), "infra", "there are no resources");
    report.0
}

/// The path of a file that another one names relative to itself.
pub(super) fn resolve(from: &str, relative: &str) -> String {
    let mut folders: Vec<_> = from.split('/').collect();
    folders.pop();
    for part in relative.split('/') {
        match part {
            ".." => {
                folders.pop();
            }
            _ => folders.push(part),
        }
    }
    folders.join("/")
}
