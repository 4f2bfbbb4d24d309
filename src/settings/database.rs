//! How to connect to PostgreSQL, and as whom.

use std::net::IpAddr;
use std::path::PathBuf;

use secrecy::SecretString;
use uuid::Uuid;

use super::azure::{AzureCredential, parse_id, parse_token_scope};
use super::reader::Reader;
use super::secret::Secret;
use super::variables::{self as var, Variable};

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

/// A PostgreSQL role, and how it logs in.
#[derive(Clone, Debug)]
pub struct Login {
    /// Role name, exactly as PostgreSQL spells it.
    pub user: String,
    /// How it logs in.
    pub method: LoginMethod,
}

/// How a role logs in.
#[derive(Clone, Debug)]
pub enum LoginMethod {
    /// With this password.
    Password(Secret),
    /// With access tokens of Entra ID for the server's identity.
    Entra {
        /// Their scope.
        scope: String,
    },
}

/// A login that `migrate` creates.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Role name.
    pub user: String,
    /// What it will log in with.
    pub identity: LoginIdentity,
}

/// What a login logs in with.
#[derive(Clone, Debug)]
pub enum LoginIdentity {
    /// This password.
    Password(Secret),
    /// Tokens of the Entra ID principal with this object id.
    Principal(Uuid),
}

/// The variables of a login that `migrate` creates.
pub(super) struct LoginVariables {
    user: &'static Variable,
    password: &'static Variable,
    object_id: &'static Variable,
}

impl LoginVariables {
    /// The login that runs queries.
    pub(super) const QUERY: Self = Self {
        user: &var::POSTGRES_USER,
        password: &var::POSTGRES_PASSWORD,
        object_id: &var::POSTGRES_ENTRA_OBJECT_ID,
    };

    /// The login that writes the search index.
    pub(super) const INDEXER: Self = Self {
        user: &var::POSTGRES_INDEXER_USER,
        password: &var::POSTGRES_INDEXER_PASSWORD,
        object_id: &var::POSTGRES_INDEXER_ENTRA_OBJECT_ID,
    };
}

/// How all roles log in.
#[derive(Clone, Debug)]
pub(super) enum LoginAuth {
    Password,
    Entra { scope: String },
}

impl DatabaseAddress {
    /// Reads the address. `check_pool_mode` accepts or rejects a pooler.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        check_pool_mode: fn(PoolMode) -> Result<PoolMode, &'static str>,
    ) -> Option<Self> {
        let host = reader.parsed(&var::POSTGRES_DB_HOST, parse_host);
        let port = reader.parsed(&var::POSTGRES_DB_PORT, parse_port);
        let tls = Tls::read(reader, host.as_deref().unwrap_or_default());
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
        Some(Self {
            host: host?,
            port: port?,
            tls: tls?,
            pool_mode: pool_mode?,
            database: database?,
            application_name: application_name?,
        })
    }
}

impl Tls {
    /// Reads the encryption of connections to `host`.
    fn read(reader: &mut Reader<'_>, host: &str) -> Option<Self> {
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
                Self::Disable
            } else {
                Self::VerifyFull { root_cert }
            }
        })
    }
}

impl Tls {
    /// Reads the encryption of connections to a replica: as for the primary, but the default
    /// depends on the replica's own host. Reports no problem, because reading the primary did.
    pub(super) fn read_for_replica(
        reader: &mut Reader<'_>,
        host: &str,
        primary: &DatabaseAddress,
    ) -> Self {
        if reader
            .optional(&var::POSTGRES_SSLMODE, |_| Ok(()))
            .is_some()
        {
            return primary.tls.clone();
        }
        if is_loopback(host) {
            return Self::Disable;
        }
        let root_cert = reader.optional(&var::POSTGRES_SSLROOTCERT, |text| Ok(PathBuf::from(text)));
        Self::VerifyFull { root_cert }
    }
}

impl LoginAuth {
    /// Reads how roles log in over connections to this database. `None` if a setting is invalid.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        database: Option<&DatabaseAddress>,
    ) -> Option<Self> {
        let is_entra = reader.parsed(&var::POSTGRES_AUTH, |text| match text {
            "password" => Ok(false),
            "entra" => Ok(true),
            _ => Err("must be `password` or `entra`"),
        });
        if !is_entra? {
            return Some(Self::Password);
        }
        if database.is_some_and(|database| database.tls == Tls::Disable) {
            reader.add_problem(
                &var::POSTGRES_AUTH,
                "is `entra`, and the database must be sent the token itself, which needs POSTGRES_SSLMODE=verify-full",
            );
        }
        let scope = reader.parsed(&var::POSTGRES_ENTRA_SCOPE, parse_token_scope);
        AzureCredential::require(reader)?;
        Some(Self::Entra { scope: scope? })
    }
}

impl Login {
    /// A login with a password.
    #[must_use]
    pub fn with_password(user: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self {
            user: user.into(),
            method: LoginMethod::Password(Secret::Literal(password.into())),
        }
    }

    /// Reads a login that `migrate` creates.
    pub(super) fn read_created(
        reader: &mut Reader<'_>,
        auth: Option<&LoginAuth>,
        variables: &LoginVariables,
    ) -> Option<Self> {
        Self::read(reader, auth, variables.user, variables.password)
    }

    /// Reads a role, and its password if roles have passwords.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        auth: Option<&LoginAuth>,
        user: &'static Variable,
        password: &'static Variable,
    ) -> Option<Self> {
        let user = read_user(reader, user);
        let method = match auth? {
            LoginAuth::Password => LoginMethod::Password(Secret::read(reader, password)?),
            LoginAuth::Entra { scope } => LoginMethod::Entra {
                scope: scope.clone(),
            },
        };
        Some(Self {
            user: user?,
            method,
        })
    }
}

impl NewLogin {
    /// Reads a login, as `migrate` needs it.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        auth: Option<&LoginAuth>,
        variables: &LoginVariables,
    ) -> Option<Self> {
        let user = read_user(reader, variables.user);
        let identity = match auth? {
            LoginAuth::Password => {
                LoginIdentity::Password(Secret::read(reader, variables.password)?)
            }
            LoginAuth::Entra { .. } => {
                let id = reader.parsed(variables.object_id, parse_id);
                LoginIdentity::Principal(id?)
            }
        };
        Some(Self {
            user: user?,
            identity,
        })
    }

    /// Reads a login that `migrate` creates if its credential is set. `Some(None)` if it is not;
    /// `None` if a setting is invalid.
    pub(super) fn read_optional(
        reader: &mut Reader<'_>,
        auth: Option<&LoginAuth>,
        variables: &LoginVariables,
    ) -> Option<Option<Self>> {
        let credential = match auth? {
            LoginAuth::Password => variables.password,
            LoginAuth::Entra { .. } => variables.object_id,
        };
        if reader.foreign(credential.name).is_some() {
            Self::read(reader, auth, variables).map(Some)
        } else {
            Some(None)
        }
    }
}

fn read_user(reader: &mut Reader<'_>, variable: &'static Variable) -> Option<String> {
    reader.parsed(variable, |text| Ok(text.to_owned()))
}

pub(super) fn parse_port(text: &str) -> Result<u16, &'static str> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a port number from 1 to 65535"),
        Ok(port) => Ok(port),
    }
}

/// Parses a host name or an IP address in the form that the system's resolver accepts.
pub(super) fn parse_host(text: &str) -> Result<String, &'static str> {
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

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
