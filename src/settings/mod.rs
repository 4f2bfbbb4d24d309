//! Reads the server's configuration from environment variables into typed, validated values.
//!
//! Knows the variables' names, formats and defaults; must not know what the values are used for.
//! Nothing else in the crate reads the environment.
//!
//! Invariants:
//! - a settings value that exists is valid;
//! - no error and no `Debug` output contains a secret.
mod auth; //            how callers authenticate
mod dot_env; //         the format of `.env`
mod environment; //     where values come from: the process environment and `.env`
mod https_proxy; //     the proxy for outgoing HTTPS requests
mod limits; //          limits on one request, and rate limits
mod log_filter; //      which events are logged
mod public_url; //      the URL by which clients reach the server
mod reader; //          text → typed value, collecting every problem
mod service_links; //   variables that Kubernetes sets for services
mod signing_key; //     the key that signs each transaction's tenant
mod trusted_proxies; // the gateways and reverse proxies in front of the server
mod variables; //       every variable, documented once

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;
use uuid::Uuid;

pub use auth::{AuthSettings, CredentialSettings, EntraSettings, TrustedPeers};
pub use dot_env::{DotEnvError, LineError};
pub use environment::Environment;
pub use https_proxy::HttpsProxy;
pub use limits::{AnswerLimits, Limits, RateLimits, max_sql_bytes};
pub use public_url::PublicUrl;
pub use reader::{Problem, SettingsError};
pub use signing_key::{SigningKey, SigningKeyError};
pub use variables::{VARIABLES, Variable};

use reader::Reader;
use variables as var;

/// The address of PostgreSQL and how to connect to it; the same for every login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseAddress {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether connections are encrypted.
    pub tls: Tls,
    /// Whether PostgreSQL itself or a connection pooler listens on this address.
    pub pool_mode: PoolMode,
    /// Database name.
    pub database: String,
    /// This server's `application_name`, as `pg_stat_activity` shows it.
    pub application_name: String,
}

/// Whether the connection to PostgreSQL is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not encrypted: for a database on the same machine, or on a deliberately trusted network.
    Disable,
    /// Encrypted; the database's certificate chain and host name are verified.
    VerifyFull {
        /// File with the root certificates that are trusted; `None` for Mozilla's list.
        root_cert: Option<PathBuf>,
    },
}

/// What listens on the database address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// PostgreSQL itself: a connection keeps one backend for its lifetime.
    Direct,
    /// A pooler in transaction mode: each transaction may run on another backend.
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

/// The settings of `serve` and `check`.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// The address on which the HTTP server listens.
    pub listen: SocketAddr,
    /// How callers authenticate.
    pub auth: AuthSettings,
    /// The URL by which clients reach this server; `None` if only this machine can reach it.
    pub public_url: Option<PublicUrl>,
    /// The database's address.
    pub database: DatabaseAddress,
    /// The login that runs queries; it cannot write.
    pub login: Login,
    /// The key that signs the tenant of each transaction.
    pub signing_key: SigningKey,
    /// Origins (scheme, host and port) whose pages may call this server from a browser, in
    /// addition to those of this machine.
    pub allowed_origins: Vec<String>,
    /// The reverse proxies in front of the server; the client's address is read from their
    /// `X-Forwarded-For`.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether Azure hosts the server and no proxy is configured: every peer is then the hosting
    /// platform's front end.
    pub is_behind_platform: bool,
    /// Limits on one request.
    pub limits: Limits,
    /// Rate limits.
    pub rates: RateLimits,
    /// Folder with the embedding model's two files; `None` disables semantic search.
    pub embedding_model_dir: Option<PathBuf>,
    /// The tenant of `serve --stdio`; HTTP callers name theirs in each request.
    pub stdio_tenant: Option<Uuid>,
    /// Whether the audit log contains the text of statements in addition to their fingerprints.
    pub audit_sql: bool,
    /// Which log events are written, in `tracing` filter syntax.
    pub log: String,
}

/// The settings of `migrate` and `seed`.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// The database's address.
    pub database: DatabaseAddress,
    /// The login that may create roles and act as the schemas' owner.
    pub admin: Login,
    /// The login that `migrate` creates for `serve`, with its password.
    pub login: Login,
    /// The signing key that `migrate` makes the database accept.
    pub signing_key: SigningKey,
    /// Folder with the embedding model's two files; `seed` needs it.
    pub embedding_model_dir: Option<PathBuf>,
    /// Which log events are written, in `tracing` filter syntax.
    pub log: String,
}

impl ServeSettings {
    /// Reads the settings of `serve`.
    ///
    /// # Errors
    /// All problems at once. Each names the variable, says what is wrong and gives an example;
    /// none contains the value.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        let listen = reader.parsed(&var::ZAVA_LISTEN, |text| {
            text.parse()
                .map_err(|_| "must be an IP address and a port, joined by a colon")
        });
        let trusted_proxies = trusted_proxies::read(&mut reader);
        // An invalid list has been reported; the checks that depend on it must not report it again.
        let proxies = trusted_proxies.as_deref().unwrap_or_default();
        let is_behind_platform = proxies.is_empty() && auth::is_azure_hosted(&reader);
        let auth = auth::read(&mut reader, listen, proxies);
        let public_url = auth::public_url(&mut reader, listen);
        let allowed_origins = auth::allowed_origins(&mut reader);
        let database = database(&mut reader, Ok);
        let login = login(&mut reader, &var::POSTGRES_USER, &var::POSTGRES_PASSWORD);
        let signing_key = reader.parsed(&var::ZAVA_SIGNING_KEY, |text| {
            text.parse().map_err(SigningKeyError::message)
        });
        let limits = limits::read(&mut reader);
        let rates = limits::rates(&mut reader);
        let embedding_model_dir = reader.optional(&var::ZAVA_EMBEDDING_MODEL_DIR, |text| {
            Ok(PathBuf::from(text))
        });
        let stdio_tenant = reader.optional(&var::ZAVA_TENANT, |text| {
            // Only the hyphenated form, as in the header: one spelling for each tenant.
            let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
            let id = Uuid::try_parse(text).ok().filter(|_| hyphenated);
            id.ok_or("must be a UUID with hyphens")
        });
        let audit_sql = reader.parsed(&var::ZAVA_AUDIT_SQL, |text| match text {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err("must be `on` or `off`"),
        });
        let log = log_filter::read(&mut reader);
        let problems = reader.finish();
        let (
            Some(listen),
            Some(auth),
            Some(allowed_origins),
            Some(trusted_proxies),
            Some(database),
            Some(login),
            Some(signing_key),
            Some(limits),
            Some(rates),
            Some(audit_sql),
            Some(log),
            true,
        ) = (
            listen,
            auth,
            allowed_origins,
            trusted_proxies,
            database,
            login,
            signing_key,
            limits,
            rates,
            audit_sql,
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
            allowed_origins,
            trusted_proxies,
            is_behind_platform,
            database,
            login,
            signing_key,
            limits,
            rates,
            embedding_model_dir,
            stdio_tenant,
            audit_sql,
            log,
        })
    }
}

impl AdminSettings {
    /// Reads the settings of `migrate` and `seed`.
    ///
    /// # Errors
    /// All problems at once. Each names the variable, says what is wrong and gives an example;
    /// none contains the value.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        let database = database(&mut reader, |_| {
            Err(
                "must be `direct` for `migrate` and `seed`, which need a connection without a pooler",
            )
        });
        let admin = login(
            &mut reader,
            &var::POSTGRES_ADMIN_USER,
            &var::POSTGRES_ADMIN_PASSWORD,
        );
        let login = login(&mut reader, &var::POSTGRES_USER, &var::POSTGRES_PASSWORD);
        let signing_key = reader.parsed(&var::ZAVA_SIGNING_KEY, |text| {
            text.parse().map_err(SigningKeyError::message)
        });
        let embedding_model_dir = reader.optional(&var::ZAVA_EMBEDDING_MODEL_DIR, |text| {
            Ok(PathBuf::from(text))
        });
        let log = log_filter::read(&mut reader);
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

fn database(
    reader: &mut Reader<'_>,
    check_pool_mode: fn(PoolMode) -> Result<PoolMode, &'static str>,
) -> Option<DatabaseAddress> {
    let host = reader.parsed(&var::POSTGRES_DB_HOST, parse_host);
    let port = reader.parsed(&var::POSTGRES_DB_PORT, |text| match text.parse() {
        Ok(0) | Err(_) => Err("must be a port number from 1 to 65535"),
        Ok(port) => Ok(port),
    });
    let tls = tls(reader, host.as_deref().unwrap_or_default());
    let pool_mode = reader.parsed(&var::POSTGRES_POOL_MODE, |text| match text {
        "direct" => Ok(PoolMode::Direct),
        "transaction" => check_pool_mode(PoolMode::Transaction),
        _ => Err("must be `direct` or `transaction`"),
    });
    let database = reader.parsed(&var::POSTGRES_DB, |text| {
        if text.contains("://") {
            Err("must be a database name, not a URL (host, port and login have their own variables)")
        } else {
            Ok(text.to_owned())
        }
    });
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

/// Parses a host name or an IP address in the form that the system's resolver accepts.
fn parse_host(text: &str) -> Result<String, &'static str> {
    if text.contains("://") {
        return Err(
            "must be a host name, not a URL (port, database name and login have their own variables)",
        );
    }
    if text.starts_with('/') {
        return Err("must be a host name or an IP address, not a path (connections use TCP)");
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let is_host_character = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    match text.rsplit_once(':') {
        Some((host, port))
            if port.parse::<u16>().is_ok() && host.chars().all(is_host_character) =>
        {
            Err("must not contain a port; set POSTGRES_DB_PORT instead")
        }
        None if text.chars().all(is_host_character) => Ok(text.to_owned()),
        _ => Err("must be a host name or an IP address (IPv6 without brackets)"),
    }
}

fn tls(reader: &mut Reader<'_>, host: &str) -> Option<Tls> {
    let root_cert = reader.optional(&var::POSTGRES_SSLROOTCERT, |text| Ok(PathBuf::from(text)));
    let is_disabled = reader.parsed_or(
        &var::POSTGRES_SSLMODE,
        is_loopback(host),
        |text| match text {
            "disable" => Ok(true),
            "verify-full" => Ok(false),
            "require" | "prefer" | "allow" | "verify-ca" => Err(
                "does not verify the server's host name, so it is not supported; use `verify-full`, with POSTGRES_SSLROOTCERT for a private certificate authority",
            ),
            _ => Err("must be `verify-full` or `disable`"),
        },
    );
    is_disabled.map(|is_disabled| {
        if is_disabled {
            Tls::Disable
        } else {
            Tls::VerifyFull { root_cert }
        }
    })
}

fn is_loopback(host: &str) -> bool {
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

#[cfg(test)]
mod tests;
