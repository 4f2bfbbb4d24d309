//! A source of access tokens for this server's own identity.
//!
//! Knows the interface and its errors; must not know who issues tokens.

use std::fmt;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use secrecy::SecretString;

/// Where access tokens come from.
pub trait AccessTokens: fmt::Debug + Send + Sync {
    /// A valid token for a scope, such as `https://vault.azure.net/.default`.
    ///
    /// # Errors
    /// [`AccessTokenError`] when there is none; a later call may succeed.
    ///
    /// # Cancel safety
    /// Safe: what a dropped call has started goes on.
    fn token<'call>(
        &'call self,
        scope: &'call str,
    ) -> BoxFuture<'call, Result<SecretString, AccessTokenError>>;

    /// Reports that a service has rejected a token, which is then replaced.
    fn report_rejected(&self, scope: &str, token: &SecretString);
}

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// No setting needs an identity, so the server has none.
    #[error("ZAVA_AZURE_CREDENTIAL is not set")]
    NoIdentity,
    /// Azure has not assigned the identity to the machine that hosts the server.
    #[error(
        "the managed identity is not assigned to this app; assign it with `az functionapp identity assign` or `az containerapp identity assign`, and set AZURE_CLIENT_ID to its client id (several user-assigned identities need it, the system-assigned one must be without)"
    )]
    NotAssigned,
    /// Azure or a developer tool has answered with an error, or does not answer.
    #[error("ZAVA_AZURE_CREDENTIAL yields no token: {0}")]
    Refused(String),
    /// There was no answer in time.
    #[error("no access token was issued within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The token had expired when it arrived.
    #[error("the access token had expired when it was issued; check this machine's clock")]
    Expired,
    /// The fetch was interrupted: the server is stopping, or Azure's library has panicked.
    #[error("the fetch of the access token was interrupted")]
    Interrupted,
}

/// The tokens of a server without an identity: there are none.
#[derive(Clone, Copy, Debug)]
pub struct NoIdentity;

impl AccessTokens for NoIdentity {
    fn token<'call>(
        &'call self,
        _: &'call str,
    ) -> BoxFuture<'call, Result<SecretString, AccessTokenError>> {
        ready(Err(AccessTokenError::NoIdentity)).boxed()
    }

    fn report_rejected(&self, _: &str, _: &SecretString) {}
}
