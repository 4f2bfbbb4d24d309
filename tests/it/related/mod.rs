//! `find_related_products`: similar products, and what is bought together in the caller's orders.
mod bought_together; // counts, ranking and bounds
mod products; // what a product may be called, and products that are not found
mod similar; // nearest products, also without an embedding service

use serde_json::{Value, json};

pub(crate) use bought_together::assert_counts_are_those_of_own_orders;

use crate::support::{Proxy, SEATTLE, TestDatabase, TestServer, ToolAnswer, settings};

const COLUMNS: [&str; 10] = [
    "relation",
    "product_id",
    "sku",
    "product_name",
    "category_name",
    "type_name",
    "base_price",
    "similarity",
    "orders_together",
    "lift",
];

async fn call(server: &TestServer, tenant: &str, arguments: Value) -> ToolAnswer {
    server
        .call(tenant, "find_related_products", arguments)
        .await
}

/// A call that must succeed.
async fn related(server: &TestServer, tenant: &str, arguments: Value) -> ToolAnswer {
    let answer = call(server, tenant, arguments).await;
    assert!(!answer.is_error, "{}", answer.text);
    assert_eq!(answer.structured["c"], json!(COLUMNS));
    answer
}

/// The rows with this relation.
fn rows(answer: &ToolAnswer, relation: &str) -> Vec<Value> {
    let rows = answer.structured["r"].as_array().expect("rows");
    let rows = rows.iter().filter(|row| row[0] == relation);
    rows.cloned().collect()
}

#[tokio::test]
async fn a_warm_call_takes_one_round_trip() {
    let database = TestDatabase::shared();
    let mut settings = settings(&database.name);
    let proxy = Proxy::start(settings.database.port).await;
    settings.database.port = proxy.port;
    let server = TestServer::with_settings(&settings).await;
    related(&server, SEATTLE, json!({"product": 1})).await;
    proxy.take_round_trips();
    related(&server, SEATTLE, json!({"product": 1})).await;
    assert_eq!(proxy.take_round_trips(), 1);
}
