use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use zava_mcp_server::query::scope::ServerState;

use super::replica_set::{ReplicaSet, boolean, execute};
use super::{LONG, port, states, wait_until_used, watched};
use crate::failure_injection::{ORDERS, Outcome, ask, expected_counts, load};
use crate::support::{Proxy, SEATTLE, TestServer, caller, eventually, run_unguarded, scope};

/// How soon requests succeed again after the new primary accepts them.
const MAX_RECOVERY: Duration = Duration::from_secs(2);

/// A row that only a server outside the primary's history has.
const INSERT_LOST: &str = "INSERT INTO retail.categories (category_name) VALUES ('LOST')";
const COUNT_LOST: &str = "SELECT count(*) FROM retail.categories WHERE category_name = 'LOST'";

/// The primary is killed under load, and the replica that has received less is promoted.
#[tokio::test]
async fn primary_fails_over_without_a_restart_and_without_a_wrong_answer() {
    let set = ReplicaSet::create(["fail-over", "fail-over-1", "fail-over-2"]).await;
    let primary = Proxy::start(set.primary.port).await;
    let replicas = [
        Proxy::start(set.replicas[0].port).await,
        Proxy::start(set.replicas[1].port).await,
    ];
    let ports = replicas.each_ref().map(|proxy| proxy.port);
    let mut settings = set.settings_with(&ports, Duration::from_secs(5));
    settings.database.port = primary.port;
    let mut server = TestServer::with_settings(&settings).await;
    let expected = expected_counts(&server).await;
    let observer = scope(&settings);

    // The first replica misses the last change of the primary, and much else.
    set.replicas[0].kill().await;
    let mut db = set.primary.superuser().await;
    execute(&mut db, INSERT_LOST).await;
    let more = "SELECT count(pg_logical_emit_message(true, 'test', repeat('x', 100000))) FROM generate_series(1, 50)";
    execute(&mut db, more).await;
    let position = super::replica_set::position(&mut db).await;
    drop(db);
    let mut db = set.replicas[1].superuser().await;
    let is_ahead = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn");
    eventually("the second replica has it", async || {
        boolean(&mut db, &is_ahead).await
    })
    .await;

    let stop = Cell::new(false);
    let clients = (0..4).map(|first| load(&server, first, &expected, &stop));
    let failing = async {
        set.primary.kill().await;
        set.replicas[0].start().await;
        let mut promoting = set.replicas[0].superuser().await;
        let promote = "SELECT pg_promote(true, 60)";
        assert!(boolean(&mut promoting, promote).await);
        primary.retarget(set.replicas[0].port);
        let accepts = Instant::now();
        // A lookup that is not cached needs the primary, too.
        eventually("a new server answers", async || {
            let new = TestServer::with_settings(&settings).await;
            ask(&new, SEATTLE, ORDERS).await == Outcome::Count(expected[0])
        })
        .await;
        eventually("requests succeed", async || {
            ask(&server, SEATTLE, ORDERS).await == Outcome::Count(expected[0])
        })
        .await;
        let took = accepts.elapsed();
        eventually("the row that was lost is not seen", async || {
            server.number(SEATTLE, COUNT_LOST).await == 0
        })
        .await;
        for _ in 0..50 {
            assert_eq!(server.number(SEATTLE, COUNT_LOST).await, 0);
        }
        stop.set(true);
        took
    };
    let (outcomes, took) = tokio::join!(join_all(clients), failing);
    assert!(took < MAX_RECOVERY, "{took:?}");
    let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    let is_allowed = |outcome: &Outcome| *outcome == Outcome::TryAgain;
    assert!(outcomes.iter().all(is_allowed), "{outcomes:?}");
    assert_eq!(
        states(&observer).await,
        [
            ServerState::Ok,
            ServerState::IsPrimary,
            ServerState::OtherTimeline
        ]
    );

    // The operator replaces the second replica by one of the new primary.
    let new_replica = set.replicas[0].create_replica("fail-over-3").await;
    replicas[1].retarget(new_replica.port);
    set.replicas[1].kill().await;
    let seattle = caller(SEATTLE).await;
    watched(&observer, async {
        wait_until_used(&observer, &seattle, &[new_replica.port]).await;
    })
    .await;
    assert_eq!(server.number(SEATTLE, ORDERS).await, expected[0]);
    server.stop().await;
    observer.close().await;
    new_replica.remove().await;
    set.remove().await;
}

/// A replica that is promoted keeps its sessions, and begins a history of its own at once.
#[tokio::test]
async fn replica_that_is_promoted_beside_the_primary_runs_no_query() {
    let set = ReplicaSet::shared().await;
    let promoted = set.primary.create_replica("promoted").await;
    let (scope, seattle) = (
        scope(&set.settings_with(&[promoted.port], LONG)),
        caller(SEATTLE).await,
    );
    watched(&scope, wait_until_used(&scope, &seattle, &[promoted.port])).await;
    // From now on nothing is probed, so only the transaction itself can notice it.
    let mut db = promoted.superuser().await;
    assert!(boolean(&mut db, "SELECT pg_promote(true, 60)").await);
    execute(&mut db, INSERT_LOST).await;
    for _ in 0..3 {
        let seen = run_unguarded(&scope, &seattle, COUNT_LOST).await;
        assert_eq!(seen.expect("a row"), "[[0]]");
    }
    let ran_on = port(run_unguarded(&scope, &seattle, super::PORT).await);
    assert_eq!(ran_on, set.primary.port);
    assert_eq!(
        states(&scope).await,
        [ServerState::Ok, ServerState::IsPrimary]
    );
    scope.close().await;
    drop(db);
    promoted.remove().await;
}
