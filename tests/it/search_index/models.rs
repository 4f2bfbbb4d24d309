use sqlx::AssertSqlSafe;

use super::{
    BATCH, PRODUCTS, asked_texts, assert_each_product_once, clear_index, embed, execute, run,
    service_settings, with_service,
};
use crate::command_line::{binary, with_database};
use crate::support::{
    EmbeddingService, MODEL, SEATTLE, TestDatabase, TestServer, number, settings,
};
use serde_json::json;
use std::path::Path;

const NEW: &str = "another-model";

/// A digest of the index without one model.
async fn digest_without(database: &TestDatabase, model: &str) -> String {
    let sql = format!(
        "SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
            SELECT 'v ' || e::text FROM retail.product_description_embeddings AS e WHERE e.model <> '{model}'
            UNION ALL SELECT 'd ' || s::text FROM retail.product_search AS s
            UNION ALL SELECT 'w ' || w::text FROM retail.search_words AS w
            UNION ALL SELECT 's ' || y::text FROM retail.search_synonyms AS y
            UNION ALL SELECT 'p ' || p::text FROM retail.products AS p
            UNION ALL SELECT 'm ' || m::text FROM retail.embedding_models AS m WHERE m.model <> '{model}'
        ) AS lines (line)"
    );
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut database.superuser().await)
        .await
        .expect("a digest")
}

async fn check(
    folder: &Path,
    service: &EmbeddingService,
    database: &TestDatabase,
    model: &str,
) -> (Option<i32>, String) {
    let mut command = binary(folder);
    with_database(&mut command, &settings(&database.name));
    with_service(&mut command, service);
    command
        .arg("check")
        .env("EMBEDDING_MODEL_DEPLOYMENT_NAME", model);
    run(command).await
}

async fn server(database: &TestDatabase, service: &EmbeddingService, model: &str) -> TestServer {
    let mut settings = settings(&database.name);
    settings.search = service_settings(service, model);
    TestServer::with_settings(&settings).await
}

async fn assert_finds(server: &TestServer) {
    let arguments = json!({"query_description": "waterproof outdoor paint"});
    let answer = server
        .call(SEATTLE, "semantic_search_products", arguments)
        .await;
    assert!(!answer.is_error, "{}", answer.text);
    assert!(answer.structured["n"].as_i64() > Some(0), "{}", answer.text);
}

/// A new model is built beside the old one, which servers go on searching; then a server with the
/// new name searches the new one, and the old one is removed.
#[tokio::test]
async fn a_new_model_is_built_beside_the_old_one_and_switched_to() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    let old = server(&database, &service, MODEL).await;
    assert_finds(&old).await;
    let (code, text) = check(folder.path(), &service, &database, NEW).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("vectors    WRONG  0 of 0 products have vectors"),
        "{text}"
    );

    let before = digest_without(&database, NEW).await;
    let asked = service.request_count();
    let mut building = embed(folder.path(), &service, &database);
    building.args(["--model", NEW]);
    let (code, text) = run(building).await;
    assert_eq!(code, Some(0), "{text}");
    let built = format!("the vectors of {PRODUCTS} by {NEW} with 256 dimensions");
    assert!(text.contains(&built), "{text}");
    let requests = &service.received()[asked..];
    assert!(requests.iter().all(|request| request.body["model"] == NEW));
    assert_eq!(digest_without(&database, NEW).await, before);
    assert_finds(&old).await;

    let (code, text) = check(folder.path(), &service, &database, NEW).await;
    assert_eq!(code, Some(0), "{text}");
    let all = format!(
        "vectors    ok  {PRODUCTS} of {PRODUCTS} products have vectors of this model; the last run finished at 20"
    );
    assert!(text.contains(&all), "{text}");
    let new = server(&database, &service, NEW).await;
    assert_finds(&new).await;

    // The settings of this command name the old model.
    let remove = |arguments: &[&str]| {
        let mut command = embed(folder.path(), &service, &database);
        command.args(arguments);
        command
    };
    let (code, text) = run(remove(&["--remove", MODEL])).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains(&format!("the settings name {MODEL}")),
        "{text}"
    );
    let before = digest_without(&database, MODEL).await;
    let mut removing = remove(&["--remove", MODEL]);
    removing.env("EMBEDDING_MODEL_DEPLOYMENT_NAME", NEW);
    let (code, text) = run(removing).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("removed {PRODUCTS} vectors of {MODEL}")),
        "{text}"
    );
    assert_eq!(digest_without(&database, MODEL).await, before);
    let mut db = database.superuser().await;
    for table in ["product_description_embeddings", "embedding_models"] {
        let left = format!("SELECT count(*) FROM retail.{table} WHERE model = '{MODEL}'");
        assert_eq!(number(&mut db, &left).await, 0, "{table}");
    }
    assert_finds(&new).await;

    let mut unknown = remove(&["--remove", "nothing"]);
    unknown.env("EMBEDDING_MODEL_DEPLOYMENT_NAME", NEW);
    let (code, text) = run(unknown).await;
    assert_eq!(code, Some(1), "{text}");
    let known = format!("there are vectors of {NEW} (256 dimensions)");
    assert!(text.contains(&known), "{text}");
}

/// The same model with another number of dimensions is another set of vectors.
#[tokio::test]
async fn vectors_with_other_dimensions_of_the_current_model_can_be_removed() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    let mut building = embed(folder.path(), &service, &database);
    building.env("ZAVA_EMBEDDING_DIMENSIONS", "300");
    let (code, text) = run(building).await;
    assert_eq!(code, Some(0), "{text}");
    assert_each_product_once(&asked_texts(&service));
    let remove = |dimensions: &str| {
        let mut command = embed(folder.path(), &service, &database);
        command.args(["--remove", MODEL, "--dimensions", dimensions]);
        command
    };
    let (code, text) = run(remove("256")).await;
    assert_eq!(code, Some(1), "{text}");
    let (code, text) = run(remove("300")).await;
    assert_eq!(code, Some(0), "{text}");
    let mut db = database.superuser().await;
    let left = "SELECT count(*) FROM retail.product_description_embeddings";
    assert_eq!(number(&mut db, left).await, PRODUCTS as i64);
}

#[tokio::test]
async fn check_says_how_many_products_have_vectors() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    clear_index(&database).await;
    let (code, text) = check(folder.path(), &service, &database, MODEL).await;
    assert_eq!(code, Some(1), "{text}");
    for part in [
        "vectors    WRONG  0 of 0 products have vectors of this model; run `zava-mcp-server embed`",
        "no product is found by its meaning until it has a vector of this model",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    execute(
        &mut database.superuser().await,
        &format!(
            "INSERT INTO retail.embedding_models (model, dimensions, products, embedded) VALUES ('{MODEL}', 256, {PRODUCTS}, {BATCH})"
        ),
    )
    .await;
    let (code, text) = check(folder.path(), &service, &database, MODEL).await;
    assert_eq!(code, Some(0), "{text}");
    let warning = format!(
        "vectors    warning  {BATCH} of {PRODUCTS} products have vectors of this model; run `zava-mcp-server embed`"
    );
    assert!(text.contains(&warning), "{text}");
}
