//! Runs a client's SQL: checks it, executes it in a transaction signed for one tenant, and returns
//! bounded JSON.
//!
//! [`guard`] decides which statements may run, and [`CachingGuard`] caches the accepted ones.
//! [`scope`] is the only access to a tenant's rows, and [`rows`] turns them into JSON;
//! [`LimitsByRole`] says how many rows a caller gets. Must not know MCP or HTTP.
mod caching_guard; // the guard with a cache of accepted statements
pub mod guard;
mod limits_by_role; // larger limits for analysts
pub mod rows;
pub mod scope;

pub use caching_guard::CachingGuard;
pub use limits_by_role::LimitsByRole;
