//! A token, and why there is none.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

/// The least time between two fetches that follow from the age of a token: the issuer may return
/// the same token until shortly before its end.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(10);

/// How long before its end a token with a long life is replaced at the latest.
const REFRESH_BEFORE_EXPIRY: Duration = Duration::from_secs(600);

/// A token as Azure has issued it.
#[derive(Debug)]
pub(super) struct IssuedToken {
    pub(super) text: SecretString,
    /// How long it is still valid.
    pub(super) valid_for: Duration,
}

/// A token that is held for use.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) text: SecretString,
    pub(super) fetched_at: Instant,
    pub(super) expires_at: Instant,
    /// When a fetch of the next one is due.
    pub(super) refresh_at: Instant,
}

impl Token {
    /// A token that has just been fetched. `jitter` is from 0 to 1: it spreads the fetches of
    /// several servers that have started together.
    pub(super) fn new(issued: IssuedToken, now: Instant, jitter: f64) -> Self {
        let valid_for = issued.valid_for;
        let latest = valid_for.saturating_sub(REFRESH_BEFORE_EXPIRY);
        // Half of its life, or ten minutes before its end if that is earlier and not at once.
        let wait = match valid_for / 2 {
            half if latest > Duration::ZERO => half.min(latest),
            half => half,
        };
        let wait = wait.mul_f64(1.0 - jitter / 10.0).max(MIN_REFRESH_INTERVAL);
        Self {
            text: issued.text,
            fetched_at: now,
            expires_at: now + valid_for,
            refresh_at: now + wait,
        }
    }

    /// Whether this is the token with a text.
    pub(super) fn has_text(&self, text: &SecretString) -> bool {
        self.text.expose_secret() == text.expose_secret()
    }
}

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AccessTokenError {
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
