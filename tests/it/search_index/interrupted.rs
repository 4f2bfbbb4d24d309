use std::time::Duration;

use super::{
    BATCH, PRODUCTS, asked_texts, assert_complete, assert_each_product_once, clear_index, embed,
    execute, refresh_by, run, service_settings, wait_for_sessions_to_end,
};
use crate::support::{Answer, EmbeddingService, MODEL, TestDatabase, eventually, number};
use zava_mcp_server::app;
use zava_mcp_server::azure::AzureServices;
use zava_mcp_server::progress::Progress;
use zava_mcp_server::search_index::{Refreshed, refresh_into};
use zava_mcp_server::settings::HttpsSettings;

/// Lets the service answer three batches, and no other until it is told to.
fn answer_three_batches(service: &EmbeddingService) {
    service.set_next([Answer::Vectors, Answer::Vectors, Answer::Vectors]);
    service.set(Answer::Blocked);
}

async fn wait_for_the_fourth_batch(service: &EmbeddingService) {
    eventually("the fourth batch is asked for", async || {
        service.request_count() == 4 && service.open_requests() == 1
    })
    .await;
}

/// Killed (SIGKILL) between two batches: the next run continues, and embeds nothing twice.
#[tokio::test]
async fn the_run_after_a_killed_one_embeds_only_the_rest() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    clear_index(&database).await;
    answer_three_batches(&service);
    let mut killed = embed(folder.path(), &service, &database)
        .spawn()
        .expect("it starts");
    wait_for_the_fourth_batch(&service).await;
    let mut db = database.superuser().await;
    let embedded = "SELECT embedded::bigint FROM retail.embedding_models";
    assert_eq!(number(&mut db, embedded).await, 3 * BATCH as i64);
    killed.kill().await.expect("killed");
    wait_for_sessions_to_end(&database).await;
    service.set(Answer::Vectors);

    let (code, text) = run(embed(folder.path(), &service, &database)).await;
    assert_eq!(code, Some(0), "{text}");
    let rest = PRODUCTS - 3 * BATCH;
    assert!(
        text.contains(&format!("the vectors of {rest} by {MODEL}")),
        "{text}"
    );
    // The fourth request was not answered.
    let mut texts = asked_texts(&service);
    texts.drain(3 * BATCH..4 * BATCH);
    assert_each_product_once(&texts);
    assert_complete(&database).await;
    assert_eq!(number(&mut db, embedded).await, PRODUCTS as i64);
}

/// Killed after the words were written and before they are counted.
#[tokio::test]
async fn statistics_are_right_after_a_run_was_killed_before_it_counted() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    let mut db = database.superuser().await;
    for sql in [
        "UPDATE retail.products SET product_description = 'From Zanzibar'",
        "BEGIN",
        "LOCK TABLE retail.search_words IN ACCESS EXCLUSIVE MODE",
    ] {
        execute(&mut db, sql).await;
    }
    let mut killed = embed(folder.path(), &service, &database)
        .spawn()
        .expect("it starts");
    let mut monitor = database.superuser().await;
    let waiting = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'zava_indexer' AND datname = '{}' AND wait_event_type = 'Lock'",
        database.name
    );
    eventually("it waits for the statistics", async || {
        number(&mut monitor, &waiting).await == 1
    })
    .await;
    killed.kill().await.expect("killed");
    // The statement that a killed process leaves behind must not do the work.
    execute(
        &mut monitor,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'zava_indexer' AND datname = current_database()",
    )
    .await;
    execute(&mut db, "ROLLBACK").await;
    wait_for_sessions_to_end(&database).await;
    assert_eq!(service.request_count(), 0);
    let refreshed = refresh_by(&service, &database).await;
    assert_eq!((refreshed.documents, refreshed.vectors), (0, PRODUCTS));
    assert!(refreshed.words > 0);
    assert_complete(&database).await;
}

#[tokio::test]
async fn a_second_run_says_that_another_is_under_way_and_does_nothing() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    clear_index(&database).await;
    answer_three_batches(&service);
    let first = embed(folder.path(), &service, &database)
        .spawn()
        .expect("it starts");
    wait_for_the_fourth_batch(&service).await;
    let (code, text) = run(embed(folder.path(), &service, &database)).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("another run over the search index is under way"),
        "{text}"
    );
    let mut removing = embed(folder.path(), &service, &database);
    removing.args(["--remove", "other"]);
    let (code, text) = run(removing).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("another run"), "{text}");
    service.set(Answer::Vectors);
    let output = first.wait_with_output().await.expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert_each_product_once(&asked_texts(&service));
    assert_complete(&database).await;
}

/// As at a deadline.
#[tokio::test]
async fn a_dropped_run_is_continued_by_the_next() {
    let database = TestDatabase::new().await;
    let service = EmbeddingService::start().await;
    let mut superuser = database.superuser().await;
    execute(
        &mut superuser,
        "UPDATE retail.products SET product_description = product_description || ' From Zanzibar.'",
    )
    .await;
    answer_three_batches(&service);
    let https = HttpsSettings::default();
    let azure = AzureServices::new(None, &https).expect("no services");
    let settings = service_settings(&service, MODEL);
    let embedder = app::embedder(&settings, &https, &azure, Duration::from_secs(20));
    let embedder = embedder.expect("an embedder").expect("one");
    let mut refreshed = Refreshed::default();
    let mut db = database.indexer().await;
    // Both arms may be dropped.
    tokio::select! {
        done = refresh_into(&mut db, Some(embedder.as_ref()), Progress::silent(), &mut refreshed) => {
            panic!("{done:?}");
        }
        () = wait_for_the_fourth_batch(&service) => {}
    }
    drop(db);
    assert_eq!(
        (refreshed.products, refreshed.documents, refreshed.vectors),
        (PRODUCTS, PRODUCTS, 3 * BATCH)
    );
    // Replaced vectors are not counted twice.
    let embedded = "SELECT embedded::bigint FROM retail.embedding_models";
    assert_eq!(number(&mut superuser, embedded).await, PRODUCTS as i64);
    wait_for_sessions_to_end(&database).await;
    service.set(Answer::Vectors);
    let rest = refresh_by(&service, &database).await;
    assert_eq!((rest.documents, rest.vectors), (0, PRODUCTS - 3 * BATCH));
    assert_complete(&database).await;
}
