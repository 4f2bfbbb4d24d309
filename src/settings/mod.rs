//! What the server is told by its environment: every variable, read once, checked whole, typed.
//!
//! Knows names, formats and defaults; must not know what the values are used for. Nothing else in the crate reads the
//! environment. Invariant: a settings value that exists is valid, and no error or `Debug` output holds a secret.
mod auth; // how callers prove who they are
mod environment; // where values come from: the process and `.env`
mod reader; // text → typed value, collecting every problem
mod signing_key; // the one value with a format of its own
mod variables; // every variable, documented once

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use uuid::Uuid;

pub use auth::{AuthSettings, EntraSettings, ProofSettings, TrustedPeers};
pub use environment::{DotEnvError, Environment};
pub use reader::{Problem, SettingsError};
pub use signing_key::{SigningKey, SigningKeyError};
pub use variables::{VARIABLES, Variable};

use reader::Reader;
use variables as var;

/// Where PostgreSQL is; shared by every login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether to encrypt.
    pub tls: Tls,
    /// What answers there.
    pub pool_mode: PoolMode,
    /// Database name.
    pub database: String,
    /// What this server calls itself in `pg_stat_activity`.
    pub application_name: String,
}

/// Whether the connection to PostgreSQL is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// No: for a database on the same machine, or on a network that is trusted on purpose.
    Disable,
    /// Yes, and the server must prove that it is the host that was named.
    VerifyFull {
        /// File with the certificates that may sign the server's; `None` for Mozilla's list.
        root_cert: Option<PathBuf>,
    },
}

/// What answers where the database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// PostgreSQL itself: a connection has one backend for its life.
    Direct,
    /// A pooler in transaction mode: each transaction may have another backend.
    Transaction,
}

/// A PostgreSQL role that logs in with a password.
#[derive(Clone, Debug)]
pub struct Login {
    /// Role name, exactly as PostgreSQL spells it.
    pub user: String,
    /// Password; never printed.
    pub password: SecretString,
}

/// Bounds on what one request may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest that PostgreSQL works on one statement.
    pub statement_timeout: Duration,
    /// The most rows one answer holds.
    pub rows: NonZeroU32,
    /// The most bytes of JSON the rows of one answer hold.
    pub result_bytes: NonZeroUsize,
    /// The most bytes of one value.
    pub cell_bytes: NonZeroUsize,
    /// The largest HTTP request body, in bytes.
    pub request_bytes: NonZeroUsize,
    /// The longest SQL text, in bytes.
    pub sql_bytes: NonZeroUsize,
    /// The most database connections held at once.
    pub connections: NonZeroUsize,
    /// The most of them that one tenant holds.
    pub tenant_connections: NonZeroUsize,
    /// The most requests of one tenant that wait for one.
    pub tenant_queue: NonZeroUsize,
}

/// What `serve` and `check` need.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How callers prove who they are.
    pub auth: AuthSettings,
    /// What clients call this server: scheme, host and path, without a slash at the end. `None` where only this machine can
    /// reach it.
    pub public_url: Option<String>,
    /// Where the database is.
    pub database: DatabaseAddress,
    /// The login that only queries.
    pub login: Login,
    /// Signs the tenant of each transaction.
    pub signing_key: SigningKey,
    /// Bounds on one request.
    pub limits: Limits,
    /// Folder with the embedding model's two files; `None` leaves search by meaning switched off.
    pub embedding_model_dir: Option<PathBuf>,
    /// The tenant that `serve --stdio` speaks for; HTTP callers name theirs in each request.
    pub stdio_tenant: Option<Uuid>,
    /// Which log events are written, in `tracing` filter syntax.
    pub log: String,
}

/// What `migrate` and `seed` need.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// Where the database is.
    pub database: DatabaseAddress,
    /// The login that may create roles and act as the schemas' owner.
    pub admin: Login,
    /// The login to create for `serve`, with the password it shall have.
    pub login: Login,
    /// The signing key the database shall accept from now on.
    pub signing_key: SigningKey,
    /// Folder with the embedding model's two files; `seed` needs it.
    pub embedding_model_dir: Option<PathBuf>,
    /// Which log events are written, in `tracing` filter syntax.
    pub log: String,
}

impl ServeSettings {
    /// Reads what `serve` needs.
    ///
    /// # Errors
    /// All problems at once: each names the variable, what is wrong and an example, never the value.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        let listen = reader.parsed(&var::ZAVA_LISTEN, |text| {
            text.parse().map_err(|_| "is not an address with a port")
        });
        let auth = auth::read(&mut reader, listen);
        let public_url = auth::public_url(&mut reader, listen);
        let database = database(&mut reader, Ok);
        let login = login(&mut reader, &var::POSTGRES_USER, &var::POSTGRES_PASSWORD);
        let signing_key = reader.parsed(&var::ZAVA_SIGNING_KEY, |text| {
            text.parse().map_err(SigningKeyError::what)
        });
        let limits = limits(&mut reader);
        let embedding_model_dir = reader.optional(&var::ZAVA_EMBEDDING_MODEL_DIR, |text| {
            Ok(PathBuf::from(text))
        });
        let stdio_tenant = reader.optional(&var::ZAVA_TENANT, |text| {
            // One spelling of a tenant, as in the header.
            let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
            let id = Uuid::try_parse(text).ok().filter(|_| hyphenated);
            id.ok_or("is not a UUID with hyphens")
        });
        let log = log(&mut reader);
        let problems = reader.finish();
        let (
            Some(listen),
            Some(auth),
            Some(database),
            Some(login),
            Some(signing_key),
            Some(limits),
            Some(log),
            true,
        ) = (
            listen,
            auth,
            database,
            login,
            signing_key,
            limits,
            log,
            problems.is_empty(),
        )
        else {
            return Err(SettingsError { problems });
        };
        Ok(Self {
            listen,
            auth,
            public_url,
            database,
            login,
            signing_key,
            limits,
            embedding_model_dir,
            stdio_tenant,
            log,
        })
    }
}

impl AdminSettings {
    /// Reads what `migrate` and `seed` need.
    ///
    /// # Errors
    /// All problems at once: each names the variable, what is wrong and an example, never the value.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        let database = database(&mut reader, |_| {
            Err("names a pooler; migrate and seed need PostgreSQL itself")
        });
        let admin = login(
            &mut reader,
            &var::POSTGRES_ADMIN_USER,
            &var::POSTGRES_ADMIN_PASSWORD,
        );
        let login = login(&mut reader, &var::POSTGRES_USER, &var::POSTGRES_PASSWORD);
        let signing_key = reader.parsed(&var::ZAVA_SIGNING_KEY, |text| {
            text.parse().map_err(SigningKeyError::what)
        });
        let embedding_model_dir = reader.optional(&var::ZAVA_EMBEDDING_MODEL_DIR, |text| {
            Ok(PathBuf::from(text))
        });
        let log = log(&mut reader);
        let problems = reader.finish();
        let (Some(database), Some(admin), Some(login), Some(signing_key), Some(log), true) = (
            database,
            admin,
            login,
            signing_key,
            log,
            problems.is_empty(),
        ) else {
            return Err(SettingsError { problems });
        };
        Ok(Self {
            database,
            admin,
            login,
            signing_key,
            embedding_model_dir,
            log,
        })
    }
}

/// The longest SQL text, in bytes: all that the guard alone needs.
///
/// # Errors
/// When `ZAVA_MAX_SQL_BYTES` cannot be used, or a name is not a setting.
pub fn sql_bytes(environment: &Environment) -> Result<NonZeroUsize, SettingsError> {
    let mut reader = Reader::new(environment);
    let longest = longest_sql(&mut reader);
    let problems = reader.finish();
    match longest {
        Some(longest) if problems.is_empty() => Ok(longest),
        _ => Err(SettingsError { problems }),
    }
}

fn database(
    reader: &mut Reader<'_>,
    usable: fn(PoolMode) -> Result<PoolMode, &'static str>,
) -> Option<DatabaseAddress> {
    let host = reader.parsed(&var::POSTGRES_DB_HOST, |text| Ok(text.to_owned()));
    let port = reader.parsed(&var::POSTGRES_DB_PORT, |text| match text.parse() {
        Ok(0) | Err(_) => Err("is not a port number from 1 to 65535"),
        Ok(port) => Ok(port),
    });
    let tls = tls(reader, host.as_deref().unwrap_or_default());
    let pool_mode = reader.parsed(&var::POSTGRES_POOL_MODE, |text| match text {
        "direct" => Ok(PoolMode::Direct),
        "transaction" => usable(PoolMode::Transaction),
        _ => Err("is neither direct nor transaction"),
    });
    let database = reader.parsed(&var::POSTGRES_DB, |text| Ok(text.to_owned()));
    let application_name =
        reader.parsed(&var::POSTGRES_APPLICATION_NAME, |text| Ok(text.to_owned()));
    Some(DatabaseAddress {
        host: host?,
        port: port?,
        tls: tls?,
        pool_mode: pool_mode?,
        database: database?,
        application_name: application_name?,
    })
}

fn tls(reader: &mut Reader<'_>, host: &str) -> Option<Tls> {
    let root_cert = reader.optional(&var::POSTGRES_SSLROOTCERT, |text| Ok(PathBuf::from(text)));
    let mode = reader.absent_or(
        &var::POSTGRES_SSLMODE,
        is_this_machine(host),
        |text| match text {
            "disable" => Ok(true),
            "verify-full" => Ok(false),
            _ => Err("is neither verify-full nor disable"),
        },
    );
    mode.map(|plain| {
        if plain {
            Tls::Disable
        } else {
            Tls::VerifyFull { root_cert }
        }
    })
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn login(
    reader: &mut Reader<'_>,
    user: &'static Variable,
    password: &'static Variable,
) -> Option<Login> {
    let user = reader.parsed(user, |text| Ok(text.to_owned()));
    let password = reader.parsed(password, |text| Ok(SecretString::from(text)));
    Some(Login {
        user: user?,
        password: password?,
    })
}

fn limits(reader: &mut Reader<'_>) -> Option<Limits> {
    let statement_timeout = reader.number(&var::ZAVA_STATEMENT_TIMEOUT_SECONDS, 1, 600);
    let rows = reader.number(&var::ZAVA_MAX_ROWS, 1, 10_000);
    let result_bytes = reader.number(&var::ZAVA_MAX_RESULT_BYTES, 1_024, 64 << 20);
    let cell_bytes = reader.number(&var::ZAVA_MAX_CELL_BYTES, 256, 1 << 20);
    let request_bytes = reader.number(&var::ZAVA_MAX_REQUEST_BYTES, 1_024, 64 << 20);
    let sql_bytes = longest_sql(reader);
    let connections = reader.number(&var::ZAVA_MAX_CONNECTIONS, 1, 1_000);
    let tenant_connections = reader.number(&var::ZAVA_TENANT_CONNECTIONS, 1, 1_000);
    let tenant_queue = reader.number(&var::ZAVA_TENANT_QUEUE, 1, 10_000);
    Some(Limits {
        statement_timeout: Duration::from_secs(u64::from(statement_timeout?.get())),
        rows: rows?,
        result_bytes: size(result_bytes?),
        cell_bytes: size(cell_bytes?),
        request_bytes: size(request_bytes?),
        sql_bytes: sql_bytes?,
        connections: size(connections?),
        tenant_connections: size(tenant_connections?),
        tenant_queue: size(tenant_queue?),
    })
}

fn longest_sql(reader: &mut Reader<'_>) -> Option<NonZeroUsize> {
    reader
        .number(&var::ZAVA_MAX_SQL_BYTES, 64, 64 << 10)
        .map(size)
}

fn size(number: NonZeroU32) -> NonZeroUsize {
    // A usize holds every u32 on the platforms this server is built for (32 and 64 bits).
    NonZeroUsize::try_from(number).unwrap_or(NonZeroUsize::MAX)
}

fn log(reader: &mut Reader<'_>) -> Option<String> {
    reader.parsed(&var::ZAVA_LOG, |text| {
        text.parse::<tracing_subscriber::filter::Targets>()
            .map(|_| text.to_owned())
            .map_err(|_| "is not a log filter")
    })
}

#[cfg(test)]
mod tests;
