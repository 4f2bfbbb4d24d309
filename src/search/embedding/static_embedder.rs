//! The static model as an [`Embedder`].

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::error::StaticModelError;
use super::static_model::StaticModel;
use super::vector::Embedding;
use crate::search::embedder::{Embedder, EmbedderError};

/// What is stored beside vectors of lower-cased texts, as this embedder makes them.
const NAME: &str = "wordllama-l2-supercat-256-lowercase";

/// Computes embeddings of lower-cased texts by the static model, on a blocking thread.
///
/// The model's tokens are cased, and it knows a word in capitals as a few letters: with the judged
/// searches of `benches/relevance`, lower case finds more, whatever the case of the search.
#[derive(Debug)]
pub struct StaticEmbedder(Arc<StaticModel>);

impl StaticEmbedder {
    /// An embedder for an open model.
    #[must_use]
    pub fn new(model: StaticModel) -> Self {
        Self(Arc::new(model))
    }
}

impl Embedder for StaticEmbedder {
    fn model(&self) -> &str {
        NAME
    }

    fn dimensions(&self) -> usize {
        self.0.dimensions()
    }

    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Embedding>, EmbedderError>> {
        async {
            let model = Arc::clone(&self.0);
            // Off the reactor: the first embedding reads the model's vocabulary, which takes 17 ms.
            let embedded = tokio::task::spawn_blocking(move || {
                let texts = texts.iter().map(|text| text.to_lowercase());
                texts.map(|text| model.embed(&text)).collect()
            });
            let embedded: Result<_, StaticModelError> = embedded
                .await
                .map_err(|error| EmbedderError::Unusable(Arc::new(error)))?;
            embedded.map_err(|error| match error {
                StaticModelError::NothingToEmbed => EmbedderError::NothingToEmbed,
                StaticModelError::Missing { .. }
                | StaticModelError::Unreadable { .. }
                | StaticModelError::Damaged { .. } => EmbedderError::Unusable(Arc::new(error)),
            })
        }
        .boxed()
    }
}
