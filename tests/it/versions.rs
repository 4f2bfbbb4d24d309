//! Tenant isolation and the guard's tables on PostgreSQL 16 and 17. All other tests run on 18.

use crate::catalog::assert_policies_run_once;
use crate::catalog_tables::assert_tables_match;
use crate::posture::{PostureTest, VIOLATIONS};
use crate::related::assert_counts_are_those_of_own_orders;
use crate::signed_context::{assert_valid_or_an_error, assert_verified_where_workers_may_run};
use crate::support::{DedicatedCluster, TestServer, number};
use crate::tenancy::assert_each_store_sees_its_own_rows;

#[tokio::test]
async fn tenants_are_isolated_on_postgresql_16() {
    let cluster = DedicatedCluster::create("postgresql-16", 16).await;
    // The privilege MAINTAIN exists since PostgreSQL 17.
    let violations = VIOLATIONS
        .iter()
        .filter(|(_, violation)| !violation.contains("MAINTAIN"));
    assert_tenants_are_isolated(cluster, 16, violations).await;
}

#[tokio::test]
async fn tenants_are_isolated_on_postgresql_17() {
    let cluster = DedicatedCluster::create("postgresql-17", 17).await;
    assert_tenants_are_isolated(cluster, 17, VIOLATIONS).await;
}

async fn assert_tenants_are_isolated(
    cluster: DedicatedCluster,
    version: i64,
    violations: impl IntoIterator<Item = &'static (&'static str, &'static str)>,
) {
    let (mut db, mut superuser) = (cluster.query_login().await, cluster.superuser().await);
    let running = "SELECT current_setting('server_version_num')::bigint / 10000";
    assert_eq!(number(&mut db, running).await, version);
    PostureTest::from_cluster(&cluster)
        .await
        .assert_found_and_fixed(violations)
        .await;
    assert_policies_run_once(&mut db).await;
    assert_tables_match(&mut superuser).await;
    assert_valid_or_an_error(&mut db, &mut superuser).await;
    assert_verified_where_workers_may_run(&mut db, &mut superuser).await;
    let mut server = TestServer::with_settings(&cluster.settings()).await;
    assert_each_store_sees_its_own_rows(&server, &mut superuser).await;
    assert_counts_are_those_of_own_orders(&server, &mut superuser).await;
    server.stop().await;
    drop((db, superuser));
    cluster.remove().await;
}
