use super::{
    BATCH, PRODUCTS, assert_complete, clear_index, embed, execute, run, wait_for_sessions_to_end,
    with_service,
};
use crate::command_line::{binary, with_database};
use crate::support::{
    Answer, EmbeddingService, MODEL, TestDatabase, model_folder, number, settings,
};

/// Everything that `embed` may write, as one text.
const INDEX: &str = "SELECT md5(string_agg(line, E'\\n' ORDER BY line)) FROM (
    SELECT 'v ' || e::text FROM retail.product_description_embeddings AS e
    UNION ALL SELECT 'd ' || s::text FROM retail.product_search AS s
    UNION ALL SELECT 'w ' || w::text FROM retail.search_words AS w
    UNION ALL SELECT 'm ' || m::text FROM retail.embedding_models AS m
) AS lines (line)";

async fn index(database: &TestDatabase) -> Option<String> {
    sqlx::query_scalar(INDEX)
        .fetch_one(&mut database.superuser().await)
        .await
        .expect("the index")
}

#[tokio::test]
async fn a_dry_run_prints_what_is_missing_and_its_cost_and_writes_nothing() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    let mut db = database.superuser().await;
    execute(
        &mut db,
        "UPDATE retail.products SET product_description = product_description || ' From Zanzibar.' WHERE product_id <= 10; \
         DELETE FROM retail.product_description_embeddings WHERE product_id IN (20, 21)",
    )
    .await;
    let before = index(&database).await;
    let tokens = number(
        &mut db,
        "SELECT sum(ceil(char_length(t.type_name || '. ' || p.product_name || '. ' || p.product_description) / 4.0))::bigint \
         FROM retail.products AS p JOIN retail.product_types AS t USING (type_id) WHERE product_id <= 10 OR product_id IN (20, 21)",
    )
    .await;
    let dry = |arguments: &[&str]| {
        let mut command = embed(folder.path(), &service, &database);
        command.arg("--dry-run").args(arguments);
        command
    };
    let missing = format!(
        "{PRODUCTS} products: 10 lack words, 12 lack a vector of {MODEL} with 256 dimensions, about {tokens} tokens"
    );
    let (code, text) = run(dry(&[])).await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text.trim_end(), missing);
    let (code, text) = run(dry(&["--price", "1000"])).await;
    assert_eq!(code, Some(0), "{text}");
    let cost = tokens as f64 / 1000.0;
    assert_eq!(text.trim_end(), format!("{missing}, about ${cost:.4}"));
    // Another model has no vectors yet.
    let (code, text) = run(dry(&["--model", "another"])).await;
    assert_eq!(code, Some(0), "{text}");
    let all = format!("{PRODUCTS} lack a vector of another with 256 dimensions");
    assert!(text.contains(&all), "{text}");
    assert_eq!(index(&database).await, before);
    assert_eq!(service.request_count(), 0);
}

/// The words of all products are written nevertheless, and the next run does the rest.
#[tokio::test]
async fn a_provider_that_fails_half_way_costs_no_words_and_is_one_error() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    clear_index(&database).await;
    service.set_next([Answer::Vectors, Answer::Vectors]);
    service.set(Answer::Status(503, "", None));
    let (code, text) = run(embed(folder.path(), &service, &database)).await;
    assert_eq!(code, Some(1), "{text}");
    let error = format!(
        "zava-mcp-server: the search index is not up to date ({PRODUCTS} products: wrote the words of {PRODUCTS}"
    );
    assert_eq!(text.matches("zava-mcp-server:").count(), 1, "{text}");
    for part in [
        error.as_str(),
        &format!("the vectors of {} by {MODEL}", 2 * BATCH),
        "the next run continues",
        "the embedding service",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let mut db = database.superuser().await;
    let words = number(&mut db, "SELECT count(*) FROM retail.product_search").await;
    assert_eq!(words, PRODUCTS as i64);
    let counted = "SELECT products::bigint FROM retail.search_words WHERE word = ''";
    assert_eq!(number(&mut db, counted).await, PRODUCTS as i64);

    service.set(Answer::Vectors);
    let (code, text) = run(embed(folder.path(), &service, &database)).await;
    assert_eq!(code, Some(0), "{text}");
    let rest = PRODUCTS - 2 * BATCH;
    let done = format!(
        "{PRODUCTS} products: wrote the words of 0 and the statistics of 0 words, and the vectors of {rest} by {MODEL} with 256 dimensions\n"
    );
    assert!(text.starts_with(&done), "{text}");
    // Lines instead of a bar, because this is no terminal.
    assert!(
        text.contains(&format!("embedding products: {PRODUCTS} in")),
        "{text}"
    );
    assert_complete(&database).await;
}

#[tokio::test]
async fn a_deadline_ends_a_run_and_the_next_continues() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    clear_index(&database).await;
    service.set_next([Answer::Vectors]);
    service.set(Answer::Blocked);
    let mut limited = embed(folder.path(), &service, &database);
    limited.args(["--deadline", "0.05"]);
    let (code, text) = run(limited).await;
    assert_eq!(code, Some(1), "{text}");
    for part in ["the deadline has passed", "the next run continues"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    wait_for_sessions_to_end(&database).await;
    service.set(Answer::Vectors);
    let (code, text) = run(embed(folder.path(), &service, &database)).await;
    assert_eq!(code, Some(0), "{text}");
    assert_complete(&database).await;
}

/// A text that the service rejects costs the others of its batch nothing, nor later batches:
/// whether its content filter rejects it, or the model finds it too long.
#[tokio::test]
async fn a_rejected_text_is_counted_and_left_out() {
    for (status, code) in [(400, "content_filter"), (400, "BadRequest"), (413, "")] {
        let database = TestDatabase::new().await;
        let folder = tempfile::tempdir().expect("a folder");
        let service = EmbeddingService::start().await;
        execute(
            &mut database.superuser().await,
            "DELETE FROM retail.product_description_embeddings WHERE product_id IN (20, 21, 22, 200)",
        )
        .await;
        let rejected = || Answer::Status(status, code, None);
        service.set_next([rejected(), Answer::Vectors, rejected(), Answer::Vectors]);
        let (exit, text) = run(embed(folder.path(), &service, &database)).await;
        assert_eq!(exit, Some(0), "{text}");
        for part in [
            "the vectors of 3 by",
            "1 have none, because the embedding service does not accept their texts",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(service.request_count(), 5);
    }
}

/// A setting that the service does not accept, whatever the text, is one error and writes no vector.
#[tokio::test]
async fn a_request_that_is_never_accepted_is_an_error() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    execute(
        &mut database.superuser().await,
        "DELETE FROM retail.product_description_embeddings WHERE product_id IN (20, 21, 22)",
    )
    .await;
    service.set(Answer::Status(400, "BadRequest", None));
    let (exit, text) = run(embed(folder.path(), &service, &database)).await;
    assert_eq!(exit, Some(1), "{text}");
    assert!(
        text.contains("check that the model supports ZAVA_EMBEDDING_DIMENSIONS"),
        "{text}"
    );
    assert_eq!(service.request_count(), 4);
}

/// The static model needs no service, and without any source the words are written.
#[tokio::test]
async fn the_static_model_and_no_source_at_all_are_possible() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    clear_index(&database).await;
    let without_service = || {
        let mut command = embed(folder.path(), &service, &database);
        command
            .env_remove("AZURE_OPENAI_ENDPOINT")
            .env_remove("ZAVA_EMBEDDING_API_KEY");
        command
    };
    let (code, text) = run(without_service()).await;
    assert_eq!(code, Some(0), "{text}");
    let expected = format!("wrote the words of {PRODUCTS}");
    assert!(
        text.contains(&expected) && text.contains("no vectors"),
        "{text}"
    );

    let with_model = |arguments: &[&str]| {
        let mut command = without_service();
        command
            .env("ZAVA_EMBEDDING_MODEL_DIR", model_folder())
            .args(arguments);
        command
    };
    let (code, text) = run(with_model(&["--dry-run", "--price", "0.02"])).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("without charge"), "{text}");
    let (code, text) = run(with_model(&["--model", "another"])).await;
    assert_eq!(code, Some(64), "{text}");
    assert!(
        text.contains("`--model` names a model of an embedding service"),
        "{text}"
    );
    let (code, text) = run(with_model(&[])).await;
    assert_eq!(code, Some(0), "{text}");
    assert_complete(&database).await;
    assert_eq!(service.request_count(), 0);
}

#[tokio::test]
async fn invalid_arguments_settings_and_logins_are_named() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    for (arguments, variable, value, code, expected) in [
        (
            &["--deadline", "0"][..],
            "",
            "",
            64,
            "expected a number of minutes",
        ),
        (&["--price", "0.02"], "", "", 64, "--dry-run"),
        (&["--dry-run", "--price=-1"], "", "", 64, "expected dollars"),
        (
            &["--dry-run", "--price", "NaN"],
            "",
            "",
            64,
            "expected dollars",
        ),
        (&["--dimensions", "3"], "", "", 64, "--remove"),
        (
            &["--remove", "a", "--dry-run"],
            "",
            "",
            64,
            "cannot be used with",
        ),
        (&["--model", ""], "", "", 64, "a value is required"),
        (
            &["--model", "two words"],
            "",
            "",
            64,
            "EMBEDDING_MODEL_DEPLOYMENT_NAME",
        ),
        (
            &[],
            "POSTGRES_INDEXER_PASSWORD",
            "",
            64,
            "POSTGRES_INDEXER_PASSWORD is not set",
        ),
        (
            &[],
            "POSTGRES_POOL_MODE",
            "transaction",
            64,
            "must be `direct` for `embed`",
        ),
        (
            &[],
            "POSTGRES_INDEXER_PASSWORD",
            "wrong",
            1,
            "check POSTGRES_DB_HOST",
        ),
        (
            &[],
            "POSTGRES_INDEXER_USER",
            "nobody",
            1,
            "POSTGRES_INDEXER_USER",
        ),
    ] {
        let mut command = embed(folder.path(), &service, &database);
        command.args(arguments);
        if !variable.is_empty() {
            command.env(variable, value);
        }
        let (exit, text) = run(command).await;
        assert_eq!(exit, Some(code), "{arguments:?} {variable}: {text}");
        assert!(text.contains(expected), "{arguments:?} {variable}: {text}");
    }
}

/// The command needs neither the query login's password, nor the signing key, nor the
/// administrator's; and `serve` and `check` do not need the indexer's.
#[tokio::test]
async fn each_command_reads_its_own_credentials_only() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let service = EmbeddingService::start().await;
    let mut command = embed(folder.path(), &service, &database);
    for unread in [
        "POSTGRES_PASSWORD",
        "POSTGRES_ADMIN_PASSWORD",
        "ZAVA_SIGNING_KEY",
    ] {
        command.env(unread, "@Microsoft.KeyVault(malformed");
    }
    let (code, text) = run(command).await;
    assert_eq!(code, Some(0), "{text}");
    let mut check = binary(folder.path());
    with_database(&mut check, &settings(&database.name));
    with_service(&mut check, &service);
    check
        .arg("check")
        .env("POSTGRES_INDEXER_PASSWORD", "@Microsoft.KeyVault(malformed");
    let (code, text) = run(check).await;
    assert_eq!(code, Some(0), "{text}");
}
