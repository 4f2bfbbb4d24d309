//! The heart: a client's SQL becomes a checked statement, runs in a transaction signed for one tenant, and comes back
//! as bounded JSON.
//!
//! [`guard`] decides what may run, [`scope`] is the only way to a tenant's rows, [`rows`] turns them into JSON.
//! Must not know MCP or HTTP.
pub mod guard;
pub mod rows;
pub mod scope;
