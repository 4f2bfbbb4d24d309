//! A statement whose answer nobody waits for is cancelled at the database.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use zava_mcp_server::query::scope::ScopeError;

use crate::identity::keys_only;
use crate::support::{
    Lock, SEATTLE, TestDatabase, TestServer, WAITING, Watch, assert_prompt, caller, eventually,
    scope, settings, unguarded,
};

/// How often a promise of time is tried.
const ATTEMPTS: usize = 5;

const ENDLESS: &str =
    "SELECT count(*) FROM retail.order_items a, retail.order_items b, retail.order_items c";

#[tokio::test]
async fn statement_is_cancelled_when_the_client_disconnects() {
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

/// A body of more than 4 KiB is parsed elsewhere, and its call answered by another way.
#[tokio::test]
async fn call_is_audited_as_cancelled_when_the_client_disconnects() {
    let mut server = TestServer::start().await;
    let mut watch = Watch::on(server.database()).await;
    let mut owner = server.database().owner().await;
    server.number(SEATTLE, "SELECT 1").await;
    for spaces in [0, 5_000] {
        let params =
            json!({"name": "execute_sales_query", "arguments": {"postgresql_query": ENDLESS}});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let body = body.to_string() + &" ".repeat(spaces);
        let request = server.post().header("x-rls-user-id", SEATTLE).body(body);
        // Both arms may be dropped: the client hangs up on purpose.
        tokio::select! {
            answer = request.send() => panic!("an answer: {:?}", answer.expect("HTTP").text().await),
            () = watch.until_running(1) => {}
        }
        watch.until_quiet().await;
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

/// A client of the protocol before 2026-07-28 gives a call up by a notification, in a request of
/// its own. It is found by who sends it; nobody gives up the calls of others.
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
    let lock = Lock::on(database).await;
    let mut watch = Watch::on(database).await;
    let send = |key: &str, session: Option<&str>, body: Value| {
        let mut request = server.post().bearer_auth(key).json(&body);
        if let Some(session) = session {
            request = request.header("mcp-session-id", session);
        }
        async { request.send().await.expect("an answer") }
    };
    let params = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": WAITING}});
    let call = |id: Value, session| {
        let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        send(&own, session, body)
    };
    let give_up = |id: Value| json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id, "reason": "the user has gone"}});
    // All that the tenant may have, and one that has no session and is known by its connection
    // alone.
    let calls = async {
        tokio::join!(
            call(json!(7), Some("s")),
            call(json!("7"), Some("s")),
            call(json!(7), Some("t")),
            call(json!(8), None),
        )
    };
    let cancelling = async {
        watch.until_blocked(4).await;
        for (what, key, session, id) in [
            ("another principal", &other, Some("s"), json!(7)),
            ("another tenant", &elsewhere, Some("s"), json!(7)),
            ("another session", &own, Some("u"), json!(7)),
            ("another request", &own, Some("s"), json!(9)),
            ("no session", &own, None, json!(7)),
            ("a call without a session", &own, Some("s"), json!(8)),
            ("no id", &own, Some("s"), json!(null)),
        ] {
            let response = send(key, session, give_up(id)).await;
            assert_eq!(response.status(), 202, "{what}");
        }
        // Whatever those had cancelled would have let go by then.
        for _ in 0..5 {
            let count = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": "SELECT 1"}});
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": count});
            assert_eq!(send(&elsewhere, None, body).await.status(), 200);
        }
        assert_eq!(watch.blocked().await, 4);
        for (left, session, id) in [(3, "s", json!(7)), (2, "s", json!("7")), (1, "t", json!(7))] {
            let mut note = give_up(id);
            if left == 1 {
                // A reason may be long.
                note["params"]["reason"] = json!("x".repeat(10_000));
            }
            let response = send(&own, Some(session), note).await;
            assert_eq!(response.status(), 202);
            watch.until_blocked(left).await;
        }
        // Their connections are free again, for the same tenant too.
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
    for given_up in [first, second, third] {
        let body: Value = given_up.json().await.expect("JSON");
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
async fn call_dropped_at_any_moment_leaves_nothing_running() {
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
async fn statement_that_traps_its_timeout_is_cancelled_by_the_server() {
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
    assert!(matches!(failed, Err(ScopeError::TimedOut(_))), "{failed:?}");
    // Once only, and beside other tests; by itself it would go on for a minute.
    let quiet = watch.until_quiet().await;
    assert!(quiet < Duration::from_secs(3), "{quiet:?}");
}

#[tokio::test]
async fn closing_the_scope_cancels_running_statements() {
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
async fn statement_ends_once_its_result_is_cut() {
    let database = TestDatabase::new().await;
    let (scope, caller) = (scope(&settings(&database.name)), caller(SEATTLE).await);
    let mut watch = Watch::on(&database).await;
    let sql = "SELECT repeat('x', 30000000) FROM generate_series(1, 10)";
    let _cut = unguarded(&scope, &caller, sql).await;
    eventually("its backend ends", async || watch.backends().await == 0).await;
}
