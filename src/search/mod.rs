//! Product search: finds products by the meaning of a description, or by their relation to another
//! product.
//!
//! An [`Embedder`] turns text into vectors: the static model in [`embedding`], or a service in
//! [`openai`]. pgvector compares them in the database, in a query that runs through
//! [`query::scope`](crate::query::scope) as the caller. Must not know MCP, nor an Azure crate.
//!
//! Invariant: only vectors of the same model with as many dimensions are compared.
mod embedder; //       what turns texts into vectors
pub mod embedding; //  a vector, and the static model
pub mod openai; //     a service that speaks the protocol of OpenAI
mod related_products; // similar products, and products that are bought together
mod stored_vectors; // of which model the stored vectors are

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::identity::{Caller, TenantId};
use crate::query::guard::CheckedQuery;
use crate::query::scope::{RowSink, Scope, ScopeError};
use crate::telemetry::{Wait, WaitTimer};

pub use embedder::{Embedder, EmbedderError};
pub use related_products::{
    MAX_ORDERS, OwnVector, ProductName, RelatedProducts, RelatedRows, Relation,
};
pub use stored_vectors::{NoComparableVector, StoredVectors};

use stored_vectors::{ObservedSink, StoredVectorsSink};

static SEARCH_PRODUCTS: CheckedQuery = CheckedQuery::summarized_literal(
    include_str!("search_products.sql"),
    "SELECT retail.product_description_embeddings retail.products",
);
static FIND_STORED_VECTORS: CheckedQuery = CheckedQuery::summarized_literal(
    include_str!("find_stored_vectors.sql"),
    "SELECT retail.product_description_embeddings",
);

/// Why a search failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The description has no vector.
    #[error("the description cannot be embedded")]
    Embedding(#[source] EmbedderError),
    /// The stored vectors are of another model. It has been logged.
    #[error("the stored vectors are of another model")]
    NoComparableVector(#[source] NoComparableVector),
    /// The query failed.
    #[error("the products cannot be read")]
    Scope(#[source] ScopeError),
    /// No product has this SKU, id or name.
    #[error("the product is unknown")]
    UnknownProduct {
        /// What the client has sent.
        product: String,
        /// Products that it may mean.
        suggestions: Vec<ProductName>,
    },
    /// Several products have this SKU, id or name.
    #[error("the product is ambiguous")]
    AmbiguousProduct {
        /// What the client has sent.
        product: String,
        /// Some of the products, at least two.
        matches: Vec<ProductName>,
    },
    /// The tenant has searched more often than its rate limit allows.
    #[error("the tenant exceeds {0} searches per minute")]
    RateExceeded(NonZeroU32),
}

/// How often one tenant searches by a service, per minute; the burst is as large. The service has a
/// quota for all tenants, and one of them must not use it up.
pub const MAX_SEARCHES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(120).unwrap();

/// Searches products by the vectors of one embedding model.
#[derive(Debug)]
pub struct ProductSearch {
    embedder: Arc<dyn Embedder>,
    scope: Arc<Scope>,
    /// Whether the last search found vectors of another model only.
    lacks_vectors: AtomicBool,
    /// The rate limit of each tenant, if there is one. As many as there are tenants.
    limiter: Option<(NonZeroU32, DefaultKeyedRateLimiter<TenantId>)>,
}

impl ProductSearch {
    /// A search over the stored vectors of the embedder's model.
    #[must_use]
    pub fn new(embedder: Arc<dyn Embedder>, scope: Arc<Scope>) -> Self {
        Self {
            embedder,
            scope,
            lacks_vectors: AtomicBool::new(false),
            limiter: None,
        }
    }

    /// The same with a rate limit for each tenant, in searches per minute.
    #[must_use]
    pub fn with_rate_limit(self, per_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute));
        Self {
            limiter: Some((per_minute, limiter)),
            ..self
        }
    }

    /// Checks that a text can be embedded. Returns a description of the embedder.
    ///
    /// # Errors
    /// [`EmbedderError`] if the model or the service cannot be used.
    pub async fn check_embedder(&self) -> Result<String, EmbedderError> {
        self.embedder.embed(vec!["paint".to_owned()]).await?;
        let (model, dimensions) = (self.embedder.model(), self.embedder.dimensions());
        Ok(format!("{model}, {dimensions} dimensions"))
    }

    /// Writes the products nearest to a description to `sink`, nearest first: at most `max_rows`,
    /// within `max_distance` (cosine distance, 0 to 2).
    ///
    /// # Errors
    /// [`SearchError`] when the tenant searches too often, the description cannot be embedded, no
    /// stored vector is of the same model, or the query fails.
    pub async fn find_nearest(
        &self,
        caller: &Caller,
        description: String,
        max_distance: f64,
        max_rows: NonZeroU32,
        sink: &mut dyn RowSink,
    ) -> Result<(), SearchError> {
        if let Some((per_minute, limiter)) = &self.limiter
            && limiter.check_key(&caller.tenant()).is_err()
        {
            return Err(SearchError::RateExceeded(*per_minute));
        }
        let waiting = WaitTimer::begin(Wait::Embedding);
        let embedded = self.embedder.embed(vec![description]).await;
        drop(waiting);
        let embedded = embedded.map_err(SearchError::Embedding)?;
        let [embedding] = embedded.as_slice() else {
            return Err(SearchError::Embedding(EmbedderError::NothingToEmbed));
        };
        let vector = embedding.to_pgvector_text();
        let (max_distance, limit) = (max_distance.to_string(), max_rows.to_string());
        let parameters = [
            vector.as_str(),
            self.embedder.model(),
            &max_distance,
            &limit,
        ];
        let mut observed = ObservedSink {
            sink,
            is_empty: true,
        };
        self.scope
            .run(
                caller,
                &SEARCH_PRODUCTS,
                &parameters,
                max_rows.saturating_add(1),
                &mut observed,
            )
            .await
            .map_err(SearchError::Scope)?;
        let checked = if observed.is_empty {
            self.check_stored_vectors(caller).await?
        } else {
            Ok(())
        };
        self.log_stored_vectors(checked.as_ref().err());
        checked.map_err(SearchError::NoComparableVector)
    }

    /// Whether there are vectors that a search can compare.
    async fn check_stored_vectors(
        &self,
        caller: &Caller,
    ) -> Result<Result<(), NoComparableVector>, SearchError> {
        let (model, dimensions) = (self.embedder.model(), self.embedder.dimensions());
        let mut stored = StoredVectorsSink::default();
        self.scope
            .run(
                caller,
                &FIND_STORED_VECTORS,
                &[model, &dimensions.to_string()],
                NonZeroU32::MIN,
                &mut stored,
            )
            .await
            .map_err(SearchError::Scope)?;
        let is_comparable =
            |stored: &StoredVectors| stored.model == model && stored.dimensions == dimensions;
        if stored.0.as_ref().is_some_and(is_comparable) {
            return Ok(Ok(()));
        }
        Ok(Err(NoComparableVector {
            model: model.to_owned(),
            dimensions,
            stored: stored.0,
        }))
    }

    /// Logs when vectors begin to be missing, and when they are there again.
    fn log_stored_vectors(&self, error: Option<&NoComparableVector>) {
        let lacked = self.lacks_vectors.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !lacked => {
                let error = error as &dyn std::error::Error;
                tracing::error!(error, "semantic search has no vectors to compare");
            }
            None if lacked => tracing::info!("semantic search has vectors to compare again"),
            _ => {}
        }
    }
}
