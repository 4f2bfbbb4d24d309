use serde_json::{Value, json};
use sqlx::{PgConnection, Row as _};
use zava_mcp_server::search::statements;

use super::{column, find};
use crate::support::{REDMOND, SEATTLE, TestDatabase, TestServer};

/// With a threshold that all products of the filter reach, the search returns exactly those that
/// pass it, also if none of them is among the nearest hundred.
#[tokio::test]
async fn filters_lose_no_product_and_admit_no_other() {
    let server = TestServer::shared();
    for (text, filter, condition) in [
        (
            "a screw for wood",
            json!({"category": "screws"}),
            "t.type_name = 'Screws'",
        ),
        (
            "paint",
            json!({"category": "PRIMERS & sealers"}),
            "t.type_name = 'Primers & Sealers'",
        ),
        (
            "paint brush",
            json!({"category": "Brushes & Rollers", "max_price": "15.5"}),
            "t.type_name = 'Brushes & Rollers' AND p.base_price <= 15.5",
        ),
        (
            "light bulb",
            json!({"category": "Light Bulbs", "min_price": 10, "in_stock_only": true}),
            "t.type_name = 'Light Bulbs' AND p.base_price >= 10 AND EXISTS (SELECT 1 \
             FROM retail.inventory AS i WHERE i.product_id = p.product_id AND i.stock_level > 0)",
        ),
    ] {
        let sql = format!(
            "SELECT p.sku FROM retail.products AS p JOIN retail.product_types AS t USING (type_id) \
             WHERE {condition} ORDER BY p.sku"
        );
        let expected: Vec<Value> = server.rows(SEATTLE, &sql).await;
        let expected: Vec<&Value> = expected.iter().map(|row| &row[0]).collect();
        assert!(expected.len() > 1, "{condition}");
        let mut arguments = json!({"query_description": text, "max_rows": 100,
            "similarity_threshold": 20});
        let members = arguments.as_object_mut().expect("an object");
        members.extend(filter.as_object().expect("an object").clone());
        let found = find(&server, arguments).await;
        let mut skus = column(&found, "sku");
        skus.sort_by_key(|sku| sku.to_string());
        assert_eq!(skus, expected, "{filter}");
    }
}

#[tokio::test]
async fn more_products_than_rows_are_reported() {
    let server = TestServer::shared();
    let found = find(
        &server,
        json!({"query_description": "paint", "max_rows": 2}),
    )
    .await;
    assert_eq!(
        (&found["n"], &found["truncated"]),
        (&json!(2), &json!(true)),
        "{found}"
    );
    let found = find(
        &server,
        json!({"query_description": "HTHM", "max_rows": 100}),
    )
    .await;
    let sql = "SELECT count(*) FROM retail.products AS p WHERE p.sku LIKE 'HTHM%'";
    let skus = column(&found, "sku");
    let begins = |sku: &&&Value| sku.as_str().is_some_and(|sku| sku.starts_with("HTHM"));
    let count = skus.iter().filter(begins).count();
    assert_eq!(server.rows(SEATTLE, sql).await[0][0], count);
}

#[tokio::test]
async fn stock_is_that_of_the_callers_stores() {
    let server = TestServer::shared();
    for tenant in [SEATTLE, REDMOND] {
        let arguments = json!({"query_description": "claw hammer", "include_stock": true});
        let answer = server
            .call(tenant, "semantic_search_products", arguments)
            .await;
        let found = answer.structured;
        assert!(found["n"].as_u64() > Some(3), "{found}");
        for (sku, stock) in column(&found, "sku")
            .iter()
            .zip(column(&found, "stock_level"))
        {
            let sql = format!(
                "SELECT i.stock_level FROM retail.inventory AS i JOIN retail.products AS p USING (product_id) \
                 WHERE p.sku = '{}'",
                sku.as_str().expect("a SKU")
            );
            assert_eq!(
                server.rows(tenant, &sql).await[0][0],
                *stock,
                "{tenant} {sku}"
            );
        }
    }
}

#[tokio::test]
async fn invalid_filters_are_errors_that_explain_the_fix() {
    let server = TestServer::shared();
    for (arguments, expected) in [
        (
            json!({"mode": "fuzzy"}),
            "it must be one of hybrid, semantic, keyword",
        ),
        (
            json!({"category": "Power Tolls"}),
            "category: no category is called 'Power Tolls'; did you mean 'POWER TOOLS'?",
        ),
        (
            json!({"min_price": -1}),
            "min_price is -1; it must be 0 or more",
        ),
        (
            json!({"min_price": 20, "max_price": 10}),
            "min_price must not be greater than max_price",
        ),
        (json!({"min_price": "NaN"}), "it must be a number"),
        (
            json!({"in_stock_only": "perhaps"}),
            "it must be true or false",
        ),
    ] {
        let mut all = arguments.as_object().expect("an object").clone();
        all.insert("query_description".to_owned(), json!("paint"));
        let answer = server
            .call(SEATTLE, "semantic_search_products", all.into())
            .await;
        assert!(
            answer.is_error && answer.text.contains(expected),
            "{arguments}: {}",
            answer.text
        );
    }
}

/// Row security alone decides what the statement reads: without a tenant no product and no stock, by
/// words and by meaning, with and without a filter.
#[tokio::test]
async fn the_statement_shows_no_product_without_a_context() {
    let database = TestDatabase::shared();
    let sql = "SELECT e.model, e.description_embedding::text \
               FROM retail.product_description_embeddings AS e ORDER BY e.product_id LIMIT 1";
    let mut superuser = database.superuser().await;
    let stored = sqlx::query_as(sql).fetch_one(&mut superuser).await;
    let (model, vector): (String, String) = stored.expect("a vector");
    for (vector, words, in_stock) in [
        ("", "claw hammer", "false"),
        ("", "claw hammer", "true"),
        (vector.as_str(), "", "false"),
        (vector.as_str(), "", "true"),
    ] {
        let run = async |db: &mut PgConnection| {
            let mut query = sqlx::query(statements::with_dimensions(256).search.sql());
            for parameter in [
                vector, &model, "256", "2", words, "", "", "", in_stock, "20", in_stock,
            ] {
                query = query.bind(parameter);
            }
            query.fetch_all(db).await.expect("rows")
        };
        assert_eq!(run(&mut database.query_login().await).await.len(), 0);
        let stock = async |tenant: &str| {
            let rows = run(&mut database.signed(tenant).await).await;
            let levels = rows.iter().map(|row| row.get::<i64, _>("stock_level"));
            levels.collect::<Vec<_>>()
        };
        let (seattle, redmond) = (stock(SEATTLE).await, stock(REDMOND).await);
        assert!(seattle.len() > 3, "{words} {in_stock}");
        assert_ne!(seattle, redmond, "{words} {in_stock}");
    }
}
