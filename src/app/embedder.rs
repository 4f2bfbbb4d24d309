//! The embedder that the settings name.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::azure::TokenSource;
use crate::http_client;
use crate::search::Embedder;
use crate::search::embedding::{StaticEmbedder, StaticModel};
use crate::search::openai::{Credential, OpenAiEmbedder};
use crate::settings::{EmbedderSettings, OpenAiAuth, SearchSettings};

/// The embedder that the settings name; `None` if they name none. Connects to nothing. A request to
/// a service takes at most `timeout`.
///
/// # Errors
/// When the static model, or the file with further root certificates, cannot be used.
pub fn embedder(
    settings: &SearchSettings,
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
            let http = http_client::build(openai.root_cert.as_deref(), None)?;
            let credential = match &openai.auth {
                OpenAiAuth::AzureKey(key) => Credential::AzureKey(key.clone()),
                OpenAiAuth::BearerKey(key) => Credential::BearerKey(key.clone()),
                OpenAiAuth::Entra { credential, scope } => Credential::Tokens {
                    tokens: Arc::new(TokenSource::new(credential.clone(), http.clone())),
                    scope: scope.clone(),
                },
            };
            Some(Arc::new(OpenAiEmbedder::new(
                http,
                openai.url.clone(),
                credential,
                openai.model.clone(),
                openai.dimensions,
                timeout,
            )))
        }
    })
}
