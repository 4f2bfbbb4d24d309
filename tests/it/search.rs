use serde_json::{Value, json};

use crate::support::{REDMOND, SEATTLE, TestServer};

const COLUMNS: [&str; 11] = [
    "product_id",
    "sku",
    "product_name",
    "category_id",
    "type_id",
    "cost",
    "base_price",
    "gross_margin_percent",
    "product_description",
    "similarity_distance",
    "sp",
];

async fn search(server: &TestServer, description: &str, threshold: f64) -> Value {
    let arguments =
        json!({"query_description": description, "max_rows": 5, "similarity_threshold": threshold});
    let answer = server
        .call(SEATTLE, "semantic_search_products", arguments)
        .await;
    assert!(!answer.is_error, "{}", answer.text);
    answer.structured
}

#[tokio::test]
async fn products_are_ranked_by_semantic_distance() {
    let server = TestServer::shared();
    for (description, category) in [
        (
            "waterproof outdoor paint for a wooden fence",
            "PAINT & FINISHES",
        ),
        ("cordless drill for driving screws", "POWER TOOLS"),
        ("claw hammer for pounding nails", "HAND TOOLS"),
        ("kitchen sink faucet", "PLUMBING"),
        ("garden hose for watering plants", "GARDEN & OUTDOOR"),
        (
            "stackable plastic storage bins and wire shelves",
            "STORAGE & ORGANIZATION",
        ),
        ("LED light bulb", "ELECTRICAL"),
    ] {
        let found = search(&server, description, 20.0).await;
        assert_eq!(found["c"], json!(COLUMNS));
        let rows = found["r"].as_array().expect("rows");
        assert!(!rows.is_empty(), "{description}");
        let distances: Vec<f64> = rows
            .iter()
            .map(|row| row[9].as_f64().expect("a distance"))
            .collect();
        assert!(distances.is_sorted(), "{description}: {distances:?}");
        for row in rows {
            let (distance, sp) = (
                row[9].as_f64().expect("a distance"),
                row[10].as_f64().expect("a percentage"),
            );
            assert!((sp - (1.0 - distance) * 100.0).abs() <= 0.0501, "{row}");
        }
        let sql = format!(
            "SELECT category_name FROM retail.categories WHERE category_id = {}",
            rows[0][3]
        );
        assert_eq!(
            server.rows(SEATTLE, &sql).await[0][0],
            category,
            "{description}: {}",
            rows[0][2]
        );
    }
}

#[tokio::test]
async fn higher_threshold_returns_fewer_products() {
    let server = TestServer::shared();
    let (few, many) = (
        search(&server, "exterior acrylic house paint", 60.0).await,
        search(&server, "exterior acrylic house paint", 20.0).await,
    );
    assert!(few["n"].as_i64() <= many["n"].as_i64());
    for row in few["r"].as_array().expect("rows") {
        assert!(row[10].as_f64().expect("a percentage") >= 59.9, "{row}");
    }
}

#[tokio::test]
async fn empty_search_names_the_threshold() {
    let server = TestServer::shared();
    let found = search(
        &server,
        "quarterly dividend of a shipping company in Norway",
        80.0,
    )
    .await;
    let columns = json!([
        "product_id",
        "sku",
        "product_name",
        "category_id",
        "type_id",
        "cost",
        "base_price",
        "gross_margin_percent",
        "product_description",
        "similarity_distance",
        "sp"
    ]);
    assert_eq!(
        found,
        json!({"c": columns, "r": [], "n": 0, "scope": "Zava Retail Seattle only", "msg": "No products >= 80.0%"})
    );
}

#[tokio::test]
async fn search_without_a_model_suggests_sql() {
    let server = TestServer::over_shared_database(|settings| settings.search.embedder = None).await;
    let answer = server
        .call(
            REDMOND,
            "semantic_search_products",
            json!({"query_description": "paint"}),
        )
        .await;
    assert!(answer.is_error);
    assert!(
        answer
            .text
            .contains("use execute_sales_query with words of the description instead"),
        "{}",
        answer.text
    );
}
