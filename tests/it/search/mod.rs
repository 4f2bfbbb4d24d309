use serde_json::{Value, json};
use zava_mcp_server::settings::EmbedderSettings;

use crate::support::{REDMOND, SEATTLE, TestServer, model_folder};

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
async fn search_without_a_model_finds_words_and_says_so() {
    let server = TestServer::over_shared_database(|settings| settings.search.embedder = None).await;
    let arguments = json!({"query_description": "paint"});
    let answer = server
        .call(REDMOND, "semantic_search_products", arguments)
        .await;
    assert!(!answer.is_error, "{}", answer.text);
    assert!(answer.structured["n"].as_u64() > Some(5), "{}", answer.text);
    let note = "found by words only, because this server has no embedding model";
    assert!(answer.text.contains(note), "{}", answer.text);
    let arguments = json!({"query_description": "paint", "mode": "semantic"});
    let answer = server
        .call(REDMOND, "semantic_search_products", arguments)
        .await;
    assert!(answer.is_error);
    let text = "search by meaning is unavailable: this server has no embedding model; use mode";
    assert!(answer.text.contains(text), "{}", answer.text);
}

#[tokio::test]
async fn unusual_texts_have_an_answer_or_a_clear_error() {
    let server = TestServer::shared();
    let long = "paint ".repeat(1_700);
    for (text, error) in [
        ("", Some("query_description has no words")),
        (" \n\t ", Some("query_description has no words")),
        ("?!… --", Some("query_description has no words")),
        ("🔨🪚", Some("query_description has no words")),
        ("'; DROP TABLE retail.products; --", None),
        ("paint' | 'x & !(", None),
        ("paint:* & rope <-> key", None),
        ("pa\u{0}int \u{7} \u{202e}", None),
        (long.as_str(), None),
        ("the of and", None),
        ("%%%% ____ paint", None),
    ] {
        for mode in ["hybrid", "keyword", "semantic"] {
            let arguments = json!({"query_description": text, "mode": mode});
            let answer = server
                .call(SEATTLE, "semantic_search_products", arguments)
                .await;
            match error {
                Some(error) => assert!(answer.text.contains(error), "{text:?}: {}", answer.text),
                None => assert!(!answer.is_error, "{mode} {text:?}: {}", answer.text),
            }
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

#[tokio::test]
async fn a_catalogue_that_is_half_indexed_is_searched_by_the_other_half() {
    const VECTORS: &str = "TRUNCATE retail.product_description_embeddings";
    const WORDS: &str = "TRUNCATE retail.product_search, retail.search_words";
    let no_vectors = "found by words only, because the products have no vectors of this server's embedding model";
    let no_words = "found by meaning only, because the products' words are not indexed yet";
    const HALF: &str = "DELETE FROM retail.product_description_embeddings WHERE product_id % 2 = 1";
    for (statements, notes) in [
        (&[HALF][..], &[][..]),
        (&[VECTORS], &[no_vectors]),
        (&[WORDS], &[no_words]),
        (&[VECTORS, WORDS], &[no_vectors, no_words]),
    ] {
        let server = TestServer::start().await;
        let mut db = server.database().superuser().await;
        for statement in statements {
            let emptied = sqlx::raw_sql(*statement).execute(&mut db).await;
            emptied.expect("the index is emptied");
        }
        let found = find(&server, json!({"query_description": "claw hammer"})).await;
        let text = found.to_string();
        for note in notes {
            assert!(text.contains(note), "{text}");
        }
        assert_eq!(text.contains("Claw Hammer"), notes.len() < 2, "{text}");
        assert_eq!(text.contains(" only, because"), !notes.is_empty(), "{text}");
    }
}

#[tokio::test]
async fn words_are_found_while_the_model_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(model_folder()).expect("the model") {
        let entry = entry.expect("a file");
        let copied = std::fs::copy(entry.path(), folder.path().join(entry.file_name()));
        copied.expect("a copy");
    }
    let server = TestServer::over_shared_database(|settings| {
        settings.search.embedder = Some(EmbedderSettings::StaticModel(folder.path().to_owned()));
    })
    .await;
    std::fs::remove_file(folder.path().join("l2_supercat_tokenizer_config.json"))
        .expect("the tokenizer is removed");
    let found = find(&server, json!({"query_description": "claw hammer"})).await;
    let text = found.to_string();
    assert!(text.contains("Claw Hammer"), "{text}");
    let note = "found by words only, because the embedding model of this server cannot be used";
    assert!(text.contains(note), "{text}");
    assert!(!text.contains("tokenizer"), "{text}");
}
