use sqlx::AssertSqlSafe;

use super::replica_set::{ReplicaSet, execute};
use super::{LONG, port, wait_until_used, watched};
use crate::support::{
    HEAD_OFFICE, REDMOND, SEATTLE, STORES, backend_pid, begin_signed, caller, number,
    run_unguarded, scope, sign,
};

/// The stores of all visible orders.
const VISIBLE_STORES: &str = "SELECT count(DISTINCT store_id) FROM retail.orders";

/// The server's statements on a replica, without the guard.
#[tokio::test]
async fn tenants_see_their_own_rows_on_replicas_without_the_guard() {
    let set = ReplicaSet::shared().await;
    let ports = set.replicas.each_ref().map(|replica| replica.port);
    let scope = scope(&set.settings_with(&ports, LONG));
    watched(&scope, async {
        let seattle = caller(SEATTLE).await;
        wait_until_used(&scope, &seattle, &ports).await;
        for (tenant, stores) in [(SEATTLE, "[[1]]"), (REDMOND, "[[1]]"), (HEAD_OFFICE, "[[8]]")] {
            let caller = caller(tenant).await;
            for _ in 0..4 {
                let seen = run_unguarded(&scope, &caller, VISIBLE_STORES).await;
                assert_eq!(seen.expect("a row"), stores, "{tenant}");
                let ran_on = "SELECT inet_server_port() FROM retail.orders LIMIT 1";
                let ran_on = port(run_unguarded(&scope, &caller, ran_on).await);
                assert!(ports.contains(&ran_on), "{ran_on}");
            }
        }
        let own = run_unguarded(&scope, &seattle, "SELECT count(*) FROM retail.orders").await;
        let own = own.expect("a row");
        // A statement that sets another tenant's context has no valid one to set.
        for stolen in [
            "SELECT count(*) FROM retail.orders, set_config('zava.context', '', true) AS c",
            "SELECT count(*) FROM set_config('zava.context', 'x', true) AS c, retail.orders WHERE c IS NOT NULL",
            "SELECT count(*) FROM (SELECT set_config('zava.context', replace(current_setting('zava.context'), 'f47ac10b-58cc-4372-a567-0e02b2c3d479', 'e7f8a9b0-c1d2-3e4f-5678-90abcdef1234'), true) OFFSET 0) AS c, retail.orders WHERE store_id <> (SELECT min(store_id) FROM retail.stores)",
        ] {
            // A context that was verified before it was replaced is Seattle's own.
            if let Ok(rows) = run_unguarded(&scope, &seattle, stolen).await {
                assert!(rows == "[[0]]" || rows == own, "{stolen}: {rows}");
            }
        }
        // Nothing is written there, whatever the statement.
        for write in [
            "DELETE FROM retail.orders",
            "CREATE TEMPORARY TABLE stolen AS SELECT * FROM retail.orders",
            "SELECT nextval('retail.orders_order_id_seq')",
        ] {
            let refused = run_unguarded(&scope, &seattle, write).await;
            refused.expect_err("a replica is read-only");
        }
    })
    .await;
    scope.close().await;
}

/// The query login alone, connected to a replica: each context is verified there.
#[tokio::test]
async fn contexts_are_verified_on_replicas() {
    let set = ReplicaSet::shared().await;
    let mut signing = set.primary.superuser().await;
    for replica in &set.replicas {
        let mut db = replica.query_login().await;
        assert_eq!(
            number(&mut db, VISIBLE_STORES).await,
            0,
            "without a context"
        );
        for store in STORES {
            begin_signed(&mut db, &mut signing, store).await;
            assert_eq!(number(&mut db, VISIBLE_STORES).await, 1, "{store}");
            execute(&mut db, "ROLLBACK").await;
        }
        let other_backend = backend_pid(&mut db).await + 1;
        let foreign = sign(&mut signing, SEATTLE, other_backend, 30).await;
        let backend = backend_pid(&mut db).await;
        let expired = sign(&mut signing, SEATTLE, backend, -1).await;
        for (context, sqlstate) in [
            (foreign.as_str(), "ZV002"),
            (&expired, "ZV004"),
            ("x", "ZV002"),
        ] {
            execute(&mut db, "BEGIN READ ONLY").await;
            let set_context = format!("SELECT set_config('zava.context', '{context}', true)");
            execute(&mut db, &set_context).await;
            let refused = sqlx::query(AssertSqlSafe(VISIBLE_STORES))
                .fetch_one(&mut db)
                .await;
            let error = refused.expect_err("the context is not valid");
            let error = error.as_database_error().expect("the database refuses");
            assert_eq!(error.code().as_deref(), Some(sqlstate));
            execute(&mut db, "ROLLBACK").await;
        }
    }
}
