//! Access tokens for an embedding service.

use serde_json::json;
use url::Url;
use zava_mcp_server::settings::{
    EmbedderSettings, KeyVaultReference, OpenAiAuth, OpenAiSettings, Secret,
};

use super::Azure;
use super::entra::{EMBEDDINGS, Mode};
use super::vault::VAULT_HOST;
use crate::support::{
    DIMENSIONS, EmbeddingService, MODEL, SEATTLE, SERVICE_KEY, TestServer, ToolAnswer, eventually,
};

/// A service that accepts the tokens of the stand-in for Entra ID, and a server that uses it.
async fn start(azure: &Azure) -> (EmbeddingService, TestServer) {
    let acceptor = Some(azure.acceptor.clone());
    let service = EmbeddingService::with_tokens(acceptor, azure.accepts(EMBEDDINGS)).await;
    let scope = format!("{EMBEDDINGS}/.default");
    let server = server(azure, &service, OpenAiAuth::Entra { scope }).await;
    (service, server)
}

/// A server with the stand-ins' identity.
async fn server(azure: &Azure, service: &EmbeddingService, auth: OpenAiAuth) -> TestServer {
    let openai = OpenAiSettings {
        url: service.url("/openai/v1/embeddings"),
        auth,
        model: MODEL.to_owned(),
        dimensions: DIMENSIONS,
    };
    TestServer::over_shared_database(|settings| {
        settings.search.embedder = Some(EmbedderSettings::OpenAi(openai.into()));
        azure.identify(settings);
    })
    .await
}

async fn search(server: &TestServer, description: &str) -> ToolAnswer {
    let arguments = json!({"query_description": description, "mode": "semantic"});
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

/// A key in a vault is read again once it is rejected.
#[tokio::test]
async fn a_key_in_a_vault_is_replaced_once_it_is_rejected() {
    let azure = Azure::start().await;
    azure.vault.set("embedding-key", "an-old-key");
    let service = EmbeddingService::start().await;
    let key = KeyVaultReference {
        setting: "ZAVA_EMBEDDING_API_KEY",
        vault: Url::parse(&format!("https://{VAULT_HOST}")).expect("a URL"),
        name: "embedding-key".to_owned(),
        version: None,
    };
    let server = server(
        &azure,
        &service,
        OpenAiAuth::AzureKey(Secret::KeyVault(key)),
    )
    .await;
    let failed = search(&server, "outdoor paint").await;
    let expected = "search by meaning is unavailable";
    assert!(failed.error().starts_with(expected), "{}", failed.text);
    azure.vault.set("embedding-key", SERVICE_KEY);
    eventually("a search succeeds", async || {
        !search(&server, "outdoor paint").await.is_error
    })
    .await;
}

#[tokio::test]
async fn a_search_without_a_token_names_the_outage_and_recovers() {
    let azure = Azure::start().await;
    azure.entra.set(Mode::Status(503));
    let (service, server) = start(&azure).await;
    let failed = search(&server, "outdoor paint").await;
    let expected = "search by meaning is unavailable";
    assert!(failed.error().starts_with(expected), "{}", failed.text);
    assert_eq!(service.request_count(), 0);
    azure.entra.set(Mode::Healthy);
    eventually("a search succeeds", async || {
        !search(&server, "outdoor paint").await.is_error
    })
    .await;
}
