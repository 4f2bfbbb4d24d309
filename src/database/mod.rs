//! Prepares a database: roles, schema, signing key; and keeps who may ask. For an operator's commands; requests never come here.
//!
//! Knows the administrator's login and sqlx; must not know tenants' data (that goes through `query::scope`) or HTTP.
//! Invariant: the administrator needs to be allowed to create roles, nothing more: no superuser, no BYPASSRLS, as on managed
//! servers.
mod audit; // whether the audit trail is whole
mod callers; // who may ask for which tenant, and keys of machines
mod migrate; // roles, migrations, signing key
mod pads; // a signing key as the database keeps it

use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use crate::settings::{AdminSettings, DatabaseAddress, Tls};
use crate::tls::{self, HandshakeError};

pub use audit::{BrokenChain, verify_audit};
pub use callers::{Grant, ListedKey, create_key, grant, grants, keys, revoke, revoke_key};
pub use migrate::{Migrated, migrate};

/// The oldest PostgreSQL in which READ ONLY cannot be switched off from within a SELECT.
const OLDEST_VERSION: i32 = 160_000;

/// What keeps a database from being prepared.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody answers, or not this login.
    #[error(
        "cannot connect to database {database} on {host}:{port} as {user}; check POSTGRES_DB_HOST, POSTGRES_DB_PORT, POSTGRES_DB, POSTGRES_ADMIN_USER and POSTGRES_ADMIN_PASSWORD"
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
        /// What the driver says.
        #[source]
        source: sqlx::Error,
    },
    /// The server's certificate is refused, or it refuses this client.
    #[error("no TLS connection to {host}:{port} can be made")]
    Tls {
        /// As configured.
        host: String,
        /// As configured.
        port: u16,
        /// What is wrong, and what to do.
        #[source]
        source: HandshakeError,
    },
    /// The server is older than 16.
    #[error(
        "PostgreSQL 16 or newer is required (READ ONLY can be switched off in older ones); this server is version {0}"
    )]
    TooOld(i32),
    /// The extension `vector` cannot be created.
    #[error(
        "the extension \"vector\" cannot be created; have a superuser run CREATE EXTENSION vector, or add VECTOR to azure.extensions"
    )]
    NoVector(#[source] sqlx::Error),
    /// The roles cannot be made.
    #[error(
        "the roles cannot be created; {0} must have CREATEROLE, and zava_owner and zava_reader must have been made by it"
    )]
    Roles(String, #[source] sqlx::Error),
    /// A migration fails, or one that ran before has changed since.
    #[error("the migrations cannot be applied")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// There is no such tenant.
    #[error("there is no tenant \"{name}\"; there are: {}", names.join(", "))]
    NoTenant {
        /// What was asked for.
        name: String,
        /// What there is.
        names: Vec<String>,
    },
    /// A key of this name is there already, or the name cannot be one.
    #[error(
        "the name of the key is taken, empty, longer than 100 characters, looks like a key's id, or holds control characters"
    )]
    KeyName,
    /// The audit trail is not what was appended.
    #[error("the audit trail is broken")]
    Audit(#[from] BrokenChain),
    /// Another statement failed.
    #[error("the database refused a statement")]
    Statement(#[source] sqlx::Error),
    /// The connection cannot act as the schemas' owner.
    #[error("the schemas' owner is not there yet; run `zava-mcp-server migrate` first")]
    NotMigrated(#[source] sqlx::Error),
}

/// Connects as the administrator and becomes the owner of the schemas.
///
/// # Errors
/// [`AdminError::Connect`], and [`AdminError::NotMigrated`] before the first `migrate`.
pub async fn connect_as_owner(settings: &AdminSettings) -> Result<PgConnection, AdminError> {
    let mut connection = connect(settings).await?;
    become_owner(&mut connection)
        .await
        .map_err(AdminError::NotMigrated)?;
    Ok(connection)
}

async fn connect(settings: &AdminSettings) -> Result<PgConnection, AdminError> {
    let DatabaseAddress {
        host,
        port,
        database,
        application_name,
        tls,
        pool_mode: _, // the settings of an administrator are direct
    } = &settings.database;
    let options = PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(*port)
        .database(database)
        .username(&settings.admin.user)
        .password(settings.admin.password.expose_secret())
        .application_name(application_name)
        // "already exists, skipping" is what a second run is expected to find.
        .options([("client_min_messages", "warning")]);
    let options = match tls {
        Tls::Disable => options.ssl_mode(PgSslMode::Disable),
        Tls::VerifyFull { root_cert } => {
            let options = options.ssl_mode(PgSslMode::VerifyFull);
            match root_cert {
                Some(file) => options.ssl_root_cert(file),
                None => options,
            }
        }
    };
    // Loading takes seconds by design, and a statement's text is nothing for the log.
    let options = options.disable_statement_logging();
    PgConnection::connect_with(&options)
        .await
        .map_err(|source| {
            let (host, port) = (host.clone(), *port);
            match tls_error(&source) {
                Some(error) => AdminError::Tls {
                    host,
                    port,
                    source: error.clone().into(),
                },
                None => AdminError::Connect {
                    host,
                    port,
                    database: database.clone(),
                    user: settings.admin.user.clone(),
                    source,
                },
            }
        })
}

fn tls_error(error: &sqlx::Error) -> Option<&rustls::Error> {
    match error {
        sqlx::Error::Io(error) => tls::rustls_error(error),
        sqlx::Error::Tls(error) => error
            .downcast_ref()
            .or_else(|| tls::rustls_error(error.downcast_ref()?)),
        _ => None,
    }
}

async fn become_owner(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("SET ROLE zava_owner")
        .execute(connection)
        .await
        .map(|_| ())
}
