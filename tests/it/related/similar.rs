use serde_json::json;
use zava_mcp_server::settings::{EmbedderSettings, OpenAiAuth, OpenAiSettings};

use super::{related, rows};
use crate::support::{
    Answer, DIMENSIONS, EmbeddingService, HEAD_OFFICE, MODEL, REDMOND, SEATTLE, SERVICE_KEY,
    TestServer, settings,
};

/// Nearest first, by the vector of the product itself, which is not among them.
#[tokio::test]
async fn similar_products_are_the_nearest_by_the_products_own_vector() {
    let server = TestServer::shared();
    let mut db = server.database().superuser().await;
    for product in [1, 100, 250] {
        let arguments = json!({"product": product, "relation": "similar", "max_rows": 5});
        let found = related(&server, SEATTLE, arguments.clone()).await;
        let nearest: Vec<(i32, f64)> = sqlx::query_as(
            "SELECT o.product_id, \
                 (1 - (o.description_embedding <=> p.description_embedding)) * 100 \
             FROM retail.product_description_embeddings AS p \
             CROSS JOIN retail.product_description_embeddings AS o \
             WHERE p.product_id = $1 AND o.product_id <> $1 ORDER BY 2 DESC LIMIT 5",
        )
        .bind(product)
        .fetch_all(&mut db)
        .await
        .expect("the nearest products");
        let rows = rows(&found, "similar");
        assert_eq!(rows.len(), 5);
        for (row, (id, similarity)) in rows.iter().zip(nearest) {
            assert_eq!(row[1], id, "{}", found.text);
            let shown = row[7].as_f64().expect("a percentage");
            assert!((shown - similarity).abs() <= 0.0501, "{row} {similarity}");
            assert_eq!((&row[8], &row[9]), (&json!(null), &json!(null)));
        }
        // The assortment is the same for every tenant.
        for tenant in [REDMOND, HEAD_OFFICE] {
            let other = related(&server, tenant, arguments.clone()).await;
            assert_eq!(other.structured["r"], found.structured["r"]);
        }
    }
    let found = related(&server, SEATTLE, json!({"product": 1, "max_rows": 1})).await;
    let facts = "SELECT p.sku, p.product_name, c.category_name, t.type_name, p.base_price \
        FROM retail.products p JOIN retail.categories c USING (category_id) \
        JOIN retail.product_types t USING (type_id) WHERE p.product_id = ";
    for row in found.structured["r"].as_array().expect("rows") {
        let facts = server.rows(SEATTLE, &format!("{facts}{}", row[1])).await;
        let shown: Vec<_> = row.as_array().expect("a row")[2..7].to_vec();
        assert_eq!(json!(shown), facts[0]);
    }
}

/// No text is embedded, so nothing is asked of the service.
#[tokio::test]
async fn similar_products_are_found_while_the_embedding_service_is_away() {
    let service = EmbeddingService::start().await;
    service.set(Answer::Blocked);
    let openai = OpenAiSettings {
        url: service.url("/openai/v1/embeddings"),
        auth: OpenAiAuth::AzureKey(SERVICE_KEY.to_owned().into()),
        model: MODEL.to_owned(),
        dimensions: DIMENSIONS,
    };
    let server = TestServer::over_shared_database(|settings| {
        settings.search.embedder = Some(EmbedderSettings::OpenAi(openai.into()));
    })
    .await;
    let found = related(&server, SEATTLE, json!({"product": 1})).await;
    let expected = related(&TestServer::shared(), SEATTLE, json!({"product": 1})).await;
    assert_eq!(found.text, expected.text);
    assert_eq!(service.request_count(), 0);
}

/// What is bought together is listed all the same, and a note says why nothing similar is.
#[tokio::test]
async fn without_comparable_vectors_a_note_says_why_nothing_is_similar() {
    let server = TestServer::start().await;
    let database = server.database();
    let mut db = database.superuser().await;
    let mut with_no_embedder = settings(&database.name);
    with_no_embedder.search.embedder = None;
    let with_no_embedder = TestServer::with_settings(&with_no_embedder).await;
    let product: i32 = sqlx::query_scalar(
        "SELECT product_id FROM retail.order_items GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    )
    .fetch_one(&mut db)
    .await
    .expect("a product");
    let bought = related(
        &server,
        HEAD_OFFICE,
        json!({"product": product, "relation": "bought_together"}),
    )
    .await;
    assert!(bought.structured["n"].as_i64() > Some(0));
    let no_vector = "the product has no vector of this server's embedding model";
    let no_other = "no other product has a vector of this server's embedding model";
    let delete = "DELETE FROM retail.product_description_embeddings";
    let update = "UPDATE retail.product_description_embeddings SET";
    let others = |change: &str| format!("{update} {change} WHERE product_id <> {product}");
    let own = |change: &str| format!("{update} {change} WHERE product_id = {product}");
    let cases = [
        (
            &with_no_embedder,
            "SELECT 1".to_owned(),
            "semantic search is not configured on this server",
        ),
        (&server, others("model = 'another'"), no_other),
        (
            &server,
            others("model = 'wordllama-l2-supercat-256', description_embedding = '[1,2,3]'"),
            no_other,
        ),
        (&server, own("model = 'another'"), no_vector),
        (
            &server,
            own("model = 'wordllama-l2-supercat-256', description_embedding = '[1,2,3]'"),
            no_vector,
        ),
        (
            &server,
            format!("{delete} WHERE product_id = {product}"),
            no_vector,
        ),
    ];
    for (server, change, reason) in cases {
        sqlx::raw_sql(sqlx::AssertSqlSafe(change.clone()))
            .execute(&mut db)
            .await
            .expect("the vectors change");
        let both = related(server, HEAD_OFFICE, json!({ "product": product })).await;
        assert_eq!(both.structured["r"], bought.structured["r"], "{change}");
        let note = format!("nothing similar is listed: {reason}");
        assert_eq!(both.message(), note, "{change}");
        let arguments = json!({"product": product, "relation": "similar"});
        let similar = related(server, HEAD_OFFICE, arguments).await;
        assert_eq!(similar.structured["n"], 0, "{change}");
        assert_eq!(similar.message(), format!("No related products; {note}"));
    }
}
