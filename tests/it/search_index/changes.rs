use zava_mcp_server::progress::Progress;
use zava_mcp_server::search::embedding::{StaticEmbedder, StaticModel};
use zava_mcp_server::search_index::{Refreshed, VectorIndexChange, refresh};

use super::{PRODUCTS, asked_texts, assert_complete, clear_index, embed, execute, refresh_by, run};
use crate::support::{EmbeddingService, TestDatabase, model_folder, number};

const NOTHING: Refreshed = Refreshed {
    products: PRODUCTS,
    documents: 0,
    words: 0,
    vectors: 0,
    rejected: 0,
    vector_index: None,
};

#[tokio::test]
async fn a_run_does_only_what_is_missing() {
    let database = TestDatabase::new().await;
    let service = EmbeddingService::start().await;
    assert_eq!(refresh_by(&service, &database).await, NOTHING);
    assert_eq!(service.request_count(), 0);

    clear_index(&database).await;
    let refreshed = refresh_by(&service, &database).await;
    assert_eq!(
        (refreshed.documents, refreshed.vectors),
        (PRODUCTS, PRODUCTS)
    );
    super::assert_each_product_once(&asked_texts(&service));
    assert_complete(&database).await;
    assert_eq!(refresh_by(&service, &database).await, NOTHING);
    super::assert_each_product_once(&asked_texts(&service));
}

#[tokio::test]
async fn changed_added_and_removed_products_are_followed() {
    let database = TestDatabase::new().await;
    let service = EmbeddingService::start().await;
    let mut db = database.superuser().await;
    let zanzibar = "SELECT coalesce(sum(products), 0)::bigint FROM retail.search_words WHERE word = 'zanzibar'";
    execute(
        &mut db,
        "UPDATE retail.products SET product_description = 'From Zanzibar' \
         WHERE product_id = (SELECT min(product_id) FROM retail.products)",
    )
    .await;
    let refreshed = refresh_by(&service, &database).await;
    assert_eq!((refreshed.documents, refreshed.vectors), (1, 1));
    assert!(asked_texts(&service)[0].contains("From Zanzibar"));
    assert_eq!(number(&mut db, zanzibar).await, 1);

    execute(
        &mut db,
        "INSERT INTO retail.products (product_id, sku, product_name, category_id, type_id, cost, base_price, product_description) \
         SELECT 100000, 'NEW1', 'New thing', category_id, type_id, 1, 2, 'Of Zanzibar' FROM retail.product_types LIMIT 1",
    )
    .await;
    let refreshed = refresh_by(&service, &database).await;
    assert_eq!(
        (refreshed.products, refreshed.documents, refreshed.vectors),
        (PRODUCTS + 1, 1, 1)
    );
    assert_eq!(number(&mut db, zanzibar).await, 2);
    assert_complete(&database).await;

    // Its words and its vector go with the product, and the statistics with the next run.
    execute(
        &mut db,
        "DELETE FROM retail.products WHERE product_id = 100000",
    )
    .await;
    for table in ["product_search", "product_description_embeddings"] {
        let left = format!("SELECT count(*) FROM retail.{table} WHERE product_id = 100000");
        assert_eq!(number(&mut db, &left).await, 0, "{table}");
    }
    let refreshed = refresh_by(&service, &database).await;
    assert_eq!((refreshed.documents, refreshed.vectors), (0, 0));
    assert!(refreshed.words > 0);
    assert_eq!(number(&mut db, zanzibar).await, 1);
    assert_complete(&database).await;
    assert_eq!(service.request_count(), 2);
}

/// The text that is embedded has the type's name; the words have those of type and category.
#[tokio::test]
async fn renamed_types_and_categories_are_followed() {
    let database = TestDatabase::new().await;
    let service = EmbeddingService::start().await;
    let mut db = database.superuser().await;
    execute(
        &mut db,
        "UPDATE retail.product_types SET type_name = 'ZANZIBARS' \
         WHERE type_id = (SELECT min(type_id) FROM retail.product_types)",
    )
    .await;
    let of_type = number(
        &mut db,
        "SELECT count(*) FROM retail.products WHERE type_id = (SELECT min(type_id) FROM retail.product_types)",
    )
    .await;
    let refreshed = refresh_by(&service, &database).await;
    let counts = (refreshed.documents as i64, refreshed.vectors as i64);
    assert_eq!(counts, (of_type, of_type));
    execute(
        &mut db,
        "UPDATE retail.categories SET category_name = 'TANGANYIKA' \
         WHERE category_id = (SELECT min(category_id) FROM retail.categories)",
    )
    .await;
    let of_category = number(
        &mut db,
        "SELECT count(*) FROM retail.products WHERE category_id = (SELECT min(category_id) FROM retail.categories)",
    )
    .await;
    let refreshed = refresh_by(&service, &database).await;
    let counts = (refreshed.documents as i64, refreshed.vectors as i64);
    assert_eq!(counts, (of_category, 0));
    assert_complete(&database).await;
}

/// From 2.5 million numbers on.
#[tokio::test]
async fn many_vectors_are_indexed_once() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    execute(
        &mut db,
        "INSERT INTO retail.products (sku, product_name, category_id, type_id, cost, base_price, product_description) \
         SELECT format('COPY%s-%s', n, p.sku), p.product_name, p.category_id, p.type_id, p.cost, p.base_price, p.product_description \
         FROM retail.products AS p CROSS JOIN generate_series(1, 23) AS n",
    )
    .await;
    let model = StaticModel::open(&model_folder()).expect("the model");
    let embedder = StaticEmbedder::new(model);
    let mut indexer = database.indexer().await;
    for expected in [Some(VectorIndexChange::Created), None] {
        let refreshed = refresh(&mut indexer, &embedder, Progress::silent()).await;
        let refreshed = refreshed.expect("the index is refreshed");
        assert_eq!(refreshed.vector_index, expected);
    }
}

/// Without its policy the indexer sees no product. The run must not count that as none.
#[tokio::test]
async fn products_that_are_hidden_are_an_error() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    execute(&mut db, "DROP POLICY indexer_reads ON retail.products").await;
    let words = "SELECT count(*) FROM retail.search_words";
    let before = number(&mut db, words).await;
    let service = EmbeddingService::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (code, text) = run(embed(folder.path(), &service, &database)).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the products cannot be read"), "{text}");
    assert_eq!(number(&mut db, words).await, before);
}
