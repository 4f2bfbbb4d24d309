use serde_json::json;
use zava_mcp_server::settings::EmbedderSettings;

use super::find;
use crate::support::{REDMOND, SEATTLE, TestServer, model_folder};

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
