//! A stateless Model Context Protocol server that lets AI clients query a multi-tenant PostgreSQL
//! database.
//!
//! `docs/architecture.md` describes the modules; the header of each module says what it knows and
//! what it must not know.
pub mod access_tokens;
pub mod app;
pub mod azure;
mod cache;
pub mod catalog;
pub mod compute;
pub mod database;
pub mod host;
pub mod http_client;
pub mod identity;
pub mod mcp;
pub mod password;
pub mod progress;
pub mod query;
mod reactor;
pub mod sample_data;
pub mod search;
pub mod search_index;
pub mod secret;
pub mod settings;
pub mod signing_key;
pub mod telemetry;
mod tls;
