//! The parameter files: they assign what the template declares, within its bounds.

use super::language::resolve;
use super::{Report, Violation};
use crate::evaluate::{Scope, Value};
use crate::expression::Expression;
use crate::syntax::{Declaration, File, Kind};
use crate::templates::Project;

/// What differs between runs, and values that the template accepts.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("AZURE_ENV_NAME", "anna"),
    ("AZURE_TENANT_ID", "11111111-1111-1111-1111-111111111111"),
    (
        "ZAVA_AUTH_CLIENT_ID",
        "22222222-2222-2222-2222-222222222222",
    ),
    (
        "ZAVA_CONTAINER_IMAGE",
        "ghcr.io/zava/zava-mcp-server@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("ZAVA_ALERT_EMAIL", "operator@example.com"),
    ("ZAVA_DEPLOYER_PRINCIPAL_ID", ""),
];

/// The parameter files, each with the profile that it must choose.
const FILES: [(&str, &str); 4] = [
    ("infra/dev.bicepparam", "dev"),
    ("infra/main.bicepparam", "dev"),
    ("infra/prod.bicepparam", "prod"),
    ("infra/test.bicepparam", "test"),
];

pub(super) fn fit(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for (path, profile) in FILES {
        let files = project.parameter_files.iter();
        let Some(parameter_file) = files.into_iter().find(|file| file.path == path) else {
            report.add(path, 0, "the file is missing");
            continue;
        };
        let template = resolve(path, &parameter_file.template);
        let Some(template) = project.files.get(&template) else {
            report.add(path, 0, format!("there is no {template}"));
            continue;
        };
        for parameter in template.with_kind(Kind::Parameter) {
            let mut assigned = parameter_file.parameters.iter();
            let may_be_absent = parameter.value.is_some() || parameter.type_text.ends_with('?');
            if !may_be_absent && !assigned.any(|(name, _)| *name == parameter.name) {
                report.add(path, 0, format!("{} is not assigned", parameter.name));
            }
        }
        let values = match parameter_file.values(&ENVIRONMENT) {
            Ok(values) => values,
            Err(error) => {
                report.add(path, 0, error.to_string());
                continue;
            }
        };
        for (name, value) in &values {
            match template.find(Kind::Parameter, name) {
                None => report.add(path, 0, format!("{name} is not declared")),
                Some(parameter) => {
                    if let Some(problem) = check_value(project, template, parameter, value) {
                        report.add(path, 0, format!("{name} {problem}"));
                    }
                }
            }
        }
        for parameter in SETTABLE {
            let is_assigned = values.contains_key(parameter);
            report.require_that(is_assigned, path, format!("{parameter} cannot be set"));
        }
        let chosen = values.get("profile").and_then(Value::as_text);
        report.require_that(chosen == Some(profile), path, "this is another profile");
    }
    report.0
}

/// Optional parameters that the documentation says to set in these files.
const SETTABLE: [&str; 3] = ["databaseHost", "embeddingsLocation", "recoverVault"];

/// Outputs that scripts and workflows read.
const OUTPUTS: [&str; 13] = [
    "applicationInsightsName",
    "containerAppName",
    "databaseHost",
    "databaseName",
    "deploymentStorageAccountName",
    "functionAppName",
    "indexJobName",
    "keyVaultName",
    "mcpUrl",
    "migrationJobName",
    "registryLoginServer",
    "registryName",
    "resourceGroupName",
];

/// Variables that scripts and workflows set for each run.
const VARIABLES: [&str; 10] = [
    "AZURE_LOCATION",
    "AZURE_TENANT_ID",
    "ZAVA_ALERT_EMAIL",
    "ZAVA_AUTH_CLIENT_ID",
    "ZAVA_CONTAINER_IMAGE",
    "ZAVA_DEPLOYER_PRINCIPAL_ID",
    "ZAVA_EMBEDDINGS_LOCATION",
    "ZAVA_GITHUB_SUBJECT_PREFIX",
    "ZAVA_HOSTING",
    "ZAVA_RECOVER_VAULT",
];

pub(super) fn interface(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    if let Some(main) = project.main() {
        for output in OUTPUTS {
            let is_there = main.find(Kind::Output, output).is_some();
            report.require_that(is_there, &main.path, format!("there is no output {output}"));
        }
    }
    for (path, _) in FILES {
        for variable in VARIABLES {
            let read = format!("readEnvironmentVariable('{variable}'");
            report.require_text(project, path, &read);
        }
    }
    report.0
}

/// What is wrong with the value of a parameter of a template.
pub(super) fn check_value(
    project: &Project,
    template: &File,
    parameter: &Declaration,
    value: &Value,
) -> Option<String> {
    let bound = |name| {
        let argument = parameter.decorator(name)?;
        argument.parse::<i64>().ok()
    };
    let type_name = parameter.type_text.trim_end_matches('?');
    let allowed = parameter.decorator("allowed");
    if let Some(allowed) = allowed.and_then(|allowed| Expression::parse(allowed).ok()) {
        let is_member = match Scope::default().evaluate(&allowed) {
            Ok(Value::Array(members)) => members.contains(value),
            _ => false,
        };
        return (!is_member).then(|| "is not allowed".to_owned());
    }
    let (kind, size) = match value {
        Value::Null => {
            let may_be_null = parameter.type_text.ends_with('?');
            return (!may_be_null).then(|| "must not be null".to_owned());
        }
        Value::Int(number) => ("int", *number),
        Value::Text(text) => ("string", i64::try_from(text.len()).unwrap_or(i64::MAX)),
        Value::Array(items) => ("[]", i64::try_from(items.len()).unwrap_or(i64::MAX)),
        Value::Bool(_) => ("bool", 0),
        Value::Object(_) => ("object", 0),
    };
    let (low, high) = match value {
        Value::Int(_) => (bound("minValue"), bound("maxValue")),
        _ => (bound("minLength"), bound("maxLength")),
    };
    if low.is_some_and(|low| size < low) || high.is_some_and(|high| size > high) {
        return Some("is out of bounds".to_owned());
    }
    if type_name == kind || type_name.ends_with("[]") && kind == "[]" {
        return None;
    }
    let (Value::Text(text), Some(import)) = (value, template.find(Kind::Import, type_name)) else {
        return Some(format!("is no {type_name}"));
    };
    let types = project
        .files
        .get(&resolve(&template.path, &import.type_text))?;
    let union = types.find(Kind::Type, type_name)?.value.as_ref()?;
    let mut members = union.text.split('|');
    let is_member = members.any(|member| member.trim() == format!("'{text}'"));
    (!is_member).then(|| format!("is no {type_name}"))
}
