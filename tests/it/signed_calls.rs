//! Without the guard: database functions that look up callers or append audit records require the
//! server's signature over exactly their arguments.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::signed_context::sqlstate;
use crate::support::{SEATTLE, TestDatabase, backend_pid, number};

/// A signature is invalid for other arguments, another purpose, another backend, or after its
/// expiry.
#[tokio::test]
async fn caller_lookup_requires_a_signature_over_the_exact_arguments() {
    const ARGUMENTS: &str =
        r#"{"principals": [], "stores": ["zava-retail-seattle"], "role": "reader"}"#;
    const OTHER_ARGUMENTS: &str = r#"{"principals": [], "stores": ["all"], "role": "operator"}"#;
    let database = TestDatabase::shared();
    let (mut db, mut elsewhere) = (database.query_login().await, database.query_login().await);
    let backend = backend_pid(&mut db).await;
    let mut superuser = database.superuser().await;
    let mut sign = async |purpose: &str, seconds: i32| -> (i64, Vec<u8>) {
        sqlx::query_as(include_str!("support/sign_call.sql"))
            .bind(purpose)
            .bind(ARGUMENTS)
            .bind(seconds)
            .bind(backend)
            .fetch_one(&mut superuser)
            .await
            .expect("a signature")
    };
    let (expires, mac) = sign("entitlements", 60).await;
    let (expired, expired_mac) = sign("entitlements", -1).await;
    let (_, key_mac) = sign("api-key", 60).await;
    let look_up =
        async |db: &mut PgConnection, key: i32, arguments: &str, expires: i64, mac: &[u8]| {
            sqlx::query_scalar::<_, String>(
                "SELECT tenant_id::text FROM guard.entitlements($1, $2, $3, $4)",
            )
            .bind(key)
            .bind(arguments)
            .bind(expires)
            .bind(mac)
            .fetch_all(db)
            .await
            .map_err(|error| {
                let error = error.into_database_error().expect("an error of PostgreSQL");
                error.code().expect("a SQLSTATE").into_owned()
            })
        };
    assert_eq!(
        look_up(&mut db, 1, ARGUMENTS, expires, &mac).await,
        Ok(vec![SEATTLE.to_owned()])
    );
    let refused = |state: &str| Err(state.to_owned());
    assert_eq!(
        look_up(&mut db, 1, OTHER_ARGUMENTS, expires, &mac).await,
        refused("ZV002")
    );
    assert_eq!(
        look_up(&mut db, 1, ARGUMENTS, expires + 1, &mac).await,
        refused("ZV002")
    );
    assert_eq!(
        look_up(&mut db, 1, ARGUMENTS, expires, &mac[..16]).await,
        refused("ZV002")
    );
    assert_eq!(
        look_up(&mut db, 1, ARGUMENTS, expires, &key_mac).await,
        refused("ZV002")
    );
    assert_eq!(
        look_up(&mut elsewhere, 1, ARGUMENTS, expires, &mac).await,
        refused("ZV002")
    );
    assert_eq!(
        look_up(&mut db, 2, ARGUMENTS, expires, &mac).await,
        refused("ZV001")
    );
    assert_eq!(
        look_up(&mut db, 1, ARGUMENTS, expired, &expired_mac).await,
        refused("ZV004")
    );
    // For another purpose it is invalid, even in a read-write transaction.
    sqlx::raw_sql("BEGIN READ WRITE")
        .execute(&mut db)
        .await
        .expect("begun");
    for function in [
        "SELECT * FROM guard.api_key(1, $1, $2, $3)",
        "SELECT * FROM guard.record(1, $1, $2, $3)",
        "SELECT guard.record_verdict(1, $1, $2, $3)",
    ] {
        sqlx::raw_sql("SAVEPOINT before")
            .execute(&mut db)
            .await
            .expect("saved");
        let used = sqlx::query(function)
            .bind(ARGUMENTS)
            .bind(expires)
            .bind(&mac)
            .fetch_all(&mut db)
            .await;
        assert_eq!(sqlstate(used), "ZV002", "{function}");
        sqlx::raw_sql("ROLLBACK TO before")
            .execute(&mut db)
            .await
            .expect("back");
    }
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut db)
        .await
        .expect("over");
}

/// The audit log accepts only records signed for it and for this backend, in a read-write
/// transaction.
#[tokio::test]
async fn audit_append_requires_a_signature_over_the_exact_records() {
    const RECORDS: &str = r#"[{"kind": "act", "act": "tried"}]"#;
    const FORGED: &str = r#"[{"kind": "act", "act": "forged"}]"#;
    let database = TestDatabase::new().await;
    let (mut db, mut elsewhere) = (database.query_login().await, database.query_login().await);
    let backend = backend_pid(&mut db).await;
    let mut superuser = database.superuser().await;
    let mut sign = async |purpose: &str| -> (i64, Vec<u8>) {
        sqlx::query_as(include_str!("support/sign_call.sql"))
            .bind(purpose)
            .bind(RECORDS)
            .bind(60)
            .bind(backend)
            .fetch_one(&mut superuser)
            .await
            .expect("a signature")
    };
    let (expires, mac) = sign("record").await;
    let (other_expires, other_mac) = sign("entitlements").await;
    let record =
        async |db: &mut PgConnection, mode: &str, records: &str, expires: i64, mac: &[u8]| {
            // The mode comes from this test alone.
            sqlx::raw_sql(AssertSqlSafe(format!("BEGIN {mode}")))
                .execute(&mut *db)
                .await
                .expect("begun");
            let done = sqlx::query("SELECT * FROM guard.record(1, $1, $2, $3)")
                .bind(records)
                .bind(expires)
                .bind(mac)
                .fetch_all(&mut *db)
                .await;
            sqlx::raw_sql("COMMIT").execute(db).await.expect("over");
            sqlstate(done)
        };
    for (mode, records, expires, mac, state) in [
        ("READ ONLY", RECORDS, expires, &mac, "25006"),
        ("READ WRITE", FORGED, expires, &mac, "ZV002"),
        ("READ WRITE", RECORDS, expires + 1, &mac, "ZV002"),
        ("READ WRITE", RECORDS, other_expires, &other_mac, "ZV002"),
    ] {
        assert_eq!(
            record(&mut db, mode, records, expires, mac).await,
            state,
            "{mode} {records}"
        );
    }
    assert_eq!(
        record(&mut elsewhere, "READ WRITE", RECORDS, expires, &mac).await,
        "ZV002"
    );
    let recorded = "SELECT count(*) FROM guard.audit WHERE record ->> 'act' IN ('tried', 'forged')";
    let mut owner = database.owner().await;
    assert_eq!(number(&mut owner, recorded).await, 0);
    assert_eq!(
        record(&mut db, "READ WRITE", RECORDS, expires, &mac).await,
        "done"
    );
    assert_eq!(number(&mut owner, recorded).await, 1);
}
