//! Product search as a client sees it.

mod failures; // one part of a search has no answer, or the text none
mod filters; //  which products are searched, and whose stock is shown
mod many_products; // 100,000 products

use serde_json::{Value, json};

use crate::support::{SEATTLE, TestServer};

const COLUMNS: [&str; 14] = [
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
    "type_name",
    "category_name",
    "matched",
];

async fn find(server: &TestServer, arguments: Value) -> Value {
    let answer = server
        .call(SEATTLE, "semantic_search_products", arguments)
        .await;
    assert!(!answer.is_error, "{}", answer.text);
    answer.structured
}

async fn search(server: &TestServer, description: &str, threshold: f64) -> Value {
    let arguments = json!({"query_description": description, "max_rows": 5,
        "similarity_threshold": threshold, "mode": "semantic"});
    find(server, arguments).await
}

/// The value of a column in each row.
fn column<'a>(found: &'a Value, name: &str) -> Vec<&'a Value> {
    let columns = found["c"].as_array().expect("columns");
    let position = columns.iter().position(|column| column == name);
    let position = position.unwrap_or_else(|| panic!("{name} in {columns:?}"));
    let rows = found["r"].as_array().expect("rows");
    rows.iter().map(|row| &row[position]).collect()
}

/// The first product's name.
async fn first(server: &TestServer, text: &str) -> String {
    let found = find(server, json!({"query_description": text, "max_rows": 1})).await;
    let names = column(&found, "product_name");
    let name = names
        .first()
        .unwrap_or_else(|| panic!("a product for {text:?}: {found}"));
    name.as_str().expect("a name").to_owned()
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
    assert_eq!(
        found,
        json!({"c": COLUMNS, "r": [], "n": 0, "scope": "Zava Retail Seattle only", "msg": "No products >= 80.0%"})
    );
}

#[tokio::test]
async fn names_skus_sizes_and_synonyms_are_first_in_any_case() {
    let server = TestServer::shared();
    for (text, name) in [
        ("rope", "Rope"),
        ("varnish", "Varnish"),
        ("hammers", "Hammer"),
        ("hex key", "Hex Key"),
        ("CORDLESS DRILL", "Cordless Drill Driver"),
        ("cordles dril", "Cordless Drill Driver"),
        ("PBPI000100", "Copper Pipe Type L"),
        ("pbpi0001", "Copper Pipe Type L"),
        ("3/4\" ball valve", "Brass Ball Valve 3/4 in"),
        ("¾ inch ball valve", "Brass Ball Valve 3/4 in"),
        ("2 by 4", "Stud 2 x 4"),
        ("1/2 x 3 hex bolt", "Hex Bolt Grade 5 1/2 x 3 in"),
        ("hose 5/8 x 50", "Garden Hose 5/8 in x 50 ft"),
        ("4 ft x 8 ft plywood", "Plywood"),
        ("#8 brass wood screw", "Brass #8 x 1 in"),
        ("secateurs", "Prun"),
        ("jubilee clip", "Hose Clamp"),
        ("martillo", "Hammer"),
    ] {
        let found = first(&server, text).await;
        assert!(found.contains(name), "{text}: {found}");
    }
}

#[tokio::test]
async fn rows_say_why_they_matched() {
    let server = TestServer::shared();
    let found = find(
        &server,
        json!({"query_description": "Claw hammers for nails", "max_rows": 100}),
    )
    .await;
    assert_eq!(found["c"], json!(COLUMNS));
    let matched = column(&found, "matched");
    let text = matched[0].as_str().expect("a text");
    assert!(text.starts_with("words: "), "{text}");
    for word in ["claw", "hammers"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(matched.iter().any(|one| **one == "meaning"), "{matched:?}");
}

#[tokio::test]
async fn words_are_found_below_the_threshold_of_similarity() {
    let server = TestServer::shared();
    let arguments = json!({"query_description": "PBPI000100", "similarity_threshold": 80});
    let found = find(&server, arguments).await;
    assert_eq!(found["n"], 1, "{found}");
    assert!(column(&found, "sp")[0].as_f64().expect("a percentage") < 80.0);
}

#[tokio::test]
async fn each_mode_searches_by_its_parts_only() {
    let server = TestServer::shared();
    let with_mode = |mode: &str| json!({"query_description": "claw hammer", "mode": mode});
    let semantic = find(&server, with_mode("semantic")).await;
    assert!(
        column(&semantic, "matched")
            .iter()
            .all(|one| **one == "meaning")
    );
    let keyword = find(&server, with_mode("KEYWORD")).await;
    for matched in column(&keyword, "matched") {
        let text = matched.as_str().expect("a text");
        assert!(
            text.starts_with("words: ") && !text.contains("meaning"),
            "{text}"
        );
    }
    assert!(column(&keyword, "sp").iter().all(|one| one.is_null()));
}

/// In a large catalogue, a word that no product has is rarer still, and its correction is not.
#[tokio::test]
async fn misspelled_words_are_found_in_a_large_catalogue() {
    let server = TestServer::start().await;
    let enlarged = sqlx::raw_sql("UPDATE retail.search_words SET products = products * 1000")
        .execute(&mut server.database().superuser().await)
        .await;
    enlarged.expect("the statistics");
    for text in ["hamer", "screwdrver", "varnsh", "faucit"] {
        let found = find(
            &server,
            json!({"query_description": text, "mode": "keyword"}),
        )
        .await;
        assert!(found["n"].as_u64() > Some(0), "{text}: {found}");
    }
}
