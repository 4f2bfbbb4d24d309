//! Turns of the reactor: how much begins before everything else that is ready has been polled.
//!
//! tokio polls tasks in the order in which they became ready, and lets one do up to 128 reads or
//! writes in a row. So without turns a small request waits, at each of its steps, for whatever
//! became ready before: a slice of each long result, sixteen requests of each connection.
//!
//! Knows tasks; must not know whose work it is.
//! Invariants:
//! - Between two slices of a thread's reactor, whoever's they are, everything else is polled.
//! - Nobody holds a turn while waiting for something: it comes back after a round of the reactor.
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::yield_now;

/// How much of a result is read, counted or written in a turn, some 10 to 20 µs of work.
pub(crate) const SLICE_BYTES: usize = 32 * 1024;

thread_local! {
    /// A reactor has one thread.
    static SLICES: Turns = Turns::new(1);
}

/// Waits until the next slice may be worked on, which must be done before the next `await`.
///
/// # Cancel safety
/// A dropped call leaves the queue.
pub(crate) async fn slice_turn() {
    SLICES.with(Turns::clone).begin().await;
}

/// Turns for one kind of work. Those that wait begin in the order of waiting.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    /// `per_round` may begin in a round of the reactor.
    pub(crate) fn new(per_round: usize) -> Self {
        Self(Arc::new(Semaphore::new(per_round)))
    }

    /// Waits until work may begin. Must be called on a runtime of one thread.
    ///
    /// # Cancel safety
    /// A dropped call leaves the queue.
    #[expect(
        clippy::disallowed_methods,
        reason = "the task ends after a round, and owns nothing but the turn"
    )]
    pub(crate) async fn begin(&self) {
        // The semaphore is never closed.
        if let Ok(turn) = Arc::clone(&self.0).acquire_owned().await {
            tokio::spawn(async move {
                yield_now().await;
                drop(turn);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn everything_else_is_polled_between_two_slices() {
        let events = RefCell::new(String::new());
        let long = async || {
            for _ in 0..10 {
                slice_turn().await;
                events.borrow_mut().push('s');
            }
        };
        let small = async {
            for _ in 0..10 {
                yield_now().await;
                events.borrow_mut().push('.');
            }
        };
        tokio::join!(long(), long(), long(), small);
        let events = events.into_inner();
        let beside = events.trim_end_matches('s');
        assert!(beside.contains("s.") && !beside.contains("ss"), "{events}");
    }
}
