//! Keeps up to date what searches read of the products: their words and their vectors.
//!
//! [`refresh`] compares each product's text with a hash of the text that was indexed, so a run does
//! only what is missing, and one that was interrupted is continued by the next. The synonyms that
//! the program knows are inserted by `migrate`. Must not know tenants, nor how a search ranks.
mod documents; // the texts of products, and what is derived from them
mod error; //     why a refresh failed
mod refresh; //   the run over all products
pub(crate) mod synonyms; // the synonyms that the program knows

pub use error::SearchIndexError;
pub use refresh::{Refreshed, refresh};
