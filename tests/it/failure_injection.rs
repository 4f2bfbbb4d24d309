//! Faults of the world around the server: no wrong answer, errors that say "try again", and soon all is well again.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{
    HEAD_OFFICE, Lock, OwnCluster, Proxy, SEATTLE, STORES, TestDatabase, TestServer, WAITING,
    Watch, eventually, settings,
};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// What a client learns from one request.
#[derive(Debug, PartialEq)]
enum Learnt {
    Count(i64),
    TryAgain,
    /// Nobody listens at the port.
    Nobody,
    /// The connection was closed before an answer began, as it is when a request on a kept connection crosses its closing
    /// (RFC 9112, section 9.5).
    Unanswered,
    Wrong(String),
}

async fn ask(server: &TestServer, tenant: &str, sql: &str) -> Learnt {
    let params = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": sql}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let request = server.post().header("x-rls-user-id", tenant).json(&body);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_connect() => return Learnt::Nobody,
        Err(error) if error.is_request() => return Learnt::Unanswered,
        Err(error) => return Learnt::Wrong(format!("{error:?}")),
    };
    if answer.status() == 503 && answer.headers().contains_key("retry-after") {
        return Learnt::TryAgain;
    }
    let body: Value = answer.json().await.expect("JSON");
    let content = &body["result"]["structuredContent"];
    match (content["r"][0][0].as_i64(), content["err"].as_str()) {
        (Some(count), None) => Learnt::Count(count),
        (None, Some(text)) if text.contains("try again") => Learnt::TryAgain,
        _ => Learnt::Wrong(body.to_string()),
    }
}

/// Asks for stores' orders, one after the other, until it is told to stop; what it learnt that is not the right number.
async fn load(server: &TestServer, first: usize, right: &[i64], stop: &Cell<bool>) -> Vec<Learnt> {
    let mut learnt = Vec::new();
    for store in (first..).map(|store| store % STORES.len()) {
        if stop.get() {
            break;
        }
        let answer = ask(server, STORES[store], ORDERS).await;
        if answer != Learnt::Count(right[store]) {
            learnt.push(answer);
        }
    }
    learnt
}

async fn right_counts(server: &TestServer) -> Vec<i64> {
    let mut counts = Vec::new();
    for store in STORES {
        counts.push(server.number(store, ORDERS).await);
    }
    counts
}

#[tokio::test]
async fn recovers_after_the_database_is_killed_under_load() {
    let cluster = OwnCluster::make("killed", 18).await;
    let server = TestServer::over(&cluster.settings()).await;
    let right = right_counts(&server).await;
    let stop = Cell::new(false);
    let clients = (0..6).map(|first| load(&server, first, &right, &stop));
    let recovered = RefCell::new(Vec::new());
    let killing = async {
        for _ in 0..3 {
            cluster.kill().await;
            eventually("somebody notices", async || {
                ask(&server, SEATTLE, ORDERS).await == Learnt::TryAgain
            })
            .await;
            cluster.start().await;
            let back = Instant::now();
            eventually("answers are back", async || {
                matches!(ask(&server, SEATTLE, ORDERS).await, Learnt::Count(_))
            })
            .await;
            recovered.borrow_mut().push(back.elapsed());
        }
        stop.set(true);
    };
    let (learnt, ()) = tokio::join!(join_all(clients), killing);
    let learnt: Vec<Learnt> = learnt.into_iter().flatten().collect();
    assert!(!learnt.is_empty(), "the clients met the fault");
    assert!(
        learnt.iter().all(|answer| *answer == Learnt::TryAgain),
        "{learnt:?}"
    );
    let recovered = recovered.into_inner();
    assert!(
        recovered.iter().all(|took| *took < Duration::from_secs(1)),
        "{recovered:?}"
    );
    let mut watch = Watch::over(cluster.superuser().await);
    eventually("nothing runs on", async || watch.running().await == 0).await;
    drop((watch, server));
    cluster.remove().await;
}

#[tokio::test]
async fn connection_cut_mid_row_never_yields_a_partial_result() {
    let database = TestDatabase::new().await;
    let mut settings = settings(&database.name);
    let proxy = Proxy::start(settings.database.port).await;
    settings.database.port = proxy.port;
    let server = TestServer::over(&settings).await;
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
    assert!(failed > 0, "some were cut after the answer had begun");
    let mut watch = Watch::on(&database).await;
    eventually("nothing runs on", async || watch.running().await == 0).await;
}

#[tokio::test]
async fn graceful_shutdown_under_load_answers_accepted_requests() {
    // Three for head office, one for the server, and two for the load.
    let mut server = TestServer::start_with(|settings| {
        settings.limits.connections = 6.try_into().expect("not zero");
    })
    .await;
    let lock = Lock::on(server.database()).await;
    let right = right_counts(&server).await;
    let mut watch = Watch::on(server.database()).await;
    let (stop, (go, gone)) = (Cell::new(false), tokio::sync::watch::channel(false));
    let clients = (0..6).map(|first| {
        let mut gone = gone.clone();
        let (server, right, stop) = (&server, &right, &stop);
        async move {
            let _ = gone.wait_for(|go| *go).await;
            load(server, first, right, stop).await
        }
    });
    // That these are taken is seen at the database.
    let taken = (0..3).map(|_| ask(&server, HEAD_OFFICE, WAITING));
    let stopping = async {
        // Whoever holds nothing goes first, so head office would wait for the load.
        watch.until_blocked(3).await;
        let _ = go.send(true);
        for store in STORES {
            ask(&server, store, ORDERS).await;
        }
        server.stop.cancel();
        eventually("nobody listens any more", async || {
            ask(&server, SEATTLE, ORDERS).await == Learnt::Nobody
        })
        .await;
        stop.set(true);
        lock.release().await;
    };
    let (learnt, taken, ()) = tokio::join!(join_all(clients), join_all(taken), stopping);
    assert!(
        taken
            .iter()
            .all(|answer| matches!(answer, Learnt::Count(_))),
        "{taken:?}"
    );
    let learnt: Vec<Learnt> = learnt.into_iter().flatten().collect();
    assert!(
        learnt
            .iter()
            .all(|answer| matches!(answer, Learnt::Nobody | Learnt::Unanswered)),
        "{learnt:?}"
    );
    server.stop().await;
    assert_nothing_is_left(&mut watch).await;
}

/// What is not done when the time for it is over is cancelled at the database, and its client told.
#[tokio::test]
async fn graceful_shutdown_cancels_statements_after_the_grace_period() {
    let mut server = TestServer::start_with(|settings| {
        settings.limits.answer.statement_timeout = Duration::from_secs(60);
    })
    .await;
    let lock = Lock::on(server.database()).await;
    let mut watch = Watch::on(server.database()).await;
    let stopping = async {
        watch.until_blocked(1).await;
        server.stop.cancel();
    };
    let begun = Instant::now();
    let (learnt, ()) = tokio::join!(ask(&server, SEATTLE, WAITING), stopping);
    assert_eq!(learnt, Learnt::TryAgain);
    server.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    assert_nothing_is_left(&mut watch).await;
    lock.release().await;
}

/// No statement runs on, and each backend that was told to go goes: an idle one is not waited for.
async fn assert_nothing_is_left(watch: &mut Watch) {
    assert_eq!(watch.running().await, 0);
    eventually("backends end", async || watch.backends().await == 0).await;
}
