//! The password of a database login, as a thing that is asked for whenever a connection is opened.
//!
//! Knows how a password may be sent; must not know where it comes from.

use std::error::Error;
use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use secrecy::{ExposeSecret as _, SecretString};

/// The password for one connection.
#[derive(Clone, Debug)]
pub enum Password {
    /// A secret that both sides know. It proves itself by SCRAM, and `query::scope` never sends it.
    Secret(SecretString),
    /// An access token. The database cannot know it, so it must be sent: only inside TLS, to a
    /// server whose name has been verified.
    Token(SecretString),
}

impl Password {
    /// Whether both are the same password.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let (Self::Secret(own) | Self::Token(own)) = self;
        let (Self::Secret(other) | Self::Token(other)) = other;
        own.expose_secret() == other.expose_secret()
    }
}

/// Why there is no password at present.
#[derive(Debug, thiserror::Error)]
#[error("there is no password for the database")]
pub struct PasswordError(#[source] pub Box<dyn Error + Send + Sync>);

/// Where the password of a login comes from.
pub trait PasswordSource: fmt::Debug + Send + Sync {
    /// The password for a connection that is opened now.
    ///
    /// # Errors
    /// [`PasswordError`] when none can be had; a later call may succeed.
    ///
    /// # Cancel safety
    /// Safe: what a dropped call has started goes on, or begins again with the next call.
    fn password(&self) -> BoxFuture<'_, Result<Password, PasswordError>>;

    /// Reports that the database has rejected a password. A source that can get another one does so
    /// at the next call.
    fn report_rejected(&self, password: &Password);
}

/// A password that does not change.
impl PasswordSource for SecretString {
    fn password(&self) -> BoxFuture<'_, Result<Password, PasswordError>> {
        ready(Ok(Password::Secret(self.clone()))).boxed()
    }

    fn report_rejected(&self, _: &Password) {}
}
