//! The embedder that the settings name.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::azure::AzureServices;
use crate::http_client;
use crate::search::Embedder;
use crate::search::embedding::{StaticEmbedder, StaticModel};
use crate::search::openai::{Credential, OpenAiEmbedder};
use crate::settings::{EmbedderSettings, HttpsSettings, OpenAiAuth, SearchSettings};

/// The embedder that the settings name; `None` if they name none. Connects to nothing. A request to
/// a service takes at most `timeout`.
///
/// # Errors
/// When the static model, or the file with further root certificates, cannot be used.
pub fn embedder(
    settings: &SearchSettings,
    https: &HttpsSettings,
    azure: &AzureServices,
    timeout: Duration,
) -> anyhow::Result<Option<Arc<dyn Embedder>>> {
    Ok(match &settings.embedder {
        None => None,
        Some(EmbedderSettings::StaticModel(directory)) => {
            let model =
                StaticModel::open(directory).context("ZAVA_EMBEDDING_MODEL_DIR cannot be used")?;
            Some(Arc::new(StaticEmbedder::new(model)))
        }
        Some(EmbedderSettings::OpenAi(openai)) => {
            let credential = match &openai.auth {
                OpenAiAuth::AzureKey(key) => Credential::AzureKey(azure.secret(key)),
                OpenAiAuth::BearerKey(key) => Credential::BearerKey(azure.secret(key)),
                OpenAiAuth::Entra { scope } => Credential::Tokens {
                    tokens: azure.tokens(),
                    scope: scope.clone(),
                },
            };
            Some(Arc::new(OpenAiEmbedder::new(
                http_client::build(https)?,
                openai.url.clone(),
                credential,
                openai.model.clone(),
                openai.dimensions,
                timeout,
            )))
        }
    })
}
