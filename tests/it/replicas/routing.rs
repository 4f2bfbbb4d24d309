use std::time::{Duration, SystemTime};

use zava_mcp_server::identity::TenantId;
use zava_mcp_server::query::scope::ServerState;

use super::replica_set::ReplicaSet;
use super::{LONG, PORT, port, ports_in_use, states, wait_until_used, watched};
use crate::support::{Proxy, SEATTLE, caller, run_unguarded, scope, scope_with_clock};

#[tokio::test]
async fn queries_run_on_replicas_in_one_round_trip_and_lookups_on_the_primary() {
    let set = ReplicaSet::shared().await;
    let primary = Proxy::start(set.primary.port).await;
    let replicas = [
        Proxy::start(set.replicas[0].port).await,
        Proxy::start(set.replicas[1].port).await,
    ];
    let ports = replicas.each_ref().map(|proxy| proxy.port);
    let mut settings = set.settings_with(&ports, LONG);
    settings.database.port = primary.port;
    let (scope, seattle) = (scope(&settings), caller(SEATTLE).await);
    let [first, second] = set.replicas.each_ref().map(|replica| replica.port);
    watched(&scope, async {
        // The first query does not wait until a replica was compared with the primary.
        let ran_on = port(run_unguarded(&scope, &seattle, PORT).await);
        assert_eq!(ran_on, set.primary.port);
        wait_until_used(&scope, &seattle, &[first, second]).await;
    })
    .await;
    // Nothing is probed from now on.
    let take = || {
        let replicas: usize = replicas.iter().map(Proxy::take_round_trips).sum();
        (primary.take_round_trips(), replicas)
    };
    take();
    for _ in 0..6 {
        let ran_on = port(run_unguarded(&scope, &seattle, PORT).await);
        assert!([first, second].contains(&ran_on), "{ran_on}");
    }
    assert_eq!(take(), (0, 6));
    for _ in 0..3 {
        let exists = scope.tenant_exists(TenantId::HEAD_OFFICE).await;
        assert!(exists.expect("an answer"));
    }
    assert_eq!(take(), (3, 0));
    scope.close().await;
}

#[tokio::test]
async fn queries_go_to_the_replica_with_fewer_of_them() {
    let set = ReplicaSet::shared().await;
    let (scope, seattle) = (scope(&set.settings()), caller(SEATTLE).await);
    let [first, second] = set.replicas.each_ref().map(|replica| replica.port);
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &[first, second]).await;
        let slow = "SELECT inet_server_port() FROM pg_sleep(1)";
        let mut slow = Box::pin(run_unguarded(&scope, &seattle, slow));
        let mut beside = Vec::new();
        let slow = loop {
            tokio::select! {
                done = &mut slow => break port(done),
                ran_on = run_unguarded(&scope, &seattle, PORT) => beside.push(port(ran_on)),
            }
        };
        assert!(beside.len() > 10, "{beside:?}");
        let others = beside.iter().filter(|ran_on| **ran_on != slow).count();
        // A probe may run on the other replica at that moment.
        assert!(others * 10 >= beside.len() * 9, "{slow}: {beside:?}");
    })
    .await;
    scope.close().await;
}

#[tokio::test]
async fn replica_that_is_a_primary_is_left_out() {
    let set = ReplicaSet::shared().await;
    let proxy = Proxy::start(set.primary.port).await;
    let replica = set.replicas[0].port;
    let settings = set.settings_with(&[proxy.port, replica], Duration::from_secs(5));
    let (scope, seattle) = (scope(&settings), caller(SEATTLE).await);
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &[replica]).await;
        for _ in 0..5 {
            assert_eq!(ports_in_use(&scope, &seattle).await, [replica].into());
        }
        assert_eq!(
            states(&scope).await,
            [ServerState::Ok, ServerState::IsPrimary, ServerState::Ok]
        );
    })
    .await;
    scope.close().await;
}

/// A replica whose clock is as wrong accepts no signed context.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the tests hand the clock in")]
async fn replica_with_a_large_clock_skew_is_left_out() {
    let set = ReplicaSet::shared().await;
    let behind = || SystemTime::now() - Duration::from_secs(40);
    let scope = scope_with_clock(&set.settings(), behind);
    let statuses = scope.server_statuses().await;
    for status in &statuses[1..] {
        assert_eq!(status.state, ServerState::ClockSkew);
        let skew = status.clock_skew.expect("a skew").as_secs_f64();
        assert!((39.0..41.0).contains(&skew), "{skew}");
    }
    scope.close().await;
}
