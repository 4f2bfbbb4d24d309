//! The front door: batches, cache.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::Url;

use super::client::Client;
use super::credential::Credential;
use super::endpoint::Endpoint;
use super::single_flight::SingleFlight;
use crate::cache::Cache;
use crate::search::embedding::Embedding;
use crate::search::{Embedder, EmbedderError};

/// The number of texts in one request.
const MAX_BATCH_TEXTS: usize = 64;

/// How much of a text is embedded, in bytes: about 350 English words. The rest is ignored. No model
/// has so little room that it would reject it.
const MAX_TEXT_BYTES: usize = 2048;

/// How much memory the cache of embeddings takes: about 150 descriptions with 1,536 dimensions.
const MAX_CACHE_BYTES: u64 = 1 << 20;

/// How long an embedding is used again. A deployment may be updated to another version of its
/// model.
const CACHE_TTL: Duration = Duration::from_secs(3600);

/// Computes embeddings by a service that speaks the protocol of OpenAI.
///
/// The embedding of a single text, such as a search, is cached. The cache is shared by all tenants:
/// an embedding depends on the text alone.
#[derive(Debug)]
pub struct OpenAiEmbedder {
    client: Arc<Client>,
    cache: Arc<Cache<String, Embedding>>,
    single_flight: SingleFlight<Result<Embedding, EmbedderError>>,
}

impl OpenAiEmbedder {
    /// An embedder for a model at a URL. Connects to nothing. A request with its retries takes at
    /// most `timeout`.
    #[must_use]
    pub fn new(
        http: reqwest::Client,
        url: Url,
        credential: Credential,
        model: String,
        dimensions: usize,
        timeout: Duration,
    ) -> Self {
        let endpoint = Endpoint {
            http,
            url,
            credential,
            model,
            dimensions,
        };
        let bytes = |text: &String, embedding: &Embedding| {
            (text.len() + size_of_val(embedding.as_slice())) as u64
        };
        Self {
            client: Arc::new(Client::new(endpoint, timeout)),
            cache: Arc::new(Cache::with_bytes(MAX_CACHE_BYTES, bytes).expiring_after(CACHE_TTL)),
            single_flight: SingleFlight::new(),
        }
    }

    /// The embedding of one text, of which only one is requested at a time.
    async fn embed_one(&self, text: String) -> Result<Embedding, EmbedderError> {
        if let Some(embedding) = self.cache.get(&text) {
            return Ok(embedding);
        }
        let (client, cache) = (Arc::clone(&self.client), Arc::clone(&self.cache));
        let key = text.clone();
        self.single_flight
            .join(&key, || {
                async move {
                    let embedding = client.embed(std::slice::from_ref(&text)).await?.remove(0);
                    cache.insert(text, embedding.clone());
                    Ok(embedding)
                }
                .boxed()
            })
            .await
    }
}

impl Embedder for OpenAiEmbedder {
    fn model(&self) -> &str {
        self.client.model()
    }

    fn dimensions(&self) -> usize {
        self.client.dimensions()
    }

    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Embedding>, EmbedderError>> {
        async move {
            let mut texts = texts
                .iter()
                .map(|text| normalize(text).ok_or(EmbedderError::NothingToEmbed))
                .collect::<Result<Vec<_>, _>>()?;
            if texts.len() == 1 {
                return Ok(vec![self.embed_one(texts.remove(0)).await?]);
            }
            let mut embeddings = Vec::with_capacity(texts.len());
            for batch in texts.chunks(MAX_BATCH_TEXTS) {
                embeddings.extend(self.client.embed(batch).await?);
            }
            Ok(embeddings)
        }
        .boxed()
    }
}

/// A text with single spaces, cut to [`MAX_TEXT_BYTES`]; `None` if nothing is left.
fn normalize(text: &str) -> Option<String> {
    let mut normalized = String::with_capacity(text.len().min(MAX_TEXT_BYTES));
    for word in text.split_whitespace() {
        if !normalized.is_empty() {
            normalized.push(' ');
        }
        normalized.push_str(word);
        if normalized.len() > MAX_TEXT_BYTES {
            normalized.truncate(normalized.floor_char_boundary(MAX_TEXT_BYTES));
            break;
        }
    }
    (!normalized.is_empty()).then_some(normalized)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_mean_the_same_are_one() {
        let normal = |text: &str| normalize(text).expect("words");
        assert_eq!(normal("  paint \n for\ta fence "), "paint for a fence");
        assert_eq!(normal("Paint"), "Paint");
        assert_eq!(normalize(" \n\t "), None);
        assert_eq!(normalize(""), None);
        let long = normal(&"é ".repeat(MAX_TEXT_BYTES));
        assert!(long.len() <= MAX_TEXT_BYTES && long.len() > MAX_TEXT_BYTES - 3);
        assert_eq!(normal(&"é".repeat(MAX_TEXT_BYTES)).len(), MAX_TEXT_BYTES);
    }
}
