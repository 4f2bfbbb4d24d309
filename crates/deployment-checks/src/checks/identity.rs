//! Identities: tokens of Entra ID instead of keys and passwords, one identity for each process.

use super::{Report, Violation};
use crate::syntax::Kind;
use crate::templates::Project;

/// Switches of what authenticates without Entra ID.
const SWITCHES: [(&str, &[(&str, &str)]); 7] = [
    (
        "Microsoft.Insights/components",
        &[("properties.DisableLocalAuth", "true")],
    ),
    (
        "Microsoft.OperationalInsights/workspaces",
        &[("properties.features.disableLocalAuth", "true")],
    ),
    (
        "Microsoft.CognitiveServices/accounts",
        &[("properties.disableLocalAuth", "true")],
    ),
    (
        "Microsoft.Storage/storageAccounts",
        &[
            ("properties.allowSharedKeyAccess", "false"),
            ("properties.allowBlobPublicAccess", "false"),
            ("properties.isLocalUserEnabled", "false"),
        ],
    ),
    (
        "Microsoft.ContainerRegistry/registries",
        &[
            ("properties.adminUserEnabled", "false"),
            ("properties.anonymousPullEnabled", "false"),
        ],
    ),
    (
        "Microsoft.KeyVault/vaults",
        &[("properties.enableRbacAuthorization", "true")],
    ),
    (
        "Microsoft.Web/sites/basicPublishingCredentialsPolicies",
        &[("properties.allow", "false")],
    ),
];

pub(super) fn local_authentication(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for (resource_type, expected) in SWITCHES {
        report.require_all(project, resource_type, expected);
    }
    report.require_all(
        project,
        "Microsoft.DBforPostgreSQL/flexibleServers",
        &[
            ("properties.authConfig.activeDirectoryAuth", "'Enabled'"),
            ("properties.authConfig.passwordAuth", "'Disabled'"),
            ("properties.authConfig.tenantId", "tenant().tenantId"),
        ],
    );
    for (file, server) in project.with_type("Microsoft.DBforPostgreSQL/flexibleServers") {
        let has_password = server.get("properties.administratorLogin").is_some();
        report.require_that(!has_password, &file.path, "the database has a password");
    }
    let policies: Vec<_> = project
        .with_type("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
        .filter_map(|(_, policy)| policy.get("name"))
        .collect();
    let are_both = policies.contains(&"'scm'") && policies.contains(&"'ftp'");
    report.require_that(are_both, "infra", "scm or ftp accepts passwords");
    let kinds = ["SystemAssignedIdentity", "StorageAccountConnectionString"];
    for (path, text) in project.texts_in("infra/modules/") {
        for kind in kinds {
            report.require_that(!text.contains(kind), path, format!("{kind} is used"));
        }
    }
    report.0
}

/// Modules of main.bicep, their identities, and whose they are.
const PROCESSES: [(&str, &str, &str); 5] = [
    ("functions", "identity", "identities.outputs.app"),
    ("containerApp", "identity", "identities.outputs.app"),
    ("jobs", "migrationIdentity", "identities.outputs.migration"),
    ("jobs", "indexerIdentity", "identities.outputs.indexer"),
    (
        "database",
        "migrationIdentity",
        "identities.outputs.migration",
    ),
];

pub(super) fn processes(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let Some(main) = project.main() else {
        return report.0;
    };
    for (module, parameter, expected) in PROCESSES {
        match main.find(Kind::Module, module) {
            Some(module) => report.require(main, module, &format!("params.{parameter}"), expected),
            None => report.add(&main.path, 0, format!("there is no module {module}")),
        }
    }
    for resource_type in [
        "Microsoft.Web/sites",
        "Microsoft.App/containerApps",
        "Microsoft.App/jobs",
    ] {
        report.require_all(
            project,
            resource_type,
            &[("identity.type", "'UserAssigned'")],
        );
        for (file, resource) in project.with_type(resource_type) {
            let identities = resource.body.property("identity.userAssignedIdentities");
            let count = identities.map_or(0, |identities| identities.object.0.len());
            let problem = format!("{} has {count} identities, not one", resource.name);
            report.require_that(count == 1, &file.path, problem);
        }
    }
    // The client id of a process is that of its identity.
    let settings = [
        ("serverOnlySettings", "identities.outputs.app.clientId"),
        (
            "migrationOnlySettings",
            "identities.outputs.migration.clientId",
        ),
        ("indexerOnlySettings", "identities.outputs.indexer.clientId"),
    ];
    for (variable, client_id) in settings {
        let variable = main.find(Kind::Variable, variable);
        let text = variable.and_then(|variable| variable.value.as_ref());
        let expected = format!("{{ name: 'AZURE_CLIENT_ID', value: {client_id} }}");
        let is_set = text.is_some_and(|text| text.text.contains(&expected));
        report.require_that(is_set, &main.path, format!("{expected} is missing"));
    }
    let github = "subject: '${githubSubjectPrefix ?? ''}:environment:${githubEnvironment}'";
    report.require_text(project, "infra/modules/identities.bicep", github);
    report.0
}
