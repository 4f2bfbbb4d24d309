//! Embeddings by a service that speaks the protocol of OpenAI: Azure OpenAI, OpenAI, and others.
//!
//! Knows that protocol, and how such services fail; must not know products, SQL or Azure's library
//! (access tokens come from a trait).
//!
//! Invariants:
//! - a call ends within its deadline, retries included, and a burst of retries cannot multiply the
//!   load on a service that is failing;
//! - a service that is failing, or limits the rate, receives no request until the breaker or the rate
//!   limit allows one;
//! - an answer is used only if it has one vector for each text, each with the expected number of
//!   finite numbers; answers are bounded in bytes;
//! - however many calls ask for the same text, one request is under way, and it lives as long as
//!   one of them waits;
//! - no error and no log line contains a key, a token, a text or an answer.
mod answer; //       the vectors in an answer
mod breaker; //      stops asking a service that is failing
mod call_policy; //  when a call makes its requests
mod client; //       calls the service, and logs its outages
mod credential; //   what authenticates a request
mod embedder; //     the front door: batches, cache
mod endpoint; //     one request
mod error; //        why a call failed
mod outage_log; //   logs when an outage begins and ends
mod retry; //        when and how often to retry
mod retry_after; //  what a response says about it
mod single_flight; // one request for concurrent calls with the same text

pub use answer::AnswerError;
pub use credential::Credential;
pub use embedder::OpenAiEmbedder;
pub use error::OpenAiError;
