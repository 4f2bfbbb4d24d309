//! Settings: those that the server knows, and those that each process needs and no other.

use std::collections::BTreeSet;

use super::{Report, Violation};
use crate::syntax::{File, Kind};
use crate::templates::Project;

const MAIN: &str = "infra/main.bicep";

/// Settings of the Functions host.
const PLATFORM: [&str; 3] = [
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__blobServiceUri",
];

/// Settings that break Flex Consumption or this server (docs/azure-functions.md).
const FORBIDDEN: [&str; 9] = [
    "ENABLE_ORYX_BUILD",
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "TZ",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_TIME_ZONE",
];

pub(super) fn known(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let documented: BTreeSet<_> = project
        .text("docs/settings.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    report.require_that(
        documented.len() > 40,
        "docs/settings.md",
        "there is no table",
    );
    for file in project.files.values() {
        for variable in file.with_kind(Kind::Variable) {
            if !variable.name.ends_with("Settings") {
                continue;
            }
            for name in names_of(file, &variable.name) {
                let is_known = documented.contains(&*name) || PLATFORM.contains(&&*name);
                if !is_known || FORBIDDEN.contains(&&*name) {
                    let problem = format!("the server does not know {name}");
                    report.add(&file.path, variable.line, problem);
                }
            }
        }
    }
    report.0
}

/// The settings of a process, in the variables that it gets, and those that it must not have.
struct Process {
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
    needed: &'static [&'static str],
    forbidden: &'static [&'static str],
}

const DATABASE: &str = "databaseSettings";

const PROCESSES: [Process; 4] = [
    Process {
        name: "the server on Functions",
        variables: &[
            (MAIN, DATABASE),
            (MAIN, "embeddingSettings"),
            (MAIN, "serverOnlySettings"),
            ("infra/modules/functions.bicep", "hostSettings"),
        ],
        needed: &[
            "POSTGRES_DB_HOST",
            "POSTGRES_DB",
            "POSTGRES_USER",
            "POSTGRES_AUTH",
            "ZAVA_AZURE_CREDENTIAL",
            "AZURE_CLIENT_ID",
            "ZAVA_SIGNING_KEY",
            "ZAVA_PUBLIC_URL",
            "ZAVA_AUTH",
            "ZAVA_ENTRA_TENANT_ID",
            "ZAVA_ENTRA_AUDIENCE",
            "AZURE_OPENAI_ENDPOINT",
            "EMBEDDING_MODEL_DEPLOYMENT_NAME",
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
            "AzureWebJobsStorage__credential",
        ],
        forbidden: &[
            "ZAVA_LISTEN",
            "POSTGRES_ADMIN_USER",
            "POSTGRES_INDEXER_USER",
        ],
    },
    Process {
        name: "the server on Container Apps",
        variables: &[
            (MAIN, DATABASE),
            (MAIN, "embeddingSettings"),
            (MAIN, "serverOnlySettings"),
            ("infra/modules/container-app.bicep", "hostSettings"),
        ],
        needed: &[
            "POSTGRES_DB_HOST",
            "POSTGRES_USER",
            "POSTGRES_AUTH",
            "ZAVA_AZURE_CREDENTIAL",
            "AZURE_CLIENT_ID",
            "ZAVA_SIGNING_KEY",
            "ZAVA_LISTEN",
            "ZAVA_PUBLIC_URL",
            "ZAVA_AUTH",
            "ZAVA_ENTRA_TENANT_ID",
            "ZAVA_ENTRA_AUDIENCE",
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        ],
        forbidden: &["POSTGRES_ADMIN_USER", "POSTGRES_INDEXER_USER"],
    },
    Process {
        name: "the migration job",
        variables: &[(MAIN, DATABASE), (MAIN, "migrationOnlySettings")],
        needed: &[
            "POSTGRES_DB_HOST",
            "POSTGRES_AUTH",
            "ZAVA_AZURE_CREDENTIAL",
            "AZURE_CLIENT_ID",
            "POSTGRES_ADMIN_USER",
            "POSTGRES_USER",
            "POSTGRES_ENTRA_OBJECT_ID",
            "POSTGRES_INDEXER_USER",
            "POSTGRES_INDEXER_ENTRA_OBJECT_ID",
            "ZAVA_SIGNING_KEY",
        ],
        // The job needs PostgreSQL itself, not its pooler.
        forbidden: &["POSTGRES_POOL_MODE", "POSTGRES_DB_PORT"],
    },
    Process {
        name: "the index job",
        variables: &[
            (MAIN, DATABASE),
            (MAIN, "embeddingSettings"),
            (MAIN, "indexerOnlySettings"),
        ],
        needed: &[
            "POSTGRES_DB_HOST",
            "POSTGRES_AUTH",
            "ZAVA_AZURE_CREDENTIAL",
            "AZURE_CLIENT_ID",
            "POSTGRES_INDEXER_USER",
            "AZURE_OPENAI_ENDPOINT",
            "EMBEDDING_MODEL_DEPLOYMENT_NAME",
        ],
        forbidden: &[
            "POSTGRES_POOL_MODE",
            "POSTGRES_DB_PORT",
            "POSTGRES_USER",
            "POSTGRES_ADMIN_USER",
            "ZAVA_SIGNING_KEY",
        ],
    },
];

pub(super) fn complete(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for process in PROCESSES {
        let mut set = BTreeSet::new();
        for (path, variable) in process.variables {
            if let Some(file) = project.files.get(*path) {
                set.extend(names_of(file, variable));
            }
        }
        for name in process.needed {
            let problem = format!("{} lacks {name}", process.name);
            report.require_that(set.contains(*name), MAIN, problem);
        }
        for name in process.forbidden {
            let problem = format!("{} must not have {name}", process.name);
            report.require_that(!set.contains(*name), MAIN, problem);
        }
    }
    let Some(main) = project.main() else {
        return report.0;
    };
    for (variable, parts) in [
        (
            "serverSettings",
            &[
                DATABASE,
                "embeddingSettings",
                "serverOnlySettings",
                "optionalSettings",
                "extraSettings",
            ][..],
        ),
        ("migrationSettings", &[DATABASE, "migrationOnlySettings"]),
        (
            "indexerSettings",
            &[DATABASE, "embeddingSettings", "indexerOnlySettings"],
        ),
    ] {
        let found = main.find(Kind::Variable, variable);
        let text = found.and_then(|found| found.value.as_ref());
        let text = text.map_or("", |text| &text.text);
        for part in parts {
            let problem = format!("{variable} lacks {part}");
            report.require_that(text.contains(part), MAIN, problem);
        }
    }
    for (module, parameter, expected) in [
        ("functions", "settings", "serverSettings"),
        ("containerApp", "settings", "serverSettings"),
        ("jobs", "migrationSettings", "migrationSettings"),
        ("jobs", "indexerSettings", "indexerSettings"),
    ] {
        if let Some(module) = main.find(Kind::Module, module) {
            report.require(main, module, &format!("params.{parameter}"), expected);
        }
    }
    for value in [
        "{ name: 'POSTGRES_AUTH', value: 'entra' }",
        "{ name: 'ZAVA_AUTH', value: 'entra' }",
        "{ name: 'ZAVA_AZURE_CREDENTIAL', value: 'managed-identity' }",
    ] {
        report.require_text(project, MAIN, value);
    }
    report.0
}

pub(super) fn origins(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let cors = "properties.siteConfig.cors.allowedOrigins";
    report.require_all(project, "Microsoft.Web/sites", &[(cors, "allowedOrigins")]);
    let setting = "{ name: 'ZAVA_ALLOWED_ORIGINS', value: join(allowedOrigins, ',') }";
    report.require_text(project, MAIN, setting);
    report.require_text(project, MAIN, "empty(allowedOrigins) ? [] : originSettings");
    if let Some(main) = project.main()
        && let Some(functions) = main.find(Kind::Module, "functions")
    {
        report.require(main, functions, "params.allowedOrigins", "allowedOrigins");
    }
    report.0
}

/// The settings that the templates give to processes, each with its file, without those of the
/// platform.
pub(super) fn given(project: &Project) -> BTreeSet<(&str, String)> {
    let mut given = BTreeSet::new();
    for file in project.files.values() {
        for variable in file.with_kind(Kind::Variable) {
            if variable.name.ends_with("Settings") {
                let names = names_of(file, &variable.name);
                given.extend(names.into_iter().map(|name| (file.path.as_str(), name)));
            }
        }
    }
    given.retain(|(_, name)| !PLATFORM.contains(&name.as_str()));
    given
}

/// The names of the settings in a variable.
fn names_of(file: &File, variable: &str) -> BTreeSet<String> {
    let variable = file.find(Kind::Variable, variable);
    let text = variable.and_then(|variable| variable.value.as_ref());
    let lines = text.map_or("", |text| &text.text).lines();
    lines
        .filter_map(|line| line.trim().strip_prefix("{ name: '")?.split_once('\''))
        .map(|(name, _)| name.to_owned())
        .collect()
}
