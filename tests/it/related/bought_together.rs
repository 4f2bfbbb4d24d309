use serde_json::{Value, json};
use sqlx::{PgConnection, Row as _};
use zava_mcp_server::search::statements;

use super::{call, related, rows};
use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, TestDatabase, TestServer, number};

/// The ids of the stores in the sample data.
const SEATTLE_ID: i32 = 1;
const REDMOND_ID: i32 = 6;

/// A product that is bought together with another: its id, the number of common orders, the lift.
type Companion = (i64, i64, f64);

/// What a superuser counts for a store, or for all, in the order that `own_vector.sql` describes.
async fn expected(db: &mut PgConnection, product: i32, store: Option<i32>) -> Vec<Companion> {
    let counted = sqlx::query(include_str!("bought_together.sql"))
        .bind(product)
        .bind(store)
        .fetch_all(db)
        .await
        .expect("the superuser's counts");
    let mut companions: Vec<Companion> = counted
        .iter()
        .map(|row| (row.get::<i32, _>(0).into(), row.get(1), row.get(2)))
        .filter(|(.., lift)| *lift >= 1.0)
        .collect();
    let evidence = |(id, orders, lift): &Companion| {
        let orders = *orders as f64;
        (orders * lift.ln() - orders + orders / lift, -id)
    };
    companions.sort_by(|one, other| {
        let (one, other) = (evidence(one), evidence(other));
        other.0.total_cmp(&one.0).then(other.1.cmp(&one.1))
    });
    companions
}

/// The rows of a call.
async fn found(server: &TestServer, tenant: &str, product: i32) -> Vec<Companion> {
    let arguments = json!({"product": product, "relation": "bought_together", "max_rows": 50});
    let answer = related(server, tenant, arguments).await;
    let rows = rows(&answer, "bought_together");
    assert_eq!(answer.structured["n"], rows.len(), "{}", answer.text);
    let companion = |row: &Value| {
        assert_eq!(row[7], Value::Null, "a similarity: {row}");
        let numbers = (row[1].as_i64(), row[8].as_i64());
        let lift = row[9].as_f64().expect("a lift");
        (numbers.0.expect("an id"), numbers.1.expect("a count"), lift)
    };
    rows.iter().map(companion).collect()
}

fn assert_equal(found: &[Companion], expected: &[Companion], context: &str) {
    let ids = |companions: &[Companion]| -> Vec<(i64, i64)> {
        companions
            .iter()
            .map(|(id, orders, _)| (*id, *orders))
            .collect()
    };
    assert_eq!(ids(found), ids(expected), "{context}");
    for ((id, _, found), (_, _, expected)) in found.iter().zip(expected) {
        let difference = (found - expected).abs();
        assert!(difference <= 0.005001, "{context}: {id} {found} {expected}");
    }
}

/// The products with the most orders.
async fn best_sellers(db: &mut PgConnection) -> Vec<i32> {
    let sql =
        "SELECT product_id FROM retail.order_items GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 5";
    sqlx::query_scalar(sql)
        .fetch_all(db)
        .await
        .expect("products")
}

#[tokio::test]
async fn each_tenant_gets_the_counts_of_its_own_orders() {
    let server = TestServer::shared();
    let mut superuser = server.database().superuser().await;
    assert_counts_are_those_of_own_orders(&server, &mut superuser).await;
}

pub(crate) async fn assert_counts_are_those_of_own_orders(
    server: &TestServer,
    superuser: &mut PgConnection,
) {
    let (mut rows, mut differing) = (0, 0);
    for product in best_sellers(superuser).await {
        let mut answers = Vec::new();
        for (tenant, store) in [
            (HEAD_OFFICE, None),
            (SEATTLE, Some(SEATTLE_ID)),
            (REDMOND, Some(REDMOND_ID)),
        ] {
            let expected = expected(superuser, product, store).await;
            let found = found(server, tenant, product).await;
            let context = format!("{product} {store:?}");
            assert_equal(&found, &expected[..expected.len().min(50)], &context);
            rows += found.len();
            answers.push(found);
        }
        differing += usize::from(answers[0] != answers[1] && answers[1] != answers[2]);
    }
    assert!(rows > 20, "{rows} rows prove little");
    assert!(differing > 0, "head office, Seattle and Redmond differ");
}

/// Adds orders of a store that consist of these products, each in a line of its own.
async fn add_orders(db: &mut PgConnection, store: i32, date: &str, orders: i32, products: &[i32]) {
    sqlx::query(include_str!("add_orders.sql"))
        .bind(store)
        .bind(date)
        .bind(orders)
        .bind(products)
        .execute(db)
        .await
        .expect("orders");
}

/// Adds a product without orders and without a vector.
async fn add_product(db: &mut PgConnection, sku: &str, name: &str) -> i32 {
    sqlx::query_scalar(include_str!("add_product.sql"))
        .bind(sku)
        .bind(name)
        .fetch_one(db)
        .await
        .expect("a product")
}

#[tokio::test]
async fn orders_of_another_store_change_nothing() {
    let server = TestServer::start().await;
    let mut db = server.database().superuser().await;
    let product = best_sellers(&mut db).await[0];
    let companion = add_product(&mut db, "NEW1", "A new product").await;
    let before = found(&server, REDMOND, product).await;
    // Both products twice in each order, which is one order all the same.
    let lines = [product, companion, product, companion];
    add_orders(&mut db, SEATTLE_ID, "2026-01-01", 7, &lines).await;
    assert_eq!(found(&server, REDMOND, product).await, before);
    for tenant in [SEATTLE, HEAD_OFFICE] {
        let found = found(&server, tenant, product).await;
        let orders = found.iter().find(|(id, ..)| *id == i64::from(companion));
        assert_eq!(orders.map(|(_, orders, _)| *orders), Some(7), "{tenant}");
    }
    // Redmond sees the product, and no order of it.
    let arguments = json!({"product": companion, "relation": "bought_together"});
    let answer = related(&server, REDMOND, arguments).await;
    assert_eq!(answer.structured["n"], 0);
    assert_eq!(
        answer.message(),
        "No related products; nothing bought together is listed: \
         no order that you see contains the product"
    );
}

/// A product in every order is no companion of any; nor is one that shares a single order.
#[tokio::test]
async fn best_sellers_and_accidents_do_not_rank_first() {
    let server = TestServer::start().await;
    let mut db = server.database().superuser().await;
    let product = add_product(&mut db, "NEW1", "A new product").await;
    let best_seller = add_product(&mut db, "NEW2", "A best seller").await;
    let companion = add_product(&mut db, "NEW3", "A companion").await;
    let accident = add_product(&mut db, "NEW4", "An accident").await;
    let rare = add_product(&mut db, "NEW5", "A rare companion").await;
    add_orders(&mut db, REDMOND_ID, "2026-01-01", 3000, &[best_seller]).await;
    add_orders(
        &mut db,
        REDMOND_ID,
        "2026-01-02",
        40,
        &[product, best_seller],
    )
    .await;
    add_orders(&mut db, REDMOND_ID, "2026-01-03", 20, &[product, companion]).await;
    add_orders(&mut db, REDMOND_ID, "2026-01-04", 1, &[product, accident]).await;
    add_orders(&mut db, REDMOND_ID, "2026-01-05", 2, &[product, rare]).await;
    add_orders(&mut db, REDMOND_ID, "2026-01-06", 20, &[companion]).await;
    let found = found(&server, REDMOND, product).await;
    let ids: Vec<i64> = found.iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids, [companion, rare].map(i64::from), "{found:?}");
    assert!(
        found[1].2 > found[0].2,
        "by lift alone, {rare} would be first"
    );

    // Together with nothing, more often than by chance.
    let arguments = json!({"product": accident, "relation": "bought_together"});
    let answer = related(&server, REDMOND, arguments).await;
    assert_eq!(
        answer.message(),
        "No related products; nothing bought together is listed: no other product shares \
         two or more orders with it, more often than by chance; orders looked at: 1"
    );
}

/// A product in 100,000 orders: the most recent ones are counted, and the result says so.
#[tokio::test]
async fn only_the_most_recent_orders_of_a_product_are_counted() {
    let server = TestServer::start().await;
    let mut db = server.database().superuser().await;
    let product = add_product(&mut db, "NEW1", "A new product").await;
    let former = add_product(&mut db, "NEW2", "A former companion").await;
    let recent = add_product(&mut db, "NEW3", "A recent companion").await;
    // Foreign keys need not be checked. The order of the ids is not that of the dates.
    sqlx::raw_sql("SET session_replication_role = replica")
        .execute(&mut db)
        .await
        .expect("a setting of superusers");
    add_orders(&mut db, SEATTLE_ID, "2026-05-05", 9_999, &[product, recent]).await;
    add_orders(
        &mut db,
        SEATTLE_ID,
        "2025-05-05",
        90_000,
        &[product, former],
    )
    .await;
    sqlx::raw_sql("ANALYZE retail.orders, retail.order_items")
        .execute(&mut db)
        .await
        .expect("statistics");
    let arguments = json!({"product": "new1", "relation": "bought_together"});
    for tenant in [SEATTLE, HEAD_OFFICE] {
        let answer = related(&server, tenant, arguments.clone()).await;
        let rows = rows(&answer, "bought_together");
        let found = json!([rows[0][1], rows[0][8]]);
        assert_eq!((found, rows.len()), (json!([recent, 9_999]), 1));
        assert_eq!(
            answer.message(),
            "bought together counts only the most recent 10000 orders with the product"
        );
    }
}

/// Without the server's layers above it: the database alone decides which orders count.
#[tokio::test]
async fn the_statement_sees_no_row_without_a_context() {
    let database = TestDatabase::shared();
    let product = best_sellers(&mut database.superuser().await).await[0];
    let run = async |db: &mut PgConnection| {
        let parameters = [&product.to_string(), "", "0", "0", "50", "10000"];
        let mut query = sqlx::query(statements::with_dimensions(256).related.sql());
        for parameter in parameters {
            query = query.bind(parameter.to_owned());
        }
        query.fetch_all(db).await.expect("rows")
    };
    let mut login = database.query_login().await;
    assert_eq!(run(&mut login).await.len(), 0);
    for (tenant, store) in [(SEATTLE, SEATTLE_ID), (REDMOND, REDMOND_ID)] {
        let rows = run(&mut database.signed(tenant).await).await;
        let orders = format!(
            "SELECT count(DISTINCT order_id) FROM retail.order_items \
             WHERE product_id = {product} AND store_id = {store}"
        );
        let expected = number(&mut database.superuser().await, &orders).await;
        assert_eq!(rows[0].get::<String, _>("relation"), "product");
        assert_eq!(rows[0].get::<i64, _>("orders_together"), expected);
    }
}

#[tokio::test]
async fn each_relation_is_limited_and_can_be_omitted() {
    let server = TestServer::shared();
    let product = best_sellers(&mut server.database().superuser().await).await[0];
    for (relation, similar, bought_together) in [
        (json!(null), 2, 2),
        (json!("both"), 2, 2),
        (json!("Bought Together"), 0, 2),
        (json!("boughtTogether"), 0, 2),
        (json!("SIMILAR"), 2, 0),
    ] {
        let arguments = json!({"product": product, "relation": relation, "max_rows": 2});
        let answer = call(&server, HEAD_OFFICE, arguments).await;
        assert_eq!(rows(&answer, "similar").len(), similar, "{relation}");
        let bought = rows(&answer, "bought_together").len();
        assert_eq!(bought, bought_together, "{relation}");
        assert_eq!(answer.structured["n"], similar + bought_together);
        assert_eq!(answer.message(), "", "{relation}");
    }
    let arguments = json!({"product": product, "max_rows": 99});
    let answer = related(&server, HEAD_OFFICE, arguments).await;
    assert_eq!(
        answer.message(),
        "max_rows is 99; the maximum of 50 was used"
    );
    assert_eq!(rows(&answer, "similar").len(), 50);
}
