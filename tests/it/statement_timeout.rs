//! A statement that the database does not end at its timeout: a client learns that, not that the
//! database is away.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    HEAD_OFFICE, Lock, Proxy, SEATTLE, TestDatabase, TestServer, WAITING, Watch, eventually,
    settings,
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
    let lock = Lock::on(server.database()).await;
    let mut watch = Watch::on(server.database()).await;
    let mut db = server.database().superuser().await;
    let waiting = json!({"postgresql_query": WAITING});
    let stuck = async {
        watch.until_blocked(1).await;
        let backend: i32 = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
             AND usename = 'zava_query' AND datname = current_database()",
        )
        .fetch_one(&mut db)
        .await
        .expect("the backend that waits");
        // A process that is stopped looks like a step that PostgreSQL does not interrupt.
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
    eventually("nothing runs on", async || watch.running().await == 0).await;
}

async fn signal(name: &str, process: i32) {
    let mut kill = tokio::process::Command::new("kill");
    let status = kill
        .args([format!("-{name}"), process.to_string()])
        .status();
    assert!(status.await.expect("kill is there").success());
}

/// If the statement does not run, or that cannot be found out, the database counts as absent.
#[tokio::test]
async fn silent_connection_is_reported_as_database_unavailable() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    settings.limits.answer.statement_timeout = Duration::from_secs(1);
    // A single one: each that has become silent costs an error.
    settings.limits.connections = 1.try_into().expect("not zero");
    let proxy = Proxy::start(settings.database.port).await;
    settings.database.port = proxy.port;
    let server = TestServer::over(&settings).await;
    for silence in [Proxy::silence, Proxy::silence_all] {
        assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
        silence(&proxy);
        let told = server.failure(SEATTLE, "SELECT 2").await;
        assert!(told.contains("the database is not available"), "{told}");
    }
}
