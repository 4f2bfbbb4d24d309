//! Semantic product search: finds products by the meaning of a description.
//!
//! [`embedding`] turns text into vectors. pgvector compares them in the database, in a query that
//! runs through [`query::scope`](crate::query::scope) as the caller. Must not know MCP.
pub mod embedding;

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::identity::Caller;
use crate::query::guard::CheckedQuery;
use crate::query::scope::{RowSink, Scope, ScopeError};
use crate::telemetry::{Wait, WaitTimer};

use embedding::{EmbeddingError, StaticModel};

static SEARCH_PRODUCTS: CheckedQuery = CheckedQuery::summarized_literal(
    include_str!("search_products.sql"),
    "SELECT retail.product_description_embeddings retail.products",
);

/// Why a search failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The description cannot be turned into a vector, or the model cannot be read.
    #[error("the description cannot be embedded")]
    Embedding(#[source] EmbeddingError),
    /// The task that computes the embedding did not finish: the server is shutting down.
    #[error("the embedding task did not finish")]
    Task(#[source] tokio::task::JoinError),
    /// The query failed.
    #[error("the products cannot be read")]
    Scope(#[source] ScopeError),
}

/// Searches products by the vectors of one embedding model.
#[derive(Debug)]
pub struct ProductSearch {
    model: Arc<StaticModel>,
    scope: Arc<Scope>,
}

impl ProductSearch {
    /// A search over the stored vectors of `model`.
    #[must_use]
    pub fn new(model: Arc<StaticModel>, scope: Arc<Scope>) -> Self {
        Self { model, scope }
    }

    /// Writes the products nearest to a description to `sink`, nearest first: at most `max_rows`,
    /// within `max_distance` (cosine distance, 0 to 2).
    ///
    /// # Errors
    /// [`SearchError`] when the description cannot be embedded or the query fails.
    pub async fn find_nearest(
        &self,
        caller: &Caller,
        description: String,
        max_distance: f64,
        max_rows: NonZeroU32,
        sink: &mut dyn RowSink,
    ) -> Result<(), SearchError> {
        let model = Arc::clone(&self.model);
        let waiting = WaitTimer::begin(Wait::Embedding);
        // Off the reactor: the first embedding reads the model's vocabulary, which takes 17 ms.
        let embedding = tokio::task::spawn_blocking(move || model.embed(&description))
            .await
            .map_err(SearchError::Task)?;
        drop(waiting);
        let vector = embedding
            .map_err(SearchError::Embedding)?
            .to_pgvector_text();
        let (max_distance, limit) = (max_distance.to_string(), max_rows.to_string());
        let parameters = [vector.as_str(), self.model.name(), &max_distance, &limit];
        self.scope
            .run(
                caller,
                &SEARCH_PRODUCTS,
                &parameters,
                max_rows.saturating_add(1),
                sink,
            )
            .await
            .map_err(SearchError::Scope)
    }
}
