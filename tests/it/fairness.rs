//! One tenant beside the others: W10 of the original sample, where three slow queries stall everybody.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;
use zava_mcp_server::query::scope::ScopeError;

use crate::support::{
    HEAD_OFFICE, Lock, REDMOND, SEATTLE, STORES, TestDatabase, TestServer, WAITING, Watch, caller,
    scope, settings, unguarded,
};

/// Running and waiting requests of one tenant, in the default settings.
const SHARE: usize = 4;
const PLACES: usize = SHARE + 16;

async fn median(server: &TestServer, tenant: &str) -> Duration {
    let mut took = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        server.number(tenant, "SELECT 1").await;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}

/// The other tenant's median with nobody else there, and while one tenant has all its places taken by statements that do
/// not end.
async fn medians() -> (Duration, Duration) {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 10.try_into().expect("not zero");
    })
    .await;
    let lock = Lock::on(server.database()).await;
    let mut watch = Watch::on(server.database()).await;
    let before = median(&server, SEATTLE).await;

    let params = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": WAITING}});
    let asked = (0..=PLACES).map(|_| server.request(REDMOND, "tools/call", params.clone()));
    let beside = async {
        watch
            .until_blocked(i64::try_from(SHARE).expect("small"))
            .await;
        let beside = median(&server, SEATTLE).await;
        // What needs no connection is answered all the while.
        let list = server.request(REDMOND, "tools/list", json!({})).await;
        assert_eq!(list.status(), 200);
        assert_eq!(watch.blocked().await, 4, "and all the while they waited");
        lock.release().await;
        beside
    };
    let (answers, beside) = tokio::join!(join_all(asked), beside);

    // Requests above the limit get a tool error: an HTTP status would end the session of some
    // clients, with all their calls.
    let mut busy = Vec::new();
    for answer in answers {
        assert_eq!(answer.status(), 200);
        let body: Value = answer.json().await.expect("JSON");
        if body["result"]["isError"] == true {
            busy.push(body);
        }
    }
    assert_eq!(busy.len(), 1, "{busy:?}");
    for body in busy {
        let text = body["result"]["structuredContent"]["err"].as_str();
        let text = text.unwrap_or_else(|| panic!("an error in {body}"));
        assert!(text.contains("too many requests of this tenant"), "{text}");
        assert_eq!(body["id"], 1);
    }
    // The places are free again.
    server.number(REDMOND, "SELECT 1").await;
    (before.max(median(&server, SEATTLE).await), beside)
}

#[tokio::test]
async fn slow_queries_of_one_tenant_do_not_delay_another() {
    // Other tests share the machine, and may come in between two medians; a queue would be in all of them.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (alone, beside) = medians().await;
        if beside < 2 * alone {
            return;
        }
        seen.push((alone, beside));
    }
    panic!("{seen:?}");
}

/// A queue that was there first does not go first.
#[tokio::test]
async fn queue_is_fair_between_tenants() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    settings.limits.connections = 1.try_into().expect("not zero");
    let lock = Lock::on(&database).await;
    let mut watch = Watch::on(&database).await;
    let scope = scope(&settings);
    let (long, short) = (caller(REDMOND).await, caller(SEATTLE).await);
    let (head_office, order) = (caller(HEAD_OFFICE).await, RefCell::new(Vec::new()));
    let ask = async |name, caller| {
        unguarded(&scope, &caller, WAITING).await.expect("a row");
        order.borrow_mut().push(name);
    };
    // They stand in line in this order, when they are first looked at.
    let mut asked = vec![("long", long); 8];
    asked.extend([
        ("short", short.clone()),
        ("short", short),
        ("head office", head_office),
    ]);
    let asked = asked.into_iter().map(|(name, caller)| ask(name, caller));
    let release = async {
        watch.until_blocked(1).await;
        lock.release().await;
    };
    tokio::join!(join_all(asked), release);
    let order = order.into_inner();
    assert_eq!(
        order[..7],
        [
            "long",
            "long",
            "short",
            "head office",
            "long",
            "short",
            "long"
        ],
        "{order:?}"
    );
}

/// Of a tenant's requests more than it may have at once wait for each other, not for the other tenant's.
#[tokio::test]
async fn queue_timeout_is_reported_as_busy() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 3.try_into().expect("not zero");
        settings.limits.tenant_connections = 2.try_into().expect("not zero");
    })
    .await;
    let lock = Lock::on(server.database()).await;
    let mut watch = Watch::on(server.database()).await;
    let looking = async {
        watch.until_blocked(2).await;
        let begun = Instant::now();
        let text = server.failure(REDMOND, "SELECT 1").await;
        assert_eq!(text, "the server is busy; try again in a few seconds");
        assert!(begun.elapsed() >= Duration::from_secs(4));
        assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
        lock.release().await;
    };
    tokio::join!(
        server.number(REDMOND, WAITING),
        server.number(REDMOND, WAITING),
        looking
    );
    assert_eq!(server.number(REDMOND, "SELECT 1").await, 1);
}

/// A tenant that is only looked up may be invented, so looking up never takes a tenant's own turn, and all share one.
#[tokio::test]
async fn lookups_of_unknown_tenants_share_one_tenants_limit() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    settings.limits.connections = 10.try_into().expect("not zero");
    let scope = scope(&settings);
    let mut watch = Watch::on(&database).await;
    let invented = (0..50_u128).map(|id| scope.tenant_exists(uuid::Uuid::from_u128(id + 1).into()));
    let known: Vec<Result<bool, ScopeError>> = join_all(invented).await;
    assert!(known.iter().all(|known| matches!(known, Ok(false))));
    assert!(watch.backends().await <= 4);
}

/// The server's own questions have a connection of their own: a load balancer keeps the server, and
/// callers are looked up, while the statements of all others are slow.
#[tokio::test]
async fn readiness_and_lookups_do_not_wait_for_slow_statements() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 4.try_into().expect("not zero");
    })
    .await;
    let lock = Lock::on(server.database()).await;
    let mut watch = Watch::on(server.database()).await;
    // More stores than there are connections.
    let params = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": WAITING}});
    let slow = STORES[..5].iter();
    let slow = slow.map(|store| server.request(store, "tools/call", params.clone()));
    let beside = async {
        watch.until_blocked(3).await;
        let ready = server.client.get(server.url("/health/ready")).send().await;
        assert_eq!(ready.expect("an answer").status(), 200);
        let newcomer = server.request(STORES[6], "tools/list", json!({})).await;
        assert_eq!(newcomer.status(), 200);
        assert_eq!(watch.blocked().await, 3, "and all the while they waited");
        lock.release().await;
    };
    tokio::join!(join_all(slow), beside);
}
