//! A statement that PostgreSQL does not end at its timeout: the client must learn that, not that
//! the database is unavailable.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    ActivityMonitor, BLOCKED_QUERY, HEAD_OFFICE, Proxy, SEATTLE, TableLock, TestDatabase,
    TestServer, eventually, settings,
};

#[tokio::test]
async fn uninterruptible_statement_is_reported_as_timed_out() {
    let server = TestServer::start_with(|settings| {
        for answer in [
            &mut settings.limits.answer,
            &mut settings.limits.analyst_answer,
        ] {
            answer.statement_timeout = Duration::from_secs(1);
        }
    })
    .await;
    let lock = TableLock::acquire(server.database()).await;
    let mut monitor = ActivityMonitor::new(server.database()).await;
    let mut db = server.database().superuser().await;
    let waiting = json!({"postgresql_query": BLOCKED_QUERY});
    let stuck = async {
        monitor.wait_until_blocked(1).await;
        let backend: i32 = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
             AND usename = 'zava_query' AND datname = current_database()",
        )
        .fetch_one(&mut db)
        .await
        .expect("the backend that waits");
        // A stopped process behaves like a step that PostgreSQL cannot interrupt.
        signal("STOP", backend).await;
        backend
    };
    let (answer, backend) = tokio::join!(
        server.call(HEAD_OFFICE, "execute_sales_query", waiting),
        stuck
    );
    assert!(answer.text.contains("SQLSTATE 57014"), "{}", answer.text);
    assert_eq!(server.number(SEATTLE, "SELECT 3").await, 3);
    signal("CONT", backend).await;
    lock.release().await;
    eventually("no statement is running", async || {
        monitor.running_statements().await == 0
    })
    .await;
}

async fn signal(name: &str, process: i32) {
    let mut kill = tokio::process::Command::new("kill");
    let status = kill
        .args([format!("-{name}"), process.to_string()])
        .status();
    assert!(status.await.expect("kill is there").success());
}

/// If the statement is not running, or that cannot be determined, the database counts as
/// unavailable.
#[tokio::test]
async fn silent_connection_is_reported_as_database_unavailable() {
    let database = TestDatabase::shared();
    let mut settings = settings(&database.name);
    settings.limits.answer.statement_timeout = Duration::from_secs(1);
    // A single connection: each one that became silent costs one error.
    settings.limits.connections = 1.try_into().expect("not zero");
    let proxy = Proxy::start(settings.database.port).await;
    settings.database.port = proxy.port;
    let server = TestServer::with_settings(&settings).await;
    for blackhole in [
        Proxy::blackhole_open_connections,
        Proxy::blackhole_all_connections,
    ] {
        assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
        blackhole(&proxy);
        let error = server.failure(SEATTLE, "SELECT 2").await;
        assert!(
            error.contains("the database is temporarily unavailable"),
            "{error}"
        );
    }
}
