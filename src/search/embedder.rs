//! What turns texts into vectors, as the rest of the server sees it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::embedding::Embedding;

/// Turns texts into vectors of one model.
pub trait Embedder: fmt::Debug + Send + Sync {
    /// Identifies the model. It is stored beside each vector, and a search compares only vectors
    /// with this name.
    fn model(&self) -> &str;

    /// How many numbers an embedding has.
    fn dimensions(&self) -> usize;

    /// The embeddings of some texts, in their order: one for each.
    ///
    /// # Errors
    /// [`EmbedderError`] if one text has no embedding; then none is returned.
    ///
    /// # Cancel safety
    /// Safe: a dropped call leaves nothing behind, and others that wait for the same embedding
    /// still get it.
    fn embed(&self, texts: Vec<String>) -> BoxFuture<'_, Result<Vec<Embedding>, EmbedderError>>;
}

/// Why there is no embedding.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EmbedderError {
    /// A text is empty or only white space: ask for words.
    #[error("the text has nothing to embed; it needs at least one word")]
    NothingToEmbed,
    /// The service does not accept a text, whatever is done to the service: ask for other words.
    #[error("the embedding service does not accept the text")]
    TextRejected,
    /// The service does not accept the request, because of one of its texts or because of a
    /// setting. It has been logged.
    #[error("the embedding service does not accept the request")]
    RequestRejected(#[source] Arc<dyn Error + Send + Sync>),
    /// The service does not answer at present, or rejects this server. It has been logged.
    #[error("the embedding service is unavailable")]
    Unavailable(#[source] Arc<dyn Error + Send + Sync>),
    /// The model on this machine cannot be used: its files are missing or damaged, or the task that
    /// computes with it did not finish. It has not been logged.
    #[error("the embedding model cannot be used")]
    Unusable(#[source] Arc<dyn Error + Send + Sync>),
}
