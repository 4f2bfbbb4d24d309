//! Databases, servers and clients for the tests.
mod activity; // statements and backends of the query login
mod certificate; // certificates by an authority of their own
mod cluster; // the shared PostgreSQL server
mod database; // one database per test
mod dedicated_cluster; // a PostgreSQL server that one test has to itself
mod embedding_service; // a stand-in for Azure OpenAI
mod http_server; // serves the routes of a stand-in
mod ingestion; // Application Insights and an OpenTelemetry collector
mod pooler; // PgBouncer
mod proxy; // a TCP proxy that counts round trips and injects faults
mod scope; // statements without the guard
mod server; // the server under test, and requests to it
mod shared; // the database and the server of all tests that change nothing
mod signing; // signed contexts
mod table_lock; // statements that wait for a lock

pub(crate) use activity::{ActivityMonitor, assert_cancelled_promptly, eventually};
pub(crate) use certificate::{certificate, certificate_for};
pub(crate) use cluster::{
    admin_password, indexer_login, indexer_password, query_password, signing_key_text,
};
pub(crate) use database::{TestDatabase, connect, number};
pub(crate) use dedicated_cluster::DedicatedCluster;
pub(crate) use embedding_service::{Answer, DIMENSIONS, EmbeddingService, MODEL, SERVICE_KEY};
pub(crate) use http_server::serve_http;
pub(crate) use ingestion::{Ingestion, IngestionMode};
pub(crate) use pooler::Pooler;
pub(crate) use proxy::Proxy;
pub(crate) use scope::{caller, run_unguarded, scope, scope_with_clock};
pub(crate) use server::{
    TestServer, ToolAnswer, assert_rows, http, keep_log, model_folder, settings,
};
pub(crate) use signing::{backend_pid, begin_signed, sign};
pub(crate) use table_lock::{BLOCKED_QUERY, TableLock};

/// Tenants of the sample data.
pub(crate) const HEAD_OFFICE: &str = "00000000-0000-0000-0000-000000000000";
pub(crate) const SEATTLE: &str = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
pub(crate) const REDMOND: &str = "e7f8a9b0-c1d2-3e4f-5678-90abcdef1234";
/// The tenants of all stores.
pub(crate) const STORES: [&str; 8] = [
    SEATTLE,
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "d8e9f0a1-b2c3-4567-8901-234567890abc",
    "3b9ac9fa-cd5e-4b92-a7f2-b8c1d0e9f2a3",
    REDMOND,
    "9c8b7a65-4321-fed0-9876-543210fedcba",
    "2f4e6d8c-1a3b-5c7e-9f0a-b2d4f6e8c0a2",
];
