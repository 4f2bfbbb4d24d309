//! Why a search failed, or one part of it.

use std::num::NonZeroU32;

use super::embedder::EmbedderError;
use super::index_state::NoComparableVector;
use super::related_products::ProductName;
use crate::query::scope::ScopeError;

/// Why a search failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The text consists of punctuation or white space.
    #[error("the text has no words")]
    NoWords,
    /// The search was to be semantic only, and cannot be.
    #[error("the vectors cannot be searched")]
    Semantic(#[source] SemanticError),
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
}

/// Why there is no semantic search.
#[derive(Debug, thiserror::Error)]
pub enum SemanticError {
    /// The settings name no source of embeddings.
    #[error("no source of embeddings is configured")]
    NoEmbedder,
    /// The text has no vector.
    #[error("the text cannot be embedded")]
    Embedding(#[source] EmbedderError),
    /// The stored vectors are of another model. It has been logged.
    #[error("the stored vectors are of another model")]
    NoComparableVector(#[source] NoComparableVector),
    /// The tenant has searched more often than its rate limit allows.
    #[error("the tenant exceeds {0} searches per minute")]
    RateExceeded(NonZeroU32),
}

/// Which parts of a hybrid search had no answer. The rows are those of the other part.
#[derive(Debug, Default)]
pub struct Omitted {
    /// Why there was no semantic search.
    pub semantic: Option<SemanticError>,
    /// Whether no keyword search was possible, because no words are indexed.
    pub keyword: bool,
}
