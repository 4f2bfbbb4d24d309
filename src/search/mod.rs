//! Finds products by the meaning of a description.
//!
//! [`embedding`] turns text into vectors; the comparison happens in pgvector, read through `query::scope` like every tenant's
//! data. Must not know MCP.
pub mod embedding;

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::identity::Caller;
use crate::query::guard::CheckedQuery;
use crate::query::scope::{RowSink, Scope, ScopeError};

use embedding::{EmbeddingError, StaticModel};

static SEARCH_PRODUCTS: CheckedQuery = CheckedQuery::literal(include_str!("search_products.sql"));

/// Why a search found nothing to say.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The description cannot be turned into a vector, or the model cannot be read.
    #[error("the description cannot be embedded")]
    Embedding(#[source] EmbeddingError),
    /// The work was given up half-way: the server is stopping.
    #[error("the embedding was given up")]
    Stopped(#[source] tokio::task::JoinError),
    /// The database did not answer.
    #[error("the products cannot be read")]
    Scope(#[source] ScopeError),
}

/// Searches the products of one embedding model.
#[derive(Debug)]
pub struct ProductSearch {
    model: Arc<StaticModel>,
    scope: Arc<Scope>,
}

impl ProductSearch {
    /// A search over the vectors that `model` made.
    #[must_use]
    pub fn new(model: Arc<StaticModel>, scope: Arc<Scope>) -> Self {
        Self { model, scope }
    }

    /// Hands the products nearest to a description to `sink`, nearest first: at most `most`, none farther than
    /// `farthest` (cosine distance, 0 to 2).
    ///
    /// # Errors
    /// [`SearchError`].
    pub async fn nearest(
        &self,
        caller: &Caller,
        description: String,
        farthest: f64,
        most: NonZeroU32,
        sink: &mut dyn RowSink,
    ) -> Result<(), SearchError> {
        let model = Arc::clone(&self.model);
        // The first text makes the model read its vocabulary, which takes longer than a reactor may wait.
        let embedded = tokio::task::spawn_blocking(move || model.embed(&description))
            .await
            .map_err(SearchError::Stopped)?;
        let vector = embedded.map_err(SearchError::Embedding)?.to_pgvector_text();
        let (farthest, limit) = (farthest.to_string(), most.to_string());
        let parameters = [vector.as_str(), self.model.name(), &farthest, &limit];
        self.scope
            .run(
                caller,
                &SEARCH_PRODUCTS,
                &parameters,
                most.saturating_add(1),
                sink,
            )
            .await
            .map_err(SearchError::Scope)
    }
}
