use serde_json::json;
use sqlx::Row as _;

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, STORES, TestDatabase, TestServer};

/// The number of rows that a tenant sees of each table, beside what the superuser counts for its store.
#[tokio::test]
async fn each_store_sees_exactly_its_own_rows() {
    let server = TestServer::start().await;
    let mut db = server.database().superuser().await;
    for tenant in STORES {
        let expected = sqlx::query(include_str!("tenancy/visible_to_store.sql"))
            .bind(uuid::Uuid::parse_str(tenant).expect("a UUID"))
            .fetch_one(&mut db)
            .await
            .expect("the superuser's count");
        for table in ["orders", "order_items", "inventory", "customers"] {
            let seen = server
                .number(tenant, &format!("SELECT count(*) FROM retail.{table}"))
                .await;
            assert_eq!(seen, expected.get::<i64, _>(table), "{table} of {tenant}");
            assert!(seen > 0, "{table} of {tenant}");
        }
    }
}

#[tokio::test]
async fn head_office_sees_the_sum_of_all_stores() {
    let server = TestServer::start().await;
    for table in ["orders", "order_items", "inventory"] {
        let count = format!("SELECT count(*) FROM retail.{table}");
        let mut sum = 0;
        for tenant in STORES {
            sum += server.number(tenant, &count).await;
        }
        assert_eq!(server.number(HEAD_OFFICE, &count).await, sum, "{table}");
    }
    assert_eq!(
        server
            .number(HEAD_OFFICE, "SELECT count(*) FROM retail.customers")
            .await,
        1000
    );
}

#[tokio::test]
async fn the_assortment_is_the_same_for_every_tenant() {
    let server = TestServer::start().await;
    for table in [
        "stores",
        "categories",
        "product_types",
        "products",
        "product_description_embeddings",
    ] {
        let count = format!("SELECT count(*) FROM retail.{table}");
        let all = server.number(HEAD_OFFICE, &count).await;
        assert!(all > 0, "{table}");
        assert_eq!(server.number(REDMOND, &count).await, all, "{table}");
    }
}

#[tokio::test]
async fn a_foreign_row_is_invisible_however_it_is_asked_for() {
    let server = TestServer::start().await;
    let foreign = server.number(HEAD_OFFICE, "SELECT min(order_id) FROM retail.orders o JOIN retail.stores s USING (store_id) WHERE s.store_name LIKE '%Seattle'").await;
    for sql in [
        format!("SELECT count(*) FROM retail.orders WHERE order_id = {foreign}"),
        format!("SELECT count(*) FROM retail.order_items WHERE order_id = {foreign}"),
        format!(
            "WITH o AS MATERIALIZED (SELECT * FROM retail.orders) SELECT count(*) FROM o WHERE order_id = {foreign}"
        ),
        format!(
            "SELECT count(*) FROM (SELECT * FROM retail.orders UNION ALL SELECT * FROM retail.orders) o WHERE order_id = {foreign}"
        ),
        format!(
            "SELECT count(*) FROM retail.stores s, LATERAL (SELECT * FROM retail.orders o WHERE o.store_id = s.store_id AND o.order_id = {foreign}) x"
        ),
        format!(
            "SELECT count(*) FROM retail.products p WHERE EXISTS (SELECT 1 FROM retail.orders WHERE order_id = {foreign})"
        ),
    ] {
        assert_eq!(server.number(REDMOND, &sql).await, 0, "{sql}");
        assert!(server.number(SEATTLE, &sql).await > 0, "{sql}");
    }
}

/// The guard is switched off: statements go straight to the database as the query login.
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
        let seen: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT count(*) FROM retail.{table}"
        )))
        .fetch_one(&mut db)
        .await
        .expect("a count");
        assert_eq!(seen, 0, "{table}");
    }
    let stores: i64 = sqlx::query_scalar("SELECT count(store_id) FROM retail.stores")
        .fetch_one(&mut db)
        .await
        .expect("a count");
    assert_eq!(stores, 0);
}

/// The guard is switched off: none of these shows a row of any tenant.
#[tokio::test]
async fn a_forged_context_shows_nothing() {
    let database = TestDatabase::new().await;
    let mut db = database.query_login().await;
    let tenant = SEATTLE;
    for forged in [
        tenant.to_owned(),
        format!("1:{tenant}:"),
        format!("1:{tenant}:{}", "00".repeat(32)),
        format!("2:{tenant}:{}", "00".repeat(32)),
        format!("999999999:{tenant}:x"),
        format!("99999999999999999999:{tenant}:x"),
        format!("-1:{tenant}:x"),
        "1:not-a-uuid:x".to_owned(),
        ":::".to_owned(),
        "1::".to_owned(),
        String::new(),
    ] {
        sqlx::query("SELECT set_config('zava.context', $1, false)")
            .bind(&forged)
            .execute(&mut db)
            .await
            .expect("a setting anybody may set");
        let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM retail.orders")
            .fetch_one(&mut db)
            .await
            .expect("a count, not an error");
        assert_eq!(seen, 0, "{forged}");
        let seen: i64 = sqlx::query_scalar(
            "WITH x AS MATERIALIZED (SELECT set_config('zava.context', $1, true)) SELECT count(*) FROM x, retail.orders",
        )
        .bind(&forged)
        .fetch_one(&mut db)
        .await
        .expect("a count, not an error");
        assert_eq!(seen, 0, "{forged}");
    }
}

/// The guard is switched off: a context that is valid in one transaction is taken to another one and to another backend.
#[tokio::test]
async fn a_captured_context_is_worth_nothing_elsewhere() {
    let database = TestDatabase::new().await;
    let mut owner = database.superuser().await;
    let mut db = database.query_login().await;
    let mut other = database.query_login().await;

    sqlx::raw_sql("BEGIN READ ONLY")
        .execute(&mut db)
        .await
        .expect("begin");
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut db)
        .await
        .expect("a pid");
    let (expires, mac): (i64, Vec<u8>) = sqlx::query_as(include_str!("tenancy/sign.sql"))
        .bind(SEATTLE)
        .bind(pid)
        .fetch_one(&mut owner)
        .await
        .expect("a signature");
    let enter = "SELECT guard.enter(1, $1::uuid, $2, $3)";
    sqlx::query(enter)
        .bind(SEATTLE)
        .bind(expires)
        .bind(&mac)
        .execute(&mut db)
        .await
        .expect("a valid entry");
    let context: String = sqlx::query_scalar("SELECT current_setting('zava.context')")
        .fetch_one(&mut db)
        .await
        .expect("the context");
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM retail.orders")
        .fetch_one(&mut db)
        .await
        .expect("a count");
    assert!(seen > 0, "the context works where it was made");

    // On another backend, at the same time.
    sqlx::query("SELECT set_config('zava.context', $1, false)")
        .bind(&context)
        .execute(&mut other)
        .await
        .expect("set");
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM retail.orders")
        .fetch_one(&mut other)
        .await
        .expect("a count");
    assert_eq!(seen, 0);
    let error = sqlx::query(enter)
        .bind(SEATTLE)
        .bind(expires)
        .bind(&mac)
        .execute(&mut other)
        .await
        .expect_err("signed for another backend");
    assert_eq!(
        error
            .as_database_error()
            .and_then(|error| error.code())
            .as_deref(),
        Some("ZV002")
    );

    // On the same backend, one transaction later.
    sqlx::raw_sql("ROLLBACK")
        .execute(&mut db)
        .await
        .expect("rollback");
    sqlx::query("SELECT set_config('zava.context', $1, false)")
        .bind(&context)
        .execute(&mut db)
        .await
        .expect("set");
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM retail.orders")
        .fetch_one(&mut db)
        .await
        .expect("a count");
    assert_eq!(seen, 0);
}

/// The guard is switched off: entering needs a fresh MAC over exactly this tenant.
#[tokio::test]
async fn entering_needs_the_servers_signature() {
    let database = TestDatabase::new().await;
    let mut owner = database.superuser().await;
    let mut db = database.query_login().await;
    let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut db)
        .await
        .expect("a pid");
    let (expires, mac): (i64, Vec<u8>) = sqlx::query_as(include_str!("tenancy/sign.sql"))
        .bind(SEATTLE)
        .bind(pid)
        .fetch_one(&mut owner)
        .await
        .expect("a signature");
    let unknown = "11111111-1111-1111-1111-111111111111";
    let (later, mac_of_unknown): (i64, Vec<u8>) = sqlx::query_as(include_str!("tenancy/sign.sql"))
        .bind(unknown)
        .bind(pid)
        .fetch_one(&mut owner)
        .await
        .expect("a signature");
    let mut bent = mac.clone();
    bent[31] ^= 1;
    let cases = [
        (
            "another tenant",
            1,
            HEAD_OFFICE,
            expires,
            Some(mac.clone()),
            "ZV002",
        ),
        (
            "another expiry",
            1,
            SEATTLE,
            expires + 1,
            Some(mac.clone()),
            "ZV002",
        ),
        ("a bent MAC", 1, SEATTLE, expires, Some(bent), "ZV002"),
        (
            "a short MAC",
            1,
            SEATTLE,
            expires,
            Some(mac[..16].to_vec()),
            "ZV002",
        ),
        ("no MAC", 1, SEATTLE, expires, None, "ZV002"),
        (
            "an unknown key",
            2,
            SEATTLE,
            expires,
            Some(mac.clone()),
            "ZV001",
        ),
        (
            "an unknown tenant",
            1,
            unknown,
            later,
            Some(mac_of_unknown),
            "ZV003",
        ),
    ];
    for (what, key, tenant, expires, mac, state) in cases {
        let entered = sqlx::query("SELECT guard.enter($1, $2::uuid, $3, $4)")
            .bind(key)
            .bind(tenant)
            .bind(expires)
            .bind(mac)
            .execute(&mut db)
            .await;
        let error = entered.expect_err(what);
        assert_eq!(
            error
                .as_database_error()
                .and_then(|error| error.code())
                .as_deref(),
            Some(state),
            "{what}"
        );
    }
}

/// The guard is switched off: the login can neither write nor become somebody else, whatever it sets.
#[tokio::test]
async fn the_query_login_cannot_write_or_change_roles() {
    let database = TestDatabase::new().await;
    let mut db = database.query_login().await;
    for sql in [
        "SET default_transaction_read_only = off; INSERT INTO retail.stores (store_name, rls_user_id) VALUES ('x', gen_random_uuid())",
        "SET default_transaction_read_only = off; UPDATE retail.orders SET store_id = 1",
        "SET default_transaction_read_only = off; DELETE FROM retail.orders",
        "SET default_transaction_read_only = off; TRUNCATE retail.orders",
        "SET default_transaction_read_only = off; CREATE TABLE retail.x (a int)",
        "SET default_transaction_read_only = off; CREATE TABLE public.x (a int)",
        "SET default_transaction_read_only = off; CREATE TEMP TABLE x (a int)",
        "SET default_transaction_read_only = off; CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
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

#[tokio::test]
async fn two_tenants_at_once_never_mix() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 2.try_into().expect("not zero")
    })
    .await;
    let sql = "SELECT count(*) FROM retail.orders";
    let (seattle, redmond) = (
        server.number(SEATTLE, sql).await,
        server.number(REDMOND, sql).await,
    );
    assert_ne!(seattle, redmond);
    let asking = (0..200).map(|turn| {
        let (tenant, expected) = if turn % 2 == 0 {
            (SEATTLE, seattle)
        } else {
            (REDMOND, redmond)
        };
        let server = &server;
        async move { assert_eq!(server.number(tenant, sql).await, expected) }
    });
    futures_util::future::join_all(asking).await;
}

/// The caller's choice of a tenant is refused before anything else is looked at.
#[tokio::test]
async fn a_request_without_a_known_tenant_is_refused() {
    let server = TestServer::start().await;
    let cases: [(&[&str], u16, &str); 8] = [
        (&[], 401, "send the header x-rls-user-id"),
        (&[""], 400, "as a UUID"),
        (&["seattle"], 400, "as a UUID"),
        (&["f47ac10b58cc4372a5670e02b2c3d479"], 400, "as a UUID"),
        (
            &["{f47ac10b-58cc-4372-a567-0e02b2c3d479}"],
            400,
            "as a UUID",
        ),
        (&[SEATTLE, HEAD_OFFICE], 400, "once"),
        (
            &["f47ac10b-58cc-4372-a567-0e02b2c3d478"],
            403,
            "unknown tenant",
        ),
        (
            &["ffffffff-ffff-ffff-ffff-ffffffffffff"],
            403,
            "unknown tenant",
        ),
    ];
    for (headers, status, words) in cases {
        for method in [
            "initialize",
            "tools/list",
            "tools/call",
            "server/discover",
            "ping",
            "nonsense",
        ] {
            let mut request = server
                .post()
                .json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}));
            for value in headers {
                request = request.header("x-rls-user-id", *value);
            }
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status(), status, "{headers:?} {method}");
            assert_eq!(
                response.headers().contains_key("www-authenticate"),
                status == 401,
                "{headers:?}"
            );
            let body: serde_json::Value = response.json().await.expect("a JSON body");
            let message = body["error"]["message"].as_str().expect("a message");
            assert!(message.contains(words), "{headers:?}: {message}");
        }
    }
}
