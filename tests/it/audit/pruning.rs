use sqlx::{AssertSqlSafe, Connection as _};
use zava_mcp_server::database::connect_as_owner;

use super::{rows, verify};
use crate::support::{SEATTLE, TestServer};

/// The statements that docs/audit.md gives for it, for another record.
fn pruning(before: &str) -> String {
    let page = include_str!("../../../docs/audit.md");
    let (_, rest) = page.split_once("```sql\nBEGIN;").expect("the statements");
    let (statements, _) = rest.split_once("```").expect("their end");
    format!("BEGIN;{}", statements.replace("17", before))
}

/// An administrator who is no superuser deletes old records, and the rest is still proved by an end
/// that was kept.
#[tokio::test]
async fn what_is_left_after_a_pruning_is_proved_from_a_known_end_on() {
    let mut server = TestServer::start().await;
    for _ in 0..3 {
        server.failure(SEATTLE, "SELECT pg_sleep(424242)").await;
    }
    server.stop().await;
    let name = server.database().name.clone();
    let (code, said) = verify(&name, &[]).await;
    assert_eq!(code, Some(0), "{said}");
    let known = said.lines().last().expect("the end").to_owned();
    let (id, hash) = known.split_once(':').expect("a number and a hash");
    // The chain continues after it.
    let mut owner = server.database().owner().await;
    sqlx::raw_sql("SELECT guard.append_audit('{\"kind\": \"act\"}')")
        .execute(&mut owner)
        .await
        .expect("a record");

    let mut settings = server.database().admin_settings();
    settings.embedding_model_dir = None;
    let mut administrator = connect_as_owner(&settings).await.expect("a connection");
    sqlx::raw_sql(AssertSqlSafe(pruning(id)))
        .execute(&mut administrator)
        .await
        .expect("it is pruned");
    administrator.close().await.expect("closed");

    assert_eq!(
        rows(&mut owner, "SELECT min(audit_id)::text FROM guard.audit").await,
        [id]
    );
    // The act is a record itself.
    assert_eq!(
        rows(&mut owner, "SELECT record ->> 'act', record ->> 'before_audit_id' FROM guard.audit ORDER BY audit_id DESC LIMIT 1").await,
        [format!("prune|{id}")]
    );
    let (code, said) = verify(&name, &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("record 1 is missing"), "{said}");
    let (code, said) = verify(&name, &["--from", &known]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("3 records, "), "{said}");
    let end = said.lines().last().expect("the end").to_owned();
    let both = ["--from", known.as_str(), "--expect", end.as_str()];
    assert_eq!(verify(&name, &both).await.0, Some(0));

    // What was known is neither forged nor gone.
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
    for (damage, finding) in [
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
        sqlx::query(damage)
            .bind(id.parse::<i64>().expect("a number"))
            .execute(&mut *tx)
            .await
            .expect(damage);
        tx.commit().await.expect("the damage");
        let (code, said) = verify(&name, &["--from", &known]).await;
        assert!(
            code == Some(1) && said.contains(finding),
            "{damage}: {said}"
        );
    }
}
