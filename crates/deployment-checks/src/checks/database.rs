//! The database server.

use super::{Report, Violation};
use crate::evaluate::{Scope, Value};
use crate::syntax::Kind;
use crate::templates::Project;

const DATABASE: &str = "infra/modules/database.bicep";

/// Parameters of the server that the server or its promises depend on.
const CONFIGURATIONS: [&str; 5] = [
    "{ name: 'azure.extensions', value: 'VECTOR,PG_TRGM' }",
    "{ name: 'log_parameter_max_length', value: '0' }",
    "{ name: 'log_parameter_max_length_on_error', value: '0' }",
    "{ name: 'log_min_error_statement', value: 'panic' }",
    "{ name: 'pgbouncer.enabled', value: 'true' }",
];

pub(super) fn configuration(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let Some(file) = project.files.get(DATABASE) else {
        report.add(DATABASE, 0, "the file is missing");
        return report.0;
    };
    for setting in CONFIGURATIONS {
        report.require_text(project, DATABASE, setting);
    }
    report.require_text(project, DATABASE, "var postgresVersion = '18'\n");
    let concatenated = "concat(commonConfigurations, pgBouncer ? pgBouncerConfigurations : [])";
    report.require_text(project, DATABASE, concatenated);
    for (name, expected) in [("primary", "'Default'"), ("replicas", "'Replica'")] {
        let Some(server) = file.find(Kind::Resource, name) else {
            report.add(DATABASE, 0, format!("there is no {name}"));
            continue;
        };
        report.require(file, server, "properties.version", "postgresVersion");
        report.require(file, server, "properties.createMode", expected);
        report.require(file, server, "sku.name", "skuName");
        // Storage that has grown by itself is larger than the template's, and never shrinks.
        report.require(file, server, "properties.storage.autoGrow", "'Disabled'");
    }
    if let Some(primary) = file.find(Kind::Resource, "primary") {
        for (path, expected) in [
            ("properties.highAvailability.mode", "standby"),
            (
                "properties.backup.backupRetentionDays",
                "backupRetentionDays",
            ),
            ("properties.backup.geoRedundantBackup", "geoRedundantBackup"),
        ] {
            report.require(file, primary, path, expected);
        }
    }
    if let Some(replicas) = file.find(Kind::Resource, "replicas") {
        let path = "properties.sourceServerResourceId";
        report.require(file, replicas, path, "primary.id");
        report.require_that(replicas.is_repeated, DATABASE, "there is one replica only");
    }
    report.0
}

/// Resources, and what each waits for. The server rejects a change while
/// another one is under way, and parameters right after its creation. A database without an
/// administrator belongs to `azuresu`.
const ORDER: [(&str, &str); 12] = [
    ("configurations", "azureOnly"),
    ("configurations", "endpoint"),
    ("migrationAdministrator", "configurations"),
    ("otherAdministrators", "migrationAdministrator"),
    ("database", "configurations"),
    ("database", "migrationAdministrator"),
    ("database", "otherAdministrators"),
    ("replicas", "database"),
    ("replicas", "azureOnly"),
    ("replicas", "endpoint"),
    ("replicaConfigurations", "replicasAzureOnly"),
    ("replicaConfigurations", "replicaEndpoints"),
];

pub(super) fn order(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let Some(file) = project.files.get(DATABASE) else {
        report.add(DATABASE, 0, "the file is missing");
        return report.0;
    };
    for name in [
        "configurations",
        "otherAdministrators",
        "replicas",
        "replicaConfigurations",
    ] {
        let resource = file.find(Kind::Resource, name);
        let batch = resource.and_then(|resource| resource.decorator("batchSize"));
        let problem = format!("{name} are changed at the same time");
        report.require_that(batch == Some("1"), DATABASE, problem);
    }
    for (later, earlier) in ORDER {
        let resource = file.find(Kind::Resource, later);
        let depends = resource.and_then(|resource| resource.get("dependsOn"));
        let waits = depends.is_some_and(|depends| {
            let mut names = depends.split_whitespace();
            names.any(|name| name == earlier)
        });
        let problem = format!("{later} does not wait for {earlier}");
        report.require_that(waits, DATABASE, problem);
    }
    for (kind, name) in [(Kind::Resource, "azureOnly"), (Kind::Module, "endpoint")] {
        let first = file.find(kind, name);
        let is_first = first.is_some_and(|first| first.get("dependsOn").is_none());
        let problem = format!("{name} does not come first");
        report.require_that(is_first, DATABASE, problem);
    }
    report.0
}

/// A replica inherits few parameters, and Azure's answer about it has no host name.
pub(super) fn replicas(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let Some(file) = project.files.get(DATABASE) else {
        report.add(DATABASE, 0, "the file is missing");
        return report.0;
    };
    match file.find(Kind::Resource, "replicaConfigurations") {
        Some(parameters) => {
            let text = parameters.value.as_ref().map_or("", |value| &value.text);
            let all = "[for index in range(0, replicaCount * configurationCount):";
            let is_all = text.starts_with(all);
            report.require_that(is_all, DATABASE, "a replica lacks parameters");
            for (path, expected) in [
                ("parent", "replicas[index / configurationCount]"),
                ("name", "configurationList[index % configurationCount].name"),
                (
                    "properties.value",
                    "configurationList[index % configurationCount].value",
                ),
            ] {
                report.require(file, parameters, path, expected);
            }
        }
        None => report.add(DATABASE, 0, "replicas keep the parameters they began with"),
    }
    let count = "var configurationCount = length(configurationList)\n";
    report.require_text(project, DATABASE, count);
    let domain = "var domain = 'postgres.database.azure.com'\n";
    report.require_text(project, DATABASE, domain);
    for (output, expected) in [
        ("host", "'${primary.name}.${domain}'"),
        (
            "replicaHosts",
            "[for index in range(0, replicaCount): '${replicas[index].name}.${domain}']",
        ),
    ] {
        let found = file.find(Kind::Output, output);
        let text = found.and_then(|found| found.value.as_ref());
        let is_by_name = text.is_some_and(|text| text.text == expected);
        let problem = format!("{output} is not made of the name");
        report.require_that(is_by_name, DATABASE, problem);
    }
    report.0
}

pub(super) fn sizes(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let path = "infra/main.bicep";
    let Some(main) = project.main() else {
        return report.0;
    };
    let scope = Scope {
        variables: main.variables(),
        ..Scope::default()
    };
    let sizings = scope.variables.get("sizings");
    let sizings = sizings.and_then(|sizings| scope.evaluate(sizings).ok());
    let sizings = sizings.unwrap_or(Value::Null);
    for profile in ["dev", "test", "prod"] {
        let sizing = sizings.get(profile);
        let text = |key: &str| sizing.get(key).as_text().unwrap_or("").to_owned();
        let is_burstable = text("databaseTier") == "Burstable";
        let has_pooler = sizing.get("pgBouncer") == Value::Bool(true);
        // The Burstable tier has neither PgBouncer nor a standby.
        let fits =
            has_pooler != is_burstable && !(is_burstable && text("databaseStandby") != "Disabled");
        report.require_that(
            fits,
            path,
            format!("{profile}: the tier does not have that"),
        );
        let has_prefix = text("databaseSku").starts_with("Standard_B") == is_burstable;
        report.require_that(
            has_prefix,
            path,
            format!("{profile}: the size is of another tier"),
        );
        let days = sizing.get("backupRetentionDays").as_int().unwrap_or(0);
        report.require_that(
            days >= 7,
            path,
            format!("{profile}: backups are kept too short"),
        );
    }
    let prod = sizings.get("prod");
    for (key, expected) in [
        ("databaseStandby", "ZoneRedundant"),
        ("geoRedundantBackup", "Enabled"),
    ] {
        let is_so = prod.get(key).as_text() == Some(expected);
        report.require_that(is_so, path, format!("prod: {key} is not {expected}"));
    }
    let days = prod.get("backupRetentionDays").as_int();
    report.require_that(
        days == Some(35),
        path,
        "prod: backups are not kept for 35 days",
    );
    let replicas = "var replicaCount = sizing.databaseTier == 'Burstable' ? 0 : readReplicas";
    report.require_text(project, path, replicas);
    report.0
}
