//! When a call makes its requests: deadline, retries, rate limits, the circuit breaker.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::breaker::Breaker;
use super::error::{OpenAiError, RequestOutcome};
use super::retry::{MAX_RETRIES, RetryBudget, jittered_delay};

/// How many requests are in flight at once; others wait within their deadline.
const MAX_CONCURRENT_REQUESTS: usize = 16;

/// How long before the deadline a request begins at the latest. With less time it would often be
/// cut off, and count as a failure of the service.
const MIN_REQUEST_TIME: Duration = Duration::from_millis(500);

/// The longest time for which a response with status 429 stops all requests.
const MAX_RATE_LIMIT: Duration = Duration::from_secs(60);

/// Calls that wait for the same end of a rate limit are spread over this time.
const RATE_LIMIT_SPREAD: Duration = Duration::from_millis(100);

/// Decides when the calls of a service make their requests.
#[derive(Debug)]
pub(super) struct CallPolicy {
    /// The deadline of a call, after its start.
    timeout: Duration,
    permits: Semaphore,
    breaker: Breaker,
    /// Until when the service's rate limit allows no request.
    limited_until: Mutex<Option<Instant>>,
    budget: RetryBudget,
}

impl CallPolicy {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            permits: Semaphore::new(MAX_CONCURRENT_REQUESTS),
            breaker: Breaker::new(),
            limited_until: Mutex::default(),
            budget: RetryBudget::new(),
        }
    }

    /// Makes a request, and repeats it if the error is retryable. Ends within the deadline.
    ///
    /// # Cancel safety
    /// Safe: a dropped call ends its request, which then tells nothing about the service.
    pub(super) async fn call<T, F>(&self, request: impl Fn() -> F) -> Result<T, OpenAiError>
    where
        F: Future<Output = Result<T, OpenAiError>>,
    {
        let deadline = Instant::now() + self.timeout;
        let latest_start = deadline - MIN_REQUEST_TIME.min(self.timeout);
        // The semaphore is never closed.
        let permit = timeout_at(latest_start, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| OpenAiError::Busy)?;
        let mut retries = 0;
        let mut last_error = OpenAiError::CircuitOpen;
        loop {
            self.wait_for_rate_limit(latest_start).await?;
            let Some(admission) = self.breaker.admit(Instant::now()) else {
                return Err(last_error);
            };
            let result = timeout_at(deadline, request()).await;
            let result = result.unwrap_or(Err(OpenAiError::TimedOut(self.timeout)));
            let now = Instant::now();
            let error = match result {
                Ok(output) => {
                    admission.end(RequestOutcome::Working, now);
                    self.budget.deposit();
                    return Ok(output);
                }
                Err(error) => error,
            };
            admission.end(error.outcome(), now);
            let delay = error
                .retry_after()
                .unwrap_or_else(|| jittered_delay(retries, rand::random()));
            if matches!(error, OpenAiError::RateLimited(_)) {
                self.limit_rate(now + delay.min(MAX_RATE_LIMIT));
            }
            let is_last = retries == MAX_RETRIES || now + delay > latest_start;
            if is_last || !error.is_retryable() || !self.budget.withdraw() {
                return Err(error);
            }
            sleep_until(now + delay).await;
            retries += 1;
            last_error = error;
        }
    }

    /// Waits until the service's rate limit allows a request; fails at once if that is too late.
    async fn wait_for_rate_limit(&self, latest_start: Instant) -> Result<(), OpenAiError> {
        let until = *self.limited_until();
        let Some(until) = until.filter(|until| *until > Instant::now()) else {
            return Ok(());
        };
        let until = until + RATE_LIMIT_SPREAD.mul_f64(rand::random());
        if until > latest_start {
            return Err(OpenAiError::RateLimited(Some(until - Instant::now())));
        }
        sleep_until(until).await;
        Ok(())
    }

    fn limit_rate(&self, until: Instant) {
        let mut limited_until = self.limited_until();
        *limited_until = Some(limited_until.map_or(until, |other| other.max(until)));
    }

    /// The lock is held for a few instructions.
    fn limited_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.limited_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::future::join_all;

    use super::super::error::ErrorStatus;
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(4);

    fn failing(retry_after: Option<u64>) -> OpenAiError {
        let status = ErrorStatus {
            status: 503,
            code: None,
        };
        OpenAiError::Failing(status, retry_after.map(Duration::from_millis))
    }

    fn limited(retry_after: Option<u64>) -> OpenAiError {
        OpenAiError::RateLimited(retry_after.map(Duration::from_millis))
    }

    /// Makes a call whose requests fail with these errors, and succeed after them. Returns the
    /// outcome and the milliseconds from its start to each request.
    async fn call(
        policy: &CallPolicy,
        errors: impl IntoIterator<Item = OpenAiError>,
    ) -> (Result<(), OpenAiError>, Vec<u128>) {
        let begun = Instant::now();
        let (errors, requests) = (RefCell::new(errors.into_iter()), RefCell::default());
        let request = async || {
            let requests: &RefCell<Vec<u128>> = &requests;
            requests.borrow_mut().push(begun.elapsed().as_millis());
            errors.borrow_mut().next().map_or(Ok(()), Err)
        };
        let outcome = policy.call(request).await;
        (outcome, requests.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_repeated_twice_within_the_deadline() {
        let (outcome, requests) =
            call(&CallPolicy::new(TIMEOUT), [failing(None), failing(None)]).await;
        outcome.expect("the third succeeds");
        assert_eq!((requests.len(), requests[0]), (3, 0));
        assert!(
            requests[1] <= 201 && requests[2] - requests[1] <= 401,
            "{requests:?}"
        );

        let named = [failing(Some(500)), failing(Some(1500))];
        let (outcome, requests) = call(&CallPolicy::new(TIMEOUT), named).await;
        outcome.expect("the third succeeds");
        assert_eq!(requests, [0, 500, 2000]);

        let errors = (0..3).map(|_| failing(Some(100)));
        let (outcome, requests) = call(&CallPolicy::new(TIMEOUT), errors).await;
        assert!(matches!(outcome, Err(OpenAiError::Failing(..))));
        assert_eq!(requests, [0, 100, 200]);

        // A delay beyond the deadline is not waited for.
        let errors = [failing(Some(1000)), failing(Some(3000))];
        let (outcome, requests) = call(&CallPolicy::new(TIMEOUT), errors).await;
        assert!(matches!(outcome, Err(OpenAiError::Failing(..))));
        assert_eq!(requests, [0, 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_at_its_deadline() {
        let policy = CallPolicy::new(TIMEOUT);
        let begun = Instant::now();
        let calls = (0..MAX_CONCURRENT_REQUESTS + 1)
            .map(|_| policy.call(std::future::pending::<Result<(), _>>));
        let outcomes = join_all(calls).await;
        assert_eq!(begun.elapsed().as_secs(), TIMEOUT.as_secs());
        let is_timeout = |outcome: &&Result<_, _>| matches!(outcome, Err(OpenAiError::TimedOut(_)));
        assert_eq!(
            outcomes.iter().filter(is_timeout).count(),
            MAX_CONCURRENT_REQUESTS
        );
        assert!(matches!(outcomes.last(), Some(Err(OpenAiError::Busy))));
        // That many time-outs in a row open the breaker.
        let (outcome, requests) = call(&policy, []).await;
        assert!(matches!(outcome, Err(OpenAiError::CircuitOpen)));
        assert!(requests.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_limit_holds_for_all_calls_until_its_end() {
        let policy = CallPolicy::new(TIMEOUT);
        let (outcome, requests) = call(&policy, [limited(Some(10_000))]).await;
        assert!(matches!(outcome, Err(OpenAiError::RateLimited(Some(_)))));
        assert_eq!(requests, [0]);
        // Beyond the deadline of a call: no request, no waiting.
        let begun = Instant::now();
        let (outcome, requests) = call(&policy, []).await;
        assert!(matches!(outcome, Err(OpenAiError::RateLimited(Some(_)))));
        assert!(requests.is_empty() && begun.elapsed().is_zero());
        // Within it: waits.
        tokio::time::advance(Duration::from_secs(8)).await;
        let (outcome, requests) = call(&policy, []).await;
        outcome.expect("it is over");
        assert!((2000..2102).contains(&requests[0]), "{requests:?}");
        // However long a service limits the rate, it is asked again after a minute.
        let (outcome, _) = call(&policy, [limited(Some(86_400_000))]).await;
        outcome.expect_err("limited");
        tokio::time::advance(MAX_RATE_LIMIT).await;
        call(&policy, []).await.0.expect("it is asked again");
    }

    #[tokio::test(start_paused = true)]
    async fn rate_limits_and_texts_do_not_open_the_breaker() {
        let policy = CallPolicy::new(TIMEOUT);
        for _ in 0..20 {
            let (outcome, _) = call(&policy, [OpenAiError::TextRejected]).await;
            assert!(matches!(outcome, Err(OpenAiError::TextRejected)));
        }
        for _ in 0..6 {
            let (outcome, _) = call(&policy, (0..3).map(|_| limited(Some(1)))).await;
            assert!(matches!(outcome, Err(OpenAiError::RateLimited(_))));
        }
        call(&policy, []).await.0.expect("it is asked");
    }

    /// While most calls fail, retries end: the budget is spent.
    #[tokio::test(start_paused = true)]
    async fn retries_are_bounded_over_all_calls() {
        let policy = CallPolicy::new(TIMEOUT);
        let mut count = 0;
        for _ in 0..50 {
            let errors = (0..3).map(|_| limited(Some(1)));
            count += call(&policy, errors).await.1.len();
        }
        assert_eq!(count, 50 + 10);
    }
}
