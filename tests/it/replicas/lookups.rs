use std::time::Duration;

use tokio::time::Instant;
use zava_mcp_server::identity::TenantId;
use zava_mcp_server::query::scope::ScopeError;

use super::replica_set::ReplicaSet;
use super::{LONG, wait_until_used, watched};
use crate::support::{Proxy, SEATTLE, STORES, caller, eventually, run_unguarded, scope};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

fn tenant(id: &str) -> TenantId {
    TenantId::try_from(id.as_bytes()).expect("a tenant id")
}

/// Without the primary, a replica says who exists, and never who does not.
#[tokio::test]
async fn lookups_use_a_replica_while_the_primary_is_away() {
    let set = ReplicaSet::shared().await;
    let mut primary = Proxy::start(set.primary.port).await;
    let ports = set.replicas.each_ref().map(|replica| replica.port);
    let mut settings = set.settings_with(&ports, LONG);
    settings.database.port = primary.port;
    let (scope, seattle) = (scope(&settings), caller(SEATTLE).await);
    let unknown = tenant("11111111-2222-3333-4444-555555555555");
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &ports).await;
        assert!(!scope.tenant_exists(unknown).await.expect("an answer"));
        for is_silent in [false, true] {
            if is_silent {
                primary.blackhole_all_connections();
            } else {
                primary.close().await;
            }
            let begun = Instant::now();
            for store in STORES {
                assert!(scope.tenant_exists(tenant(store)).await.expect("an answer"));
            }
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(4), "{took:?}");
            match scope.tenant_exists(unknown).await {
                Err(ScopeError::Unavailable(_)) => {}
                other => panic!("the tenant may be new: {other:?}"),
            }
            let seen = run_unguarded(&scope, &seattle, ORDERS).await;
            assert_ne!(seen.expect("a row"), "[[0]]");
            if !is_silent {
                let recorded = scope.record("[]").await;
                recorded.expect_err("only the primary can record");
                primary.open().await;
                eventually("the primary answers again", async || {
                    matches!(scope.tenant_exists(unknown).await, Ok(false))
                })
                .await;
            }
        }
    })
    .await;
    scope.close().await;
}

/// A revocation on a primary that this server cannot reach takes effect after the maximum lag.
#[tokio::test]
async fn replicas_answer_for_the_maximum_lag_without_the_primary() {
    let set = ReplicaSet::shared().await;
    let mut primary = Proxy::start(set.primary.port).await;
    let ports = set.replicas.each_ref().map(|replica| replica.port);
    let mut settings = set.settings_with(&ports, Duration::from_secs(1));
    settings.database.port = primary.port;
    let (scope, seattle) = (scope(&settings), caller(SEATTLE).await);
    watched(&scope, async {
        wait_until_used(&scope, &seattle, &ports).await;
        primary.close().await;
        let begun = Instant::now();
        let mut answered = None;
        eventually("lookups fail", async || {
            match scope.tenant_exists(tenant(SEATTLE)).await {
                Ok(exists) => {
                    assert!(exists);
                    answered = Some(begun.elapsed());
                    false
                }
                Err(error) => {
                    assert!(matches!(error, ScopeError::Unavailable(_)), "{error:?}");
                    true
                }
            }
        })
        .await;
        let answered = answered.expect("the replicas answer at first");
        assert!(answered < Duration::from_millis(1_200), "{answered:?}");
        run_unguarded(&scope, &seattle, ORDERS)
            .await
            .expect_err("the replicas' data is too old");
        primary.open().await;
        wait_until_used(&scope, &seattle, &ports).await;
        assert!(
            scope
                .tenant_exists(tenant(SEATTLE))
                .await
                .expect("an answer")
        );
    })
    .await;
    scope.close().await;
}
