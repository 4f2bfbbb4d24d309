use std::time::Duration;

use uuid::Uuid;
use zava_mcp_server::database::{self, NewTenant};
use zava_mcp_server::query::scope::ServerState;
use zava_mcp_server::settings::SigningKey;

use super::replica_set::{ReplicaSet, execute};
use super::{LONG, PORT, port, states, wait_until_used, watched};
use crate::support::{ActivityMonitor, SEATTLE, caller, run_unguarded, scope};

/// Reads a row of the tenant, so that the database verifies its context.
const PORT_AND_STORE: &str = "SELECT inet_server_port() FROM retail.stores LIMIT 1";

/// Makes the primary write.
const WRITE: &str = "CREATE SCHEMA IF NOT EXISTS written; DROP SCHEMA written";

#[tokio::test]
async fn replica_that_does_not_replay_is_left_out_until_it_does() {
    let set = ReplicaSet::shared().await;
    let [paused, other] = set.replicas.each_ref().map(|replica| replica.port);
    let settings = set.settings_with(&[paused, other], Duration::from_secs(1));
    let (scope, seattle) = (scope(&settings), caller(SEATTLE).await);
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &[paused, other]).await;
        set.pause_replay(0).await;
        execute(&mut set.primary.superuser().await, WRITE).await;
        wait_until_used(&scope, &seattle, &[other]).await;
        assert_eq!(
            states(&scope).await,
            [ServerState::Ok, ServerState::Lagging, ServerState::Ok]
        );
        set.pause_replay(1).await;
        execute(&mut set.primary.superuser().await, WRITE).await;
        wait_until_used(&scope, &seattle, &[set.primary.port]).await;
        set.resume_replay(0).await;
        set.resume_replay(1).await;
        wait_until_used(&scope, &seattle, &[paused, other]).await;
    })
    .await;
    scope.close().await;
}

/// A query may wait for seconds until its replica has a free connection.
#[tokio::test]
async fn replica_that_falls_behind_while_a_query_waits_does_not_run_it() {
    let set = ReplicaSet::shared().await;
    let replica = &set.replicas[0];
    let mut settings = set.settings_with(&[replica.port], Duration::from_secs(1));
    settings.limits.tenant_connections = 1.try_into().expect("not zero");
    let (scope, seattle) = (scope(&settings), caller(SEATTLE).await);
    let mut monitor = ActivityMonitor::from_connection(replica.superuser().await);
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &[replica.port]).await;
        let sleeping = run_unguarded(
            &scope,
            &seattle,
            "SELECT inet_server_port() FROM pg_sleep(4)",
        );
        let waiting = async {
            monitor.wait_until_running(1).await;
            let query = run_unguarded(&scope, &seattle, PORT);
            let falling_behind = async {
                set.pause_replay(0).await;
                execute(&mut set.primary.superuser().await, WRITE).await;
            };
            let (ran_on, ()) = tokio::join!(query, falling_behind);
            port(ran_on)
        };
        let (slept_on, ran_on) = tokio::join!(sleeping, waiting);
        assert_eq!(port(slept_on), replica.port);
        assert_eq!(ran_on, set.primary.port);
        set.resume_replay(0).await;
        wait_until_used(&scope, &seattle, &[replica.port]).await;
    })
    .await;
    scope.close().await;
}

/// What the replicas have not replayed yet, the primary has: the caller notices nothing.
#[tokio::test]
async fn new_tenant_or_key_is_served_before_the_replicas_have_replayed_it() {
    let set = ReplicaSet::shared().await;
    let [first, second] = set.replicas.each_ref().map(|replica| replica.port);
    let settings = set.settings_with(&[first, second], LONG);
    let mut admin = set.primary.admin_settings();
    let key = "2:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key: SigningKey = key.parse().expect("a key");
    admin.signing_key = key.into();
    let mut new_settings = settings.clone();
    new_settings.signing_key = admin.signing_key.clone();
    let (old_key, new_key) = (scope(&settings), scope(&new_settings));
    let id = Uuid::from_u128(0x5ca1_ab1e);
    let (seattle, tenant) = (caller(SEATTLE).await, caller(&id.to_string()).await);
    let testing = async {
        // A query that reads no row needs no valid key.
        for scope in [&old_key, &new_key] {
            wait_until_used(scope, &seattle, &[first, second]).await;
        }
        for index in [0, 1] {
            set.pause_replay(index).await;
        }
        let mut owner = database::connect_as_owner(&admin).await.expect("the owner");
        let new = NewTenant::Store { is_online: false };
        let added = database::add_tenant(&mut owner, id, "Zava Retail Fremont", new).await;
        added.expect("a tenant");
        database::migrate(&admin).await.expect("it migrates");
        // The replicas report ZV003 to the first scope, and ZV001 to the second.
        for (scope, caller) in [(&old_key, &tenant), (&new_key, &seattle)] {
            for _ in 0..4 {
                let ran_on = run_unguarded(scope, caller, PORT_AND_STORE).await;
                assert_eq!(port(ran_on), set.primary.port);
            }
        }
        for index in [0, 1] {
            set.resume_replay(index).await;
        }
        set.wait_until_replayed().await;
        for scope in [&old_key, &new_key] {
            for caller in [&seattle, &tenant] {
                let ran_on = port(run_unguarded(scope, caller, PORT_AND_STORE).await);
                assert!([first, second].contains(&ran_on), "{ran_on}");
            }
        }
    };
    watched(&old_key, watched(&new_key, testing)).await;
    old_key.close().await;
    new_key.close().await;
    let mut owner = database::connect_as_owner(&admin).await.expect("the owner");
    let removed = database::remove_tenant(&mut owner, &id.to_string()).await;
    removed.expect("the tenant is removed");
    // Other tests use the first key.
    database::migrate(&set.primary.admin_settings())
        .await
        .expect("it migrates");
}

/// The statement reads a table that is locked on the primary meanwhile: the replica must cancel it
/// to replay the lock.
#[tokio::test]
async fn statement_cancelled_by_a_recovery_conflict_runs_again() {
    let set = ReplicaSet::shared().await;
    let [first, second] = set.replicas.each_ref().map(|replica| replica.port);
    let (scope, seattle) = (scope(&set.settings()), caller(SEATTLE).await);
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &[first, second]).await;
        let slow = "SELECT inet_server_port() FROM pg_sleep(1), retail.stores LIMIT 1";
        let locking = async {
            let ran_on = set.replica_that_runs("%pg_sleep(1)%").await;
            let lock = "BEGIN; LOCK TABLE retail.stores IN ACCESS EXCLUSIVE MODE; COMMIT";
            execute(&mut set.primary.superuser().await, lock).await;
            ran_on
        };
        let (ran_on, cancelled_on) = tokio::join!(run_unguarded(&scope, &seattle, slow), locking);
        // Only a cancelled statement moves to another server.
        assert_ne!(port(ran_on), cancelled_on);
    })
    .await;
    scope.close().await;
}
