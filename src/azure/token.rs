//! A token, and when to fetch the next one.

use std::time::Duration;

use secrecy::SecretString;

use super::slot::Fetched;

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

impl IssuedToken {
    /// The token to hold. `jitter` is from 0 to 1: it spreads the fetches of several servers that
    /// have started together.
    pub(super) fn into_fetched(self, jitter: f64) -> Fetched {
        let valid_for = self.valid_for;
        let latest = valid_for.saturating_sub(REFRESH_BEFORE_EXPIRY);
        // Half of its life, or ten minutes before its end if that is earlier and not at once.
        let wait = match valid_for / 2 {
            half if latest > Duration::ZERO => half.min(latest),
            half => half,
        };
        Fetched {
            text: self.text,
            refresh_after: wait.mul_f64(1.0 - jitter / 10.0).max(MIN_REFRESH_INTERVAL),
            valid_for: Some(valid_for),
        }
    }
}
