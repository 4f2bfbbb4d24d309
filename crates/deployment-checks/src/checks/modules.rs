//! Calls of modules: what a compiler would check.

use super::language::resolve;
use super::parameter_files::check_value;
use super::{Report, Violation};
use crate::evaluate::{Scope, Value};
use crate::expression::Expression;
use crate::syntax::{Declaration, File, Kind, Property};
use crate::templates::Project;

pub(super) fn parameters(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for file in project.files.values() {
        for module in file.with_kind(Kind::Module) {
            let path = resolve(&file.path, &module.type_text);
            let Some(called) = project.files.get(&path) else {
                report.add(&file.path, module.line, format!("there is no {path}"));
                continue;
            };
            let given = module.body.property("params").map(|params| &params.object);
            let is_given = |name: &str| given.is_some_and(|given| given.get(name).is_some());
            for parameter in called.with_kind(Kind::Parameter) {
                let may_be_absent = parameter.value.is_some() || parameter.type_text.ends_with('?');
                if !may_be_absent && !is_given(&parameter.name) {
                    let problem = format!("{} lacks {}", module.name, parameter.name);
                    report.add(&file.path, module.line, problem);
                }
            }
            for property in given.map_or(&[][..], |given| &given.0) {
                if called.find(Kind::Parameter, &property.key).is_none() {
                    let problem = format!("{path} has no parameter {}", property.key);
                    report.add(&file.path, property.value.line, problem);
                }
            }
            if called.targets_subscription == module.get("scope").is_some()
                && file.targets_subscription
            {
                let problem = format!("{} is deployed at the wrong scope", module.name);
                report.add(&file.path, module.line, problem);
            }
        }
    }
    report.0
}

pub(super) fn outputs(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for file in project.files.values() {
        for module in file.with_kind(Kind::Module) {
            let path = resolve(&file.path, &module.type_text);
            let Some(called) = project.files.get(&path) else {
                continue;
            };
            for (number, line) in project.text(&file.path).lines().enumerate() {
                for (start, access) in line.match_indices("outputs.") {
                    let before = &line[..start];
                    let is_of = |dot: &str| {
                        before
                            .strip_suffix(dot)
                            .and_then(|before| before.strip_suffix(module.name.as_str()))
                            .is_some_and(|before| {
                                !before.ends_with(|c: char| c.is_ascii_alphanumeric())
                            })
                    };
                    let (is_plain, is_safe) = (is_of("."), is_of(".?"));
                    if !is_plain && !is_safe {
                        continue;
                    }
                    let name = line[start + access.len()..].trim_start_matches('?');
                    let end = name.find(|c: char| !c.is_ascii_alphanumeric());
                    let name = &name[..end.unwrap_or(name.len())];
                    if called.find(Kind::Output, name).is_none() {
                        let problem = format!("{path} has no output {name}");
                        report.add(&file.path, number + 1, problem);
                    }
                    if is_plain && module.condition.is_some() {
                        let problem = format!("{} may be absent: write `.?`", module.name);
                        report.add(&file.path, number + 1, problem);
                    }
                }
            }
        }
    }
    report.0
}

/// A bound of a parameter of the main template that admits what the module's parameter, which gets
/// its value, does not.
fn looser_bound(main: &File, called: &File, property: &Property) -> Option<String> {
    let value = property.value.text.split(" ?? ").next().unwrap_or("");
    let from = main.find(Kind::Parameter, value)?;
    let to = called.find(Kind::Parameter, &property.key)?;
    let bound = |of: &Declaration, name: &str| of.decorator(name)?.parse::<i64>().ok();
    for (name, is_lower) in [
        ("minLength", true),
        ("minValue", true),
        ("maxLength", false),
        ("maxValue", false),
    ] {
        let Some(limit) = bound(to, name) else {
            continue;
        };
        let is_within = bound(from, name).is_some_and(|bound| {
            if is_lower {
                bound >= limit
            } else {
                bound <= limit
            }
        });
        if !is_within {
            return Some(format!("{value}: {name} of {} is {limit}", property.key));
        }
    }
    None
}

/// Values of the main template that are known before a deployment fit the modules' parameters, for
/// each profile and the longest name.
pub(super) fn values(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let Some(main) = project.main() else {
        return report.0;
    };
    let mut count = 0;
    for profile in ["dev", "test", "prod"] {
        let mut scope = Scope {
            variables: main.variables(),
            ..Scope::default()
        };
        for parameter in main.with_kind(Kind::Parameter) {
            let default = parameter.value.as_ref();
            let default = default.and_then(|value| Expression::parse(&value.text).ok());
            if let Some(Ok(value)) = default.map(|default| scope.evaluate(&default)) {
                scope.values.insert(parameter.name.clone(), value);
            }
        }
        for (name, value) in [
            ("profile", profile),
            ("environmentName", "x2345678ab"),
            ("location", "westeurope"),
            ("hosting", "functions"),
        ] {
            let value = Value::Text(value.to_owned());
            scope.values.insert(name.to_owned(), value);
        }
        for module in main.with_kind(Kind::Module) {
            let Some(called) = project.files.get(&resolve(&main.path, &module.type_text)) else {
                continue;
            };
            let given = module.body.property("params").map(|given| &given.object);
            for property in given.map_or(&[][..], |given| &given.0) {
                if let Some(problem) = looser_bound(main, called, property) {
                    report.add(&main.path, property.value.line, problem);
                }
                let expression = Expression::parse(&property.value.text).ok();
                let value = expression.map(|expression| scope.evaluate(&expression));
                let parameter = called.find(Kind::Parameter, &property.key);
                let (Some(Ok(value)), Some(parameter)) = (value, parameter) else {
                    continue;
                };
                count += 1;
                // Shapes are compared by the compiler.
                let is_shape = matches!(value, Value::Object(_) | Value::Array(_));
                if let Some(problem) = check_value(project, called, parameter, &value)
                    && !is_shape
                {
                    let problem = format!("{profile}: {} {problem}", property.key);
                    report.add(&main.path, property.value.line, problem);
                }
            }
        }
    }
    report.require_that(count > 150, &main.path, "too few values are known");
    report.0
}
