use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Proxy, SEATTLE, TestDatabase, TestServer, eventually, number, settings};

async fn ready(server: &TestServer) -> u16 {
    server
        .client
        .get(server.url("/health/ready"))
        .send()
        .await
        .expect("an answer")
        .status()
        .as_u16()
}

async fn wait_until_ready(server: &TestServer, wanted: u16) {
    let waiting = async {
        while ready(server).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .unwrap_or_else(|_| panic!("/health/ready becomes {wanted}"));
}

#[tokio::test]
async fn starts_without_a_database_and_recovers() {
    let database = TestDatabase::shared();
    let mut settings = settings(&database.name);
    let mut proxy = Proxy::closed(settings.database.port).await;
    (settings.database.host, settings.database.port) = ("127.0.0.1".to_owned(), proxy.port);
    let server = TestServer::with_settings(&settings).await;

    assert_eq!(
        server
            .client
            .get(server.url("/health/live"))
            .send()
            .await
            .expect("an answer")
            .status(),
        200
    );
    let unready = server
        .client
        .get(server.url("/health/ready"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(unready.status(), 503);
    assert_eq!(unready.headers()["retry-after"], "2");
    let refused = server.request(SEATTLE, "tools/list", json!({})).await;
    assert_eq!(
        refused.status(),
        503,
        "the tenant cannot be verified, so nobody is let in"
    );
    assert_eq!(refused.headers()["retry-after"], "2");

    proxy.open().await;
    wait_until_ready(&server, 200).await;
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);

    // Pooled connections are cut; the next request does not notice.
    proxy.close().await;
    proxy.open().await;
    assert_eq!(server.number(SEATTLE, "SELECT 2").await, 2);

    // Unreachable again. The tenant is cached for a while, so the tool itself reports it.
    proxy.close().await;
    wait_until_ready(&server, 503).await;
    let answer = server.failure(SEATTLE, "SELECT 3").await;
    assert_eq!(
        answer,
        "the database is temporarily unavailable; try again in a few seconds"
    );
    proxy.open().await;
    assert_eq!(server.number(SEATTLE, "SELECT 4").await, 4);
}

#[tokio::test]
async fn unmigrated_database_is_a_503_without_internals() {
    let database = TestDatabase::empty().await;
    let mut db = database.superuser().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "GRANT CONNECT ON DATABASE {} TO zava_query",
        database.name
    )))
    .execute(&mut db)
    .await
    .expect("granted");
    let server = TestServer::with_settings(&settings(&database.name)).await;
    let response = server.request(SEATTLE, "tools/list", json!({})).await;
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.expect("JSON");
    assert!(!body.to_string().contains("guard"), "{body}");
}

#[tokio::test]
async fn connection_is_reused_after_a_statement_error() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero")
    })
    .await;
    for _ in 0..3 {
        server.failure(SEATTLE, "SELECT 1/0").await;
        assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    }
    let mut db = server.database().superuser().await;
    let connections: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE usename = 'zava_query' AND datname = current_database()").fetch_one(&mut db).await.expect("a count");
    assert_eq!(connections, 1, "the same connection served all of them");
    let busy: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE usename = 'zava_query' AND datname = current_database() AND state <> 'idle'").fetch_one(&mut db).await.expect("a count");
    assert_eq!(busy, 0);
}

/// An administrator or a failover terminates idle backends: the next request uses a new one.
#[tokio::test]
async fn reconnects_when_an_idle_backend_was_terminated() {
    let server = TestServer::start().await;
    let mut db = server.database().superuser().await;
    for _ in 0..3 {
        assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
        sqlx::query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query'")
            .execute(&mut db)
            .await
            .expect("the backends end");
    }
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
}

/// A new connection first serves a lookup that rejects the tenant; later requests must not be
/// affected.
#[tokio::test]
async fn connection_is_reused_after_an_unknown_tenant() {
    let server = TestServer::over_shared_database(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero");
    })
    .await;
    for _ in 0..3 {
        let refused = server
            .request(
                "11111111-2222-3333-4444-555555555555",
                "tools/list",
                json!({}),
            )
            .await;
        assert_eq!(refused.status(), 403);
        assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    }
}

#[tokio::test]
async fn slow_statement_times_out_with_a_message() {
    let server = TestServer::over_shared_database(|settings| {
        settings.limits.answer.statement_timeout = Duration::from_millis(300)
    })
    .await;
    let text = server
        .failure(
            SEATTLE,
            "SELECT count(*) FROM retail.order_items a, retail.order_items b, retail.order_items c",
        )
        .await;
    assert!(text.contains("stopped after 0.3 s"), "{text}");
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
}

#[tokio::test]
async fn graceful_shutdown_answers_requests_in_flight() {
    let mut server = TestServer::start().await;
    server.number(SEATTLE, "SELECT 1").await;
    let mut db = server.database().superuser().await;
    let running = "SELECT count(*) FROM pg_stat_activity \
                   WHERE usename = 'zava_query' AND datname = current_database() AND state = 'active'";
    let stopping = async {
        while number(&mut db, running).await == 0 {}
        server.stop.cancel();
    };
    let (counted, stopped) = tokio::join!(
        server.number(
            SEATTLE,
            "SELECT count(*) FROM generate_series(1, 1000) a, generate_series(1, 3000) b"
        ),
        tokio::time::timeout(Duration::from_secs(10), stopping)
    );
    stopped.expect("the statement is seen running");
    assert_eq!(counted, 3_000_000);
    server.stop().await;
    assert!(
        server
            .client
            .get(server.url("/health/live"))
            .send()
            .await
            .is_err(),
        "the port is closed"
    );
}

/// A firewall that drops a connection's state tells neither end. The next request must not wait for
/// the statement timeout.
#[tokio::test]
async fn reconnects_quickly_when_a_pooled_connection_died_silently() {
    let database = TestDatabase::shared();
    let mut settings = settings(&database.name);
    let proxy = Proxy::start(settings.database.port).await;
    (settings.database.host, settings.database.port) = ("127.0.0.1".to_owned(), proxy.port);
    let server = TestServer::with_settings(&settings).await;
    // Several at once, to fill the pool with several connections.
    let requests = (0..4).map(|_| server.number(SEATTLE, "SELECT 1"));
    futures_util::future::join_all(requests).await;
    proxy.blackhole_open_connections();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    let began = tokio::time::Instant::now();
    assert_eq!(server.number(SEATTLE, "SELECT 2").await, 2);
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
}

/// Also connections at the bottom of the pool, which would not be used for a long time.
#[tokio::test]
async fn long_idle_connections_are_discarded() {
    let server = TestServer::start().await;
    let requests = (0..4).map(|_| server.number(SEATTLE, "SELECT 1"));
    futures_util::future::join_all(requests).await;
    let mut db = server.database().superuser().await;
    const PIDS: &str = "SELECT coalesce(array_agg(pid), '{}') FROM pg_stat_activity WHERE usename = 'zava_query' AND datname = current_database()";
    let before: Vec<i32> = sqlx::query_scalar(PIDS)
        .fetch_one(&mut db)
        .await
        .expect("the backends");
    assert!(before.len() > 1, "{before:?}");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(181)).await;
    tokio::time::resume();
    assert_eq!(server.number(SEATTLE, "SELECT 2").await, 2);
    eventually("the backends have ended", async || {
        let now: Vec<i32> = sqlx::query_scalar(PIDS)
            .fetch_one(&mut db)
            .await
            .expect("the backends");
        // The backends of the audit log may still exist.
        !now.iter().any(|pid| before.contains(pid))
    })
    .await;
}
