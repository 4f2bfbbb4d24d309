//! Names of resources: within the limits of their type at the longest name of an environment.

use super::{Report, Violation};
use crate::evaluate::{EvaluationError, Scope, Value};
use crate::syntax::Kind;
use crate::templates::Project;

/// Which characters a name may have.
#[derive(Clone, Copy)]
enum Characters {
    /// Lower-case letters and digits.
    LowerAlphanumeric,
    /// These and hyphens, but not at the ends or twice in a row.
    LowerHyphens,
}

use Characters::{LowerAlphanumeric, LowerHyphens};

/// The names of main.bicep, with the limits of their types
/// (<https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>).
const LIMITS: [(&str, usize, usize, Characters); 24] = [
    ("resourceGroup", 1, 90, LowerHyphens),
    ("workspace", 4, 63, LowerHyphens),
    ("applicationInsights", 1, 260, LowerHyphens),
    ("actionGroup", 1, 260, LowerHyphens),
    ("actionGroupShort", 1, 12, LowerAlphanumeric),
    ("appIdentity", 3, 128, LowerHyphens),
    ("migrationIdentity", 3, 128, LowerHyphens),
    ("indexerIdentity", 3, 128, LowerHyphens),
    ("pipelineIdentity", 3, 128, LowerHyphens),
    ("virtualNetwork", 2, 64, LowerHyphens),
    // A replica adds three characters.
    ("database", 3, 60, LowerHyphens),
    ("vault", 3, 24, LowerHyphens),
    ("embeddings", 2, 64, LowerHyphens),
    ("registry", 5, 50, LowerAlphanumeric),
    ("storage", 3, 24, LowerAlphanumeric),
    ("plan", 1, 40, LowerHyphens),
    ("functionApp", 2, 60, LowerHyphens),
    ("containerEnvironment", 2, 32, LowerHyphens),
    ("containerApp", 2, 32, LowerHyphens),
    ("migrationJob", 2, 32, LowerHyphens),
    ("indexJob", 2, 32, LowerHyphens),
    ("gateway", 1, 50, LowerHyphens),
    ("vaultEvents", 3, 50, LowerHyphens),
    ("availabilityTest", 1, 260, LowerHyphens),
];

/// Names that are host names or unique in all of Azure.
const GLOBAL: [&str; 7] = [
    "database",
    "vault",
    "embeddings",
    "registry",
    "storage",
    "functionApp",
    "gateway",
];

pub(super) fn limits(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let path = "infra/main.bicep";
    let Some(main) = project.main() else {
        report.add(path, 0, "the file is missing");
        return report.0;
    };
    let names = |environment: &str| {
        let mut scope = Scope {
            variables: main.variables(),
            ..Scope::default()
        };
        for (name, value) in [("environmentName", environment), ("location", "westeurope")] {
            let value = Value::Text(value.to_owned());
            scope.values.insert(name.to_owned(), value);
        }
        match scope.variables.get("names") {
            Some(names) => scope.evaluate(names),
            None => Err(EvaluationError::Unknown("names".to_owned())),
        }
    };
    let longest = main
        .find(Kind::Parameter, "environmentName")
        .and_then(|parameter| parameter.decorator("maxLength")?.parse::<usize>().ok())
        .unwrap_or(0);
    report.require_that(longest >= 4, path, "environmentName has no length");
    for environment in ["d1".to_owned(), "x".repeat(longest)] {
        let names = match names(&environment) {
            Ok(Value::Object(names)) => names,
            other => {
                report.add(path, 0, format!("names cannot be evaluated: {other:?}"));
                continue;
            }
        };
        for (key, min, max, characters) in LIMITS {
            let name = names.get(key).and_then(Value::as_text).unwrap_or("");
            let fits = (min..=max).contains(&name.len()) && has_only(name, characters);
            let problem = format!("{key} is `{name}`, of {min} to {max} characters");
            report.require_that(fits, path, problem);
            let is_global = GLOBAL.contains(&key) == name.ends_with("abcdefgh");
            let problem = format!("{key}: `{name}` is not unique");
            report.require_that(is_global || key == "containerApp", path, problem);
            // Two environments of one subscription are kept apart.
            let has_environment = key == "actionGroupShort" || name.contains(&environment);
            report.require_that(
                has_environment,
                path,
                format!("{key} is the same everywhere"),
            );
        }
        let known = names.len() == LIMITS.len();
        report.require_that(known, path, "a name has no limits here");
    }
    for wrong in ["My", "a-b"] {
        let is_rejected = matches!(names(wrong), Err(EvaluationError::Failed(_)));
        report.require_that(is_rejected, path, format!("`{wrong}` is accepted"));
    }
    report.0
}

fn has_only(name: &str, characters: Characters) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    match characters {
        LowerAlphanumeric => name.chars().all(is_plain),
        LowerHyphens => {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.ends_with(is_plain)
                && !name.contains("--")
                && name.chars().all(|c| is_plain(c) || c == '-')
        }
    }
}
