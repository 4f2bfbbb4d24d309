use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::replica_set::ReplicaSet;
use super::{LONG, PORT, port, wait_until_used, watched};
use crate::failure_injection::{ORDERS, Outcome, ask, expected_counts, load};
use crate::support::{
    ActivityMonitor, Proxy, SEATTLE, STORES, TestServer, assert_cancelled_promptly, caller,
    eventually, number, run_unguarded, scope,
};

/// The longest request while a replica fails: until the failure is detected, and on another server.
const MAX_LATENCY: Duration = Duration::from_secs(2);

/// Asks for the stores' orders, one after the other, until told to stop; returns the longest time
/// that a request took.
async fn longest_request(server: &TestServer, expected: &[i64], stop: &Cell<bool>) -> Duration {
    let mut longest = Duration::ZERO;
    for store in (0..STORES.len()).cycle() {
        if stop.get() {
            break;
        }
        let begun = Instant::now();
        let outcome = ask(server, STORES[store], ORDERS).await;
        assert_eq!(outcome, Outcome::Count(expected[store]));
        longest = longest.max(begun.elapsed());
    }
    longest
}

/// Waits until a replica has run a statement of the server since this function was called.
async fn wait_until_replica_runs(set: &ReplicaSet, index: usize) {
    let mut db = set.replicas[index].superuser().await;
    let mut monitor = ActivityMonitor::from_connection(set.replicas[index].superuser().await);
    let since: String = sqlx::query_scalar("SELECT clock_timestamp()::text")
        .fetch_one(&mut db)
        .await
        .expect("a time");
    let ran = format!(
        "SELECT count(*) > 0 FROM pg_stat_activity \
         WHERE usename = 'zava_query' AND query_start > '{since}'::timestamptz \
             AND query NOT LIKE '%pg_control_system%'"
    );
    eventually("the replica is in use", async || {
        monitor.backend_count().await > 0 && super::replica_set::boolean(&mut db, &ran).await
    })
    .await;
}

/// No request fails and none is answered wrongly while replicas are killed and suspended.
#[tokio::test]
async fn requests_succeed_while_replicas_are_killed_and_suspended() {
    let set = ReplicaSet::shared().await;
    let mut server = TestServer::with_settings(&set.settings()).await;
    let expected = expected_counts(&server).await;
    let stop = Cell::new(false);
    let clients = (0..4).map(|first| load(&server, first, &expected, &stop));
    let longest = longest_request(&server, &expected, &stop);
    let failing = async {
        for (index, is_kill) in [(0, true), (1, false)] {
            wait_until_replica_runs(&set, index).await;
            let replica = &set.replicas[index];
            if is_kill {
                replica.kill().await;
            } else {
                replica.suspend().await;
            }
            // Requests go on meanwhile.
            for _ in 0..3 {
                for (store, count) in expected.iter().enumerate() {
                    let outcome = ask(&server, STORES[store], ORDERS).await;
                    assert_eq!(outcome, Outcome::Count(*count));
                }
            }
            if is_kill {
                replica.start().await;
            } else {
                replica.resume().await;
            }
        }
        wait_until_replica_runs(&set, 0).await;
        wait_until_replica_runs(&set, 1).await;
        stop.set(true);
    };
    let (outcomes, longest, ()) = tokio::join!(join_all(clients), longest, failing);
    let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    assert!(outcomes.is_empty(), "{outcomes:?}");
    assert!(longest < MAX_LATENCY, "{longest:?}");
    server.stop().await;
}

#[tokio::test]
async fn starts_without_its_replicas_and_uses_them_later() {
    let set = ReplicaSet::shared().await;
    let mut proxies = [
        Proxy::closed(set.replicas[0].port).await,
        Proxy::closed(set.replicas[1].port).await,
    ];
    let ports = proxies.each_ref().map(|proxy| proxy.port);
    let replicas = set.replicas.each_ref().map(|replica| replica.port);
    let (scope, seattle) = (
        scope(&set.settings_with(&ports, LONG)),
        caller(SEATTLE).await,
    );
    watched(&scope, async {
        for _ in 0..5 {
            let ran_on = port(run_unguarded(&scope, &seattle, PORT).await);
            assert_eq!(ran_on, set.primary.port);
        }
        proxies[1].open().await;
        wait_until_used(&scope, &seattle, &[replicas[1]]).await;
        proxies[0].open().await;
        wait_until_used(&scope, &seattle, &replicas).await;
        for proxy in &mut proxies {
            proxy.close().await;
        }
        // The first one meets closed connections.
        for _ in 0..5 {
            let ran_on = port(run_unguarded(&scope, &seattle, PORT).await);
            assert_eq!(ran_on, set.primary.port);
        }
        for proxy in &mut proxies {
            proxy.open().await;
        }
        wait_until_used(&scope, &seattle, &replicas).await;
    })
    .await;
    scope.close().await;
}

/// A firewall that drops a replica's packets tells neither end.
#[tokio::test]
async fn query_moves_on_when_its_replica_stops_answering() {
    let set = ReplicaSet::shared().await;
    let proxy = Proxy::start(set.replicas[0].port).await;
    let replica = set.replicas[0].port;
    let (scope, seattle) = (
        scope(&set.settings_with(&[proxy.port], LONG)),
        caller(SEATTLE).await,
    );
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &[replica]).await;
        proxy.blackhole_open_connections();
        let begun = Instant::now();
        let ran_on = port(run_unguarded(&scope, &seattle, PORT).await);
        assert_eq!(ran_on, set.primary.port);
        assert!(begun.elapsed() < MAX_LATENCY, "{:?}", begun.elapsed());
        // New connections are answered.
        wait_until_used(&scope, &seattle, &[replica]).await;
    })
    .await;
    scope.close().await;
}

/// A statement that ends its backend (here it terminates itself; a bug in PostgreSQL or a lack of
/// memory would end the backends of all tenants with it) runs on two servers and no more.
#[tokio::test]
async fn statement_that_ends_its_backend_is_not_run_on_every_server() {
    // Before it has returned a row.
    const ENDS_ITS_BACKEND: &str =
        "SELECT 1 FROM pg_terminate_backend(pg_backend_pid()), pg_sleep(10)";
    const KILLED: &str = "SELECT sum(sessions_killed)::bigint FROM pg_stat_database WHERE datname = current_database()";
    let set = ReplicaSet::shared().await;
    let replicas = set.replicas.each_ref().map(|replica| replica.port);
    let (scope, seattle) = (scope(&set.settings()), caller(SEATTLE).await);
    let [first, second] = &set.replicas;
    let mut databases = Vec::new();
    for server in [first, second, &set.primary] {
        databases.push(server.superuser().await);
    }
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &replicas).await;
        let mut before = Vec::new();
        for db in &mut databases {
            before.push(number(db, KILLED).await);
        }
        let error = run_unguarded(&scope, &seattle, ENDS_ITS_BACKEND).await;
        error.expect_err("the connection is lost");
        for (index, db) in databases.iter_mut().take(2).enumerate() {
            eventually("each replica has run it", async || {
                number(db, KILLED).await > before[index]
            })
            .await;
        }
        assert_eq!(number(&mut databases[2], KILLED).await, before[2]);
        wait_until_used(&scope, &seattle, &replicas).await;
    })
    .await;
    scope.close().await;
}

/// A statement of a caller that has gone is cancelled on the server that runs it.
#[tokio::test]
async fn dropped_query_is_cancelled_on_its_replica() {
    let set = ReplicaSet::shared().await;
    let replica = &set.replicas[1];
    let (scope, seattle) = (
        scope(&set.settings_with(&[replica.port], LONG)),
        caller(SEATTLE).await,
    );
    let mut monitor = ActivityMonitor::from_connection(replica.superuser().await);
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &[replica.port]).await;
        let mut took = Vec::new();
        for _ in 0..3 {
            tokio::select! {
                done = run_unguarded(&scope, &seattle, "SELECT pg_sleep(15)") => panic!("{done:?}"),
                () = monitor.wait_until_running(1) => {}
            }
            took.push(monitor.wait_until_idle().await);
        }
        assert_cancelled_promptly(&took);
    })
    .await;
    scope.close().await;
}
