//! Keeps up to date what searches read of the products: their words and their vectors.
//!
//! [`refresh()`] compares each product's text with a hash of the text that was indexed, so a run
//! does only what is missing, and one that was interrupted is continued by the next. The synonyms
//! that the program knows are inserted by `migrate`. Must not know tenants, nor how a search ranks.
//!
//! Invariants:
//! - the words of all products are written before the first text is embedded, so they are found
//!   while the embedding service is away;
//! - one run at a time writes the index of a database.
mod documents; // the texts of products, and what is derived from them
mod embedding; // embeds a batch, with retries
mod error; //     why a run failed
mod lock; //      one run at a time
mod models; //    of which models there are vectors, and how many
mod refresh; //   the run over all products
mod survey; //    what a run would do
pub(crate) mod synonyms; // the synonyms that the program knows
mod vector_index; // the approximate index of a model's vectors

use std::time::Duration;

pub use error::SearchIndexError;
pub use models::{RemovedVectors, remove_vectors};
pub use refresh::{Refreshed, refresh, refresh_into};
pub use survey::{Survey, survey};
pub use vector_index::VectorIndexChange;

/// How long one request to an embedding service may take. No client waits for it, and the service
/// may limit the rate.
pub const EMBEDDING_TIMEOUT: Duration = Duration::from_secs(90);
