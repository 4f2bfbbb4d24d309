//! Contexts that the database rejects: no row is shown, and the operator or client is told.

use std::time::{Duration, SystemTime};

use serde_json::json;
use zava_mcp_server::query::scope::ScopeError;
use zava_mcp_server::settings::SigningKey;

use crate::support::{
    SEATTLE, TestDatabase, TestServer, caller, run_unguarded, scope_with_clock, settings,
};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";
const OTHER_KEY: &str = "1:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// The connection works and `SELECT 1` would too, so the readiness check must verify a context.
#[tokio::test]
async fn wrong_signing_key_makes_the_server_unready() {
    let database = TestDatabase::shared();
    let mut settings = settings(&database.name);
    settings.signing_key = OTHER_KEY.parse::<SigningKey>().expect("a key").into();
    let server = TestServer::with_settings(&settings).await;
    for (path, status) in [("/health/ready", 503), ("/health/live", 200)] {
        let answer = server.client.get(server.url(path)).send().await;
        assert_eq!(answer.expect("an answer").status(), status, "{path}");
    }
    let arguments =
        json!({"name": "execute_sales_query", "arguments": {"postgresql_query": ORDERS}});
    let refused = server.request(SEATTLE, "tools/call", arguments).await;
    assert_eq!(refused.status(), 503);
}

/// The first call that reads a row reports the deleted tenant and evicts it; the next request looks
/// it up again.
#[tokio::test]
async fn deleted_tenant_is_evicted_from_the_cache() {
    let server = TestServer::start().await;
    assert!(server.number(SEATTLE, ORDERS).await > 0);
    sqlx::query("DELETE FROM guard.tenant WHERE tenant_id = $1::uuid")
        .bind(SEATTLE)
        .execute(&mut server.database().superuser().await)
        .await
        .expect("it goes");
    let arguments = json!({"postgresql_query": ORDERS});
    let answer = server
        .call(SEATTLE, "execute_sales_query", arguments.clone())
        .await;
    assert!(answer.is_error);
    assert!(answer.text.contains("unknown tenant"), "{}", answer.text);
    let arguments = json!({"name": "execute_sales_query", "arguments": arguments});
    let refused = server.request(SEATTLE, "tools/call", arguments).await;
    assert_eq!(refused.status(), 403);
}

type Clock = fn() -> SystemTime;

/// A context is valid for 30 seconds by both clocks; a smaller difference is only measured.
#[tokio::test]
async fn clock_skew_is_measured_and_beyond_the_limit_queries_fail() {
    let database = TestDatabase::shared();
    let seattle = caller(SEATTLE).await;
    #[expect(clippy::disallowed_methods, reason = "the tests hand the clock in")]
    let cases: [(Clock, u64, bool); 5] = [
        (SystemTime::now, 0, true),
        (|| SystemTime::now() - Duration::from_secs(20), 20, true),
        (|| SystemTime::now() + Duration::from_secs(20), 20, true),
        (|| SystemTime::now() - Duration::from_secs(40), 40, false),
        (|| SystemTime::now() + Duration::from_secs(100), 100, false),
    ];
    for (clock, seconds, is_shown) in cases {
        let settings = settings(&database.name);
        let scope = scope_with_clock(&settings, clock);
        let skew = scope.clock_skew().await.expect("a difference");
        assert_eq!(skew.as_secs_f64().round() as u64, seconds);
        let seen = run_unguarded(&scope, &seattle, ORDERS).await;
        match seen {
            Ok(rows) => assert!(is_shown, "{seconds} s: {rows}"),
            Err(error) => assert!(
                !is_shown && matches!(error, ScopeError::Misconfigured(_)),
                "{seconds} s: {error:?}"
            ),
        }
    }
}
