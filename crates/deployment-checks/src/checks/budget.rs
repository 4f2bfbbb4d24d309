//! The connection budget: all instances together have no more connections than the database admits.

use super::{Report, Violation};
use crate::evaluate::{Scope, Value};
use crate::syntax::Kind;
use crate::templates::Project;

/// `max_connections` by size, as Azure documents its defaults
/// (<https://learn.microsoft.com/azure/postgresql/configure-maintain/concepts-limits>).
const MAX_CONNECTIONS: [(&str, i64); 3] = [
    ("Standard_B1ms", 50),
    ("Standard_D2ds_v5", 859),
    ("Standard_D4ds_v5", 1718),
];

/// Azure keeps 15; the jobs, an administrator and monitoring need the rest.
const RESERVED: i64 = 25;

/// The smallest pool of an instance that keeps one connection for the server's own statements
/// (docs/scaling.md).
const MIN_POOL: i64 = 4;

pub(super) fn connections(project: &Project) -> Vec<Violation> {
    let mut report = Report::default();
    let path = "infra/main.bicep";
    let Some(main) = project.main() else {
        report.add(path, 0, "the file is missing");
        return report.0;
    };
    for profile in ["dev", "test", "prod"] {
        for (max, ready) in [(1, 0), (3, 0), (20, 2), (200, 0), (200, 20), (5, 20)] {
            let case = format!("{profile}, {max} instances, {ready} of them always ready");
            let mut scope = Scope {
                variables: main.variables(),
                ..Scope::default()
            };
            for (name, value) in [
                ("profile", Value::Text(profile.to_owned())),
                ("maxInstances", Value::Int(max)),
                ("alwaysReadyInstances", Value::Int(ready)),
            ] {
                scope.values.insert(name.to_owned(), value);
            }
            let int = |name: &str| {
                let value = scope.variables.get(name).map(|it| scope.evaluate(it));
                value.and_then(Result::ok).and_then(|value| value.as_int())
            };
            let sizing = scope.variables.get("sizing").map(|it| scope.evaluate(it));
            let Some(Ok(sizing)) = sizing else {
                report.add(path, 0, format!("{case}: no sizing"));
                continue;
            };
            let sku = sizing.get("databaseSku");
            let sku = sku.as_text().unwrap_or("");
            let limit = MAX_CONNECTIONS.iter().find(|(name, _)| *name == sku);
            let pool = sizing.get("poolSize").as_int().unwrap_or(0);
            let (Some((_, limit)), Some(instances), Some(on_demand), Some(ready_count)) = (
                limit,
                int("instances"),
                int("onDemandInstances"),
                int("readyInstances"),
            ) else {
                report.add(path, 0, format!("{case}: no number of instances"));
                continue;
            };
            let expected = max.min((limit - RESERVED) / pool.max(1));
            let is_right = instances == expected && ready_count <= instances;
            let problem = format!("{case}: {instances} instances, not {expected}");
            report.require_that(is_right, path, problem);
            // Functions starts on-demand instances beside the ready ones, and at least one.
            let most = (on_demand + ready_count).max(instances);
            let fits = most * pool <= limit - RESERVED && on_demand >= 1;
            let problem = format!("{case}: {most} × {pool} connections, and {limit} in all");
            report.require_that(fits, path, problem);
            report.require_that(
                pool >= MIN_POOL,
                path,
                format!("{case}: the pool is too small"),
            );
            let tenant = sizing.get("tenantConnections").as_int().unwrap_or(0);
            let leaves_room = tenant >= 1 && tenant * 2 <= pool;
            let problem = format!("{case}: one tenant may use up the pool");
            report.require_that(leaves_room, path, problem);
        }
    }
    for (module, parameter, expected) in [
        ("functions", "onDemandInstances", "onDemandInstances"),
        ("functions", "readyInstances", "readyInstances"),
        ("containerApp", "minReplicas", "readyReplicas"),
        ("containerApp", "maxReplicas", "instances"),
    ] {
        if let Some(module) = main.find(Kind::Module, module) {
            report.require(main, module, &format!("params.{parameter}"), expected);
        }
    }
    let pool = "{ name: 'ZAVA_MAX_CONNECTIONS', value: string(sizing.poolSize) }";
    report.require_text(project, path, pool);
    let scale = "properties.functionAppConfig.scaleAndConcurrency.maximumInstanceCount";
    report.require_all(
        project,
        "Microsoft.Web/sites",
        &[(scale, "onDemandInstances")],
    );
    let scale = "properties.template.scale.maxReplicas";
    report.require_all(
        project,
        "Microsoft.App/containerApps",
        &[(scale, "maxReplicas")],
    );
    report.0
}
