//! A source of the key that signs the tenant of each transaction.
//!
//! Knows the form of a key; must not know where it is stored.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use secrecy::{ExposeSecret as _, SecretString};

use crate::secret::{SecretError, SecretSource};
use crate::settings::{SigningKey, SigningKeyError};

/// Where the signing key comes from.
pub trait SigningKeySource: fmt::Debug + Send + Sync {
    /// The key for a signature that is made now.
    ///
    /// # Errors
    /// [`SecretError`] when none can be had; a later call may succeed.
    ///
    /// # Cancel safety
    /// Safe: what a dropped call has started goes on.
    fn signing_key(&self) -> BoxFuture<'_, Result<SigningKey, SecretError>>;

    /// Reports that the database has rejected the key with a number. A source that can get another
    /// one does so at the next call.
    fn report_rejected(&self, key_id: i32);
}

/// A key that does not change.
impl SigningKeySource for SigningKey {
    fn signing_key(&self) -> BoxFuture<'_, Result<SigningKey, SecretError>> {
        ready(Ok(self.clone())).boxed()
    }

    fn report_rejected(&self, _: i32) {}
}

/// A key whose text is a secret, such as one in a vault.
#[derive(Debug)]
pub struct SigningKeyText {
    /// The setting that names the secret, for errors.
    setting: &'static str,
    secret: Arc<dyn SecretSource>,
    /// The last text, parsed. Held for a few instructions only.
    parsed: Mutex<Option<(SecretString, SigningKey)>>,
}

/// The secret is not a key.
#[derive(Debug, thiserror::Error)]
#[error("the secret that {setting} refers to {}", .source.message())]
struct InvalidKey {
    setting: &'static str,
    source: SigningKeyError,
}

impl SigningKeyText {
    /// The key in a secret. `setting` is the name of the variable that names the secret.
    #[must_use]
    pub fn new(setting: &'static str, secret: Arc<dyn SecretSource>) -> Self {
        Self {
            setting,
            secret,
            parsed: Mutex::default(),
        }
    }

    /// The key in a text, which is parsed when it has changed.
    fn parse(&self, text: &SecretString) -> Result<SigningKey, SecretError> {
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        match parsed.as_ref() {
            Some((known, key)) if known.expose_secret() == text.expose_secret() => Ok(key.clone()),
            _ => {
                let key = text.expose_secret().trim().parse::<SigningKey>();
                let setting = self.setting;
                let key =
                    key.map_err(|source| SecretError(Box::new(InvalidKey { setting, source })))?;
                *parsed = Some((text.clone(), key.clone()));
                Ok(key)
            }
        }
    }
}

impl SigningKeySource for SigningKeyText {
    fn signing_key(&self) -> BoxFuture<'_, Result<SigningKey, SecretError>> {
        async { self.parse(&self.secret.secret().await?) }.boxed()
    }

    fn report_rejected(&self, key_id: i32) {
        let parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((text, key)) = parsed.as_ref()
            && key.id() == key_id
        {
            self.secret.report_rejected(text);
        }
    }
}
