//! Turns a text into a vector whose direction stands for its meaning, for semantic product search.
//!
//! Knows one model, `l2_supercat_256` of the Python package `wordllama` 0.4.0.post1: a table of
//! 32,000 tokens with 256 numbers each. A text's vector is the mean of its tokens' rows, so an
//! embedding costs microseconds, no network and no GPU. Must not know products, SQL or MCP.
//!
//! Invariants:
//! - an [`Embedding`] has unit length and only finite numbers, whatever the text;
//! - before it is normalized it equals what `WordLlama.load().embed(text)` returns for a text of
//!   at most [`MAX_TOKENS`] tokens: no lower-casing, no start token, byte fall-back;
//! - the 16 MB table stays on disk: an embedding reads the rows it needs, 512 bytes each.
mod error; //           the errors, by what the caller can do about them
mod static_embedder; // the model as an `Embedder`
mod static_model; //    the front door: both files, opened cheaply
mod tokenizer; //       text → token ids
mod vector; //          the result: a unit vector
mod vocabulary; //      the tokenizer's tables, read from their JSON file
mod weights; //         token id → row of the table

#[cfg(test)]
mod tests;

pub use error::{ModelFileError, StaticModelError};
pub use static_embedder::StaticEmbedder;
pub use static_model::{MAX_TOKENS, StaticModel};
pub use vector::Embedding;
