use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox};

use super::reader::Reader;
use super::secret::{KeyVaultReference, Secret};
use super::variables as var;

/// The key that signs the tenant of each transaction, with the id under which the database stores
/// it.
///
/// # Security
/// Whoever holds the key can open a transaction for any tenant. `Debug` shows only the id.
#[derive(Clone, Debug)]
pub struct SigningKey {
    id: i32,
    secret: Arc<SecretBox<[u8; 32]>>,
}

/// Why a text is not a signing key. Never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// There is no `:`, or no positive number before it.
    #[error("{}", self.message())]
    Number,
    /// The part after the colon is not 32 bytes in base64.
    #[error("{}", self.message())]
    Key,
}

impl SigningKeyError {
    /// The error's text as a constant.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Number => "must begin with a key number (at least 1) and a colon",
            Self::Key => "must have 32 bytes in base64 after the colon",
        }
    }
}

/// The signing key, or where Azure Key Vault keeps it.
#[derive(Clone, Debug)]
pub enum SigningKeySetting {
    /// The key itself.
    Literal(SigningKey),
    /// A secret with the key in the form of the setting.
    KeyVault(KeyVaultReference),
}

impl From<SigningKey> for SigningKeySetting {
    fn from(key: SigningKey) -> Self {
        Self::Literal(key)
    }
}

impl SigningKeySetting {
    /// Reads the key or the reference.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        match Secret::read(reader, &var::ZAVA_SIGNING_KEY)? {
            Secret::KeyVault(reference) => Some(Self::KeyVault(reference)),
            Secret::Literal(text) => text
                .expose_secret()
                .parse()
                .map(Self::Literal)
                .map_err(|error: SigningKeyError| {
                    reader.add_problem(&var::ZAVA_SIGNING_KEY, error.message());
                })
                .ok(),
        }
    }
}

impl SigningKey {
    /// The id of this key in `guard.signing_key`.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The secret key itself, 32 bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.secret.expose_secret()
    }
}

impl FromStr for SigningKey {
    type Err = SigningKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, key) = text.split_once(':').ok_or(SigningKeyError::Number)?;
        let id = id
            .parse()
            .ok()
            .filter(|id| *id > 0)
            .ok_or(SigningKeyError::Number)?;
        let bytes = STANDARD.decode(key).map_err(|_| SigningKeyError::Key)?;
        let key = <[u8; 32]>::try_from(bytes).map_err(|_| SigningKeyError::Key)?;
        Ok(Self {
            id,
            secret: Arc::new(SecretBox::new(Box::new(key))),
        })
    }
}
