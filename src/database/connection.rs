//! Connections over sqlx, as the administrator or as the login of the search index.

use std::fmt;

use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use super::AdminError;
use crate::azure::AzureServices;
use crate::password::Password;
use crate::settings::{AdminSettings, DatabaseAddress, Login, Tls};
use crate::tls;

/// A login of this module. Its text says what to check when it cannot connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfiguredLogin {
    /// The administrator.
    Administrator,
    /// The login of the search index.
    Indexer,
}

impl fmt::Display for ConfiguredLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Administrator => {
                "POSTGRES_ADMIN_USER, and POSTGRES_ADMIN_PASSWORD or, with POSTGRES_AUTH=entra, ZAVA_AZURE_CREDENTIAL"
            }
            Self::Indexer => {
                "POSTGRES_INDEXER_USER, and POSTGRES_INDEXER_PASSWORD or, with POSTGRES_AUTH=entra, ZAVA_AZURE_CREDENTIAL, and that `zava-mcp-server migrate` has run with the same values"
            }
        })
    }
}

/// Connects as the administrator and sets the role to `zava_owner`, who owns the schemas.
///
/// # Errors
/// [`AdminError::Connect`], and [`AdminError::NotMigrated`] before the first `migrate`.
pub async fn connect_as_owner(settings: &AdminSettings) -> Result<PgConnection, AdminError> {
    let azure = AzureServices::new(settings.azure.as_ref(), &settings.https)?;
    let mut connection = connect_as_admin(&azure, settings, &settings.database.database).await?;
    become_owner(&mut connection)
        .await
        .map_err(AdminError::NotMigrated)?;
    Ok(connection)
}

/// Connects as the login of the search index.
///
/// # Errors
/// [`AdminError::Connect`], also before the `migrate` that creates the login.
pub async fn connect_as_indexer(
    azure: &AzureServices,
    address: &DatabaseAddress,
    login: &Login,
) -> Result<PgConnection, AdminError> {
    connect(
        azure,
        address,
        login,
        &address.database,
        ConfiguredLogin::Indexer,
    )
    .await
}

/// Connects to a database of the server as the administrator.
pub(super) async fn connect_as_admin(
    azure: &AzureServices,
    settings: &AdminSettings,
    database: &str,
) -> Result<PgConnection, AdminError> {
    let (address, login) = (&settings.database, &settings.admin);
    let configured = ConfiguredLogin::Administrator;
    connect(azure, address, login, database, configured).await
}

async fn connect(
    azure: &AzureServices,
    address: &DatabaseAddress,
    login: &Login,
    database: &str,
    configured: ConfiguredLogin,
) -> Result<PgConnection, AdminError> {
    let user = &login.user;
    let passwords = azure.password(&login.method);
    let password = passwords.password().await;
    let password = password.map_err(|error| AdminError::Password(user.clone(), error.into()))?;
    let (Password::Secret(text) | Password::Token(text)) = &password;
    let DatabaseAddress {
        host,
        port,
        database: _,
        application_name,
        tls,
        pool_mode: _, // these logins connect directly, not through a pooler
    } = address;
    let options = PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(*port)
        .database(database)
        .username(user)
        .password(text.expose_secret())
        .application_name(application_name)
        // A second run of `migrate` causes notices ("already exists, skipping"), which are
        // expected.
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
    // Loading data takes seconds by design, and the text of statements must not be logged.
    let options = options.disable_statement_logging();
    PgConnection::connect_with(&options)
        .await
        .map_err(|source| {
            if is_login_rejected(&source) {
                passwords.report_rejected(&password);
            }
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
                    database: database.to_owned(),
                    user: user.clone(),
                    login: configured,
                    source,
                },
            }
        })
}

/// Whether the database has rejected the password or the token.
fn is_login_rejected(error: &sqlx::Error) -> bool {
    // 28000 invalid_authorization_specification, 28P01 invalid_password:
    // https://www.postgresql.org/docs/current/errcodes-appendix.html
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("28000" | "28P01"))
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

pub(super) async fn become_owner(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("SET ROLE zava_owner")
        .execute(connection)
        .await
        .map(|_| ())
}
