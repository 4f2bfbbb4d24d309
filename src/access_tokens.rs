//! Access tokens of this server's own identity, as the modules that send them see them.

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

pub use crate::azure::AccessTokenError;

/// Where access tokens come from.
pub trait AccessTokens: fmt::Debug + Send + Sync {
    /// A valid token for a scope.
    fn token<'a>(&'a self, scope: &'a str)
    -> BoxFuture<'a, Result<SecretString, AccessTokenError>>;

    /// Reports that a service has rejected a token.
    fn report_rejected(&self, scope: &str, token: &SecretString);
}

impl AccessTokens for crate::azure::TokenSource {
    fn token<'a>(
        &'a self,
        scope: &'a str,
    ) -> BoxFuture<'a, Result<SecretString, AccessTokenError>> {
        Self::token(self, scope).boxed()
    }

    fn report_rejected(&self, scope: &str, token: &SecretString) {
        Self::report_rejected(self, scope, token);
    }
}
