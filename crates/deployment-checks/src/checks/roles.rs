//! Role assignments: complete, named for what they assign, and no more than the processes need.

use std::collections::BTreeSet;

use super::{Report, Violation};
use crate::syntax::{Declaration, Kind};
use crate::templates::Project;

const ASSIGNMENT: &str = "Microsoft.Authorization/roleAssignments";
const ACCESS: &str = "infra/modules/access.bicep";

/// Built-in roles and their ids (<https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>).
const ROLES: [(&str, &str); 9] = [
    (
        "storageBlobDataOwner",
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    ),
    (
        "keyVaultSecretsUser",
        "4633458b-17de-408a-b874-0445c86b69e6",
    ),
    (
        "keyVaultSecretsOfficer",
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    ),
    ("openAiUser", "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"),
    (
        "monitoringMetricsPublisher",
        "3913510d-42f4-4e42-8a64-420c390055eb",
    ),
    ("acrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d"),
    ("acrPush", "8311e382-0749-4cb8-b61a-304f252e45ec"),
    ("contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
    ("roleAdministrator", "f58310d9-a9f6-439a-9e8d-f62e7b41a168"),
];

/// Who may do what: principal, role, resource, condition.
const GRANTS: [(&str, &str, &str, &str); 14] = [
    ("appPrincipalId", "keyVaultSecretsUser", "vault", ""),
    ("appPrincipalId", "openAiUser", "embeddings", ""),
    (
        "appPrincipalId",
        "monitoringMetricsPublisher",
        "component",
        "",
    ),
    (
        "appPrincipalId",
        "storageBlobDataOwner",
        "storage",
        "(storageName != null)",
    ),
    ("appPrincipalId", "acrPull", "registry", "(mayPullImage)"),
    (
        "migrationPrincipalId",
        "keyVaultSecretsOfficer",
        "vault",
        "",
    ),
    ("migrationPrincipalId", "acrPull", "registry", ""),
    (
        "migrationPrincipalId",
        "openAiUser",
        "embeddings",
        "(maySeed)",
    ),
    ("indexerPrincipalId", "openAiUser", "embeddings", ""),
    ("indexerPrincipalId", "acrPull", "registry", ""),
    (
        "deployerPrincipalId",
        "acrPush",
        "registry",
        "(deployerPrincipalId != null)",
    ),
    (
        "pipelinePrincipalId",
        "acrPush",
        "registry",
        "(pipelineIsSeparate)",
    ),
    (
        "pipelinePrincipalId",
        "contributor",
        "resourceGroup()",
        "(pipelinePrincipalId != null)",
    ),
    (
        "pipelinePrincipalId",
        "roleAdministrator",
        "resourceGroup()",
        "(pipelinePrincipalId != null)",
    ),
];

pub(super) fn form(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let mut count = 0;
    for (file, assignment) in project.with_type(ASSIGNMENT) {
        count += 1;
        let mut add = |problem: &str| {
            let problem = format!("{}: {problem}", assignment.name);
            report.add(&file.path, assignment.line, problem);
        };
        let description = assignment.get("properties.description").unwrap_or("");
        if !description.ends_with(".'") || description.len() < 20 {
            add("the reason is missing");
        }
        let principal_type = assignment.get("properties.principalType");
        if !matches!(
            principal_type,
            Some("'ServicePrincipal'" | "deployerPrincipalType")
        ) {
            add("the type of the principal is missing");
        }
        if file.path == ACCESS && assignment.get("name") != Some(&expected_name(assignment)) {
            add("the name is not made of scope, principal and role");
        }
    }
    report.require_that(count > 0, ACCESS, "there are no role assignments");
    let roles = project.files.get(ACCESS);
    let roles = roles.and_then(|file| file.find(Kind::Variable, "roles"));
    for (name, id) in ROLES {
        let is_right = roles.and_then(|roles| roles.get(name)) == Some(&format!("'{id}'"));
        report.require_that(is_right, ACCESS, format!("{name} is not {id}"));
    }
    report.0
}

fn expected_name(assignment: &Declaration) -> String {
    let scope = assignment.get("scope").unwrap_or("resourceGroup()");
    let principal = assignment.get("properties.principalId").unwrap_or("");
    let role = role(assignment);
    format!("guid({scope}.id, {principal}, roles.{role})")
}

fn role(assignment: &Declaration) -> &str {
    let definition = assignment.get("properties.roleDefinitionId").unwrap_or("");
    definition
        .strip_prefix("subscriptionResourceId(roleDefinitions, roles.")
        .and_then(|rest| rest.strip_suffix(')'))
        .unwrap_or("?")
}

const RIGHTS: &str = "infra/modules/deployment-rights.bicep";

/// What the pipeline may do at the subscription, outside of production only: free the names of what
/// it has deleted.
const PURGES: [&str; 2] = [
    "'Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts/delete'",
    "'Microsoft.ApiManagement/locations/deletedservices/delete'",
];

/// Nothing is granted at the subscription beyond deployments, groups, reading and purging.
fn deployment_rights(project: &Project, report: &mut Report) {
    for (file, role) in project.with_type("Microsoft.Authorization/roleDefinitions") {
        let text = role.value.as_ref().map_or("", |value| &value.text);
        let actions = "actions: concat(deployActions, mayTearDown ? tearDownActions : [])\n";
        report.require_that(
            text.contains(actions),
            &file.path,
            "the role has unexpected actions",
        );
    }
    let Some(file) = project.files.get(RIGHTS) else {
        report.add(RIGHTS, 0, "the file is missing");
        return;
    };
    for (variable, is_tear_down) in [("deployActions", false), ("tearDownActions", true)] {
        let found = file.find(Kind::Variable, variable);
        let text = found.and_then(|found| found.value.as_ref());
        let text = text.map_or("", |text| &text.text);
        let lines = text.lines().map(str::trim);
        let actions: Vec<_> = lines.filter(|line| line.starts_with('\'')).collect();
        for action in &actions {
            let is_expected = action.contains("Microsoft.Resources/deployments/")
                || action.contains("Microsoft.Resources/subscriptions/resourceGroups/")
                || action.ends_with("/read'")
                || is_tear_down && PURGES.contains(action);
            report.require_that(is_expected, RIGHTS, format!("{action} is too much"));
        }
        let needed = if is_tear_down {
            &PURGES[..]
        } else {
            &["'Microsoft.KeyVault/deletedVaults/read'"]
        };
        for action in needed {
            let problem = format!("{variable} lacks {action}");
            report.require_that(actions.contains(action), RIGHTS, problem);
        }
    }
    if let Some(main) = project.main()
        && let Some(rights) = main.find(Kind::Module, "deploymentRights")
    {
        report.require(main, rights, "params.mayTearDown", "profile != 'prod'");
    }
}

pub(super) fn grants(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let mut found = BTreeSet::new();
    for (file, assignment) in project.with_type(ASSIGNMENT) {
        if file.path != ACCESS {
            continue;
        }
        let principal = assignment.get("properties.principalId").unwrap_or("");
        let principal = principal.trim_end_matches(" ?? ''");
        let scope = assignment.get("scope").unwrap_or("resourceGroup()");
        let condition = assignment.condition.as_deref().unwrap_or("");
        let grant = (principal, role(assignment), scope, condition);
        if !GRANTS.contains(&grant) {
            let problem = format!("{} grants more: {grant:?}", assignment.name);
            report.add(&file.path, assignment.line, problem);
        }
        found.insert(grant);
    }
    for grant in GRANTS {
        let problem = format!("nothing grants {grant:?}");
        report.require_that(found.contains(&grant), ACCESS, problem);
    }
    // The pipeline may assign the roles of the processes, to their identities: not to itself.
    let access = project.files.get(ACCESS);
    let assignable = access.and_then(|file| file.find(Kind::Variable, "assignableRoles"));
    let text = assignable.and_then(|variable| variable.value.as_ref());
    let text = text.map_or("", |text| &text.text);
    for powerful in [
        "roles.contributor",
        "roles.roleAdministrator",
        "roles.acrPush",
    ] {
        let problem = format!("the pipeline may assign {powerful}");
        report.require_that(!text.contains(powerful), ACCESS, problem);
    }
    for condition in [
        "condition: '${writeCondition} AND ${deleteCondition}'\n",
        "var processes = join([appPrincipalId, migrationPrincipalId, indexerPrincipalId], ', ')\n",
        "var principalId = 'Microsoft.Authorization/roleAssignments:PrincipalId'\n",
        "var isProcess = 'ForAnyOfAnyValues:GuidEquals {${processes}}'\n",
        "'@Request[${roleId}] ${isAssignable} AND @Request[${principalId}] ${isProcess}'\n",
        "'@Resource[${roleId}] ${isAssignable} AND @Resource[${principalId}] ${isProcess}'\n",
    ] {
        report.require_text(project, ACCESS, condition);
    }
    deployment_rights(project, &mut report);
    if let Some(main) = project.main()
        && let Some(access) = main.find(Kind::Module, "access")
    {
        report.require(main, access, "params.maySeed", "allowSampleData");
        let default = "param allowSampleData bool = profile != 'prod'\n";
        report.require_text(project, "infra/main.bicep", default);
        let expected = "hosting == 'containerapp'";
        report.require(main, access, "params.mayPullImage", expected);
    }
    report.0
}
