//! The keys that sign tenants: which of them the database accepts.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgConnection;

use super::AdminError;
use super::hmac_pads::HmacPads;
use crate::azure::{AzureServices, Vault};
use crate::settings::{KeyVaultReference, SigningKey, SigningKeyError, SigningKeySetting};

/// The expiry of the vault's secret. The vault's alert fires 30 days before it, so 120 days after a
/// rotation: a quarterly one (`.github/workflows/rotate-signing-key.yml`) has failed by then.
const KEY_LIFETIME: Duration = Duration::from_secs(150 * 24 * 60 * 60);

/// Which signing key `migrate` makes the database accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyChange {
    /// The one in ZAVA_SIGNING_KEY.
    Keep,
    /// A new one, which it writes to the vault in ZAVA_SIGNING_KEY.
    Rotate,
}

/// Why there is no signing key to accept.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyProblem {
    /// A rotation needs a secret in a vault, and one without a version.
    #[error(
        "ZAVA_SIGNING_KEY must be a reference to a Key Vault secret without a version, such as `@Microsoft.KeyVault(VaultName=VAULT;SecretName=NAME)`"
    )]
    NotRotatable,
    /// The secret is there, and is something else.
    #[error(
        "the secret that ZAVA_SIGNING_KEY refers to {}; choose another secret", .0.message()
    )]
    NoKey(SigningKeyError),
    /// There are no numbers left.
    #[error("the numbers of signing keys are used up")]
    NoNumberLeft,
}

const ACCEPT: &str = include_str!("accept_signing_key.sql");
const ADD: &str = include_str!("add_signing_key.sql");
const HIGHEST: &str = "SELECT coalesce(max(key_id), 0) FROM guard.signing_key";

/// Makes the database accept the key in the settings, or a new one. Returns its number.
pub(super) async fn change(
    connection: &mut PgConnection,
    azure: &AzureServices,
    setting: &SigningKeySetting,
    change: KeyChange,
) -> Result<i32, AdminError> {
    let key = match change {
        KeyChange::Keep => {
            let key = azure.signing_key(setting).signing_key().await;
            key.map_err(|error| AdminError::ReadSigningKey(error.into()))?
        }
        KeyChange::Rotate => {
            let (vault, secret) = rotatable(azure, setting)?;
            rotate(connection, vault, secret).await?
        }
    };
    let pads = HmacPads::from_key(&key);
    let has_no_end: bool = sqlx::query_scalar(ACCEPT)
        .bind(key.id())
        .bind(pads.inner.as_slice())
        .bind(pads.outer.as_slice())
        .fetch_one(connection)
        .await
        .map_err(AdminError::Statement)?;
    if !has_no_end {
        tracing::warn!(
            key = key.id(),
            "the database has a signing key with a higher number, so the validity of this one has not changed; use the later key, or one with a new number"
        );
    }
    Ok(key.id())
}

/// Whether the key in the settings can be rotated.
fn rotatable<'a>(
    azure: &'a AzureServices,
    setting: &'a SigningKeySetting,
) -> Result<(&'a Vault, &'a KeyVaultReference), AdminError> {
    match (azure.vault(), setting) {
        (Some(vault), SigningKeySetting::KeyVault(secret)) if secret.version.is_none() => {
            Ok((vault, secret))
        }
        _ => Err(AdminError::SigningKey(SigningKeyProblem::NotRotatable)),
    }
}

/// Makes a new key. The database accepts it before the vault hands it out: whenever this is
/// interrupted, no server holds a key that the database rejects. What remains at worst is an
/// accepted key that nobody holds, until the next rotation.
async fn rotate(
    connection: &mut PgConnection,
    vault: &Vault,
    secret: &KeyVaultReference,
) -> Result<SigningKey, AdminError> {
    let in_vault = match vault.read(secret).await {
        Ok(text) => text
            .expose_secret()
            .trim()
            .parse::<SigningKey>()
            .map_err(|error| AdminError::SigningKey(SigningKeyProblem::NoKey(error)))?
            .id(),
        Err(error) if error.is_missing() => 0,
        Err(error) => return Err(AdminError::ReadSigningKey(error.into())),
    };
    let in_database: i32 = sqlx::query_scalar(HIGHEST)
        .fetch_one(&mut *connection)
        .await
        .map_err(AdminError::Statement)?;
    let number = in_vault.max(in_database).checked_add(1);
    let number = number.ok_or(AdminError::SigningKey(SigningKeyProblem::NoNumberLeft))?;
    let bytes: [u8; 32] = rand::random();
    let text = SecretString::from(format!("{number}:{}", STANDARD.encode(bytes)));
    let key: SigningKey = text.expose_secret().parse().expect("the form of a key");
    let pads = HmacPads::from_key(&key);
    sqlx::query(ADD)
        .bind(number)
        .bind(pads.inner.as_slice())
        .bind(pads.outer.as_slice())
        .execute(connection)
        .await
        .map_err(AdminError::Statement)?;
    vault
        .write(secret, &text, KEY_LIFETIME)
        .await
        .map_err(|error| AdminError::WriteSigningKey(error.into()))?;
    Ok(key)
}
