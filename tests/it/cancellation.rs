//! A statement is cancelled at the database when nobody waits for its result.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use zava_mcp_server::query::scope::ScopeError;

use crate::identity::keys_only;
use crate::support::{
    ActivityMonitor, BLOCKED_QUERY, SEATTLE, TableLock, TestDatabase, TestServer,
    assert_cancelled_promptly, caller, eventually, run_unguarded, scope, settings,
};

/// Attempts per latency check.
const ATTEMPTS: usize = 5;

const CROSS_JOIN: &str =
    "SELECT count(*) FROM retail.order_items a, retail.order_items b, retail.order_items c";

#[tokio::test]
async fn statement_is_cancelled_when_the_client_disconnects() {
    let server = TestServer::start().await;
    let mut monitor = ActivityMonitor::new(server.database()).await;
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
            let mut params = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": CROSS_JOIN}});
            for (name, value) in headers {
                request = request.header(*name, *value);
                params["_meta"] = json!({
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                    "io.modelcontextprotocol/clientCapabilities": {},
                });
            }
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
            let call = request.json(&body).send();
            // Both arms may be dropped: the client hangs up on purpose.
            tokio::select! {
                answer = call => panic!("an answer: {:?}", answer.expect("HTTP").text().await),
                () = monitor.wait_until_running(1) => {}
            }
            took.push(monitor.wait_until_idle().await);
        }
        assert_cancelled_promptly(&took);
    }
    // The connections stay usable.
    for _ in 0..4 {
        assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    }
    assert!(monitor.backend_count().await <= 4);
}

/// Bodies of more than 4 KiB take rmcp's transport, shorter ones the fast path; both must record
/// it.
#[tokio::test]
async fn call_is_audited_as_cancelled_when_the_client_disconnects() {
    let mut server = TestServer::start().await;
    let mut monitor = ActivityMonitor::new(server.database()).await;
    let mut owner = server.database().owner().await;
    server.number(SEATTLE, "SELECT 1").await;
    for spaces in [0, 5_000] {
        let params =
            json!({"name": "execute_sales_query", "arguments": {"postgresql_query": CROSS_JOIN}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let body = body.to_string() + &" ".repeat(spaces);
        let request = server.post().header("x-rls-user-id", SEATTLE).body(body);
        // Both arms may be dropped: the client hangs up on purpose.
        tokio::select! {
            answer = request.send() => panic!("an answer: {:?}", answer.expect("HTTP").text().await),
            () = monitor.wait_until_running(1) => {}
        }
        monitor.wait_until_idle().await;
    }
    server.stop().await;
    let recorded: Vec<(String, i64)> = sqlx::query_as(
        "SELECT record ->> 'decision', sum((record ->> 'count')::bigint)::bigint FROM guard.audit \
         WHERE record ->> 'kind' = 'call' GROUP BY 1 ORDER BY 1",
    )
    .fetch_all(&mut owner)
    .await
    .expect("the records");
    let expected = [("allowed", 1), ("cancelled", 2)];
    assert_eq!(
        recorded,
        expected.map(|(decision, count)| (decision.to_owned(), count))
    );
}

/// Before protocol 2026-07-28 a client cancels a call by a notification in a separate request. The
/// call is found by principal, tenant and session, so nobody cancels the calls of others.
#[tokio::test]
async fn only_the_caller_can_cancel_its_calls() {
    let server = TestServer::start_with(|settings| {
        keys_only(settings);
        settings.limits.connections = 10.try_into().expect("not zero");
    })
    .await;
    let role = zava_mcp_server::identity::Role::Reader;
    let seattle = "Zava Retail Seattle";
    let database = server.database();
    let own = database.key("own", seattle, role).await;
    let other = database.key("other", seattle, role).await;
    let elsewhere = database.key("elsewhere", "Zava Retail Redmond", role).await;
    let lock = TableLock::acquire(database).await;
    let mut monitor = ActivityMonitor::new(database).await;
    let send = |key: &str, session: Option<&str>, body: Value| {
        let mut request = server.post().bearer_auth(key).json(&body);
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        async { request.send().await.expect("an answer") }
    };
    let params =
        json!({"name": "execute_sales_query", "arguments": {"postgresql_query": BLOCKED_QUERY}});
    let call = |id: Value, session| {
        let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        send(&own, session, body)
    };
    let cancellation = |id: Value| json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id, "reason": "the user has gone"}});
    // As many calls as the tenant may run, one of them without a session, which only its connection
    // identifies.
    let calls = async {
        tokio::join!(
            call(json!(7), Some("s")),
            call(json!("7"), Some("s")),
            call(json!(7), Some("t")),
            call(json!(8), None),
        )
    };
    let cancelling = async {
        monitor.wait_until_blocked(4).await;
        for (what, key, session, id) in [
            ("another principal", &other, Some("s"), json!(7)),
            ("another tenant", &elsewhere, Some("s"), json!(7)),
            ("another session", &own, Some("u"), json!(7)),
            ("another request", &own, Some("s"), json!(9)),
            ("no session", &own, None, json!(7)),
            ("a call without a session", &own, Some("s"), json!(8)),
            ("no id", &own, Some("s"), json!(null)),
        ] {
            let response = send(key, session, cancellation(id)).await;
            assert_eq!(response.status(), 202, "{what}");
        }
        // By then a wrongly cancelled call would have ended.
        for _ in 0..5 {
            let count = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": "SELECT 1"}});
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": count});
            assert_eq!(send(&elsewhere, None, body).await.status(), 200);
        }
        assert_eq!(monitor.blocked_statements().await, 4);
        for (left, session, id) in [(3, "s", json!(7)), (2, "s", json!("7")), (1, "t", json!(7))] {
            let mut notification = cancellation(id);
            if left == 1 {
                // A reason may be long.
                notification["params"]["reason"] = json!("x".repeat(10_000));
            }
            let response = send(&own, Some(session), notification).await;
            assert_eq!(response.status(), 202);
            monitor.wait_until_blocked(left).await;
        }
        // Their connections are available again, also to the same tenant.
        let count =
            json!({"name": "execute_sales_query", "arguments": {"postgresql_query": "SELECT 1"}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": count});
        let answer: Value = send(&own, None, body).await.json().await.expect("JSON");
        assert_eq!(
            answer["result"]["structuredContent"]["r"],
            json!([[1]]),
            "{answer}"
        );
        lock.release().await;
    };
    let ((first, second, third, last), ()) = tokio::join!(calls, cancelling);
    for cancelled in [first, second, third] {
        let body: Value = cancelled.json().await.expect("JSON");
        assert!(
            body["error"]["message"]
                .as_str()
                .is_some_and(|text| text.contains("cancelled")),
            "{body}"
        );
    }
    let body: Value = last.json().await.expect("JSON");
    assert_eq!(body["result"]["isError"], false, "{body}");
}

#[tokio::test]
async fn dropped_call_is_cancelled_before_its_connection_is_reused() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    settings.limits.connections = 1.try_into().expect("not zero");
    let (scope, caller) = (scope(&settings), caller(SEATTLE).await);
    let mut monitor = ActivityMonitor::new(&database).await;
    let mut took = Vec::new();
    for _ in 0..ATTEMPTS {
        tokio::select! {
            done = run_unguarded(&scope, &caller, "SELECT pg_sleep(15)") => panic!("{done:?}"),
            () = monitor.wait_until_running(1) => {}
        }
        // The next call starts at once and must not open a second backend.
        let begun = Instant::now();
        let mut max_backends = 0;
        let next = run_unguarded(&scope, &caller, "SELECT 1");
        let mut next = std::pin::pin!(next);
        loop {
            tokio::select! {
                done = &mut next => break assert_eq!(done.expect("a row"), "[[1]]"),
                backends = monitor.backend_count() => max_backends = max_backends.max(backends),
            }
        }
        took.push(begun.elapsed());
        assert!(
            max_backends <= 1,
            "{max_backends} backends for one connection"
        );
    }
    assert_cancelled_promptly(&took);
}

/// A call may be dropped at any moment, also before the database has read it.
#[tokio::test]
async fn call_dropped_at_any_moment_leaves_nothing_running() {
    let database = TestDatabase::new().await;
    let (scope, caller) = (scope(&settings(&database.name)), caller(SEATTLE).await);
    let mut monitor = ActivityMonitor::new(&database).await;
    for microseconds in (0..4_000).step_by(100) {
        let call = run_unguarded(&scope, &caller, "SELECT pg_sleep(15)");
        let cancelled = timeout(Duration::from_micros(microseconds), call).await;
        assert!(cancelled.is_err());
    }
    let quiet = monitor.wait_until_idle().await;
    assert!(quiet < Duration::from_secs(5), "{quiet:?}");
    assert_eq!(
        run_unguarded(&scope, &caller, "SELECT 2")
            .await
            .expect("a row"),
        "[[2]]"
    );
}

/// The statement traps PostgreSQL's own timeout, so only the server's cancellation ends it.
#[tokio::test]
async fn statement_that_traps_its_timeout_is_cancelled_by_the_server() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    settings.limits.answer.statement_timeout = Duration::from_millis(300);
    sqlx::raw_sql(
        "CREATE FUNCTION public.trap_timeout() RETURNS void LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(60); END $$",
    )
    .execute(&mut database.superuser().await)
    .await
    .expect("made");
    let (scope, caller) = (scope(&settings), caller(SEATTLE).await);
    let mut monitor = ActivityMonitor::new(&database).await;
    let failed = run_unguarded(&scope, &caller, "SELECT public.trap_timeout()::text").await;
    assert!(matches!(failed, Err(ScopeError::TimedOut(_))), "{failed:?}");
    // One attempt only, beside other tests. Without the cancellation it would run for a minute.
    let quiet = monitor.wait_until_idle().await;
    assert!(quiet < Duration::from_secs(3), "{quiet:?}");
}

#[tokio::test]
async fn closing_the_scope_cancels_running_statements() {
    let database = TestDatabase::new().await;
    let (scope, caller) = (scope(&settings(&database.name)), caller(SEATTLE).await);
    let mut monitor = ActivityMonitor::new(&database).await;
    let closing = async {
        monitor.wait_until_running(2).await;
        let begun = Instant::now();
        scope.close().await;
        (monitor.backend_count().await, begun.elapsed())
    };
    let (one, other, (backends, took)) = tokio::join!(
        run_unguarded(&scope, &caller, "SELECT pg_sleep(15)"),
        run_unguarded(&scope, &caller, "SELECT pg_sleep(15)"),
        closing
    );
    for failed in [one, other] {
        assert!(matches!(failed, Err(ScopeError::Stopping)), "{failed:?}");
    }
    assert_eq!(backends, 0, "closing ends all backends");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let after_close = run_unguarded(&scope, &caller, "SELECT 1").await;
    assert!(
        matches!(after_close, Err(ScopeError::Stopping)),
        "{after_close:?}"
    );
}

/// The server does not wait for the rest of a result that nobody reads.
#[tokio::test]
async fn statement_ends_once_its_result_is_cut() {
    let database = TestDatabase::new().await;
    let (scope, caller) = (scope(&settings(&database.name)), caller(SEATTLE).await);
    let mut monitor = ActivityMonitor::new(&database).await;
    let sql = "SELECT repeat('x', 30000000) FROM generate_series(1, 10)";
    let _cut = run_unguarded(&scope, &caller, sql).await;
    eventually("its backend ends", async || {
        monitor.backend_count().await == 0
    })
    .await;
}
