//! Upkeep of the search index, as the login that may write nothing else.
mod changes; //     products that are changed, added, removed or renamed
mod command; //     `embed`: what it prints, dry runs, a provider that fails
mod interrupted; // runs that are killed, dropped or not alone
mod models; //      a model beside another, its removal, what `check` says
mod privileges; //  what the login may do

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection};
use tokio::process::Command;
use zava_mcp_server::app;
use zava_mcp_server::azure::AzureServices;
use zava_mcp_server::progress::Progress;
use zava_mcp_server::search_index::{Refreshed, refresh};
use zava_mcp_server::settings::{
    EmbedderSettings, HttpsSettings, OpenAiAuth, OpenAiSettings, SearchSettings,
};

use crate::command_line::{self, binary};
use crate::support::{
    DIMENSIONS, EmbeddingService, MODEL, SERVICE_KEY, TestDatabase, eventually, indexer_password,
    number, settings,
};

/// How many products the sample has.
const PRODUCTS: usize = 424;

/// How many products are embedded at once.
const BATCH: usize = 64;

/// `embed` with a service, as the login of the search index and with no other credential.
fn embed(folder: &Path, service: &EmbeddingService, database: &TestDatabase) -> Command {
    let mut command = binary(folder);
    let address = settings(&database.name).database;
    command
        .arg("embed")
        .env("POSTGRES_DB_HOST", address.host)
        .env("POSTGRES_DB_PORT", address.port.to_string())
        .env("POSTGRES_DB", address.database)
        .env("POSTGRES_INDEXER_PASSWORD", indexer_password());
    with_service(&mut command, service);
    command
}

/// Names the service as the source of embeddings.
fn with_service(command: &mut Command, service: &EmbeddingService) {
    command
        .env("AZURE_OPENAI_ENDPOINT", service.endpoint())
        .env("ZAVA_EMBEDDING_API_KEY", SERVICE_KEY)
        .env("EMBEDDING_MODEL_DEPLOYMENT_NAME", MODEL)
        .env("ZAVA_EMBEDDING_DIMENSIONS", DIMENSIONS.to_string());
}

/// Runs a command; returns its exit code and what it has written, which contains no secret.
async fn run(command: Command) -> (Option<i32>, String) {
    let (code, text) = command_line::run(command).await;
    for secret in [SERVICE_KEY, "a quoted text", &indexer_password()] {
        assert!(!text.contains(secret), "{text}");
    }
    (code, text)
}

/// The settings of a service, for a model.
pub(crate) fn service_settings(service: &EmbeddingService, model: &str) -> SearchSettings {
    let openai = OpenAiSettings {
        url: service.url("/openai/v1/embeddings"),
        auth: OpenAiAuth::AzureKey(SERVICE_KEY.to_owned().into()),
        model: model.to_owned(),
        dimensions: DIMENSIONS,
    };
    SearchSettings {
        embedder: Some(EmbedderSettings::OpenAi(openai.into())),
    }
}

/// Refreshes the index within this process, as the login of the search index.
async fn refresh_by(service: &EmbeddingService, database: &TestDatabase) -> Refreshed {
    let https = HttpsSettings::default();
    let azure = AzureServices::new(None, &https).expect("no services");
    let settings = service_settings(service, MODEL);
    let embedder = app::embedder(&settings, &https, &azure, Duration::from_secs(20));
    let embedder = embedder.expect("an embedder").expect("one");
    let mut db = database.indexer().await;
    refresh(&mut db, embedder.as_ref(), Progress::silent())
        .await
        .expect("the index is refreshed")
}

/// Runs statements as a superuser.
async fn execute(db: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(db)
        .await
        .unwrap_or_else(|error| panic!("{sql}\n  {error}"));
}

/// Empties the index of a copy of the sample, as before the first run.
async fn clear_index(database: &TestDatabase) {
    let sql = "TRUNCATE retail.product_description_embeddings, retail.product_search, \
               retail.search_words, retail.embedding_models";
    execute(&mut database.superuser().await, sql).await;
}

/// The texts that the service was asked for, in order.
fn asked_texts(service: &EmbeddingService) -> Vec<String> {
    let requests = service.received();
    let texts = requests
        .iter()
        .flat_map(|request| request.body["input"].as_array().expect("texts").clone());
    texts
        .map(|text| text.as_str().expect("a text").to_owned())
        .collect()
}

#[track_caller]
fn assert_each_product_once(texts: &[String]) {
    let distinct: BTreeSet<&String> = texts.iter().collect();
    assert_eq!((texts.len(), distinct.len()), (PRODUCTS, PRODUCTS));
}

/// Asserts that every product has words and a vector, and that the statistics are right.
async fn assert_complete(database: &TestDatabase) {
    let mut db = database.superuser().await;
    let products = number(&mut db, "SELECT count(*) FROM retail.products").await;
    for table in ["product_search", "product_description_embeddings"] {
        let count = format!("SELECT count(DISTINCT product_id) FROM retail.{table}");
        assert_eq!(number(&mut db, &count).await, products, "{table}");
    }
    let wrong_statistics = "SELECT count(*) FROM (
            SELECT word, ndoc FROM ts_stat('SELECT document FROM retail.product_search') WHERE word <> ''
            UNION ALL SELECT '', count(*)::integer FROM retail.product_search
        ) AS right_ones (word, products)
        FULL JOIN retail.search_words AS stored USING (word, products)
        WHERE stored.word IS NULL OR right_ones.word IS NULL";
    assert_eq!(number(&mut db, wrong_statistics).await, 0);
}

/// Waits until no session of the login is left, as after a process was killed.
pub(crate) async fn wait_for_sessions_to_end(database: &TestDatabase) {
    let mut db = database.superuser().await;
    let sessions = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'zava_indexer' AND datname = '{}'",
        database.name
    );
    eventually("the sessions end", async || {
        number(&mut db, &sessions).await == 0
    })
    .await;
}
