//! A statement whose answer nobody waits for is cancelled at the database.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};
use zava_mcp_server::query::scope::ScopeError;

use crate::support::{
    SEATTLE, TestDatabase, TestServer, Watch, assert_prompt, caller, eventually, scope, settings,
    unguarded,
};

/// How often a promise of time is tried.
const ATTEMPTS: usize = 5;

const ENDLESS: &str =
    "SELECT count(*) FROM retail.order_items a, retail.order_items b, retail.order_items c";

#[tokio::test]
async fn a_client_that_goes_away_takes_its_statement_along() {
    let server = TestServer::start().await;
    let mut watch = Watch::on(server.database()).await;
    server.number(SEATTLE, "SELECT 1").await;
    for headers in [
        &[][..],
        &[
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "execute_sales_query"),
        ],
    ] {
        let mut took = Vec::new();
        for _ in 0..ATTEMPTS {
            let mut request = server.post().header("x-rls-user-id", SEATTLE);
            let mut params =
                json!({"name": "execute_sales_query", "arguments": {"postgresql_query": ENDLESS}});
            for (name, value) in headers {
                request = request.header(*name, *value);
                params["_meta"] = json!({
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                    "io.modelcontextprotocol/clientCapabilities": {},
                });
            }
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            let asking = request.json(&body).send();
            // Both arms may be dropped: the client hangs up on purpose.
            tokio::select! {
                answer = asking => panic!("an answer: {:?}", answer.expect("HTTP").text().await),
                () = watch.until_running(1) => {}
            }
            took.push(watch.until_quiet().await);
        }
        assert_prompt(&took);
    }
    // And nobody is the worse for it.
    for _ in 0..4 {
        assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    }
    assert!(watch.backends().await <= 4);
}

#[tokio::test]
async fn a_dropped_call_ends_at_the_database_before_its_place_is_used_again() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    settings.limits.connections = 1.try_into().expect("not zero");
    let (scope, caller) = (scope(&settings), caller(SEATTLE).await);
    let mut watch = Watch::on(&database).await;
    let mut took = Vec::new();
    for _ in 0..ATTEMPTS {
        tokio::select! {
            done = unguarded(&scope, &caller, "SELECT pg_sleep(15)") => panic!("{done:?}"),
            () = watch.until_running(1) => {}
        }
        // The next call begins at once; it must not find a second backend.
        let begun = Instant::now();
        let mut most = 0;
        let next = unguarded(&scope, &caller, "SELECT 1");
        let mut next = std::pin::pin!(next);
        loop {
            tokio::select! {
                done = &mut next => break assert_eq!(done.expect("a row"), "[[1]]"),
                backends = watch.backends() => most = most.max(backends),
            }
        }
        took.push(begun.elapsed());
        assert!(most <= 1, "{most} backends for one connection");
    }
    assert_prompt(&took);
}

/// A call may be given up in every moment, also before the database has read it; nothing is left running.
#[tokio::test]
async fn a_call_dropped_at_any_moment_leaves_nothing() {
    let database = TestDatabase::new().await;
    let (scope, caller) = (scope(&settings(&database.name)), caller(SEATTLE).await);
    let mut watch = Watch::on(&database).await;
    for microseconds in (0..4_000).step_by(100) {
        let call = unguarded(&scope, &caller, "SELECT pg_sleep(15)");
        let given_up = timeout(Duration::from_micros(microseconds), call).await;
        assert!(given_up.is_err());
    }
    let quiet = watch.until_quiet().await;
    assert!(quiet < Duration::from_secs(5), "{quiet:?}");
    assert_eq!(
        unguarded(&scope, &caller, "SELECT 2").await.expect("a row"),
        "[[2]]"
    );
}

/// The database's own timeout has been caught by the statement, so the server's is the one that counts.
#[tokio::test]
async fn a_statement_that_survives_its_timeout_is_cancelled() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    settings.limits.answer.statement_timeout = Duration::from_millis(300);
    sqlx::raw_sql(
        "CREATE FUNCTION public.deaf() RETURNS void LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(60); END $$",
    )
    .execute(&mut database.superuser().await)
    .await
    .expect("made");
    let (scope, caller) = (scope(&settings), caller(SEATTLE).await);
    let mut watch = Watch::on(&database).await;
    let failed = unguarded(&scope, &caller, "SELECT public.deaf()::text").await;
    assert!(
        matches!(failed, Err(ScopeError::Unavailable(_))),
        "{failed:?}"
    );
    // Once only, and beside other tests; by itself it would go on for a minute.
    let quiet = watch.until_quiet().await;
    assert!(quiet < Duration::from_secs(3), "{quiet:?}");
}

#[tokio::test]
async fn a_scope_that_is_closed_leaves_nothing_running() {
    let database = TestDatabase::new().await;
    let (scope, caller) = (scope(&settings(&database.name)), caller(SEATTLE).await);
    let mut watch = Watch::on(&database).await;
    let closing = async {
        watch.until_running(2).await;
        let begun = Instant::now();
        scope.close().await;
        (watch.backends().await, begun.elapsed())
    };
    let (one, other, (backends, took)) = tokio::join!(
        unguarded(&scope, &caller, "SELECT pg_sleep(15)"),
        unguarded(&scope, &caller, "SELECT pg_sleep(15)"),
        closing
    );
    for failed in [one, other] {
        assert!(matches!(failed, Err(ScopeError::Stopping)), "{failed:?}");
    }
    assert_eq!(backends, 0, "when it is closed, all is over");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let late = unguarded(&scope, &caller, "SELECT 1").await;
    assert!(matches!(late, Err(ScopeError::Stopping)), "{late:?}");
}

/// What is left of a row that nobody reads on is not waited for.
#[tokio::test]
async fn a_statement_whose_rows_nobody_wants_any_more_ends() {
    let database = TestDatabase::new().await;
    let (scope, caller) = (scope(&settings(&database.name)), caller(SEATTLE).await);
    let mut watch = Watch::on(&database).await;
    let sql = "SELECT repeat('x', 30000000) FROM generate_series(1, 10)";
    let _cut = unguarded(&scope, &caller, sql).await;
    eventually("its backend ends", async || watch.backends().await == 0).await;
}
