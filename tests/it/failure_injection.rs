//! Failures outside the server: no wrong result, errors that say "try again", and fast recovery.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{
    ActivityMonitor, BLOCKED_QUERY, DedicatedCluster, HEAD_OFFICE, Proxy, SEATTLE, STORES,
    TableLock, TestDatabase, TestServer, eventually, settings,
};

pub(crate) const ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// The outcome of one request for a client.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Count(i64),
    TryAgain,
    /// The port is closed.
    Refused,
    /// The connection was closed before a response began, as happens when a request on a kept-alive
    /// connection crosses the server's close (RFC 9112, section 9.5).
    Unanswered,
    Wrong(String),
}

pub(crate) async fn ask(server: &TestServer, tenant: &str, sql: &str) -> Outcome {
    let params = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": sql}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let request = server.post().header("x-rls-user-id", tenant).json(&body);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_connect() => return Outcome::Refused,
        Err(error) if error.is_request() => return Outcome::Unanswered,
        Err(error) => return Outcome::Wrong(format!("{error:?}")),
    };
    if answer.status() == 503 && answer.headers().contains_key("retry-after") {
        return Outcome::TryAgain;
    }
    let body: Value = answer.json().await.expect("JSON");
    let content = &body["result"]["structuredContent"];
    match (content["r"][0][0].as_i64(), content["err"].as_str()) {
        (Some(count), None) => Outcome::Count(count),
        (None, Some(text)) if text.contains("try again") => Outcome::TryAgain,
        _ => Outcome::Wrong(body.to_string()),
    }
}

/// Queries the stores' order counts one after the other until told to stop; returns the outcomes
/// that are not the expected count.
pub(crate) async fn load(
    server: &TestServer,
    first: usize,
    expected: &[i64],
    stop: &Cell<bool>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for store in (first..).map(|store| store % STORES.len()) {
        if stop.get() {
            break;
        }
        let answer = ask(server, STORES[store], ORDERS).await;
        if answer != Outcome::Count(expected[store]) {
            outcomes.push(answer);
        }
    }
    outcomes
}

pub(crate) async fn expected_counts(server: &TestServer) -> Vec<i64> {
    let mut counts = Vec::new();
    for store in STORES {
        counts.push(server.number(store, ORDERS).await);
    }
    counts
}

#[tokio::test]
async fn recovers_after_the_database_is_killed_under_load() {
    let cluster = DedicatedCluster::create("killed", 18).await;
    let server = TestServer::with_settings(&cluster.settings()).await;
    let expected = expected_counts(&server).await;
    let stop = Cell::new(false);
    let clients = (0..6).map(|first| load(&server, first, &expected, &stop));
    let recovered = RefCell::new(Vec::new());
    let killing = async {
        for _ in 0..3 {
            cluster.kill().await;
            eventually("a request fails", async || {
                ask(&server, SEATTLE, ORDERS).await == Outcome::TryAgain
            })
            .await;
            cluster.start().await;
            let back = Instant::now();
            eventually("requests succeed again", async || {
                matches!(ask(&server, SEATTLE, ORDERS).await, Outcome::Count(_))
            })
            .await;
            recovered.borrow_mut().push(back.elapsed());
        }
        stop.set(true);
    };
    let (outcomes, ()) = tokio::join!(join_all(clients), killing);
    let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    assert!(!outcomes.is_empty(), "no client met the failure");
    assert!(
        outcomes.iter().all(|answer| *answer == Outcome::TryAgain),
        "{outcomes:?}"
    );
    let recovered = recovered.into_inner();
    assert!(
        recovered.iter().all(|took| *took < Duration::from_secs(1)),
        "{recovered:?}"
    );
    let mut monitor = ActivityMonitor::from_connection(cluster.superuser().await);
    eventually("no statement is running", async || {
        monitor.running_statements().await == 0
    })
    .await;
    drop((monitor, server));
    cluster.remove().await;
}

#[tokio::test]
async fn connection_cut_mid_row_never_yields_a_partial_result() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    let proxy = Proxy::start(settings.database.port).await;
    settings.database.port = proxy.port;
    let server = TestServer::with_settings(&settings).await;
    let sql = "SELECT sum(length(t)) FROM (SELECT repeat('x', 100) AS t FROM generate_series(1, 10)) AS r";
    assert_eq!(server.number(SEATTLE, sql).await, 1000);
    let rows = "SELECT repeat('x', 1000) FROM generate_series(1, 100)";
    let mut failed = 0;
    for bytes in [1, 2, 10, 100, 300, 1_000, 5_000, 50_000, 100_000] {
        proxy.cut_after(bytes);
        let answer = server
            .call(
                SEATTLE,
                "execute_sales_query",
                json!({"postgresql_query": rows, "max_rows": 1000}),
            )
            .await;
        if answer.is_error {
            failed += 1;
            assert!(
                answer.text.contains("try again"),
                "{bytes}: {}",
                answer.text
            );
        } else {
            assert_eq!(answer.structured["n"], 100, "{bytes}");
            assert_eq!(answer.structured["truncated"], Value::Null, "{bytes}");
        }
        assert_eq!(server.number(SEATTLE, sql).await, 1000, "{bytes}");
    }
    assert!(failed > 0, "no connection was cut after the response began");
    let mut monitor = ActivityMonitor::new(&database).await;
    eventually("no statement is running", async || {
        monitor.running_statements().await == 0
    })
    .await;
}

#[tokio::test]
async fn graceful_shutdown_under_load_answers_accepted_requests() {
    // Three connections for head office, one for the server, two for the load.
    let mut server = TestServer::start_with(|settings| {
        settings.limits.connections = 6.try_into().expect("not zero");
    })
    .await;
    let lock = TableLock::acquire(server.database()).await;
    let expected = expected_counts(&server).await;
    let mut monitor = ActivityMonitor::new(server.database()).await;
    let (stop, (start, started)) = (Cell::new(false), tokio::sync::watch::channel(false));
    let clients = (0..6).map(|first| {
        let mut started = started.clone();
        let (server, expected, stop) = (&server, &expected, &stop);
        async move {
            let _ = started.wait_for(|go| *go).await;
            load(server, first, expected, stop).await
        }
    });
    // The database shows that these requests were accepted.
    let accepted = (0..3).map(|_| ask(&server, HEAD_OFFICE, BLOCKED_QUERY));
    let stopping = async {
        // A tenant without running statements goes first, so head office would queue behind the
        // load.
        monitor.wait_until_blocked(3).await;
        let _ = start.send(true);
        for store in STORES {
            ask(&server, store, ORDERS).await;
        }
        server.stop.cancel();
        eventually("the port is closed", async || {
            ask(&server, SEATTLE, ORDERS).await == Outcome::Refused
        })
        .await;
        stop.set(true);
        lock.release().await;
    };
    let (outcomes, accepted, ()) = tokio::join!(join_all(clients), join_all(accepted), stopping);
    assert!(
        accepted
            .iter()
            .all(|answer| matches!(answer, Outcome::Count(_))),
        "{accepted:?}"
    );
    let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    assert!(
        outcomes
            .iter()
            .all(|answer| matches!(answer, Outcome::Refused | Outcome::Unanswered)),
        "{outcomes:?}"
    );
    server.stop().await;
    assert_no_backends_left(&mut monitor).await;
}

/// Statements that still run after the grace period are cancelled at the database, and their
/// clients are told.
#[tokio::test]
async fn graceful_shutdown_cancels_statements_after_the_grace_period() {
    let mut server = TestServer::start_with(|settings| {
        settings.limits.answer.statement_timeout = Duration::from_secs(60);
    })
    .await;
    let lock = TableLock::acquire(server.database()).await;
    let mut monitor = ActivityMonitor::new(server.database()).await;
    let stopping = async {
        monitor.wait_until_blocked(1).await;
        server.stop.cancel();
        // The grace period begins when the port is closed.
        eventually("the port is closed", async || {
            ask(&server, SEATTLE, ORDERS).await == Outcome::Refused
        })
        .await;
        assert_eq!(monitor.blocked_statements().await, 1);
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(11)).await;
        tokio::time::resume();
    };
    let begun = Instant::now();
    let (outcomes, ()) = tokio::join!(ask(&server, SEATTLE, BLOCKED_QUERY), stopping);
    assert_eq!(outcomes, Outcome::TryAgain);
    server.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    assert_no_backends_left(&mut monitor).await;
    lock.release().await;
}

/// No statement keeps running and every backend ends; idle ones need not be waited for.
async fn assert_no_backends_left(monitor: &mut ActivityMonitor) {
    assert_eq!(monitor.running_statements().await, 0);
    eventually("backends end", async || monitor.backend_count().await == 0).await;
}
