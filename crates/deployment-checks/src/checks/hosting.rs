//! What runs the server and its jobs.

use super::{Report, Violation};
use crate::syntax::Kind;
use crate::templates::Project;

pub(super) fn functions(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    report.require_all(
        project,
        "Microsoft.Web/serverfarms",
        &[
            ("sku.name", "'FC1'"),
            ("sku.tier", "'FlexConsumption'"),
            ("properties.reserved", "true"),
        ],
    );
    let config = "properties.functionAppConfig";
    let storage = format!("{config}.deployment.storage");
    let scale = format!("{config}.scaleAndConcurrency");
    report.require_all(
        project,
        "Microsoft.Web/sites",
        &[
            ("kind", "'functionapp,linux'"),
            (&format!("{config}.runtime.name"), "'custom'"),
            (&format!("{config}.runtime.version"), "'1.0'"),
            (&format!("{storage}.type"), "'blobContainer'"),
            (
                &format!("{storage}.authentication.type"),
                "'UserAssignedIdentity'",
            ),
            (
                &format!("{scale}.alwaysReady"),
                "readyInstances > 0 ? alwaysReady : []",
            ),
            ("properties.keyVaultReferenceIdentity", "identity.id"),
            ("properties.virtualNetworkSubnetId", "subnetId"),
        ],
    );
    let settings =
        "toObject(concat(settings, hostSettings), item => item.name, item => item.value)";
    report.require_all(
        project,
        "Microsoft.Web/sites/config",
        &[("properties", settings)],
    );
    let path = "infra/modules/functions.bicep";
    let setting = "{ name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }";
    report.require_text(project, path, setting);
    waits_for_access(project, &mut report, "functions");
    report.0
}

pub(super) fn container_app(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let path = "infra/modules/container-app.bicep";
    report.require_all(
        project,
        "Microsoft.App/containerApps",
        &[
            ("properties.configuration.ingress.targetPort", "port"),
            ("properties.configuration.activeRevisionsMode", "'Single'"),
            ("properties.template.scale.minReplicas", "minReplicas"),
        ],
    );
    report.require_text(
        project,
        path,
        "{ name: 'ZAVA_LISTEN', value: '0.0.0.0:${port}' }",
    );
    for (file, app) in project.with_type("Microsoft.App/containerApps") {
        let (mut probes, mut rules, mut pulls) = (Vec::new(), 0, 0);
        app.body.walk(&mut |property| match property.key.as_str() {
            "probes" => {
                probes.extend(property.items.iter().map(|probe| {
                    let text = |path| probe.get(path).unwrap_or("").trim_matches('\'').to_owned();
                    (text("type"), text("httpGet.path"), text("httpGet.port"))
                }));
            }
            "concurrentRequests" => rules += 1,
            "registries" => {
                pulls += property
                    .items
                    .iter()
                    .filter(|item| item.get("identity") == Some("identity.id"))
                    .count();
            }
            _ => {}
        });
        for (kind, path) in [
            ("Startup", "/health/live"),
            ("Liveness", "/health/live"),
            ("Readiness", "/health/ready"),
        ] {
            let probe = (kind.to_owned(), path.to_owned(), "port".to_owned());
            let problem = format!("{kind} does not ask {path}");
            report.require_that(probes.contains(&probe), &file.path, problem);
        }
        report.require_that(rules == 1, &file.path, "there is no scale rule");
        report.require_that(
            pulls == 1,
            &file.path,
            "the image is not pulled by the identity",
        );
    }
    waits_for_access(project, &mut report, "containerApp");
    report.0
}

pub(super) fn jobs(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let path = "infra/modules/jobs.bicep";
    let Some(main) = project.main() else {
        return report.0;
    };
    for name in ["containerEnvironment", "jobs"] {
        let module = main.find(Kind::Module, name);
        let is_always = module.is_some_and(|module| module.condition.is_none());
        report.require_that(
            is_always,
            &main.path,
            format!("{name} depends on the hosting"),
        );
    }
    for (name, trigger, arguments, settings) in [
        ("migration", "'Manual'", "['migrate']", "migrationSettings"),
        (
            "index",
            "'Schedule'",
            "['embed' '--deadline' '12']",
            "indexerSettings",
        ),
    ] {
        let file = project.files.get(path);
        let Some((file, job)) =
            file.and_then(|file| Some((file, file.find(Kind::Resource, name)?)))
        else {
            report.add(path, 0, format!("there is no job {name}"));
            continue;
        };
        report.require(file, job, "properties.configuration.triggerType", trigger);
        // A failed run is looked at, or repeated by the clock.
        report.require(file, job, "properties.configuration.replicaRetryLimit", "0");
        let mut found = (false, false);
        job.body.walk(&mut |property| {
            let text: Vec<_> = property.value.text.split_whitespace().collect();
            let text = text.join(" ").replace("[ ", "[").replace(" ]", "]");
            found.0 |= property.key == "args" && text == arguments;
            found.1 |= property.key == "env" && text == settings;
        });
        report.require_that(found.0, path, format!("{name} does not run {arguments}"));
        report.require_that(found.1, path, format!("{name} does not get {settings}"));
    }
    waits_for_access(project, &mut report, "jobs");
    report.0
}

/// A process that starts before its roles are assigned fails.
fn waits_for_access(project: &Project, report: &mut Report, module: &str) {
    let module = project
        .main()
        .and_then(|main| main.find(Kind::Module, module));
    let depends = module.and_then(|module| module.get("dependsOn"));
    let waits = depends.is_some_and(|depends| depends.contains("access"));
    report.require_that(
        waits,
        "infra/main.bicep",
        "a process starts before it has its roles",
    );
}

pub(super) fn recovery(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    report.require_all(
        project,
        "Microsoft.KeyVault/vaults",
        &[
            ("properties.enablePurgeProtection", "true"),
            ("properties.enableSoftDelete", "true"),
            ("properties.softDeleteRetentionInDays", "90"),
            ("properties.createMode", "recover ? 'recover' : 'default'"),
        ],
    );
    if let Some(main) = project.main() {
        let default = "param recoverVault bool = false\n";
        report.require_text(project, &main.path, default);
        if let Some(vault) = main.find(Kind::Module, "vault") {
            report.require(main, vault, "params.recover", "recoverVault");
        }
        // A restored database has another name, and no replicas of this template.
        for expected in [
            "{ name: 'POSTGRES_DB_HOST', value: databaseHost ?? database.outputs.host }",
            "output databaseHost string = databaseHost ?? database.outputs.host\n",
            "var hasUsableReplicas = replicaCount > 0 && databaseHost == null\n",
            "  hasUsableReplicas ? replicaSettings : [],\n",
        ] {
            report.require_text(project, &main.path, expected);
        }
    }
    report.require_all(
        project,
        "Microsoft.Storage/storageAccounts/blobServices",
        &[
            ("properties.deleteRetentionPolicy.enabled", "true"),
            ("properties.containerDeleteRetentionPolicy.enabled", "true"),
        ],
    );
    report.require_all(
        project,
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        &[("properties.publicAccess", "'None'")],
    );
    report.require_all(
        project,
        "Microsoft.CognitiveServices/accounts/deployments",
        &[("properties.versionUpgradeOption", "'NoAutoUpgrade'")],
    );
    report.0
}
