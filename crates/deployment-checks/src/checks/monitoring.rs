//! Tags, diagnostics, telemetry, alerts and their run-book.

use std::collections::BTreeSet;

use super::{Report, Violation};
use crate::evaluate::{Scope, Value};
use crate::syntax::{File, Kind};
use crate::templates::Project;

const ALERTS: &str = "infra/modules/alerts.bicep";
const RUN_BOOK: &str = "docs/operations.md";

/// Types without tags: parts of another resource, and extensions.
const UNTAGGED: [&str; 18] = [
    "Microsoft.ApiManagement/service/apis",
    "Microsoft.ApiManagement/service/apis/operations",
    "Microsoft.ApiManagement/service/apis/policies",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.CognitiveServices/accounts/deployments",
    "Microsoft.DBforPostgreSQL/flexibleServers/administrators",
    "Microsoft.DBforPostgreSQL/flexibleServers/configurations",
    "Microsoft.DBforPostgreSQL/flexibleServers/databases",
    "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions",
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies",
    "Microsoft.Web/sites/config",
];

/// Types that write no logs of their own. The logs of apps and jobs are those of their environment.
const WITHOUT_LOGS: [&str; 14] = [
    "Microsoft.App/containerApps",
    "Microsoft.App/jobs",
    "Microsoft.Insights/actionGroups",
    "Microsoft.Insights/components",
    "Microsoft.Insights/metricAlerts",
    "Microsoft.Insights/scheduledQueryRules",
    "Microsoft.Insights/webtests",
    "Microsoft.Insights/workbooks",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.Network/privateDnsZones",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
    "Microsoft.Network/privateEndpoints",
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Web/serverfarms",
];

pub(super) fn tags(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for (file, resource) in project.resources() {
        if UNTAGGED.contains(&resource.resource_type()) {
            continue;
        }
        let tags = resource.get("tags").unwrap_or("absent");
        if tags != "tags" && !tags.starts_with("union(tags, ") {
            let problem = format!("{} has no tags", resource.name);
            report.add(&file.path, resource.line, problem);
        }
    }
    for tag in [
        "environment: environmentName",
        "'azd-env-name': environmentName",
    ] {
        report.require_text(project, "infra/main.bicep", tag);
    }
    for (path, service) in [
        ("infra/modules/functions.bicep", "mcp-functions"),
        ("infra/modules/container-app.bicep", "mcp-containerapp"),
    ] {
        report.require_text(project, path, &format!("'azd-service-name': '{service}'"));
    }
    report.0
}

pub(super) fn diagnostics(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for (file, resource) in project.resources() {
        let resource_type = resource.resource_type();
        if UNTAGGED.contains(&resource_type) && !resource_type.ends_with("/blobServices")
            || WITHOUT_LOGS.contains(&resource_type)
        {
            continue;
        }
        let mut settings = file.with_kind(Kind::Resource).filter(|setting| {
            setting.resource_type() == "Microsoft.Insights/diagnosticSettings"
                && setting
                    .get("scope")
                    .is_some_and(|scope| scope.trim_end_matches("[index]") == resource.name)
        });
        let is_sent = settings.any(|setting| {
            setting.get("properties.workspaceId").is_some()
                && (setting.get("properties.logs").is_some()
                    || setting.get("properties.metrics").is_some())
        });
        if !is_sent {
            let problem = format!("{} has no diagnostics", resource.name);
            report.add(&file.path, resource.line, problem);
        }
    }
    report.0
}

pub(super) fn telemetry(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    report.require_all(
        project,
        "Microsoft.OperationalInsights/workspaces",
        &[
            ("properties.retentionInDays", "retentionDays"),
            ("properties.workspaceCapping.dailyQuotaGb", "dailyCapGb"),
        ],
    );
    report.require_all(
        project,
        "Microsoft.Insights/components",
        &[
            ("properties.WorkspaceResourceId", "workspace.id"),
            ("properties.IngestionMode", "'LogAnalytics'"),
        ],
    );
    report.require_all(
        project,
        "Microsoft.Insights/webtests",
        &[
            (
                "properties.Request.RequestUrl",
                "'${serverUrl}/health/ready'",
            ),
            ("properties.ValidationRules.ExpectedHttpStatusCode", "200"),
            ("properties.ValidationRules.SSLCheck", "true"),
        ],
    );
    let Some(main) = project.main() else {
        return report.0;
    };
    let scope = Scope {
        variables: main.variables(),
        ..Scope::default()
    };
    let sizings = scope.variables.get("sizings").map(|it| scope.evaluate(it));
    let Some(Ok(Value::Object(sizings))) = sizings else {
        report.add(&main.path, 0, "there are no sizes");
        return report.0;
    };
    for (profile, sizing) in sizings {
        let days = sizing.get("logRetentionDays").as_int().unwrap_or(0);
        let cap = sizing.get("logDailyCapGb").as_int().unwrap_or(0);
        let is_bounded = (30..=730).contains(&days) && (1..=100).contains(&cap);
        report.require_that(
            is_bounded,
            &main.path,
            format!("{profile}: logs have no bounds"),
        );
    }
    if let Some(monitoring) = main.find(Kind::Module, "monitoring") {
        report.require(
            main,
            monitoring,
            "params.retentionDays",
            "sizing.logRetentionDays",
        );
        report.require(
            main,
            monitoring,
            "params.dailyCapGb",
            "sizing.logDailyCapGb",
        );
    }
    report.0
}

/// Words of the servers' telemetry that no source file has as a text: names of fields.
const FIELDS: [&str; 1] = ["reason"];

pub(super) fn alert_names(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let sources: String = project.texts_in("src/").map(|(_, text)| text).collect();
    let mut count = 0;
    for (path, quote) in [(ALERTS, "\""), ("infra/workbook.json", "\\\"")] {
        for (number, line) in project.text(path).lines().enumerate() {
            for name in line.split(quote).skip(1).step_by(2) {
                // In the workbook, only names of metrics and attributes are checked.
                let is_name = path == ALERTS || name.contains('.');
                if !is_name || FIELDS.contains(&name) {
                    continue;
                }
                count += 1;
                if !sources.contains(&format!("\"{name}\"")) {
                    let problem = format!("the server never says `{name}`");
                    report.add(path, number + 1, problem);
                }
            }
        }
    }
    report.require_that(count > 20, ALERTS, "the queries name nothing");
    report.require_all(
        project,
        "Microsoft.Insights/scheduledQueryRules",
        &[
            ("properties.enabled", "true"),
            ("properties.actions", "alertActions"),
            ("properties.skipQueryValidation", "true"),
        ],
    );
    report.0
}

/// The original promises alerts at an error rate of 5 %, queries of 2 s on average, 85 % of the
/// processors, 90 % of the memory, and 10 % of failed authentications.
const THRESHOLDS: [&str; 6] = [
    "failed > 0.05 * calls",
    "seconds > 2.0 * queries",
    "bytes > 0.9 * 1048576 * LIMIT_MB",
    "refused > 0.1 * (refused + calls)",
    "metric: 'cpu_percent'\n    threshold: 85\n",
    "metric: 'memory_percent'\n    threshold: 90\n",
];

pub(super) fn thresholds(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for threshold in THRESHOLDS {
        report.require_text(project, ALERTS, threshold);
    }
    report.require_text(
        project,
        ALERTS,
        "replace(memoryQuery, 'LIMIT_MB', string(memoryLimitMb))",
    );
    report.require_text(project, ALERTS, "          threshold: item.threshold\n");
    report.require_text(project, ALERTS, "          threshold: 0\n");
    report.0
}

/// Alerts whose messages are logged once, when something changes.
const LOGGED_ON_CHANGE: &str = "[\n  'replica-lag'\n  'embedding-outage'\n]";

pub(super) fn lasting(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let Some(file) = project.files.get(ALERTS) else {
        report.add(ALERTS, 0, "the file is missing");
        return report.0;
    };
    let found = file.find(Kind::Variable, "loggedOnChange");
    let text = found.and_then(|found| found.value.as_ref());
    let is_right = text.is_some_and(|text| text.text == LOGGED_ON_CHANGE);
    report.require_that(
        is_right,
        ALERTS,
        "`loggedOnChange` must be replica-lag and embedding-outage",
    );
    report.require_all(
        project,
        "Microsoft.Insights/scheduledQueryRules",
        &[(
            "properties.autoMitigate",
            "!contains(loggedOnChange, item.name)",
        )],
    );
    // In seconds, the delay of an idle primary's replica grows without a fault.
    let text = project.text(ALERTS);
    let is_in_bytes = text.contains("metricName: 'physical_replication_delay_in_bytes'")
        && !text.contains("physical_replication_delay_in_seconds");
    report.require_that(
        is_in_bytes,
        ALERTS,
        "the lag must be in bytes: in seconds it grows while the primary is idle",
    );
    match file.find(Kind::Resource, "replicaLagAlert") {
        Some(alert) => {
            let condition = alert.condition.as_deref();
            let has_replicas = condition == Some("(hasReplicas)");
            report.require_that(has_replicas, ALERTS, "the alert exists without replicas");
            let scopes = alert.get("properties.scopes").unwrap_or("");
            let is_primary = scopes.contains("databaseId");
            report.require_that(
                is_primary,
                ALERTS,
                "only the primary knows the lag in bytes",
            );
        }
        None => report.add(ALERTS, 0, "nothing watches the lag of replicas"),
    }
    report.0
}

/// The alerts: the original's six, which `availability` and the others of databases, servers and
/// requests are, and what this server adds.
const EXPECTED: [&str; 15] = [
    "audit-append-failing",
    "authentication-failures",
    "availability",
    "clock-skew",
    "database-cpu",
    "database-down",
    "database-memory",
    "database-storage",
    "embedding-outage",
    "error-rate",
    "posture-refused",
    "replica-lag",
    "secret-expiry",
    "server-memory",
    "slow-queries",
];

pub(super) fn run_book(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let Some(file) = project.files.get(ALERTS) else {
        report.add(ALERTS, 0, "the file is missing");
        return report.0;
    };
    let mut alerts = BTreeSet::new();
    for (variable, resource) in [
        ("logAlerts", "logAlertRules"),
        ("databaseMetrics", "databaseAlerts"),
    ] {
        let loops_over = file.find(Kind::Resource, resource).is_some_and(|resource| {
            let text = resource.value.as_ref().map_or("", |value| &value.text);
            text.starts_with(&format!("[for item in {variable}:"))
        });
        report.require_that(loops_over, ALERTS, format!("{variable} makes no alerts"));
        alerts.extend(names_of(file, variable));
    }
    for (name, resource) in [
        ("availability", "availabilityAlert"),
        ("replica-lag", "replicaLagAlert"),
    ] {
        if file.find(Kind::Resource, resource).is_some() {
            alerts.insert(name.to_owned());
        }
    }
    let vault = project.files.get("infra/modules/vault.bicep");
    let expiry = vault.and_then(|vault| vault.find(Kind::Resource, "secretExpiry"));
    if let Some(expiry) = expiry {
        alerts.extend(
            expiry
                .get("name")
                .map(|name| name.trim_matches('\'').to_owned()),
        );
        let text = expiry.value.as_ref().map_or("", |value| &value.text);
        for needed in [
            "'Microsoft.KeyVault.SecretNearExpiry'",
            "endpointType: 'MonitorAlert'",
            "actionGroupId",
        ] {
            let problem = format!("secret-expiry lacks {needed}");
            report.require_that(text.contains(needed), "infra/modules/vault.bicep", problem);
        }
    }
    for name in EXPECTED {
        report.require_that(
            alerts.contains(name),
            ALERTS,
            format!("there is no alert {name}"),
        );
    }
    let rows: BTreeSet<_> = project
        .text(RUN_BOOK)
        .split("\n## ")
        .find(|section| section.starts_with("Alerts"))
        .unwrap_or("")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect();
    for name in alerts.symmetric_difference(&rows) {
        report.add(
            RUN_BOOK,
            0,
            format!("{name} is in the run-book or the templates only"),
        );
    }
    report.0
}

fn names_of(file: &File, variable: &str) -> Vec<String> {
    let variable = file.find(Kind::Variable, variable);
    let text = variable.and_then(|variable| variable.value.as_ref());
    let lines = text.map_or("", |text| &text.text).lines();
    lines
        .filter_map(|line| line.strip_prefix("    name: '")?.strip_suffix('\''))
        .map(str::to_owned)
        .collect()
}
