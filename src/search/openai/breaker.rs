//! A circuit breaker: stops asking a service that is failing, and finds out when it works again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::RequestOutcome;

/// How many requests must fail in a row before no more are sent.
const MAX_FAILURES: u32 = 5;

/// How long the breaker stays open before it admits one probe.
const OPEN_DURATION: Duration = Duration::from_secs(5);

/// Decides whether a request is sent.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Every request is sent.
    Closed { failures: u32 },
    /// None is sent until then.
    Open { until: Instant },
    /// One is under way, and decides.
    HalfOpen,
}

/// The right to send one request. It ends with what the request has told about the service; one
/// that is dropped has told nothing.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
    outcome: RequestOutcome,
    /// When the outcome was given.
    now: Instant,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::Closed { failures: 0 }))
    }

    /// The right to send a request now; `None` while the service is failing.
    pub(super) fn admit(&self, now: Instant) -> Option<Admission<'_>> {
        let mut state = self.state();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if now >= until => true,
            State::Open { .. } | State::HalfOpen => return None,
        };
        if is_probe {
            *state = State::HalfOpen;
        }
        Some(Admission {
            breaker: self,
            is_probe,
            outcome: RequestOutcome::Unknown,
            now,
        })
    }

    /// The lock is held for a few instructions.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission<'_> {
    /// Ends the request.
    pub(super) fn end(mut self, outcome: RequestOutcome, now: Instant) {
        (self.outcome, self.now) = (outcome, now);
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        let mut state = self.breaker.state();
        let open = State::Open {
            until: self.now + OPEN_DURATION,
        };
        *state = match (self.is_probe, self.outcome, *state) {
            (true, RequestOutcome::Working, _) => State::Closed { failures: 0 },
            (true, RequestOutcome::Failing, _) => open,
            // The next request is the probe.
            (true, RequestOutcome::Unknown, _) => State::Open { until: self.now },
            (false, RequestOutcome::Working, State::Closed { .. }) => State::Closed { failures: 0 },
            (false, RequestOutcome::Failing, State::Closed { failures }) => match failures + 1 {
                MAX_FAILURES.. => open,
                failures => State::Closed { failures },
            },
            // It began before the service was found to fail, or has told nothing.
            (false, _, state) => state,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(breaker: &Breaker, outcome: RequestOutcome, now: Instant) {
        breaker.admit(now).expect("admitted").end(outcome, now);
    }

    /// A breaker that has just opened.
    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::new();
        (0..MAX_FAILURES).for_each(|_| end(&breaker, RequestOutcome::Failing, now));
        assert!(breaker.admit(now).is_none());
        breaker
    }

    #[tokio::test]
    async fn opens_after_failures_in_a_row() {
        let (breaker, now) = (Breaker::new(), Instant::now());
        for _ in 0..3 {
            (1..MAX_FAILURES).for_each(|_| end(&breaker, RequestOutcome::Failing, now));
            end(&breaker, RequestOutcome::Working, now);
        }
        (1..MAX_FAILURES).for_each(|_| end(&breaker, RequestOutcome::Failing, now));
        // Requests that were dropped or not sent change nothing.
        drop(breaker.admit(now));
        end(&breaker, RequestOutcome::Unknown, now);
        end(&breaker, RequestOutcome::Failing, now);
        assert!(breaker.admit(now).is_none());
    }

    #[tokio::test]
    async fn one_probe_decides() {
        let now = Instant::now();
        let breaker = open(now);
        let later = now + OPEN_DURATION;
        assert!(breaker.admit(later - Duration::from_millis(1)).is_none());
        let probe = breaker.admit(later).expect("the probe");
        assert!(breaker.admit(later).is_none(), "one at a time");
        probe.end(RequestOutcome::Failing, later);
        assert!(breaker.admit(later).is_none());
        let later = later + OPEN_DURATION;
        end(&breaker, RequestOutcome::Working, later);
        assert!(breaker.admit(later).is_some());
        end(&breaker, RequestOutcome::Failing, later);
        assert!(breaker.admit(later).is_some(), "it begins to count anew");
    }

    #[tokio::test]
    async fn a_dropped_probe_leaves_its_place_to_the_next_request() {
        let now = Instant::now();
        let breaker = open(now);
        let later = now + OPEN_DURATION;
        drop(breaker.admit(later).expect("the probe"));
        let probe = breaker.admit(later).expect("another probe");
        assert!(breaker.admit(later).is_none());
        probe.end(RequestOutcome::Working, later);
        assert!(breaker.admit(later).is_some());
    }

    #[tokio::test]
    async fn requests_from_before_the_outage_do_not_end_it() {
        let now = Instant::now();
        let breaker = Breaker::new();
        let early: Vec<_> = (0..MAX_FAILURES + 2).map(|_| breaker.admit(now)).collect();
        let mut early = early.into_iter().map(|one| one.expect("admitted"));
        let slow = early.next().expect("a request");
        early.for_each(|one| one.end(RequestOutcome::Failing, now));
        slow.end(RequestOutcome::Working, now);
        assert!(breaker.admit(now).is_none());
        assert!(breaker.admit(now + OPEN_DURATION).is_some());
    }
}
