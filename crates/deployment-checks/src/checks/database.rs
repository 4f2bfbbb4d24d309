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
    // The server rejects a change while another one is under way.
    for name in ["configurations", "otherAdministrators", "replicas"] {
        let resource = file.find(Kind::Resource, name);
        let batch = resource.and_then(|resource| resource.decorator("batchSize"));
        let problem = format!("{name} are changed at the same time");
        report.require_that(batch == Some("1"), DATABASE, problem);
    }
    let chain = [
        ("migrationAdministrator", "configurations"),
        ("otherAdministrators", "migrationAdministrator"),
        ("database", "otherAdministrators"),
        ("replicas", "database"),
    ];
    for (later, earlier) in chain {
        let resource = file.find(Kind::Resource, later);
        let depends = resource.and_then(|resource| resource.get("dependsOn"));
        let waits = depends.is_some_and(|depends| depends.contains(earlier));
        let problem = format!("{later} does not wait for {earlier}");
        report.require_that(waits, DATABASE, problem);
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
