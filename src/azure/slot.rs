//! The token of one scope, and when to fetch the next one.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::token::{AccessTokenError, IssuedToken, Token};

/// How long after a failed fetch the next one may begin; each further failure doubles it.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The longest such delay.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// How old a token must be before a rejection by the service discards it. A younger one would be
/// issued again, and a service that rejects every token would cause a fetch for each request.
const MIN_REJECTED_AGE: Duration = Duration::from_secs(1);

/// The state of one scope.
#[derive(Debug, Default)]
pub(super) struct Slot {
    token: Option<Token>,
    is_fetching: bool,
    failure: Option<Failure>,
}

/// The last fetch, if it has failed.
#[derive(Debug)]
struct Failure {
    error: AccessTokenError,
    /// How many fetches have failed in a row.
    count: u32,
    retry_at: Instant,
}

/// What a caller does next.
#[derive(Debug)]
pub(super) enum Next {
    /// Uses this token.
    Use(SecretString),
    /// Waits for the fetch that is under way.
    Wait,
    /// Gives up: fetching has failed a moment ago.
    Fail(AccessTokenError),
}

impl Slot {
    /// What a caller does now, and whether it starts a fetch before. The fetch must end with
    /// [`Self::finish`].
    pub(super) fn next(&mut self, now: Instant) -> (Next, bool) {
        let backs_off = |failure: &Failure| now < failure.retry_at;
        let may_fetch = !self.is_fetching && !self.failure.as_ref().is_some_and(backs_off);
        let (next, starts_fetch) = match (&self.token, &self.failure) {
            (Some(token), _) if now < token.expires_at => (
                Next::Use(token.text.clone()),
                may_fetch && now >= token.refresh_at,
            ),
            (_, Some(failure)) if !may_fetch && !self.is_fetching => {
                (Next::Fail(failure.error.clone()), false)
            }
            (_, _) => (Next::Wait, may_fetch),
        };
        self.is_fetching |= starts_fetch;
        (next, starts_fetch)
    }

    /// Ends a fetch. `jitter` is from 0 to 1.
    pub(super) fn finish(
        &mut self,
        fetched: Result<IssuedToken, AccessTokenError>,
        now: Instant,
        jitter: f64,
    ) {
        self.is_fetching = false;
        match fetched {
            Ok(issued) => {
                self.token = Some(Token::new(issued, now, jitter));
                self.failure = None;
            }
            Err(error) => {
                let count = self.failure.as_ref().map_or(0, |failure| failure.count);
                let delay = FIRST_RETRY_DELAY * 2_u32.saturating_pow(count.min(16));
                let delay = delay.min(MAX_RETRY_DELAY).mul_f64(1.0 - jitter / 2.0);
                self.failure = Some(Failure {
                    error,
                    count: count.saturating_add(1),
                    retry_at: now + delay,
                });
            }
        }
    }

    /// Discards a token that the service has rejected, unless another has replaced it or it is too
    /// young.
    pub(super) fn reject(&mut self, text: &SecretString, now: Instant) {
        let is_rejected = |token: &Token| {
            token.has_text(text) && now.duration_since(token.fetched_at) >= MIN_REJECTED_AGE
        };
        if self.token.as_ref().is_some_and(is_rejected) {
            self.token = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn issued(text: &str, valid_for: Duration) -> Result<IssuedToken, AccessTokenError> {
        Ok(IssuedToken {
            text: SecretString::from(text),
            valid_for,
        })
    }

    /// A slot whose token was fetched at `now`.
    fn holding(text: &str, valid_for: Duration, now: Instant) -> Slot {
        let mut slot = Slot::default();
        assert!(matches!(slot.next(now), (Next::Wait, true)));
        slot.finish(issued(text, valid_for), now, 0.0);
        slot
    }

    #[track_caller]
    fn assert_uses(slot: &mut Slot, now: Instant, text: &str, starts_fetch: bool) {
        match slot.next(now) {
            (Next::Use(token), starts) => {
                assert_eq!((token.expose_secret(), starts), (text, starts_fetch));
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn one_fetch_serves_all_who_wait() {
        let (mut slot, now) = (Slot::default(), Instant::now());
        assert!(matches!(slot.next(now), (Next::Wait, true)));
        assert!(matches!(slot.next(now), (Next::Wait, false)));
        slot.finish(issued("a", HOUR), now, 0.0);
        assert_uses(&mut slot, now, "a", false);
    }

    #[tokio::test]
    async fn a_token_is_refreshed_well_ahead_and_used_until_its_end() {
        // Lifetime, and when its refresh is due.
        for (lifetime, due) in [
            (24 * HOUR, 12 * HOUR),
            (HOUR, HOUR / 2),
            (Duration::from_secs(900), Duration::from_secs(300)),
            (Duration::from_secs(300), Duration::from_secs(150)),
            (Duration::from_secs(12), Duration::from_secs(10)),
        ] {
            let now = Instant::now();
            let mut slot = holding("a", lifetime, now);
            let second = Duration::from_secs(1);
            assert_uses(&mut slot, now + due - second, "a", false);
            assert_uses(&mut slot, now + due, "a", true);
            assert_uses(&mut slot, now + lifetime - second, "a", false);
            assert!(matches!(slot.next(now + lifetime), (Next::Wait, false)));
            slot.finish(issued("b", HOUR), now + lifetime, 0.0);
            assert_uses(&mut slot, now + lifetime, "b", false);
        }
    }

    #[tokio::test]
    async fn failures_back_off_and_keep_a_valid_token_in_use() {
        let now = Instant::now();
        let mut slot = holding("a", HOUR, now);
        let mut at = now + HOUR / 2;
        for delay in [1, 2, 4, 8, 16, 30, 30] {
            assert_uses(&mut slot, at, "a", true);
            slot.finish(Err(AccessTokenError::Expired), at, 0.0);
            let delay = Duration::from_secs(delay);
            assert_uses(&mut slot, at + delay - Duration::from_millis(1), "a", false);
            at += delay;
        }
        // Once it has expired, the error is returned until the next fetch is due.
        assert_uses(&mut slot, at, "a", true);
        slot.finish(Err(AccessTokenError::NotAssigned), now + HOUR, 1.0);
        assert!(matches!(
            slot.next(now + HOUR),
            (Next::Fail(AccessTokenError::NotAssigned), false)
        ));
        let later = now + HOUR + Duration::from_secs(15);
        assert!(matches!(slot.next(later), (Next::Wait, true)));
        slot.finish(issued("b", HOUR), later, 0.0);
        assert_uses(&mut slot, later, "b", false);
    }

    #[tokio::test]
    async fn a_rejected_token_is_discarded_once_it_is_old_enough() {
        let now = Instant::now();
        let mut slot = holding("a", HOUR, now);
        let (a, b) = (SecretString::from("a"), SecretString::from("b"));
        slot.reject(&a, now + MIN_REJECTED_AGE - Duration::from_millis(1));
        assert_uses(&mut slot, now, "a", false);
        slot.reject(&b, now + MIN_REJECTED_AGE);
        assert_uses(&mut slot, now + MIN_REJECTED_AGE, "a", false);
        slot.reject(&a, now + MIN_REJECTED_AGE);
        assert!(matches!(
            slot.next(now + MIN_REJECTED_AGE),
            (Next::Wait, true)
        ));
    }
}
