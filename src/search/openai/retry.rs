//! When and how often to retry.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many times a call repeats its request at most.
pub(super) const MAX_RETRIES: u32 = 2;

/// The longest delay before the first retry; it doubles for each further one.
const MAX_FIRST_DELAY: Duration = Duration::from_millis(200);

/// The delay before a retry (from 0) if the service does not name one: any part of the longest,
/// so that servers that have failed together do not come back together. `random` is from 0 to 1.
pub(super) fn jittered_delay(retry: u32, random: f64) -> Duration {
    (MAX_FIRST_DELAY * 2_u32.saturating_pow(retry)).mul_f64(random)
}

/// Bounds the retries of all calls together: a token bucket, which successes fill. While everything
/// fails, it is soon empty, and each call makes a single request.
#[derive(Debug)]
pub(super) struct RetryBudget {
    /// In tenths of a retry.
    tenths: Mutex<u32>,
}

/// The budget when it is full, in tenths of a retry.
const MAX_TENTHS: u32 = 100;

/// What a retry costs. A success adds one tenth.
const RETRY_TENTHS: u32 = 10;

impl RetryBudget {
    /// A full budget.
    pub(super) fn new() -> Self {
        Self {
            tenths: Mutex::new(MAX_TENTHS),
        }
    }

    /// Adds what a success is worth.
    pub(super) fn deposit(&self) {
        self.change(|tenths| (Some((tenths + 1).min(MAX_TENTHS)), ()));
    }

    /// Takes a retry out of the budget; `false` if it does not contain one.
    pub(super) fn withdraw(&self) -> bool {
        self.change(|tenths| {
            let left = tenths.checked_sub(RETRY_TENTHS);
            (left, left.is_some())
        })
    }

    /// The lock is held for a few instructions.
    fn change<T>(&self, change: impl FnOnce(u32) -> (Option<u32>, T)) -> T {
        let mut tenths = self.tenths.lock().unwrap_or_else(PoisonError::into_inner);
        let (changed, output) = change(*tenths);
        *tenths = changed.unwrap_or(*tenths);
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_are_spread() {
        let millis = |retry, random| jittered_delay(retry, random).as_millis();
        assert_eq!((millis(0, 0.0), millis(0, 1.0)), (0, 200));
        assert_eq!((millis(1, 0.5), millis(1, 1.0)), (200, 400));
    }

    #[test]
    fn the_budget_is_empty_after_ten_retries_and_filled_by_successes() {
        let budget = RetryBudget::new();
        budget.deposit();
        assert_eq!((0..20).filter(|_| budget.withdraw()).count(), 10);
        (0..9).for_each(|_| budget.deposit());
        assert!(!budget.withdraw());
        budget.deposit();
        assert!(budget.withdraw());
        assert!(!budget.withdraw());
    }
}
