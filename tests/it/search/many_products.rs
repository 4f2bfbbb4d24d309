//! Searches among 100,000 products, beyond the number from which vectors are indexed.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use zava_mcp_server::search::statements::{self, Statements};
use zava_mcp_server::search_index::{VectorIndexChange, remove_vectors};

use crate::support::{SEATTLE, TestDatabase};

const MODEL: &str = "catalogue";
/// Few, because the time to build the index grows with them.
const DIMENSIONS: usize = 64;

/// Filters: the group, the minimum and the maximum price, only in stock; and the same in SQL.
const FILTERS: [([&str; 4], &str); 7] = [
    (["", "", "", "false"], "true"),
    (
        ["hammers & mallets", "", "", "false"],
        "t.type_name = 'Hammers & Mallets'",
    ),
    (
        ["electrical", "", "", "false"],
        "c.category_name = 'ELECTRICAL'",
    ),
    (["", "20", "60", "false"], "p.base_price BETWEEN 20 AND 60"),
    (
        ["", "20", "20.5", "false"],
        "p.base_price BETWEEN 20 AND 20.5",
    ),
    (
        ["", "", "", "true"],
        "EXISTS (SELECT FROM retail.inventory AS i \
         WHERE i.product_id = p.product_id AND i.store_id = 1 AND i.stock_level > 0)",
    ),
    (
        ["Plumbing", "", "15", "true"],
        "c.category_name = 'PLUMBING' AND p.base_price <= 15 AND EXISTS (SELECT FROM \
         retail.inventory AS i WHERE i.product_id = p.product_id AND i.store_id = 1 AND i.stock_level > 0)",
    ),
];

async fn run(db: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(db)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Applies the planner settings of the statements.
async fn apply_settings(db: &mut PgConnection) {
    let statements = statements::with_dimensions(DIMENSIONS);
    for (name, value) in statements.search.settings().changed() {
        run(db, &format!("SET LOCAL {name} = {value}")).await;
    }
}

/// A copy of the sample with 100,000 more products, their words and vectors.
async fn catalogue() -> TestDatabase {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    // Does not look up each row's foreign keys.
    run(&mut db, "SET session_replication_role = replica").await;
    let settings =
        format!("SET catalogue.model = '{MODEL}'; SET catalogue.dimensions = {DIMENSIONS}");
    run(&mut db, &settings).await;
    run(
        &mut db,
        include_str!("../../../benches/catalogue/setup.sql"),
    )
    .await;
    let generate = include_str!("../../../benches/catalogue/generate.sql");
    sqlx::query(generate)
        .bind(1_001_i64)
        .bind(101_000_i64)
        .execute(&mut db)
        .await
        .expect("products");
    run(
        &mut db,
        include_str!("../../../src/search_index/count_words.sql"),
    )
    .await;
    run(&mut db, "VACUUM ANALYZE").await;
    database
}

/// Vectors that are no product's, in the text form of pgvector.
async fn asked_vectors(db: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT (one.description_embedding OPERATOR(public.+) other.description_embedding)::text \
         FROM retail.product_description_embeddings AS one \
         JOIN retail.product_description_embeddings AS other ON other.model = one.model \
             AND other.dimensions = one.dimensions AND other.product_id = one.product_id + 500 \
         WHERE one.model = $1 AND one.product_id % 5000 = 7 ORDER BY one.product_id";
    let vectors = sqlx::query_scalar(sql).bind(MODEL).fetch_all(db).await;
    vectors.expect("vectors")
}

/// The products that a search returns.
async fn search(
    db: &mut PgConnection,
    vector: &str,
    words: &str,
    [group, min, max, in_stock]: [&str; 4],
) -> Vec<i32> {
    let Statements { search, .. } = statements::with_dimensions(DIMENSIONS);
    let dimensions = DIMENSIONS.to_string();
    let is_set = ([group, min, max, in_stock] != FILTERS[0].0).to_string();
    let mut query = sqlx::query(search.sql());
    for parameter in [
        vector,
        MODEL,
        &dimensions,
        "2",
        words,
        group,
        min,
        max,
        in_stock,
        "9",
        &is_set,
    ] {
        query = query.bind(parameter);
    }
    let rows = query.fetch_all(db).await.expect("rows");
    rows.iter().map(|row| row.get(0)).collect()
}

/// The ten nearest products, of those that fulfill a condition, by comparing each of them.
async fn nearest(db: &mut PgConnection, vector: &str, condition: &str) -> HashSet<i32> {
    let sql = format!(
        "SELECT e.product_id FROM retail.product_description_embeddings AS e \
         JOIN retail.products AS p USING (product_id) \
         JOIN retail.product_types AS t USING (type_id) \
         JOIN retail.categories AS c ON c.category_id = p.category_id \
         WHERE e.model = $1 AND {condition} \
         ORDER BY e.description_embedding OPERATOR(public.<=>) $2::public.vector LIMIT 10"
    );
    let ids = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(MODEL)
        .bind(vector);
    ids.fetch_all(db).await.expect("ids").into_iter().collect()
}

async fn plan(db: &mut PgConnection, sql: &str, parameters: &[&str]) -> String {
    let mut query = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN (COSTS OFF) {sql}")));
    for parameter in parameters {
        query = query.bind(*parameter);
    }
    let lines: Vec<String> = query.fetch_all(db).await.expect("a plan");
    lines.join("\n")
}

#[tokio::test]
async fn searches_among_many_products_use_indexes_and_lose_nothing() {
    let database = catalogue().await;
    let mut superuser = database.superuser().await;
    let vectors = asked_vectors(&mut superuser).await;
    maintain(&database, Some("created")).await;
    maintain(&database, None).await;

    let mut db = database.signed(SEATTLE).await;
    apply_settings(&mut db).await;
    let dimensions = DIMENSIONS.to_string();
    let Statements {
        search: by_text,
        related,
    } = statements::with_dimensions(DIMENSIONS);
    let by_text_parameters = [
        &vectors[0],
        MODEL,
        &dimensions,
        "0.7",
        "hammer",
        "",
        "",
        "",
        "false",
        "9",
        "false",
    ];
    let related_parameters = ["1007", MODEL, &dimensions, "10", "0", "10000"];
    for (sql, parameters) in [
        (by_text.sql(), &by_text_parameters[..]),
        (related.sql(), &related_parameters[..]),
    ] {
        let plan = plan(&mut db, sql, parameters).await;
        assert!(plan.contains("Index Scan using vectors_64_"), "{plan}");
    }

    // The index gives as many rows as the statement asks for, and not only its first candidates.
    let sql = format!(
        "SELECT count(*) FROM (SELECT FROM retail.product_description_embeddings AS e \
         WHERE e.model = '{MODEL}' AND e.dimensions = {DIMENSIONS} \
         ORDER BY e.description_embedding::public.vector({DIMENSIONS}) OPERATOR(public.<=>) '{}' LIMIT 2000) AS n",
        vectors[0]
    );
    let nearest_plan = plan(&mut db, &sql, &[]).await;
    assert!(
        nearest_plan.contains("Index Scan using vectors_64_"),
        "{nearest_plan}"
    );
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut db)
        .await
        .expect("a number");
    assert_eq!(rows, 2000);

    half_precision(&database, &mut superuser).await;

    for (filter, condition) in FILTERS {
        let mut nearest_products = Vec::new();
        for vector in &vectors {
            nearest_products.push(nearest(&mut superuser, vector, condition).await);
        }
        let mut found = 0;
        // A signed transaction ends after half a minute.
        let mut db = database.signed(SEATTLE).await;
        apply_settings(&mut db).await;
        for (vector, expected) in vectors.iter().zip(&nearest_products) {
            assert_eq!(expected.len(), 10, "{condition}");
            let rows = search(&mut db, vector, "", filter).await;
            found += rows.iter().filter(|id| expected.contains(id)).count();
        }
        let recall = found as f64 / (10 * vectors.len()) as f64;
        assert!(recall >= 0.95, "{condition}: {recall}");
    }

    // Words that thousands of products have, and one that few have.
    for (filter, condition) in FILTERS {
        let mut db = database.signed(SEATTLE).await;
        for words in ["claw hammer", "paint", "pipe"] {
            let sql = format!(
                "SELECT count(*) FROM (SELECT FROM retail.products AS p \
                 JOIN retail.product_types AS t USING (type_id) \
                 JOIN retail.categories AS c ON c.category_id = p.category_id \
                 WHERE {condition} AND to_tsvector('english', p.product_name) @@ plainto_tsquery('english', $1) LIMIT 10) AS f"
            );
            let named: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(words)
                .fetch_one(&mut superuser)
                .await
                .expect("a number");
            let rows = search(&mut db, "", words, filter).await;
            let sql = format!(
                "SELECT count(*) FROM retail.products AS p \
                 JOIN retail.product_types AS t USING (type_id) \
                 JOIN retail.categories AS c ON c.category_id = p.category_id \
                 WHERE p.product_id = ANY ($1) AND {condition} \
                     AND to_tsvector('english', p.product_name) @@ plainto_tsquery('english', $2)"
            );
            let right: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(&rows)
                .bind(words)
                .fetch_one(&mut superuser)
                .await
                .expect("a number");
            assert_eq!(right, named, "{words}, {condition}");
        }
    }

    words_that_few_products_have(&database).await;
    deleted_neighbors(&database, &vectors[0]).await;

    // The index goes with the vectors, once nobody uses it.
    let mut reader = database.signed(SEATTLE).await;
    search(&mut reader, &vectors[0], "", FILTERS[0].0).await;
    let mut indexer = database.indexer().await;
    let removed = remove_vectors(&mut indexer, MODEL, None).await;
    assert_eq!(
        removed.expect("removed vectors").vector_index,
        Some(VectorIndexChange::Deferred)
    );
    assert!(is_indexed(&mut superuser).await);
    drop(reader);
    // A run for another model.
    let action: Option<String> =
        sqlx::query_scalar("SELECT retail.maintain_vector_index('large', 3072)")
            .fetch_one(&mut indexer)
            .await
            .expect("an action");
    assert_eq!(action.as_deref(), Some("dropped"));
    assert!(!is_indexed(&mut superuser).await);
}

/// Vectors that are too long for an index of the type `vector` are indexed as `halfvec`, beside the
/// others.
async fn half_precision(database: &TestDatabase, superuser: &mut PgConnection) {
    run(
        superuser,
        "INSERT INTO retail.product_description_embeddings (product_id, description_embedding, model, content_hash) \
         SELECT n, ARRAY(SELECT random() + 0 * n FROM generate_series(1, 3072))::public.vector, 'large', sha256(int4send(n)) \
         FROM generate_series(1001, 1900) AS n",
    )
    .await;
    let action: Option<String> =
        sqlx::query_scalar("SELECT retail.maintain_vector_index('large', 3072)")
            .fetch_one(&mut database.indexer().await)
            .await
            .expect("an action");
    assert_eq!(action.as_deref(), Some("created"));
    let vector: String = sqlx::query_scalar(
        "SELECT description_embedding::text FROM retail.product_description_embeddings \
         WHERE model = 'large' AND product_id = 1500",
    )
    .fetch_one(superuser)
    .await
    .expect("a vector");
    let mut db = database.signed(SEATTLE).await;
    // They are few enough to compare all of them.
    run(&mut db, "SET LOCAL enable_sort = off").await;
    let search = statements::with_dimensions(3072).search.sql();
    let parameters = [
        &vector, "large", "3072", "0.5", "", "", "", "", "false", "1", "false",
    ];
    let plan = plan(&mut db, search, &parameters).await;
    assert!(plan.contains("Index Scan using vectors_3072_"), "{plan}");
    let mut query = sqlx::query(search);
    for parameter in parameters {
        query = query.bind(parameter);
    }
    let rows = query.fetch_all(&mut db).await.expect("rows");
    assert_eq!(rows[0].get::<i32, _>("product_id"), 1500);
}

/// Rare words, corrections and synonyms beside words that thousands of products have.
async fn words_that_few_products_have(database: &TestDatabase) {
    let mut db = database.signed(SEATTLE).await;
    for (words, expected) in [
        ("steel storage box with handle for garden tool bakila", ""),
        ("get rust off the railing", ""),
        ("paint a tall wall without climbing", "Paint"),
        ("copper plumbing parts", "Copper"),
        ("interruptor de luz", "Switch"),
    ] {
        let found = search(&mut db, "", words, FILTERS[0].0).await;
        assert_eq!(found.len(), 10, "{words}");
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT p.product_name FROM unnest($1::integer[]) WITH ORDINALITY AS f (id, place) \
             JOIN retail.products AS p ON p.product_id = f.id ORDER BY f.place",
        )
        .bind(&found)
        .fetch_all(&mut db)
        .await
        .expect("names");
        assert!(names[0].contains(expected), "{words}: {names:?}");
    }
}

/// Until a vacuum, an index also visits vectors that were deleted.
async fn deleted_neighbors(database: &TestDatabase, vector: &str) {
    let mut superuser = database.superuser().await;
    for (vector, product) in [(vector, None), ("", Some(1_007))] {
        sqlx::query(
            "DELETE FROM retail.product_description_embeddings AS e WHERE e.model = $1 AND e.product_id IN ( \
             SELECT n.product_id FROM retail.product_description_embeddings AS n \
             WHERE n.model = $1 AND n.product_id <> coalesce($3, 0) \
             ORDER BY n.description_embedding OPERATOR(public.<=>) coalesce(nullif($2, '')::public.vector, \
                 (SELECT o.description_embedding FROM retail.product_description_embeddings AS o \
                 WHERE o.model = $1 AND o.product_id = $3)) LIMIT 600)",
        )
        .bind(MODEL)
        .bind(vector)
        .bind(product)
        .execute(&mut superuser)
        .await
        .expect("deleted vectors");
    }
    let mut db = database.signed(SEATTLE).await;
    apply_settings(&mut db).await;
    for filter in [FILTERS[0].0, FILTERS[3].0] {
        assert_eq!(search(&mut db, vector, "", filter).await.len(), 10);
    }
    let mut query = sqlx::query(statements::with_dimensions(DIMENSIONS).related.sql());
    let dimensions = DIMENSIONS.to_string();
    for parameter in ["1007", MODEL, &dimensions, "10", "0", "10000"] {
        query = query.bind(parameter);
    }
    let rows = query.fetch_all(&mut db).await.expect("rows");
    assert_eq!(rows.len(), 11);
}

async fn is_indexed(db: &mut PgConnection) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_indexes WHERE indexname LIKE 'vectors_64_%')")
        .fetch_one(db)
        .await
        .expect("whether there is an index")
}

async fn maintain(database: &TestDatabase, expected: Option<&str>) {
    let action: Option<String> = sqlx::query_scalar("SELECT retail.maintain_vector_index($1, 64)")
        .bind(MODEL)
        .fetch_one(&mut database.indexer().await)
        .await
        .expect("an action");
    assert_eq!(action.as_deref(), expected);
}
