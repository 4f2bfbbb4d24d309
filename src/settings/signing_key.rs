use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox};

/// The key that proves a transaction's tenant to the database, with the number the database knows it by.
///
/// # Security
/// Whoever holds it can open a transaction for any tenant. `Debug` shows the number only.
#[derive(Clone, Debug)]
pub struct SigningKey {
    id: i32,
    secret: Arc<SecretBox<[u8; 32]>>,
}

/// Why a text is no signing key. Never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// No `:` between number and key, or no positive number before it.
    #[error("does not begin with a key number from 1 up and a colon")]
    Number,
    /// What follows is not 32 bytes in base64.
    #[error("does not hold 32 bytes in base64 after the colon")]
    Key,
}

impl SigningKeyError {
    /// The reason as a constant.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Number => "does not begin with a key number from 1 up and a colon",
            Self::Key => "does not hold 32 bytes in base64 after the colon",
        }
    }
}

impl SigningKey {
    /// The number under which `guard.signing_key` keeps this key.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The 32 bytes themselves.
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
