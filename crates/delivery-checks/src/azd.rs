//! The azd project: both hostings of one template, each deployed by its own condition.

use crate::files::{Files, entries, text};
use crate::{Claim, claims_of};

pub(crate) const CLAIMS: &[Claim] = claims_of![
    azd_provisions_the_same_template,
    azd_deploys_one_hosting_by_its_condition,
    azd_deploys_the_finished_package,
    azd_migrates_before_it_deploys,
];

fn azd_provisions_the_same_template(files: &Files) -> Vec<String> {
    let project = files.yaml("azure.yaml");
    let infra = &project["infra"];
    let is_right = text(&infra["provider"]) == "bicep"
        && text(&infra["path"]) == "infra"
        && text(&infra["module"]) == "main"
        && text(&project["requiredVersions"]["azd"]) == ">= 1.20.0";
    if is_right {
        Vec::new()
    } else {
        vec!["azure.yaml: needs infra/main.bicep, and azd 1.20.0 or newer".to_owned()]
    }
}

fn azd_deploys_one_hosting_by_its_condition(files: &Files) -> Vec<String> {
    let project = files.yaml("azure.yaml");
    let services = entries(&project["services"]);
    let mut found = Vec::new();
    for (name, host, condition) in [
        ("mcp-functions", "function", "${ZAVA_DEPLOY_FUNCTIONS}"),
        (
            "mcp-containerapp",
            "containerapp",
            "${ZAVA_DEPLOY_CONTAINERAPP}",
        ),
    ] {
        let service = services.iter().find(|(is, _)| *is == name);
        let is_right = service.is_some_and(|(_, service)| {
            text(&service["host"]) == host && text(&service["condition"]) == condition
        });
        if !is_right {
            found.push(format!(
                "azure.yaml: {name} is not deployed by its own condition"
            ));
        }
    }
    found
}

/// azd takes `dist` relative to its working directory, so the project is the repository.
fn azd_deploys_the_finished_package(files: &Files) -> Vec<String> {
    let project = files.yaml("azure.yaml");
    let functions = &project["services"]["mcp-functions"];
    let package = text(&functions["hooks"]["prepackage"]["run"]);
    let dist = text(&functions["dist"]);
    let is_right = text(&functions["language"]) == "custom"
        && text(&functions["project"]) == "."
        && dist.ends_with(".zip")
        && package == format!("./scripts/package functions {dist}")
        && functions["remoteBuild"].as_bool() == Some(false);
    let container = &project["services"]["mcp-containerapp"];
    let context = text(&container["project"]);
    let build = text(&project["hooks"]["prepackage"]["run"]);
    let is_context = build == format!("./scripts/package container {context}");
    let mut found = Vec::new();
    if !is_right {
        found.push(
            "azure.yaml: mcp-functions does not deploy the zip of scripts/package".to_owned(),
        );
    }
    if !is_context {
        found.push("azure.yaml: mcp-containerapp is not built from scripts/package".to_owned());
    }
    found
}

fn azd_migrates_before_it_deploys(files: &Files) -> Vec<String> {
    let project = files.yaml("azure.yaml");
    if text(&project["hooks"]["postprovision"]["run"]).starts_with("./scripts/migrate-job ") {
        Vec::new()
    } else {
        vec!["azure.yaml: the database is not migrated after it was provisioned".to_owned()]
    }
}
