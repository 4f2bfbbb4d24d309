use sqlx::{AssertSqlSafe, Connection as _};
use zava_mcp_server::database::connect_as_owner;

use super::{rows, verify};
use crate::support::{SEATTLE, TestServer};

/// The pruning statements of docs/audit.md, for another record.
fn pruning_sql(before: &str) -> String {
    let page = include_str!("../../../docs/audit.md");
    let (_, rest) = page.split_once("```sql\nBEGIN;").expect("the statements");
    let (statements, _) = rest.split_once("```").expect("their end");
    format!("BEGIN;{}", statements.replace("17", before))
}

/// An administrator without superuser deletes old records; the rest verifies from a chain head that
/// was kept.
#[tokio::test]
async fn records_left_after_pruning_verify_from_a_known_chain_head() {
    let mut server = TestServer::start().await;
    for _ in 0..3 {
        server.failure(SEATTLE, "SELECT pg_sleep(424242)").await;
    }
    server.stop().await;
    let name = server.database().name.clone();
    let (code, said) = verify(&name, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    let known_head = said.lines().last().expect("the chain head").to_owned();
    let (id, hash) = known_head.split_once(':').expect("a number and a hash");
    // The chain continues after the kept head.
    let mut owner = server.database().owner().await;
    sqlx::raw_sql("SELECT guard.append_audit('{\"kind\": \"act\"}')")
        .execute(&mut owner)
        .await
        .expect("a record");

    let mut settings = server.database().admin_settings();
    settings.search.embedder = None;
    let mut administrator = connect_as_owner(&settings).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(pruning_sql(id)))
        .execute(&mut administrator)
        .await
        .expect("it is pruned");
    administrator.close().await.expect("closed");

    assert_eq!(
        rows(&mut owner, "SELECT min(audit_id)::text FROM guard.audit").await,
        [id]
    );
    // The pruning is recorded as an act itself.
    assert_eq!(
        rows(&mut owner, "SELECT record ->> 'act', record ->> 'before_audit_id' FROM guard.audit ORDER BY audit_id DESC LIMIT 1").await,
        [format!("prune|{id}")]
    );
    let (code, said) = verify(&name, &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("record 1 is missing"), "{said}");
    let (code, said) = verify(&name, &["--from", &known_head]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("3 records, "), "{said}");
    let head = said.lines().last().expect("the chain head").to_owned();
    let both = ["--from", known_head.as_str(), "--expect", head.as_str()];
    assert_eq!(verify(&name, &both).await.0, Some(0));

    // The kept chain head must exist and match.
    let forged = format!("{id}:{}", "0".repeat(hash.len()));
    let (code, said) = verify(&name, &["--from", &forged]).await;
    assert!(
        code == Some(1) && said.contains("has an unexpected hash"),
        "{said}"
    );
    let later = format!("4000:{hash}");
    let (code, said) = verify(&name, &["--from", &later]).await;
    assert!(
        code == Some(1) && said.contains("record 4000 is missing"),
        "{said}"
    );
    let mut superuser = server.database().superuser().await;
    for (change, finding) in [
        (
            "UPDATE guard.audit SET record = '{}' WHERE audit_id = $1",
            "has been changed",
        ),
        ("DELETE FROM guard.audit WHERE audit_id = $1", "is missing"),
    ] {
        let mut tx = superuser.begin().await.expect("a transaction");
        sqlx::raw_sql("ALTER TABLE guard.audit DISABLE TRIGGER append_only")
            .execute(&mut *tx)
            .await
            .expect("switched off");
        sqlx::query(change)
            .bind(id.parse::<i64>().expect("a number"))
            .execute(&mut *tx)
            .await
            .expect(change);
        tx.commit().await.expect("the change");
        let (code, said) = verify(&name, &["--from", &known_head]).await;
        assert!(
            code == Some(1) && said.contains(finding),
            "{change}: {said}"
        );
    }
}
