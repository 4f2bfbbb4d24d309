//! Administers a database for the operator's commands: roles, schema, signing key, grants, API keys
//! and verification of the audit log. Clients' requests never reach this module.
//!
//! Knows the administrator's login, that of the search index, and sqlx; must not know tenants' data
//! (`query::scope` reads it) or HTTP.
//!
//! Invariant: the administrator needs CREATEROLE and nothing more, neither superuser nor BYPASSRLS,
//! because managed servers grant neither.
mod audit; //     verifies the audit log's hash chain
mod callers; //   grants and API keys
mod connection; // opens a connection as the administrator, or as the login of the search index
mod hmac_pads; // a signing key in the form in which the database stores it
mod migrate; //   roles, schema, the guard's functions
mod migrations; // which migrations there are, and when they run
mod principal; // the login of an Entra ID principal
mod signing_key; // which signing keys the database accepts
mod tenants; //   tenants and their stores

use uuid::Uuid;

use crate::http_client::HttpClientError;
use crate::tls::HandshakeError;

pub use audit::{ChainError, verify_audit};
pub use callers::{
    Grant, ListedKey, create_key, grant, list_grants, list_keys, revoke, revoke_key,
};
pub use connection::{ConfiguredLogin, connect_as_indexer, connect_as_owner};
pub use migrate::{Migrated, migrate, migrate_and_contract, migrate_with_new_signing_key};
pub use signing_key::SigningKeyProblem;
pub use tenants::{
    NewTenant, RemovedStore, Tenant, add_tenant, list_tenants, remove_tenant, rename_tenant,
};

/// The oldest supported `server_version_num`: in older versions a SELECT can switch READ ONLY off.
const MIN_SERVER_VERSION: i32 = 160_000;

/// Why an administrative command failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The server does not answer, or rejects the login.
    #[error(
        "cannot connect to database {database} on {host}:{port} as {user}; check POSTGRES_DB_HOST, POSTGRES_DB_PORT, POSTGRES_DB, {login}"
    )]
    Connect {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
        /// As configured.
        database: String,
        /// As configured.
        user: String,
        /// Whose settings to check.
        login: ConfiguredLogin,
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
    /// The client for requests to Azure cannot be built.
    #[error("Azure cannot be reached")]
    Azure(#[from] HttpClientError),
    /// There is no password to connect with.
    #[error("there is no password for {0}")]
    Password(String, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// ZAVA_SIGNING_KEY cannot be used.
    #[error("the signing key cannot be changed")]
    SigningKey(#[source] SigningKeyProblem),
    /// The signing key cannot be read.
    #[error("there is no signing key")]
    ReadSigningKey(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A new signing key cannot be written to the vault. The database accepts it, and nobody has
    /// it.
    #[error("the new signing key cannot be written; servers go on with the previous one")]
    WriteSigningKey(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A login cannot be created for its Entra ID principal.
    #[error(
        "the login {user} cannot be created for the Entra ID principal {principal}; {admin} must be a Microsoft Entra administrator of the server (`az postgres flexible-server microsoft-entra-admin create`), and its setting (POSTGRES_ENTRA_OBJECT_ID, POSTGRES_INDEXER_ENTRA_OBJECT_ID) the object id of a managed identity or an application (`az identity show --query principalId`)"
    )]
    Principal {
        /// As configured.
        user: String,
        /// As configured.
        principal: Uuid,
        /// As configured.
        admin: String,
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
    /// The TLS handshake failed: one side rejected the other.
    #[error("the TLS connection to {host}:{port} failed")]
    Tls {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
        /// What is wrong with the handshake, and what to do.
        #[source]
        source: HandshakeError,
    },
    /// The server is older than PostgreSQL 16.
    #[error(
        "PostgreSQL 16 or newer is required (READ ONLY can be switched off in older ones); this server is version {0}"
    )]
    UnsupportedVersion(i32),
    /// The extension `vector` cannot be created.
    #[error(
        "the extension \"vector\" cannot be created; have a superuser run CREATE EXTENSION vector, or add VECTOR to azure.extensions"
    )]
    VectorExtension(#[source] sqlx::Error),
    /// pgvector is too old.
    #[error(
        "pgvector must be version 0.8 or newer; update it on the server, then have the extension's owner run ALTER EXTENSION vector UPDATE"
    )]
    UnsupportedVectorVersion,
    /// The roles cannot be created.
    #[error(
        "the roles cannot be created; {0} must have CREATEROLE, and must have created zava_owner, zava_reader and zava_index_writer if they exist"
    )]
    Roles(String, #[source] sqlx::Error),
    /// A migration failed, or one that has been applied differs from its file.
    #[error("the migrations cannot be applied")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A contracting migration of an earlier release has not been applied.
    #[error(
        "migration {0} of an earlier release waits for `migrate --contract`; deploy that release and run its command, or run this one's if no earlier server is left"
    )]
    ContractFirst(i64),
    /// A newer release has migrated the database.
    #[error(
        "a newer release has migrated the database (migration {0}); run that release's zava-mcp-server migrate"
    )]
    NewerRelease(i64),
    /// No tenant has this name or id.
    #[error("there is no tenant \"{name}\"; existing tenants: {}", names.join(", "))]
    UnknownTenant {
        /// The name or id that was given.
        name: String,
        /// The names of all tenants.
        names: Vec<String>,
    },
    /// Another key has this name, or the name is not allowed.
    #[error(
        "the key name is taken, empty, longer than 100 characters, contains control characters, or has the form of a key id"
    )]
    InvalidKeyName,
    /// The name cannot be a store's.
    #[error(
        "a store's name has 1 to 100 characters, none of them a control character, and is not a UUID"
    )]
    TenantName,
    /// Another tenant or store has this name or id.
    #[error("the name \"{0}\" or the id is taken; `zava-mcp-server tenant list` lists all tenants")]
    TenantExists(String),
    /// The name differs from another tenant's only in case, white space or punctuation.
    #[error(
        "the app role of the store \"{name}\" would be that of \"{other}\", and grant both; choose a name that differs in letters (a to z) or digits"
    )]
    SameAppRole {
        /// The name that was given.
        name: String,
        /// The other tenant's name.
        other: String,
    },
    /// The audit log was tampered with.
    #[error("the audit log's hash chain is broken")]
    Audit(#[from] ChainError),
    /// Another statement failed.
    #[error("a statement failed")]
    Statement(#[source] sqlx::Error),
    /// The connection cannot act as the schemas' owner: `migrate` has not created the role yet.
    #[error("SET ROLE zava_owner failed; run `zava-mcp-server migrate` first")]
    NotMigrated(#[source] sqlx::Error),
}
