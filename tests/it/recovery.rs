use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zava_mcp_server::identity::{
    Caller, DirectoryUnavailable, Identity, TenantDirectory, TenantId,
};
use zava_mcp_server::query::guard::CheckedQuery;
use zava_mcp_server::query::rows::{Collector, RowLimits};
use zava_mcp_server::query::scope::Scope;
use zava_mcp_server::settings::ServeSettings;

use crate::support::{SEATTLE, TestDatabase, TestServer, number, settings};

/// A gate in front of the database that can be closed (connections are cut, new ones refused) and opened again.
struct Gate {
    port: u16,
    target: (String, u16),
    open: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Gate {
    async fn closed(settings: &ServeSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        Self {
            port,
            target: (settings.database.host.clone(), settings.database.port),
            open: None,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the gate ends its tasks by its token"
    )]
    async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port))
            .await
            .expect("the gate's port");
        let stop = CancellationToken::new();
        let target = self.target.clone();
        let closing = stop.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stop.cancelled() => return,
                };
                let (mut client, _) = accepted.expect("a connection");
                let (stop, target) = (stop.clone(), target.clone());
                tokio::spawn(async move {
                    let mut server = tokio::net::TcpStream::connect((target.0.as_str(), target.1))
                        .await
                        .expect("the database");
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        });
        self.open = Some((closing, accepting));
    }

    /// Connections are cut, and the port is free again.
    async fn close(&mut self) {
        if let Some((stop, accepting)) = self.open.take() {
            stop.cancel();
            accepting.await.expect("the gate closes");
        }
    }
}

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
async fn the_server_starts_without_a_database_and_recovers_by_itself() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    let mut gate = Gate::closed(&settings).await;
    (settings.database.host, settings.database.port) = ("127.0.0.1".to_owned(), gate.port);
    let server = TestServer::over(&settings).await;

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

    gate.open().await;
    wait_until_ready(&server, 200).await;
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);

    // Connections in the pool are cut: the next request does not see it.
    gate.close().await;
    gate.open().await;
    assert_eq!(server.number(SEATTLE, "SELECT 2").await, 2);

    // Away again: the tenant is known for a while, so the tool says it.
    gate.close().await;
    wait_until_ready(&server, 503).await;
    let answer = server.failure(SEATTLE, "SELECT 3").await;
    assert_eq!(
        answer,
        "the database is not available now; try again in a few seconds"
    );
    gate.open().await;
    assert_eq!(server.number(SEATTLE, "SELECT 4").await, 4);
}

#[tokio::test]
async fn a_database_that_was_never_migrated_is_an_operators_matter() {
    let database = TestDatabase::empty().await;
    let mut db = database.superuser().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "GRANT CONNECT ON DATABASE {} TO zava_query",
        database.name
    )))
    .execute(&mut db)
    .await
    .expect("granted");
    let server = TestServer::over(&settings(&database.name)).await;
    let response = server.request(SEATTLE, "tools/list", json!({})).await;
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.expect("JSON");
    assert!(!body.to_string().contains("guard"), "{body}");
}

#[tokio::test]
async fn an_error_leaves_the_connection_usable_and_empty() {
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
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE usename = 'zava_query' AND datname = current_database() AND state <> 'idle'").fetch_one(&mut db).await.expect("a count");
    assert_eq!(open, 0);
}

/// The first thing that a new connection sees is a refusal; the requests after it must not notice.
#[tokio::test]
async fn an_unknown_tenant_leaves_the_connection_usable() {
    let server = TestServer::start_with(|settings| {
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

/// With the guard switched off a statement can leave things behind that outlive its transaction; the next one must not
/// notice, least of all give its signature to a prepared statement that was put there.
#[tokio::test]
async fn what_a_statement_leaves_in_the_session_does_not_matter() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero");
    })
    .await;
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    let mut settings = settings(&server.database().name);
    settings.limits.connections = 1.try_into().expect("not zero");
    #[expect(clippy::disallowed_methods, reason = "the tests hand the clock in")]
    let clock = std::time::SystemTime::now;
    let scope = Scope::new(
        settings.database,
        settings.login,
        settings.signing_key,
        &settings.limits,
        clock,
    )
    .expect("a scope");
    let caller = caller(SEATTLE).await;
    for damage in [
        "DEALLOCATE ALL",
        "DISCARD PLANS",
        "COMMIT",
        "ROLLBACK AND CHAIN",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "PREPARE zava_enter (int4, uuid, int8, bytea, text) AS SELECT 1",
        "DO $$ BEGIN EXECUTE 'PREPARE s1 AS SELECT 1'; PERFORM pg_advisory_lock(1); END $$",
    ] {
        let mut rows = collector();
        // What becomes of it does not matter; what comes after it does.
        let _ = scope
            .run(
                caller,
                &CheckedQuery::literal(damage),
                &[],
                10.try_into().expect("not zero"),
                &mut rows,
            )
            .await;
        let mut answered = 0;
        for _ in 0..3 {
            let mut rows = collector();
            let query = CheckedQuery::literal("SELECT count(*) FROM retail.orders");
            answered += usize::from(
                scope
                    .run(
                        caller,
                        &query,
                        &[],
                        10.try_into().expect("not zero"),
                        &mut rows,
                    )
                    .await
                    .is_ok(),
            );
        }
        assert_eq!(answered, 3, "{damage}");
    }
}

fn collector() -> Collector {
    Collector::new(RowLimits {
        rows: 10.try_into().expect("not zero"),
        bytes: 1000.try_into().expect("not zero"),
    })
}

/// A caller as the identity check makes it, over a directory that knows everybody.
pub(crate) async fn caller(tenant: &str) -> Caller {
    struct Everybody;
    impl TenantDirectory for Everybody {
        fn knows(&self, _: TenantId) -> BoxFuture<'_, Result<bool, DirectoryUnavailable>> {
            Box::pin(std::future::ready(Ok(true)))
        }
    }
    Identity::new(std::sync::Arc::new(Everybody))
        .by_header([tenant.as_bytes()])
        .await
        .expect("a caller")
}

#[tokio::test]
async fn a_slow_statement_is_stopped_and_says_so() {
    let server = TestServer::start_with(|settings| {
        settings.limits.statement_timeout = Duration::from_millis(300)
    })
    .await;
    let text = server
        .failure(
            SEATTLE,
            "SELECT count(*) FROM generate_series(1, 100000000000)",
        )
        .await;
    assert!(text.contains("took too long"), "{text}");
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
}

#[tokio::test]
async fn told_to_stop_the_server_answers_what_is_under_way() {
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
        server.number(SEATTLE, "SELECT count(*) FROM generate_series(1, 3000000)"),
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
        "nobody listens any more"
    );
}
