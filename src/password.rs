//! A source of the password of a database login, read whenever a connection is opened.
//!
//! Knows how a password may be sent; must not know where it comes from.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};

use crate::access_tokens::AccessTokens;
use crate::secret::SecretSource;

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

/// A password that is a secret setting.
#[derive(Clone, Debug)]
pub struct SecretPassword(pub Arc<dyn SecretSource>);

impl PasswordSource for SecretPassword {
    fn password(&self) -> BoxFuture<'_, Result<Password, PasswordError>> {
        async {
            match self.0.secret().await {
                Ok(secret) => Ok(Password::Secret(secret)),
                Err(error) => Err(PasswordError(error.into())),
            }
        }
        .boxed()
    }

    fn report_rejected(&self, password: &Password) {
        match password {
            Password::Secret(secret) => self.0.report_rejected(secret),
            Password::Token(_) => {}
        }
    }
}

/// A password that is an access token of this server's identity
/// (<https://learn.microsoft.com/azure/postgresql/security/security-entra-concepts>).
#[derive(Clone, Debug)]
pub struct TokenPassword {
    /// Where the token comes from.
    pub tokens: Arc<dyn AccessTokens>,
    /// The scope of tokens for the database.
    pub scope: String,
}

impl PasswordSource for TokenPassword {
    fn password(&self) -> BoxFuture<'_, Result<Password, PasswordError>> {
        async {
            match self.tokens.token(&self.scope).await {
                Ok(token) => Ok(Password::Token(token)),
                Err(error) => Err(PasswordError(error.into())),
            }
        }
        .boxed()
    }

    fn report_rejected(&self, password: &Password) {
        match password {
            Password::Token(token) => self.tokens.report_rejected(&self.scope, token),
            Password::Secret(_) => {}
        }
    }
}
