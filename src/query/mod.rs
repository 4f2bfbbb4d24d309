//! Runs a client's SQL: checks it, executes it in a transaction signed for one tenant, and returns
//! bounded JSON.
//!
//! [`guard`] decides which statements may run, [`scope`] is the only access to a tenant's rows, and
//! [`rows`] turns them into JSON. Must not know MCP or HTTP.
pub mod guard;
pub mod rows;
pub mod scope;
