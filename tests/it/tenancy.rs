use serde_json::json;
use sqlx::{PgConnection, Row as _};

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, STORES, TestServer, number};

/// The rows that each tenant sees of each table, compared with a superuser's count for its store.
#[tokio::test]
async fn each_store_sees_exactly_its_own_rows() {
    let server = TestServer::shared();
    let mut superuser = server.database().superuser().await;
    assert_each_store_sees_its_own_rows(&server, &mut superuser).await;
}

pub(crate) async fn assert_each_store_sees_its_own_rows(
    server: &TestServer,
    superuser: &mut PgConnection,
) {
    for tenant in STORES {
        let expected = sqlx::query(include_str!("tenancy/visible_to_store.sql"))
            .bind(uuid::Uuid::parse_str(tenant).expect("a UUID"))
            .fetch_one(&mut *superuser)
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
    let server = TestServer::shared();
    for table in ["orders", "order_items", "inventory"] {
        let count = format!("SELECT count(*) FROM retail.{table}");
        let mut sum = 0;
        for tenant in STORES {
            sum += server.number(tenant, &count).await;
        }
        assert_eq!(server.number(HEAD_OFFICE, &count).await, sum, "{table}");
    }
    // A customer who buys at two stores is visible to both, so these counts do not add up.
    let customers = "SELECT count(*) FROM retail.customers";
    let all = number(&mut server.database().superuser().await, customers).await;
    assert!(all > 900, "{all} customers");
    assert_eq!(server.number(HEAD_OFFICE, customers).await, all);
}

#[tokio::test]
async fn product_data_is_the_same_for_every_tenant() {
    let server = TestServer::shared();
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
async fn foreign_rows_are_invisible_in_every_query_form() {
    let server = TestServer::shared();
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

/// A customer belongs to a store by choosing it or by having bought there.
#[tokio::test]
async fn store_sees_customers_who_bought_there_but_not_their_other_orders() {
    let server = TestServer::start().await;
    let mut db = server.database().superuser().await;
    let count = "SELECT count(*) FROM retail.customers";
    let (seattle, redmond) = (
        server.number(SEATTLE, count).await,
        server.number(REDMOND, count).await,
    );
    // One of Seattle's customers buys once in Redmond.
    let (customer, order): (i32, i32) = sqlx::query_as(include_str!("tenancy/buy_elsewhere.sql"))
        .fetch_one(&mut db)
        .await
        .expect("an order");
    assert_eq!(server.number(SEATTLE, count).await, seattle);
    assert_eq!(server.number(REDMOND, count).await, redmond + 1);
    let orders = format!("SELECT order_id FROM retail.orders WHERE customer_id = {customer}");
    assert_eq!(server.rows(REDMOND, &orders).await, [json!([order])]);
    assert!(
        !server
            .rows(SEATTLE, &orders)
            .await
            .contains(&json!([order]))
    );
}

#[tokio::test]
async fn concurrent_tenants_never_mix() {
    let server = TestServer::over_shared_database(|settings| {
        settings.limits.connections = 2.try_into().expect("not zero");
        settings.limits.tenant_queue = 100.try_into().expect("not zero");
    })
    .await;
    let sql = "SELECT count(*) FROM retail.orders";
    let (seattle, redmond) = (
        server.number(SEATTLE, sql).await,
        server.number(REDMOND, sql).await,
    );
    assert_ne!(seattle, redmond);
    let requests = (0..200).map(|index| {
        let (tenant, expected) = if index % 2 == 0 {
            (SEATTLE, seattle)
        } else {
            (REDMOND, redmond)
        };
        let server = &server;
        async move { assert_eq!(server.number(tenant, sql).await, expected) }
    });
    futures_util::future::join_all(requests).await;
}

/// A missing or unknown tenant is rejected before the request is processed.
#[tokio::test]
async fn requests_without_a_known_tenant_are_rejected() {
    let server = TestServer::shared();
    let cases: [(&[&str], u16, &str); 8] = [
        (&[], 400, "send `x-rls-user-id: "),
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
            // No challenge, which would start a client's OAuth flow.
            assert!(
                !response.headers().contains_key("www-authenticate"),
                "{headers:?}"
            );
            let body: serde_json::Value = response.json().await.expect("a JSON body");
            let message = body["error"]["message"].as_str().expect("a message");
            assert!(message.contains(words), "{headers:?}: {message}");
        }
    }
}

#[tokio::test]
async fn row_security_applies_to_the_query_login() {
    let server = TestServer::shared();
    let all = server
        .number(HEAD_OFFICE, "SELECT count(*) FROM retail.orders")
        .await;
    let own = server
        .number(REDMOND, "SELECT count(*) FROM retail.orders")
        .await;
    assert!(own < all / 4, "{own} of {all}");
    let mut db = server.database().superuser().await;
    let privileged: bool = sqlx::query_scalar("SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolinherit FROM pg_roles WHERE rolname = 'zava_query'")
        .fetch_one(&mut db)
        .await
        .expect("the login");
    assert!(!privileged);
}

#[tokio::test]
async fn request_without_a_tenant_header_is_rejected() {
    let server = TestServer::shared();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_current_utc_date"}});
    let response = server.post().json(&body).send().await.expect("an answer");
    assert_eq!(response.status(), 400);
}
