//! Why a search failed, or one part of it.

use std::num::NonZeroU32;

use super::embedder::EmbedderError;
use super::index_state::NoComparableVector;
use crate::query::scope::ScopeError;

/// Why a search failed.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The text consists of punctuation or white space.
    #[error("the text has no words")]
    NoWords,
    /// The meaning was to be searched alone, and cannot be.
    #[error("the meaning cannot be searched")]
    Meaning(#[source] MeaningError),
    /// The query failed.
    #[error("the products cannot be read")]
    Scope(#[source] ScopeError),
}

/// Why products are not searched by their meaning.
#[derive(Debug, thiserror::Error)]
pub enum MeaningError {
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

/// What a search did without, although its rows are right.
#[derive(Debug, Default)]
pub struct Omitted {
    /// Why products were not searched by their meaning.
    pub meaning: Option<MeaningError>,
    /// Whether there is no index of words yet.
    pub words: bool,
}
