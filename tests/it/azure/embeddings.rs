//! Access tokens for an embedding service.

use std::sync::Arc;

use serde_json::json;
use zava_mcp_server::settings::{EmbedderSettings, OpenAiAuth, OpenAiSettings};

use super::entra::{EMBEDDING_SCOPE, Mode};
use super::{Azure, LoginMethod};
use crate::support::{
    DIMENSIONS, EmbeddingService, MODEL, SEATTLE, TestServer, ToolAnswer, eventually,
};

/// A service that accepts the tokens of the stand-in for Entra ID, and a server that uses it.
async fn start(azure: &Azure) -> (EmbeddingService, TestServer) {
    let entra = Arc::clone(&azure.entra);
    let acceptor = Some(azure.acceptor.clone());
    let service = EmbeddingService::with_tokens(acceptor, move |token| entra.accepts(token)).await;
    let LoginMethod::Entra(login) = azure.login() else {
        panic!("the stand-in has tokens");
    };
    let openai = OpenAiSettings {
        url: service.url("/openai/v1/embeddings"),
        auth: OpenAiAuth::Entra {
            credential: login.credential,
            scope: EMBEDDING_SCOPE.to_owned(),
        },
        model: MODEL.to_owned(),
        dimensions: DIMENSIONS,
        root_cert: Some(azure.root_cert()),
    };
    let server = TestServer::over_shared_database(|settings| {
        settings.search.embedder = Some(EmbedderSettings::OpenAi(openai));
    })
    .await;
    (service, server)
}

async fn search(server: &TestServer, description: &str) -> ToolAnswer {
    let arguments = json!({"query_description": description});
    server
        .call(SEATTLE, "semantic_search_products", arguments)
        .await
}

#[tokio::test]
async fn a_server_searches_with_tokens_and_fetches_one() {
    let azure = Azure::start().await;
    let (service, server) = start(&azure).await;
    for description in ["outdoor paint", "claw hammer"] {
        let found = search(&server, description).await;
        assert!(!found.is_error, "{}", found.text);
    }
    assert_eq!(
        (service.request_count(), azure.entra.request_count()),
        (2, 1)
    );
}

/// A token that the service rejects is replaced within the search, which does not notice.
#[tokio::test]
async fn a_token_that_the_embedding_service_rejects_is_replaced() {
    let azure = Azure::start().await;
    let (service, server) = start(&azure).await;
    assert!(!search(&server, "outdoor paint").await.is_error);
    // Within a second of its fetch, a token is not replaced.
    azure.entra.revoke_all();
    let mut number = 0;
    eventually("the token is replaced", async || {
        number += 1;
        !search(&server, &format!("claw hammer {number}"))
            .await
            .is_error
    })
    .await;
    assert_eq!(azure.entra.request_count(), 2);
    assert!(service.request_count() >= 3, "{}", service.request_count());
}

#[tokio::test]
async fn a_search_without_a_token_names_the_outage_and_recovers() {
    let azure = Azure::start().await;
    azure.entra.set(Mode::Status(503));
    let (service, server) = start(&azure).await;
    let failed = search(&server, "outdoor paint").await;
    let expected = "semantic search is temporarily unavailable";
    assert!(failed.error().starts_with(expected), "{}", failed.text);
    assert_eq!(service.request_count(), 0);
    azure.entra.set(Mode::Healthy);
    eventually("a search succeeds", async || {
        !search(&server, "outdoor paint").await.is_error
    })
    .await;
}
