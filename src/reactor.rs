//! Permits per tick of the event loop: limits how much work starts before every other ready task
//! has been polled.
//!
//! tokio polls tasks in the order in which they became ready, and lets one task do up to 128 reads
//! or writes in a row. So without permits a small request waits, at each of its steps, for
//! everything that became ready before: a slice of each long result, sixteen requests of each
//! connection.
//!
//! Knows tasks; must not know whose work it is.
//!
//! Invariants:
//! - Between two slices that took a permit, of one result or of two, every other ready task is
//!   polled. The first slice of a result takes no permit at any step: most results have no second.
//! - A permit is returned one tick later, whatever happens to the future that acquired it: a task
//!   of its own holds the permit. A future that waits for a permit may be polled late or never
//!   again.
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};
use tokio::task::yield_now;

/// How much of a result is read, counted or written with one permit, some 10 to 20 µs of work. A
/// longer row is read as a whole.
pub(crate) const SLICE_BYTES: usize = 32 * 1024;

thread_local! {
    /// One instance per event loop, which has one thread.
    static SLICES: TickPermits = TickPermits::new(1);
}

/// Waits until the next slice may be processed, which must be done before the next `await`.
///
/// # Cancel safety
/// A dropped call leaves the queue.
pub(crate) async fn slice_permit() {
    SLICES.with(TickPermits::clone).acquire().await;
}

/// Permits for one kind of work. Waiters are served in the order of waiting.
#[derive(Clone, Debug)]
pub(crate) struct TickPermits(Arc<Semaphore>);

impl TickPermits {
    /// `per_tick` pieces of work may start in one tick of the event loop.
    pub(crate) fn new(per_tick: usize) -> Self {
        Self(Arc::new(Semaphore::new(per_tick)))
    }

    /// Waits until work may start. Must be called on a runtime of one thread.
    ///
    /// # Cancel safety
    /// A dropped call passes its permit on when it is granted.
    #[expect(
        clippy::disallowed_methods,
        reason = "the tasks own nothing but a permit, and end one tick after they have it"
    )]
    pub(crate) async fn acquire(&self) {
        match Arc::clone(&self.0).try_acquire_owned() {
            Ok(permit) => drop(tokio::spawn(hold_for_a_tick(permit))),
            Err(TryAcquireError::NoPermits) => {
                let (grant, granted) = oneshot::channel();
                let semaphore = Arc::clone(&self.0);
                tokio::spawn(async move {
                    // The semaphore is never closed.
                    if let Ok(permit) = semaphore.acquire_owned().await
                        && grant.send(()).is_ok()
                    {
                        hold_for_a_tick(permit).await;
                    }
                });
                // An error means that the runtime is shutting down.
                let _ = granted.await;
            }
            Err(TryAcquireError::Closed) => {}
        }
    }
}

/// Returns a permit once every other ready task has been polled.
async fn hold_for_a_tick(permit: OwnedSemaphorePermit) {
    yield_now().await;
    drop(permit);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt as _;
    use tokio::task::JoinSet;

    use super::*;

    /// For example a response whose client does not read, or a cancelled call.
    #[tokio::test]
    async fn an_unpolled_or_dropped_waiter_holds_no_permit() {
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
    async fn every_other_task_is_polled_between_two_slices() {
        let events = Arc::new(Mutex::new(String::new()));
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let events = Arc::clone(&events);
            tasks.spawn(async move {
                for _ in 0..10 {
                    slice_permit().await;
                    events.lock().expect("no task panics").push('s');
                }
            });
        }
        let small = Arc::clone(&events);
        tasks.spawn(async move {
            for _ in 0..10 {
                small.lock().expect("no task panics").push('.');
                yield_now().await;
            }
        });
        tasks.join_all().await;
        let events = events.lock().expect("no task panics");
        let interleaved = events.trim_end_matches('s');
        assert!(
            interleaved.contains("s.") && !interleaved.contains("ss"),
            "{events}"
        );
    }
}
