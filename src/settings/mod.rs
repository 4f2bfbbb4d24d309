//! What the server is told by its environment: every variable, read once, checked whole, typed.
//!
//! Knows names, formats and defaults; must not know what the values are used for. Nothing else in the crate reads the
//! environment. Invariant: a settings value that exists is valid, and no error or `Debug` output holds a secret.
mod auth; // how callers prove who they are
mod dot_env; // the format of `.env`
mod environment; // where values come from: the process and `.env`
mod https_proxy; // how to get out
mod limits; // bounds on what one request may cost, and how many may come
mod log_filter; // which events are logged
mod public_url; // what clients call the server
mod reader; // text → typed value, collecting every problem
mod service_links; // variables that Kubernetes sets for services
mod signing_key; // the one value with a format of its own
mod trusted_proxies; // the gateways and proxies in front
mod variables; // every variable, documented once

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;
use uuid::Uuid;

pub use auth::{AuthSettings, EntraSettings, ProofSettings, TrustedPeers};
pub use dot_env::{DotEnvError, LineError};
pub use environment::Environment;
pub use https_proxy::HttpsProxy;
pub use limits::{AnswerLimits, Limits, RateLimits, sql_bytes};
pub use public_url::PublicUrl;
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

/// What `serve` and `check` need.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How callers prove who they are.
    pub auth: AuthSettings,
    /// What clients call this server. `None` where only this machine can reach it.
    pub public_url: Option<PublicUrl>,
    /// Where the database is.
    pub database: DatabaseAddress,
    /// The login that only queries.
    pub login: Login,
    /// Signs the tenant of each transaction.
    pub signing_key: SigningKey,
    /// Whose pages may call this server from a browser, beside those of this machine: scheme, host and port.
    pub allowed_origins: Vec<String>,
    /// The proxies in front, whose `X-Forwarded-For` tells a client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether Azure hosts the server and no proxy is named: then every peer is the platform's
    /// front end.
    pub is_behind_platform: bool,
    /// Bounds on one request.
    pub limits: Limits,
    /// How many requests may come.
    pub rates: RateLimits,
    /// Folder with the embedding model's two files; `None` leaves search by meaning switched off.
    pub embedding_model_dir: Option<PathBuf>,
    /// The tenant that `serve --stdio` speaks for; HTTP callers name theirs in each request.
    pub stdio_tenant: Option<Uuid>,
    /// Whether the audit trail holds the text of statements, and not their fingerprints alone.
    pub audit_sql: bool,
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
        let trusted_proxies = trusted_proxies::read(&mut reader);
        // A list that cannot be used is a problem of its own, and no other is told of it.
        let proxies = trusted_proxies.as_deref().unwrap_or_default();
        let is_behind_platform = proxies.is_empty() && auth::is_hosted(&reader);
        let auth = auth::read(&mut reader, listen, proxies);
        let public_url = auth::public_url(&mut reader, listen);
        let allowed_origins = auth::allowed_origins(&mut reader);
        let database = database(&mut reader, Ok);
        let login = login(&mut reader, &var::POSTGRES_USER, &var::POSTGRES_PASSWORD);
        let signing_key = reader.parsed(&var::ZAVA_SIGNING_KEY, |text| {
            text.parse().map_err(SigningKeyError::what)
        });
        let limits = limits::read(&mut reader);
        let rates = limits::rates(&mut reader);
        let embedding_model_dir = reader.optional(&var::ZAVA_EMBEDDING_MODEL_DIR, |text| {
            Ok(PathBuf::from(text))
        });
        let stdio_tenant = reader.optional(&var::ZAVA_TENANT, |text| {
            // One spelling of a tenant, as in the header.
            let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
            let id = Uuid::try_parse(text).ok().filter(|_| hyphenated);
            id.ok_or("is not a UUID with hyphens")
        });
        let audit_sql = reader.parsed(&var::ZAVA_AUDIT_SQL, |text| match text {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err("is neither on nor off"),
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
    usable: fn(PoolMode) -> Result<PoolMode, &'static str>,
) -> Option<DatabaseAddress> {
    let host = reader.parsed(&var::POSTGRES_DB_HOST, host_of);
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
    let database = reader.parsed(&var::POSTGRES_DB, |text| {
        if text.contains("://") {
            Err("is a URL; host, port, name and login are settings of their own")
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

/// A host name or an address, as the system's resolver takes it.
fn host_of(text: &str) -> Result<String, &'static str> {
    if text.contains("://") {
        return Err("is a URL; host, port, name and login are settings of their own");
    }
    if text.starts_with('/') {
        return Err("is a path; PostgreSQL is reached over TCP");
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && host.chars().all(is_of_name) => {
            Err("holds a port, which belongs into POSTGRES_DB_PORT")
        }
        None if text.chars().all(is_of_name) => Ok(text.to_owned()),
        _ => Err("is neither a host name nor an address (of IPv6 without brackets)"),
    }
}

fn tls(reader: &mut Reader<'_>, host: &str) -> Option<Tls> {
    let root_cert = reader.optional(&var::POSTGRES_SSLROOTCERT, |text| Ok(PathBuf::from(text)));
    let mode = reader.absent_or(
        &var::POSTGRES_SSLMODE,
        is_this_machine(host),
        |text| match text {
            "disable" => Ok(true),
            "verify-full" => Ok(false),
            "require" | "prefer" | "allow" | "verify-ca" => Err(
                "does not prove that the server is the host that was named, so it is not offered; use verify-full, with POSTGRES_SSLROOTCERT for an authority of your own",
            ),
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

#[cfg(test)]
mod tests;
