//! One secret that is fetched, and when to fetch it again.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

/// How long after a failed fetch the next one may begin; each further failure doubles it.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The longest such delay.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// How old a secret must be before a rejection by a service has another fetched. A younger one
/// would be fetched again, and a service that rejects everything would cause a fetch for each
/// request.
const MIN_REJECTED_AGE: Duration = Duration::from_secs(1);

/// A secret that was fetched just now.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) text: SecretString,
    /// How long until the next fetch is due.
    pub(super) refresh_after: Duration,
    /// How long it may be used; `None` without end.
    pub(super) valid_for: Option<Duration>,
}

/// A secret that is held for use.
#[derive(Debug)]
struct Held {
    text: SecretString,
    fetched_at: Instant,
    refresh_at: Instant,
    expires_at: Option<Instant>,
    /// Whether a service has rejected it: then another is fetched before it is used again, if one
    /// can be fetched.
    is_rejected: bool,
}

/// The state of one secret. `E` is why the last fetch failed.
#[derive(Debug)]
pub(super) struct Slot<E> {
    held: Option<Held>,
    is_fetching: bool,
    failure: Option<Failure<E>>,
}

/// The last fetch, if it has failed.
#[derive(Debug)]
struct Failure<E> {
    error: E,
    /// How many fetches have failed in a row.
    count: u32,
    retry_at: Instant,
}

/// What a caller does next.
#[derive(Debug)]
pub(super) enum Next<E> {
    /// Uses this secret.
    Use(SecretString),
    /// Waits for the fetch that is under way.
    Wait,
    /// Gives up: fetching has failed a moment ago.
    Fail(E),
}

impl Held {
    fn is_valid(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

impl<E> Default for Slot<E> {
    fn default() -> Self {
        Self {
            held: None,
            is_fetching: false,
            failure: None,
        }
    }
}

impl<E: Clone> Slot<E> {
    /// What a caller does now, and whether it starts a fetch before. The fetch must end with
    /// [`Self::finish`].
    pub(super) fn next(&mut self, now: Instant) -> (Next<E>, bool) {
        let backs_off = |failure: &Failure<E>| now < failure.retry_at;
        let may_fetch = !self.is_fetching && !self.failure.as_ref().is_some_and(backs_off);
        let (next, starts_fetch) = match (&self.held, &self.failure) {
            (Some(held), _) if held.is_rejected && (may_fetch || self.is_fetching) => {
                (Next::Wait, may_fetch)
            }
            (Some(held), _) if held.is_valid(now) => (
                Next::Use(held.text.clone()),
                may_fetch && now >= held.refresh_at,
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
    pub(super) fn finish(&mut self, fetched: Result<Fetched, E>, now: Instant, jitter: f64) {
        self.is_fetching = false;
        match fetched {
            Ok(fetched) => {
                self.held = Some(Held {
                    text: fetched.text,
                    fetched_at: now,
                    refresh_at: now + fetched.refresh_after,
                    expires_at: fetched.valid_for.map(|valid_for| now + valid_for),
                    is_rejected: false,
                });
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

    /// Has another secret fetched in place of one that a service has rejected, unless another has
    /// replaced it or it is too young. While none can be fetched, the rejected one stays in use: it
    /// may have been rejected wrongly.
    pub(super) fn reject(&mut self, text: &SecretString, now: Instant) {
        let is_rejected = |held: &Held| {
            held.text.expose_secret() == text.expose_secret()
                && now.duration_since(held.fetched_at) >= MIN_REJECTED_AGE
        };
        if let Some(held) = self.held.as_mut().filter(|held| is_rejected(held)) {
            held.is_rejected = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_tokens::AccessTokenError;
    use crate::azure::token::IssuedToken;

    const HOUR: Duration = Duration::from_secs(3600);

    fn issued(text: &str, valid_for: Duration) -> Result<Fetched, AccessTokenError> {
        let text = SecretString::from(text);
        Ok(IssuedToken { text, valid_for }.into_fetched(0.0))
    }

    /// A slot whose token was fetched at `now`.
    fn holding(text: &str, valid_for: Duration, now: Instant) -> Slot<AccessTokenError> {
        let mut slot = Slot::default();
        assert!(matches!(slot.next(now), (Next::Wait, true)));
        slot.finish(issued(text, valid_for), now, 0.0);
        slot
    }

    #[track_caller]
    fn assert_uses(
        slot: &mut Slot<AccessTokenError>,
        now: Instant,
        text: &str,
        starts_fetch: bool,
    ) {
        match slot.next(now) {
            (Next::Use(token), starts) => {
                assert_eq!((token.expose_secret(), starts), (text, starts_fetch));
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn one_fetch_serves_all_who_wait() {
        let (mut slot, now) = (Slot::<AccessTokenError>::default(), Instant::now());
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

    /// The value of a secret stays in use however long it cannot be fetched again.
    #[tokio::test]
    async fn a_secret_without_an_end_is_used_during_an_outage() {
        let (mut slot, now) = (Slot::default(), Instant::now());
        slot.next(now);
        let fetched = Fetched {
            text: SecretString::from("a"),
            refresh_after: Duration::from_secs(60),
            valid_for: None,
        };
        slot.finish(Ok(fetched), now, 0.0);
        for days in 1..10 {
            let later = now + 24 * HOUR * days;
            assert_uses(&mut slot, later, "a", true);
            slot.finish(Err(AccessTokenError::Interrupted), later, 0.0);
            assert_uses(&mut slot, later, "a", false);
        }
    }

    #[tokio::test]
    async fn a_rejected_token_is_replaced_once_it_is_old_enough() {
        let now = Instant::now();
        let mut slot = holding("a", HOUR, now);
        let (a, b) = (SecretString::from("a"), SecretString::from("b"));
        slot.reject(&a, now + MIN_REJECTED_AGE - Duration::from_millis(1));
        assert_uses(&mut slot, now, "a", false);
        slot.reject(&b, now + MIN_REJECTED_AGE);
        assert_uses(&mut slot, now + MIN_REJECTED_AGE, "a", false);
        let rejected_at = now + MIN_REJECTED_AGE;
        slot.reject(&a, rejected_at);
        assert!(matches!(slot.next(rejected_at), (Next::Wait, true)));
        assert!(matches!(slot.next(rejected_at), (Next::Wait, false)));
        // It is better than nothing while no other can be fetched.
        slot.finish(Err(AccessTokenError::Interrupted), rejected_at, 0.0);
        assert_uses(&mut slot, rejected_at, "a", false);
        let later = rejected_at + Duration::from_secs(1);
        assert!(matches!(slot.next(later), (Next::Wait, true)));
        slot.finish(issued("b", HOUR), later, 0.0);
        assert_uses(&mut slot, later, "b", false);
    }
}
