//! Secrets: none enters a template, none leaves it.

use super::{Report, Violation};
use crate::syntax::Kind;
use crate::templates::Project;

/// Functions and properties whose values are secrets.
const SECRET_SOURCES: [&str; 7] = [
    "list",
    "getSecret",
    "ConnectionString",
    "InstrumentationKey",
    "primaryKey",
    "sharedKey",
    "publishingPassword",
];

/// Parts of names of secrets.
const SECRET_NAMES: [&str; 5] = ["password", "secret", "key", "token", "credential"];

pub(super) fn outputs(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let mut count = 0;
    for file in project.files.values() {
        for output in file.with_kind(Kind::Output) {
            count += 1;
            let text = output.value.as_ref().map_or("", |value| &value.text);
            let is_source = |source: &str| match source {
                "list" => text.contains(".list") || text.starts_with("list"),
                source => text.contains(source),
            };
            if SECRET_SOURCES.iter().any(|source| is_source(source)) {
                let problem = format!("{} is a secret", output.name);
                report.add(&file.path, output.line, problem);
            }
            let name = output.name.to_lowercase();
            let is_secret = SECRET_NAMES.iter().any(|part| name.contains(part));
            // The name of the vault, which is none.
            let is_known = output.name == "keyVaultName";
            if !is_known && is_secret {
                let problem = format!("{} has the name of a secret", output.name);
                report.add(&file.path, output.line, problem);
            }
            if output.decorator("secure").is_some() {
                report.add(
                    &file.path,
                    output.line,
                    format!("{} is secure", output.name),
                );
            }
        }
    }
    report.require_that(count > 0, "infra", "there are no outputs");
    report.0
}

pub(super) fn inputs(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for (path, text) in project.texts_in("infra/") {
        for (number, line) in text.lines().enumerate() {
            let is_parameter = line.starts_with("param ");
            let name = line.split_whitespace().nth(1).unwrap_or("").to_lowercase();
            let is_secret = SECRET_NAMES.iter().any(|part| name.contains(part));
            if is_parameter && is_secret {
                report.add(path, number + 1, format!("{name} is a secret"));
            }
            for source in ["listKeys(", "getSecret(", "AccountKey=", "newGuid("] {
                if line.contains(source) {
                    report.add(path, number + 1, format!("{source} makes a secret"));
                }
            }
            let forbidden = [
                "'POSTGRES_PASSWORD'",
                "'AZURE_CLIENT_SECRET'",
                "'ZAVA_EMBEDDING_API_KEY'",
            ];
            if forbidden.iter().any(|name| line.contains(name)) {
                report.add(path, number + 1, "the template sets a secret");
            }
        }
    }
    let main = "infra/main.bicep";
    let reference = "var signingKey = '@Microsoft.KeyVault(SecretUri=";
    report.require_text(project, main, reference);
    let settings = project
        .text(main)
        .matches("'ZAVA_SIGNING_KEY', value: signingKey }");
    let is_referenced =
        settings.count() == project.text(main).matches("'ZAVA_SIGNING_KEY'").count();
    report.require_that(is_referenced, main, "ZAVA_SIGNING_KEY is no reference");
    report.0
}
