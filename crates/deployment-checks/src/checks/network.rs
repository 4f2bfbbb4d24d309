//! Networks and encryption.

use super::{Report, Violation};
use crate::evaluate::{Scope, Value};
use crate::syntax::Kind;
use crate::templates::Project;

const CLOSED: &str = "isPrivate ? 'Disabled' : 'Enabled'";
const DENIED: &str = "isPrivate ? 'Deny' : 'Allow'";

/// The resources with data or secrets: type, path of the switch, group of the private endpoint.
const PRIVATE: [(&str, &str, &str); 4] = [
    (
        "Microsoft.DBforPostgreSQL/flexibleServers",
        "properties.network.publicNetworkAccess",
        "postgresqlServer",
    ),
    (
        "Microsoft.KeyVault/vaults",
        "properties.publicNetworkAccess",
        "vault",
    ),
    (
        "Microsoft.CognitiveServices/accounts",
        "properties.publicNetworkAccess",
        "account",
    ),
    (
        "Microsoft.Storage/storageAccounts",
        "properties.publicNetworkAccess",
        "blob",
    ),
];

pub(super) fn public_access(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    for (resource_type, switch, group) in PRIVATE {
        let mut count = 0;
        for (file, resource) in project.with_type(resource_type) {
            count += 1;
            match resource.get(switch) {
                // The database has the expression in a variable, for the primary and the replicas.
                Some("publicNetworkAccess") => {
                    let variable = file.find(Kind::Variable, "publicNetworkAccess");
                    let text = variable.and_then(|variable| variable.value.as_ref());
                    let is_closed = text.is_some_and(|text| text.text == CLOSED);
                    report.require_that(is_closed, &file.path, "the endpoint stays public");
                }
                _ => report.require(file, resource, switch, CLOSED),
            }
            if resource.get("properties.networkAcls").is_some() {
                let path = "properties.networkAcls.defaultAction";
                report.require(file, resource, path, DENIED);
            }
            let endpoints = file.with_kind(Kind::Module).filter(|module| {
                module.type_text == "private-endpoint.bicep"
                    && module.get("params.groupId") == Some(&format!("'{group}'"))
            });
            let has_endpoint = endpoints.into_iter().any(|endpoint| {
                endpoint.condition.as_deref() == Some("(isPrivate)") || endpoint.is_repeated
            });
            report.require_that(has_endpoint, &file.path, "there is no private endpoint");
        }
        let problem = format!("there is no {resource_type}");
        report.require_that(count > 0, "infra", problem);
    }
    for (file, rule) in project.with_type("Microsoft.DBforPostgreSQL/flexibleServers/firewallRules")
    {
        let loop_text = rule.value.as_ref().map_or("", |value| &value.text);
        let is_conditional = rule.condition.as_deref() == Some("(!isPrivate)")
            || loop_text.starts_with("[for index in range(0, isPrivate ? 0 : replicaCount):");
        report.require_that(
            is_conditional,
            &file.path,
            "a private database has a firewall rule",
        );
        for bound in ["properties.startIpAddress", "properties.endIpAddress"] {
            report.require(file, rule, bound, "'0.0.0.0'");
        }
    }
    report.0
}

pub(super) fn production(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let path = "infra/main.bicep";
    let Some(main) = project.main() else {
        report.add(path, 0, "the file is missing");
        return report.0;
    };
    for (profile, private_network, expected) in [
        ("prod", false, true),
        ("prod", true, true),
        ("test", true, true),
        ("dev", false, false),
    ] {
        let mut scope = Scope {
            variables: main.variables(),
            ..Scope::default()
        };
        let profile_value = Value::Text(profile.to_owned());
        scope.values.insert("profile".to_owned(), profile_value);
        let value = Value::Bool(private_network);
        scope.values.insert("privateNetwork".to_owned(), value);
        let is_private = scope.variables.get("isPrivate");
        let is_private = is_private.and_then(|expression| scope.evaluate(expression).ok());
        if is_private != Some(Value::Bool(expected)) {
            report.add(path, 0, format!("isPrivate is wrong for {profile}"));
        }
    }
    for module in main.with_kind(Kind::Module) {
        if let Some(text) = module.get("params.isPrivate") {
            let is_passed = text == "isPrivate";
            let problem = format!("{} does not get isPrivate", module.name);
            report.require_that(is_passed, path, problem);
        }
    }
    // Clients do not come through the subnet, so a rule there would promise what it does not do.
    let rules = "properties.securityRules";
    let network = project.files.get("infra/modules/network.bicep");
    match network.and_then(|file| Some((file, file.find(Kind::Resource, "environmentGuard")?))) {
        Some((file, guard)) => report.require(file, guard, rules, "[]"),
        None => report.add(path, 0, "the subnet of Container Apps has no guard"),
    }
    let network = main.find(Kind::Module, "network");
    let condition = network.and_then(|network| network.condition.as_deref());
    report.require_that(
        condition == Some("(isPrivate)"),
        path,
        "no network in production",
    );
    let subnets = [
        (
            "functions",
            "subnetId",
            "network.?outputs.functionsSubnetId",
        ),
        (
            "containerEnvironment",
            "subnetId",
            "network.?outputs.environmentSubnetId",
        ),
    ];
    for (module, parameter, expected) in subnets {
        if let Some(module) = main.find(Kind::Module, module) {
            report.require(main, module, &format!("params.{parameter}"), expected);
        }
    }
    report.0
}

pub(super) fn encryption(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    report.require_all(
        project,
        "Microsoft.Storage/storageAccounts",
        &[
            ("properties.minimumTlsVersion", "'TLS1_2'"),
            ("properties.supportsHttpsTrafficOnly", "true"),
        ],
    );
    report.require_all(
        project,
        "Microsoft.Web/sites",
        &[
            ("properties.httpsOnly", "true"),
            ("properties.siteConfig.minTlsVersion", "'1.2'"),
            ("properties.siteConfig.scmMinTlsVersion", "'1.2'"),
            ("properties.siteConfig.ftpsState", "'Disabled'"),
        ],
    );
    report.require_all(
        project,
        "Microsoft.App/containerApps",
        &[("properties.configuration.ingress.allowInsecure", "false")],
    );
    report.require_all(
        project,
        "Microsoft.App/managedEnvironments",
        &[(
            "properties.peerTrafficConfiguration.encryption.enabled",
            "true",
        )],
    );
    for setting in [
        "{ name: 'require_secure_transport', value: 'on' }",
        "{ name: 'ssl_min_protocol_version', value: 'TLSv1.3' }",
    ] {
        report.require_text(project, "infra/modules/database.bicep", setting);
    }
    report.require_text(
        project,
        "infra/modules/gateway.bicep",
        "protocols: [\n      'https'\n    ]",
    );
    report.0
}
