//! A source of the value of a secret setting.
//!
//! Knows the interface; must not know where a secret is stored.

use std::error::Error;
use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use secrecy::SecretString;

/// Why there is no value at present. The source says which setting is meant, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("a secret setting has no value")]
pub struct SecretError(#[source] pub Box<dyn Error + Send + Sync>);

/// Where the value of a secret setting comes from.
pub trait SecretSource: fmt::Debug + Send + Sync {
    /// The value for a use that begins now.
    ///
    /// # Errors
    /// [`SecretError`] when none can be had; a later call may succeed.
    ///
    /// # Cancel safety
    /// Safe: what a dropped call has started goes on.
    fn secret(&self) -> BoxFuture<'_, Result<SecretString, SecretError>>;

    /// Reports that a service has rejected a value. A source that can get another one does so at
    /// the next call.
    fn report_rejected(&self, value: &SecretString);
}

/// A value that does not change.
impl SecretSource for SecretString {
    fn secret(&self) -> BoxFuture<'_, Result<SecretString, SecretError>> {
        ready(Ok(self.clone())).boxed()
    }

    fn report_rejected(&self, _: &SecretString) {}
}
