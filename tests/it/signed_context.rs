//! The guard is switched off: statements go straight to the database as the login that only queries, and the database
//! alone must hold.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::{Entry, HEAD_OFFICE, REDMOND, SEATTLE, TestDatabase, number};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

#[tokio::test]
async fn without_a_signed_context_the_query_login_sees_nothing() {
    let database = TestDatabase::new().await;
    let mut db = database.query_login().await;
    for table in [
        "orders",
        "order_items",
        "inventory",
        "customers",
        "categories",
        "product_types",
        "products",
        "product_description_embeddings",
    ] {
        assert_eq!(
            number(&mut db, &format!("SELECT count(*) FROM retail.{table}")).await,
            0,
            "{table}"
        );
    }
    assert_eq!(
        number(&mut db, "SELECT count(store_id) FROM retail.stores").await,
        0
    );
}

#[tokio::test]
async fn a_forged_context_shows_nothing() {
    let database = TestDatabase::new().await;
    let mut db = database.query_login().await;
    let zeros = "00".repeat(32);
    for forged in [
        SEATTLE.to_owned(),
        format!("1:{SEATTLE}:"),
        format!("1:{SEATTLE}:{zeros}"),
        format!("2:{SEATTLE}:{zeros}"),
        format!("999999999:{SEATTLE}:x"),
        format!("99999999999999999999:{SEATTLE}:x"),
        format!("-1:{SEATTLE}:x"),
        "1:not-a-uuid:x".to_owned(),
        ":::".to_owned(),
        "1::".to_owned(),
        String::new(),
    ] {
        set(&mut db, &forged).await;
        assert_eq!(number(&mut db, ORDERS).await, 0, "{forged}");
        let inside = format!(
            "WITH x AS MATERIALIZED (SELECT set_config('zava.context', '{forged}', true)) {ORDERS}, x"
        );
        assert_eq!(number(&mut db, &inside).await, 0, "{forged}");
    }
}

#[tokio::test]
async fn a_context_changed_within_its_transaction_shows_nothing_of_others() {
    let database = TestDatabase::new().await;
    let mut db = database.signed(REDMOND).await;
    let own = number(&mut db, ORDERS).await;
    assert!(own > 0);
    let foreign = context(&mut db).await.replace(REDMOND, HEAD_OFFICE);
    for (name, value) in [
        ("app.current_rls_user_id", HEAD_OFFICE),
        ("zava.context", HEAD_OFFICE),
        ("zava.context", &foreign),
    ] {
        let sql = format!(
            "WITH x AS MATERIALIZED (SELECT set_config('{name}', '{value}', true)) {ORDERS}, x"
        );
        let seen = number(&mut db, &sql).await;
        assert!(seen == 0 || seen == own, "{name} = {value}: {seen}");
    }
}

#[tokio::test]
async fn a_captured_context_is_worth_nothing_elsewhere() {
    let database = TestDatabase::new().await;
    let mut db = database.query_login().await;
    sqlx::raw_sql("BEGIN READ ONLY")
        .execute(&mut db)
        .await
        .expect("begin");
    let entry = database.sign(SEATTLE, &mut db).await;
    entry.enter(&mut db).await.expect("a valid entry");
    let context = context(&mut db).await;
    assert!(
        number(&mut db, ORDERS).await > 0,
        "the context works where it was made"
    );

    // On another backend, at the same time.
    let mut other = database.query_login().await;
    set(&mut other, &context).await;
    assert_eq!(number(&mut other, ORDERS).await, 0);
    assert_eq!(
        entry.enter(&mut other).await,
        Err("ZV002".to_owned()),
        "it was signed for another backend"
    );

    // On the same backend, one transaction later.
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut db)
        .await
        .expect("rollback");
    set(&mut db, &context).await;
    assert_eq!(number(&mut db, ORDERS).await, 0);
}

#[tokio::test]
async fn entering_needs_the_servers_signature_over_exactly_this_tenant() {
    let database = TestDatabase::new().await;
    let mut db = database.query_login().await;
    let valid = database.sign(SEATTLE, &mut db).await;
    let unknown = database
        .sign("11111111-1111-1111-1111-111111111111", &mut db)
        .await;
    let mac = valid.mac.clone().expect("a MAC");
    let mut bent = mac.clone();
    bent[31] ^= 1;
    let cases = [
        (
            "another tenant",
            Entry {
                tenant: HEAD_OFFICE.to_owned(),
                ..valid.clone()
            },
            "ZV002",
        ),
        (
            "another expiry",
            Entry {
                expires: valid.expires + 1,
                ..valid.clone()
            },
            "ZV002",
        ),
        (
            "a bent MAC",
            Entry {
                mac: Some(bent),
                ..valid.clone()
            },
            "ZV002",
        ),
        (
            "a short MAC",
            Entry {
                mac: Some(mac[..16].to_vec()),
                ..valid.clone()
            },
            "ZV002",
        ),
        (
            "no MAC",
            Entry {
                mac: None,
                ..valid.clone()
            },
            "ZV002",
        ),
        (
            "an unknown key",
            Entry {
                key_id: 2,
                ..valid.clone()
            },
            "ZV001",
        ),
        ("an unknown tenant", unknown, "ZV003"),
    ];
    for (what, entry, state) in cases {
        assert_eq!(entry.enter(&mut db).await, Err(state.to_owned()), "{what}");
    }
    sqlx::raw_sql("BEGIN READ ONLY")
        .execute(&mut db)
        .await
        .expect("begin");
    assert_eq!(
        valid.enter(&mut db).await,
        Ok(()),
        "what was bent works unbent"
    );
}

#[tokio::test]
async fn an_expired_signature_does_not_enter() {
    let database = TestDatabase::new().await;
    let mut db = database.query_login().await;
    let valid = database.sign(SEATTLE, &mut db).await;
    let mut owner = database.superuser().await;
    let expires = valid.expires - 3_600_000_000;
    let mac: Vec<u8> = sqlx::query_scalar(
        "SELECT guard.mac(1, convert_to('zava/enter/1', 'UTF8') || uuid_send($1::uuid) || int8send($2) || int4send($3))",
    )
    .bind(SEATTLE)
    .bind(expires)
    .bind(number(&mut db, "SELECT pg_backend_pid()::bigint").await as i32)
    .fetch_one(&mut owner)
    .await
    .expect("a MAC");
    let expired = Entry {
        expires,
        mac: Some(mac),
        ..valid
    };
    assert_eq!(expired.enter(&mut db).await, Err("ZV004".to_owned()));
}

/// Neither can the login write, nor become somebody else, whatever it sets.
#[tokio::test]
async fn the_query_login_cannot_write_or_change_roles() {
    let database = TestDatabase::new().await;
    let mut db = database.query_login().await;
    for sql in [
        "INSERT INTO retail.stores (store_name, rls_user_id) VALUES ('x', gen_random_uuid())",
        "UPDATE retail.orders SET store_id = 1",
        "DELETE FROM retail.orders",
        "TRUNCATE retail.orders",
        "CREATE TABLE retail.x (a int)",
        "CREATE TABLE public.x (a int)",
        "CREATE TEMP TABLE x (a int)",
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE zava_owner",
        "SET ROLE zava_reader",
        "SET ROLE zava_admin",
        "SET SESSION AUTHORIZATION postgres",
        "SELECT set_config('role', 'zava_owner', true)",
        "SELECT * FROM guard.tenant",
        "SELECT * FROM guard.signing_key",
        "SELECT guard.mac(1, '')",
        "SELECT guard.context_mac(1, gen_random_uuid())",
        "SELECT rls_user_id FROM retail.stores",
        "SELECT * FROM retail.stores",
        "SELECT s FROM retail.stores s",
        "SELECT row_to_json(s) FROM retail.stores s",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT nextval('retail.orders_order_id_seq')",
        "SET row_security = off; SELECT count(*) FROM retail.orders",
    ] {
        // Not in a transaction of the server's, and with the login's own brake released.
        sqlx::raw_sql("SET default_transaction_read_only = off")
            .execute(&mut db)
            .await
            .expect("set");
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut db)
            .await;
        assert!(done.is_err(), "{sql}");
        sqlx::raw_sql("RESET ALL")
            .execute(&mut db)
            .await
            .expect("reset");
    }
}

async fn context(db: &mut sqlx::PgConnection) -> String {
    sqlx::query_scalar("SELECT current_setting('zava.context')")
        .fetch_one(db)
        .await
        .expect("the context")
}

async fn set(db: &mut sqlx::PgConnection, context: &str) {
    let set = sqlx::query("SELECT set_config('zava.context', $1, false)")
        .bind(context)
        .execute(db)
        .await;
    set.expect("a setting that anybody may set");
}

/// What the database knows of callers is told to the server alone: with the guard switched off, a signature is worth nothing for
/// another question, another purpose, another backend, or later.
#[tokio::test]
async fn asking_about_callers_needs_the_servers_signature_over_exactly_the_question() {
    const QUESTION: &str =
        r#"{"principals": [], "stores": ["zava-retail-seattle"], "role": "reader"}"#;
    const OTHER: &str = r#"{"principals": [], "stores": ["all"], "role": "operator"}"#;
    let database = TestDatabase::new().await;
    let (mut db, mut elsewhere) = (database.query_login().await, database.query_login().await);
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut db)
        .await
        .expect("a process id");
    let mut superuser = database.superuser().await;
    let mut sign = async |purpose: &str, seconds: i32| -> (i64, Vec<u8>) {
        sqlx::query_as(include_str!("support/sign_question.sql"))
            .bind(purpose)
            .bind(QUESTION)
            .bind(seconds)
            .bind(backend)
            .fetch_one(&mut superuser)
            .await
            .expect("a signature")
    };
    let (expires, mac) = sign("entitlements", 60).await;
    let (late, late_mac) = sign("entitlements", -1).await;
    let (_, key_mac) = sign("api-key", 60).await;
    let ask = async |db: &mut PgConnection, key: i32, question: &str, expires: i64, mac: &[u8]| {
        sqlx::query_scalar::<_, String>(
            "SELECT tenant_id::text FROM guard.entitlements($1, $2, $3, $4)",
        )
        .bind(key)
        .bind(question)
        .bind(expires)
        .bind(mac)
        .fetch_all(db)
        .await
        .map_err(|error| {
            let error = error.into_database_error().expect("the database's word");
            error.code().expect("a SQLSTATE").into_owned()
        })
    };
    assert_eq!(
        ask(&mut db, 1, QUESTION, expires, &mac).await,
        Ok(vec![SEATTLE.to_owned()])
    );
    let refused = |state: &str| Err(state.to_owned());
    assert_eq!(
        ask(&mut db, 1, OTHER, expires, &mac).await,
        refused("ZV002")
    );
    assert_eq!(
        ask(&mut db, 1, QUESTION, expires + 1, &mac).await,
        refused("ZV002")
    );
    assert_eq!(
        ask(&mut db, 1, QUESTION, expires, &mac[..16]).await,
        refused("ZV002")
    );
    assert_eq!(
        ask(&mut db, 1, QUESTION, expires, &key_mac).await,
        refused("ZV002")
    );
    assert_eq!(
        ask(&mut elsewhere, 1, QUESTION, expires, &mac).await,
        refused("ZV002")
    );
    assert_eq!(
        ask(&mut db, 2, QUESTION, expires, &mac).await,
        refused("ZV001")
    );
    assert_eq!(
        ask(&mut db, 1, QUESTION, late, &late_mac).await,
        refused("ZV004")
    );
    // For another purpose it is worth nothing, not even where something could be written.
    sqlx::raw_sql("BEGIN READ WRITE")
        .execute(&mut db)
        .await
        .expect("begun");
    for function in [
        "SELECT * FROM guard.api_key(1, $1, $2, $3)",
        "SELECT * FROM guard.record(1, $1, $2, $3)",
    ] {
        sqlx::raw_sql("SAVEPOINT before")
            .execute(&mut db)
            .await
            .expect("saved");
        let used = sqlx::query(function)
            .bind(QUESTION)
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

/// The audit trail takes what the server has signed for it, for this backend, where the transaction may write, and nothing else.
#[tokio::test]
async fn recording_needs_the_servers_signature_over_exactly_the_records() {
    const RECORDS: &str = r#"[{"kind": "act", "act": "tried"}]"#;
    const FORGED: &str = r#"[{"kind": "act", "act": "forged"}]"#;
    let database = TestDatabase::new().await;
    let (mut db, mut elsewhere) = (database.query_login().await, database.query_login().await);
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut db)
        .await
        .expect("a process id");
    let mut superuser = database.superuser().await;
    let mut sign = async |purpose: &str| -> (i64, Vec<u8>) {
        sqlx::query_as(include_str!("support/sign_question.sql"))
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
            // The mode is this test's own.
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

/// What the database said to a statement.
fn sqlstate<T>(result: Result<T, sqlx::Error>) -> String {
    result.map_or_else(
        |error| {
            let error = error.into_database_error().expect("the database's word");
            error.code().expect("a SQLSTATE").into_owned()
        },
        |_| "done".to_owned(),
    )
}
