use sqlx::PgConnection;

use super::connection::{become_owner, connect_as_admin};
use super::migrations::{self, Phase};
use super::signing_key::{self, KeyChange};
use super::{AdminError, MIN_SERVER_VERSION, principal};
use crate::azure::AzureServices;
use crate::search_index::synonyms;
use crate::settings::{AdminSettings, LoginIdentity, NewLogin};
use secrecy::ExposeSecret as _;

/// The functions of schema `guard` as the migrations create them, each terminated by
/// [`END_OF_FUNCTION`].
const GUARD_FUNCTIONS: &str = include_str!("guard_functions.sql");
const END_OF_FUNCTION: &str = "\n;\n";

/// Selects whether schema `guard` has a function with exactly this definition.
const HAS_FUNCTION: &str = include_str!("has_function.sql");

/// Where nobody has this privilege, or the administrator does not own the schema, PostgreSQL warns
/// and changes nothing; the posture check then reports what remains.
const REVOKE_CREATE: &str = "REVOKE CREATE ON SCHEMA public FROM PUBLIC";

/// Selects whether pgvector is version 0.8 or newer. The first value loads it.
const HAS_ITERATIVE_SCAN: &str = "SELECT '[1]'::public.vector IS NOT NULL \
    AND current_setting('hnsw.iterative_scan', true) IS NOT NULL";

/// What `migrate` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// How many migrations the database has now.
    pub migrations: usize,
    /// How many wait for [`migrate_and_contract`].
    pub waiting_migrations: usize,
    /// The number of the signing key that the database accepts for new signatures.
    pub signing_key: i32,
}

/// Creates or repairs roles, schema and signing key. Idempotent, and safe while servers of this and
/// the previous release are running.
///
/// A new signing key is accepted at once. Those with lower numbers stay valid for a day, for
/// servers that still sign with them.
///
/// # Errors
/// [`AdminError`], whose message says what to do.
pub async fn migrate(settings: &AdminSettings) -> Result<Migrated, AdminError> {
    run(settings, Phase::Expand, KeyChange::Keep).await
}

/// Does the same as [`migrate`], and applies the contracting migrations, after which servers of the
/// previous release refuse to serve.
///
/// # Errors
/// [`AdminError`], whose message says what to do.
pub async fn migrate_and_contract(settings: &AdminSettings) -> Result<Migrated, AdminError> {
    run(settings, Phase::Contract, KeyChange::Keep).await
}

/// Does the same as [`migrate`] with a new signing key, which it writes to the Key Vault secret in
/// ZAVA_SIGNING_KEY. Servers read it from there within minutes.
///
/// # Errors
/// [`AdminError`], whose message says what to do. Whenever this fails, the key in the vault is one
/// that the database accepts.
pub async fn migrate_with_new_signing_key(
    settings: &AdminSettings,
) -> Result<Migrated, AdminError> {
    run(settings, Phase::Expand, KeyChange::Rotate).await
}

async fn run(
    settings: &AdminSettings,
    phase: Phase,
    key_change: KeyChange,
) -> Result<Migrated, AdminError> {
    let azure = AzureServices::new(settings.azure.as_ref(), &settings.https)?;
    let mut connection = connect_as_admin(&azure, settings, &settings.database.database).await?;
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::integer")
        .fetch_one(&mut connection)
        .await
        .map_err(AdminError::Statement)?;
    if version < MIN_SERVER_VERSION {
        return Err(AdminError::UnsupportedVersion(version / 10_000));
    }
    migrations::check_release(&mut connection, phase).await?;
    create_roles(&mut connection, &azure, settings).await?;
    // New databases of Azure let everybody create objects in `public`.
    sqlx::raw_sql(REVOKE_CREATE)
        .execute(&mut connection)
        .await
        .map_err(AdminError::Statement)?;
    sqlx::raw_sql("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
        .execute(&mut connection)
        .await
        .map_err(AdminError::VectorExtension)?;
    let is_supported: bool = sqlx::query_scalar(HAS_ITERATIVE_SCAN)
        .fetch_one(&mut connection)
        .await
        .map_err(AdminError::Statement)?;
    if !is_supported {
        return Err(AdminError::UnsupportedVectorVersion);
    }
    become_owner(&mut connection)
        .await
        .map_err(AdminError::Statement)?;
    let progress = migrations::apply(&mut connection, phase).await?;
    // A waiting migration may replace functions of the guard: GUARD_FUNCTIONS has their new bodies,
    // which the previous release rejects.
    if progress.waiting == 0 {
        restore_functions(&mut connection).await?;
    }
    synonyms::replace_built_in(&mut connection)
        .await
        .map_err(AdminError::Statement)?;
    let key = &settings.signing_key;
    Ok(Migrated {
        migrations: progress.applied,
        waiting_migrations: progress.waiting,
        signing_key: signing_key::change(&mut connection, &azure, key, key_change).await?,
    })
}

async fn create_roles(
    connection: &mut PgConnection,
    azure: &AzureServices,
    settings: &AdminSettings,
) -> Result<(), AdminError> {
    let login = &settings.login;
    let verifier = prepare_login(azure, settings, login).await?;
    let (indexer, indexer_verifier) = match &settings.indexer {
        None => ("", String::new()),
        Some(indexer) => (
            indexer.user.as_str(),
            prepare_login(azure, settings, indexer).await?,
        ),
    };
    sqlx::query(
        "SELECT set_config('zava.login', $1, false), set_config('zava.login_password', $2, false), \
         set_config('zava.indexer', $3, false), set_config('zava.indexer_password', $4, false)",
    )
    .bind(&login.user)
    .bind(verifier)
    .bind(indexer)
    .bind(indexer_verifier)
    .execute(&mut *connection)
    .await
    .map_err(AdminError::Statement)?;
    sqlx::raw_sql(include_str!("roles.sql"))
        .execute(&mut *connection)
        .await
        .map_err(|error| AdminError::Roles(settings.admin.user.clone(), error))?;
    sqlx::raw_sql("RESET zava.login_password; RESET zava.indexer_password")
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(AdminError::Statement)
}

/// Creates a login for its Entra ID principal, or returns the SCRAM verifier of its password; an
/// empty one for a principal.
async fn prepare_login(
    azure: &AzureServices,
    settings: &AdminSettings,
    login: &NewLogin,
) -> Result<String, AdminError> {
    match &login.identity {
        // The verifier instead of the password, because statements may appear in PostgreSQL's log.
        LoginIdentity::Password(password) => {
            let password = azure.secret(password).secret().await;
            let password =
                password.map_err(|error| AdminError::Password(login.user.clone(), error.into()))?;
            Ok(postgres_protocol::password::scram_sha_256(
                password.expose_secret().as_bytes(),
            ))
        }
        LoginIdentity::Principal(principal) => {
            principal::create(azure, settings, &login.user, *principal).await?;
            Ok(String::new())
        }
    }
}

/// Recreates the functions of schema `guard` that differ from their migrations.
async fn restore_functions(connection: &mut PgConnection) -> Result<(), AdminError> {
    for definition in GUARD_FUNCTIONS.split_terminator(END_OF_FUNCTION) {
        let is_unchanged: bool = sqlx::query_scalar(HAS_FUNCTION)
            .bind(definition)
            .fetch_one(&mut *connection)
            .await
            .map_err(AdminError::Statement)?;
        if !is_unchanged {
            let function = definition.lines().next().unwrap_or_default();
            tracing::warn!(
                function,
                "guard function restored: it differed from its migration"
            );
            sqlx::raw_sql(definition)
                .execute(&mut *connection)
                .await
                .map_err(AdminError::Statement)?;
        }
    }
    Ok(())
}
