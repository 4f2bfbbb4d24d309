//! Product search: finds products by the words and the meaning of a description, or by their
//! relation to another product.
//!
//! An [`Embedder`] turns text into vectors: the static model in [`embedding`], or a service in
//! [`openai`]. One query ranks the products by the words and by the vectors, and joins both ranks;
//! it runs through [`query::scope`](crate::query::scope) as the caller. If one part has no answer,
//! the other answers alone, and the result says so. Must not know MCP, nor an Azure crate.
//!
//! Invariant: only vectors of the same model with as many dimensions are compared.
mod embedder; //         what turns texts into vectors
pub mod embedding; //    a vector, and the static model
mod error; //            why a search failed, or one part of it
mod index_state; //      what is indexed of the products
pub mod openai; //       a service that speaks the protocol of OpenAI
mod related_products; // similar products, and products that are bought together
mod request; //          what a search asks for
pub mod statements; //   the statements that compare vectors
pub mod words; //        the words of a text, as they are indexed and searched

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::identity::{Caller, TenantId};
use crate::query::guard::CheckedQuery;
use crate::query::scope::{RowSink, Scope};
use crate::telemetry::{Wait, WaitTimer};

pub use embedder::{Embedder, EmbedderError};
pub use error::{Omitted, SearchError, SemanticError};
pub use index_state::{NoComparableVector, StoredVectors};
pub use related_products::{
    MAX_ORDERS, OwnVector, ProductName, RelatedProducts, RelatedRows, Relation,
};
pub use request::{ProductFilter, SearchMode, SearchRequest};

use index_state::{IndexState, ObservedSink};

static READ_INDEX_STATE: CheckedQuery = CheckedQuery::summarized_literal(
    include_str!("read_index_state.sql"),
    "SELECT retail.product_description_embeddings",
);

/// How often one tenant searches by a service, per minute; the burst is as large. The service has a
/// quota for all tenants, and one of them must not use it up.
pub const MAX_SEARCHES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(120).unwrap();

/// Searches products by their words, and by the vectors of one embedding model.
#[derive(Debug)]
pub struct ProductSearch {
    embedder: Option<Arc<dyn Embedder>>,
    scope: Arc<Scope>,
    /// Whether the last search found vectors of another model only.
    lacks_vectors: AtomicBool,
    /// The rate limit of each tenant, if there is one. As many as there are tenants.
    limiter: Option<(NonZeroU32, DefaultKeyedRateLimiter<TenantId>)>,
}

impl ProductSearch {
    /// A search over the stored words, and over the stored vectors of the embedder's model if there
    /// is an embedder.
    #[must_use]
    pub fn new(embedder: Option<Arc<dyn Embedder>>, scope: Arc<Scope>) -> Self {
        Self {
            embedder,
            scope,
            lacks_vectors: AtomicBool::new(false),
            limiter: None,
        }
    }

    /// The same with a rate limit of embeddings for each tenant, in searches per minute.
    #[must_use]
    pub fn with_rate_limit(self, per_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute));
        Self {
            limiter: Some((per_minute, limiter)),
            ..self
        }
    }

    /// Checks that a text can be embedded. Returns a description of the embedder; `None` if there
    /// is none.
    ///
    /// # Errors
    /// [`EmbedderError`] if the model or the service cannot be used.
    pub async fn check_embedder(&self) -> Result<Option<String>, EmbedderError> {
        let Some(embedder) = &self.embedder else {
            return Ok(None);
        };
        embedder.embed(vec!["paint".to_owned()]).await?;
        let (model, dimensions) = (embedder.model(), embedder.dimensions());
        Ok(Some(format!("{model}, {dimensions} dimensions")))
    }

    /// Writes the products that a request asks for to `sink`, the best first. Returns which part of
    /// the search was left out.
    ///
    /// # Errors
    /// [`SearchError`] when the request has nothing to search for, its only part cannot be
    /// searched, or the query fails.
    pub async fn find(
        &self,
        caller: &Caller,
        request: SearchRequest,
        sink: &mut dyn RowSink,
    ) -> Result<Omitted, SearchError> {
        let SearchRequest {
            text,
            mode,
            max_distance,
            filter,
            include_stock,
            max_rows,
        } = request;
        if !text.chars().any(char::is_alphanumeric) {
            return Err(SearchError::NoWords);
        }
        let words = match mode.uses_words() {
            true => words::normalize_query(&text),
            false => String::new(),
        };
        let mut omitted = Omitted::default();
        let vector = match mode.uses_vectors() {
            true => match self.embed(caller, text).await {
                Ok(vector) => vector,
                Err(error) if words.is_empty() => return Err(SearchError::Semantic(error)),
                Err(error) => {
                    omitted.semantic = Some(error);
                    String::new()
                }
            },
            false => String::new(),
        };
        let mut observed = ObservedSink::new(sink, include_stock);
        self.run(
            caller,
            &words,
            &vector,
            max_distance,
            &filter,
            max_rows,
            &mut observed,
        )
        .await?;
        let lacks_vectors = !vector.is_empty() && !observed.has_similarity;
        let lacks_words = !words.is_empty() && !observed.has_words;
        if lacks_vectors || lacks_words {
            let state = self.read_index_state(caller).await?;
            omitted.keyword = lacks_words && !state.has_words;
            if lacks_vectors && let Err(error) = self.check_vectors(state) {
                let error = SemanticError::NoComparableVector(error);
                match mode {
                    SearchMode::Semantic => return Err(SearchError::Semantic(error)),
                    SearchMode::Hybrid | SearchMode::Keyword => omitted.semantic = Some(error),
                }
            }
        } else if !vector.is_empty() {
            self.log_stored_vectors(None);
        }
        Ok(omitted)
    }

    /// The vector of a text, in the text form of pgvector.
    async fn embed(&self, caller: &Caller, text: String) -> Result<String, SemanticError> {
        let embedder = self.embedder.as_ref().ok_or(SemanticError::NoEmbedder)?;
        if let Some((per_minute, limiter)) = &self.limiter
            && limiter.check_key(&caller.tenant()).is_err()
        {
            return Err(SemanticError::RateExceeded(*per_minute));
        }
        let _waiting = WaitTimer::begin(Wait::Embedding);
        let embedded = embedder.embed(vec![text]).await;
        match embedded.map_err(SemanticError::Embedding)?.as_slice() {
            [embedding] => Ok(embedding.to_pgvector_text()),
            _ => Err(SemanticError::Embedding(EmbedderError::NothingToEmbed)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parameters of one statement")]
    async fn run(
        &self,
        caller: &Caller,
        words: &str,
        vector: &str,
        max_distance: f64,
        filter: &ProductFilter,
        max_rows: NonZeroU32,
        sink: &mut dyn RowSink,
    ) -> Result<(), SearchError> {
        let (model, dimensions) = self.model();
        let number = |number: Option<f64>| number.map(|one| one.to_string()).unwrap_or_default();
        let parameters = [
            vector,
            model,
            &dimensions.to_string(),
            &max_distance.to_string(),
            words,
            filter.group.as_deref().unwrap_or_default(),
            &number(filter.min_price),
            &number(filter.max_price),
            &filter.in_stock_only.to_string(),
            &max_rows.to_string(),
            &filter.is_set().to_string(),
        ];
        let fetched = max_rows.saturating_add(1);
        let statement = &statements::with_dimensions(dimensions).search;
        self.scope
            .run(caller, statement, &parameters, fetched, sink)
            .await
            .map_err(SearchError::Scope)
    }

    async fn read_index_state(&self, caller: &Caller) -> Result<IndexState, SearchError> {
        let (model, dimensions) = self.model();
        let mut state = IndexState::default();
        let parameters = [model, &dimensions.to_string()];
        self.scope
            .run(
                caller,
                &READ_INDEX_STATE,
                &parameters,
                NonZeroU32::MIN,
                &mut state,
            )
            .await
            .map_err(SearchError::Scope)?;
        Ok(state)
    }

    /// Whether there are vectors that a search can compare. Logs it when that changes.
    fn check_vectors(&self, state: IndexState) -> Result<(), NoComparableVector> {
        let (model, dimensions) = self.model();
        let is_comparable =
            |stored: &StoredVectors| stored.model == model && stored.dimensions == dimensions;
        let checked = match state.stored {
            Some(stored) if is_comparable(&stored) => Ok(()),
            stored => Err(NoComparableVector {
                model: model.to_owned(),
                dimensions,
                stored,
            }),
        };
        self.log_stored_vectors(checked.as_ref().err());
        checked
    }

    /// The embedder's model and its number of dimensions; without an embedder, of no vector.
    fn model(&self) -> (&str, usize) {
        let embedder = self.embedder.as_ref();
        embedder.map_or(("", 0), |embedder| {
            (embedder.model(), embedder.dimensions())
        })
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
