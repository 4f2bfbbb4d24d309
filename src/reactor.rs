//! TickPermits of the reactor: how much begins before everything else that is ready has been polled.
//!
//! tokio polls tasks in the order in which they became ready, and lets one do up to 128 reads or
//! writes in a row. So without turns a small request waits, at each of its steps, for whatever
//! became ready before: a slice of each long result, sixteen requests of each connection.
//!
//! Knows tasks; must not know whose work it is.
//! Invariants:
//! - Between two slices that took a turn, of the same result or of two, everything else is polled.
//!   The first slice of a result takes no turn at any step: most results have no second.
//! - A turn comes back after a round of the reactor, whatever becomes of whoever has it: a task of
//!   its own holds it. A future that waits for its turn may be polled late or never again.
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};
use tokio::task::yield_now;

/// How much of a result is read, counted or written in a turn, some 10 to 20 µs of work. A longer
/// row is read as a whole.
pub(crate) const SLICE_BYTES: usize = 32 * 1024;

thread_local! {
    /// A reactor has one thread.
    static SLICES: TickPermits = TickPermits::new(1);
}

/// Waits until the next slice may be worked on, which must be done before the next `await`.
///
/// # Cancel safety
/// A dropped call leaves the queue.
pub(crate) async fn slice_permit() {
    SLICES.with(TickPermits::clone).begin().await;
}

/// TickPermits for one kind of work. Those that wait begin in the order of waiting.
#[derive(Clone, Debug)]
pub(crate) struct TickPermits(Arc<Semaphore>);

impl TickPermits {
    /// `per_round` may begin in a round of the reactor.
    pub(crate) fn new(per_round: usize) -> Self {
        Self(Arc::new(Semaphore::new(per_round)))
    }

    /// Waits until work may begin. Must be called on a runtime of one thread.
    ///
    /// # Cancel safety
    /// A dropped call gives its turn away when it comes.
    #[expect(
        clippy::disallowed_methods,
        reason = "the tasks own nothing but a turn, and end a round after they have it"
    )]
    pub(crate) async fn begin(&self) {
        match Arc::clone(&self.0).try_acquire_owned() {
            Ok(turn) => drop(tokio::spawn(hold(turn))),
            Err(TryAcquireError::NoPermits) => {
                let (begin, may_begin) = oneshot::channel();
                let turns = Arc::clone(&self.0);
                tokio::spawn(async move {
                    // The semaphore is never closed.
                    if let Ok(turn) = turns.acquire_owned().await
                        && begin.send(()).is_ok()
                    {
                        hold(turn).await;
                    }
                });
                // An error: the runtime is shutting down.
                let _ = may_begin.await;
            }
            Err(TryAcquireError::Closed) => {}
        }
    }
}

/// Gives a turn back when everything else has been polled.
async fn hold(turn: OwnedSemaphorePermit) {
    yield_now().await;
    drop(turn);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt as _;
    use tokio::task::JoinSet;

    use super::*;

    /// Such as a response whose client does not read, or a call that is cancelled.
    #[tokio::test]
    async fn a_turn_is_not_held_by_who_does_not_take_it() {
        slice_permit().await;
        let mut unpolled = Box::pin(slice_permit());
        let mut dropped = Box::pin(slice_permit());
        assert!(unpolled.as_mut().now_or_never().is_none());
        assert!(dropped.as_mut().now_or_never().is_none());
        drop(dropped);
        for _ in 0..10 {
            slice_permit().await;
        }
        assert!(unpolled.now_or_never().is_some());
    }

    #[tokio::test]
    async fn everything_else_is_polled_between_two_slices() {
        let events = Arc::new(Mutex::new(String::new()));
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let events = Arc::clone(&events);
            tasks.spawn(async move {
                for _ in 0..10 {
                    slice_permit().await;
                    events.lock().expect("nothing panics").push('s');
                }
            });
        }
        let small = Arc::clone(&events);
        tasks.spawn(async move {
            for _ in 0..10 {
                small.lock().expect("nothing panics").push('.');
                yield_now().await;
            }
        });
        tasks.join_all().await;
        let events = events.lock().expect("nothing panics");
        let beside = events.trim_end_matches('s');
        assert!(beside.contains("s.") && !beside.contains("ss"), "{events}");
    }
}
