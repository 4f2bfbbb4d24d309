//! Round trips to the database, and PgBouncer in transaction mode between the server and
//! PostgreSQL.

use futures_util::future::join_all;
use serde_json::json;
use zava_mcp_server::identity::Role;
use zava_mcp_server::settings::ServeSettings;

use crate::identity::keys_only;
use crate::support::{
    ActivityMonitor, HEAD_OFFICE, Pooler, Proxy, REDMOND, SEATTLE, TestDatabase, TestServer,
    assert_cancelled_promptly, caller, number, run_unguarded, scope, settings,
};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// Round trips of a query that succeeds and of one that fails, on a warm connection.
async fn round_trips(mut settings: ServeSettings) -> [usize; 2] {
    let proxy = Proxy::start(settings.database.port).await;
    settings.database.port = proxy.port;
    let server = TestServer::with_settings(&settings).await;
    server.number(SEATTLE, ORDERS).await;
    proxy.take_round_trips();
    for _ in 0..3 {
        server.number(SEATTLE, ORDERS).await;
    }
    let succeeding = proxy.take_round_trips();
    for _ in 0..3 {
        server.failure(SEATTLE, "SELECT 1/0").await;
    }
    let failing = proxy.take_round_trips();
    [succeeding, failing].map(|three| {
        assert_eq!(three % 3, 0, "every query takes the same");
        three / 3
    })
}

#[tokio::test]
async fn warm_query_takes_one_round_trip_or_two_on_error() {
    let database = TestDatabase::shared();
    assert_eq!(round_trips(settings(&database.name)).await, [1, 2]);
}

#[tokio::test]
async fn pooled_warm_query_takes_two_round_trips_or_three_on_error() {
    let database = TestDatabase::shared();
    let pooler = Pooler::start(&database).await;
    assert_eq!(round_trips(pooler.settings(&database)).await, [2, 3]);
}

/// Caller lookups are signed for the backend of their transaction, like everything else. Their
/// result is cached, so a warm query with an API key costs no further round trip.
#[tokio::test]
async fn caller_lookup_works_through_a_pooler_and_is_cached() {
    let database = TestDatabase::new().await;
    let pooler = Pooler::start(&database).await;
    let key = database
        .key("till", "Zava Retail Seattle", Role::Reader)
        .await;
    for (mut settings, expected) in [
        (settings(&database.name), 1),
        (pooler.settings(&database), 2),
    ] {
        let proxy = Proxy::start(settings.database.port).await;
        settings.database.port = proxy.port;
        keys_only(&mut settings);
        let server = TestServer::with_settings(&settings).await;
        let ask = async || {
            let arguments =
                json!({"name": "execute_sales_query", "arguments": {"postgresql_query": ORDERS}});
            let body =
                json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments});
            let request = server.post().bearer_auth(&key).json(&body);
            request.send().await.expect("an answer").status()
        };
        assert_eq!(ask().await, 200);
        proxy.take_round_trips();
        assert_eq!(ask().await, 200);
        assert_eq!(proxy.take_round_trips(), expected);
    }
}

/// Behind a pooler each transaction may run in another session, also the posture check's, so no
/// statement is used by name.
#[tokio::test]
async fn no_named_statements_through_a_pooler() {
    let database = TestDatabase::shared();
    let pooler = Pooler::start(&database).await;
    let (scope, caller) = (scope(&pooler.settings(&database)), caller(SEATTLE).await);
    for _ in 0..3 {
        let prepared = "SELECT count(*) FROM pg_prepared_statements";
        let seen = run_unguarded(&scope, &caller, prepared).await;
        assert_eq!(seen.expect("a row"), "[[0]]");
    }
}

/// The transactions of all tenants share one backend.
#[tokio::test]
async fn tenants_sharing_a_pooled_backend_never_mix() {
    let database = TestDatabase::new().await;
    let pooler = Pooler::start(&database).await;
    let (direct, pooled) = (
        TestServer::with_settings(&settings(&database.name)).await,
        TestServer::with_settings(&pooler.settings(&database)).await,
    );
    let tenants = [SEATTLE, REDMOND, HEAD_OFFICE];
    let mut expected = Vec::new();
    for tenant in tenants {
        expected.push(direct.number(tenant, ORDERS).await);
    }
    assert!(expected[0] != expected[1] && expected[1] < expected[2]);
    let mut seen = Vec::new();
    for _ in 0..20 {
        let requests = tenants.map(|tenant| pooled.number(tenant, ORDERS));
        seen.push(join_all(requests).await);
        // A failing statement in between releases the backend to the next.
        pooled.failure(REDMOND, "SELECT 1/0").await;
    }
    assert!(seen.iter().all(|counts| *counts == expected), "{seen:?}");
    let mut db = database.superuser().await;
    // PgBouncer passes the application name on; the direct server may use up to four backends.
    let backends = number(
        &mut db,
        "SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE usename = 'zava_query' AND datname = current_database()",
    )
    .await;
    assert!(backends <= 1 + 4, "{backends}");
}

#[tokio::test]
async fn statement_is_cancelled_through_a_pooler() {
    let database = TestDatabase::new().await;
    let pooler = Pooler::start(&database).await;
    let (scope, caller) = (scope(&pooler.settings(&database)), caller(SEATTLE).await);
    let mut monitor = ActivityMonitor::new(&database).await;
    let mut took = Vec::new();
    for _ in 0..5 {
        tokio::select! {
            done = run_unguarded(&scope, &caller, "SELECT pg_sleep(15)") => panic!("{done:?}"),
            () = monitor.wait_until_running(1) => {}
        }
        took.push(monitor.wait_until_idle().await);
        let next = run_unguarded(&scope, &caller, "SELECT 1").await;
        assert_eq!(next.expect("a row"), "[[1]]");
    }
    assert_cancelled_promptly(&took);
}

/// An advisory lock taken by a statement (as if the guard had failed) would otherwise stay with the
/// pooled connection.
#[tokio::test]
async fn advisory_locks_are_released_on_a_pooled_backend() {
    let database = TestDatabase::new().await;
    let pooler = Pooler::start(&database).await;
    let (scope, caller) = (scope(&pooler.settings(&database)), caller(SEATTLE).await);
    let mut db = database.superuser().await;
    for sql in [
        "SELECT pg_advisory_lock(1)::text",
        "SELECT pg_advisory_lock(2)::text, 1/(SELECT 0)",
    ] {
        let _ = run_unguarded(&scope, &caller, sql).await;
        let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        assert_eq!(number(&mut db, locks).await, 0, "{sql}");
    }
}
