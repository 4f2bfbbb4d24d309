//! Work that would hold the reactor: runs on the blocking threads, a few jobs at once, fairly
//! between principals.
//!
//! Knows principals and jobs; must not know what a job computes.
//! Invariants: one principal has one job running or queued for a thread at a time, so a principal
//! with many jobs waits behind its own; a job that was started keeps its slot until it ends, even
//! if its caller has gone.
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

use crate::identity::Principal;

/// Runs jobs.
pub struct Compute {
    slots: Arc<Semaphore>,
    lanes: Lanes,
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compute").finish_non_exhaustive()
    }
}

/// The right to run one job.
struct Slot {
    // Given back in this order.
    _permit: Option<OwnedSemaphorePermit>,
    _lane: Lane,
}

/// A principal's semaphore with one permit, shared by all its jobs and forgotten with the last of
/// them.
struct Lane {
    principal: Principal,
    permit: Option<OwnedSemaphorePermit>,
    semaphore: Option<Arc<Semaphore>>,
    lanes: Lanes,
}

type LaneMap = HashMap<Principal, Arc<Semaphore>>;
type Lanes = Arc<Mutex<LaneMap>>;

impl Compute {
    /// Runs at most `jobs` at once.
    #[must_use]
    pub fn new(jobs: NonZeroUsize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(jobs.get())),
            lanes: Arc::default(),
        }
    }

    /// Runs a job of a principal.
    ///
    /// # Errors
    /// When the job panics.
    pub async fn run<T: Send + 'static>(
        &self,
        principal: &Principal,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let slot = self.slot(principal).await;
        tokio::task::spawn_blocking(move || {
            let _slot = slot;
            job()
        })
        .await
    }

    /// Polls a future for the first time in a job: what it computes before it first waits does not
    /// hold the reactor. Afterwards it continues on the caller's task.
    ///
    /// # Errors
    /// When the first poll panics.
    pub async fn start<F>(&self, principal: &Principal, future: F) -> Result<F::Output, JoinError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let mut future: Pin<Box<F>> = Box::pin(future);
        let (future, output) = self
            .run(principal, move || {
                // It is polled again at once, and registers its waker then.
                let mut context = Context::from_waker(Waker::noop());
                let output = match future.as_mut().poll(&mut context) {
                    Poll::Ready(output) => Some(output),
                    Poll::Pending => None,
                };
                (future, output)
            })
            .await?;
        Ok(match output {
            Some(output) => output,
            None => future.await,
        })
    }

    /// Waits for the principal's earlier jobs, then for a slot: each principal has at most one job
    /// in that queue.
    async fn slot(&self, principal: &Principal) -> Slot {
        let lane = self.lane(principal).acquired().await;
        Slot {
            // The semaphores are never closed, so there is always a permit in the end.
            _permit: Arc::clone(&self.slots).acquire_owned().await.ok(),
            _lane: lane,
        }
    }

    fn lane(&self, principal: &Principal) -> Lane {
        let mut lanes = lock(&self.lanes);
        let semaphore = lanes
            .entry(principal.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(1)));
        Lane {
            principal: principal.clone(),
            permit: None,
            semaphore: Some(Arc::clone(semaphore)),
            lanes: Arc::clone(&self.lanes),
        }
    }
}

impl Lane {
    async fn acquired(mut self) -> Self {
        if let Some(semaphore) = &self.semaphore {
            self.permit = Arc::clone(semaphore).acquire_owned().await.ok();
        }
        self
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.permit = None;
        let mut lanes = lock(&self.lanes);
        // Under the lock, so that of two that end at once the second sees that it is the last.
        self.semaphore = None;
        if lanes
            .get(&self.principal)
            .is_some_and(|semaphore| Arc::strong_count(semaphore) == 1)
        {
            lanes.remove(&self.principal);
        }
    }
}

/// A std mutex: held for a few map operations, never across an await, and nothing panics meanwhile.
fn lock(lanes: &Mutex<LaneMap>) -> MutexGuard<'_, LaneMap> {
    lanes.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;
    use tokio::sync::oneshot;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn principal(name: &str) -> Principal {
        format!("apikey:abcdefghij{name}")
            .parse()
            .expect("a principal")
    }

    fn two_at_once() -> Compute {
        Compute::new(NonZeroUsize::new(2).expect("not zero"))
    }

    /// A hundred jobs of one principal that do not end, and another's job is done all the same.
    #[tokio::test]
    async fn many_jobs_of_one_principal_do_not_keep_another_waiting() {
        let compute = two_at_once();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let (greedy, modest) = (principal("00"), principal("01"));
        let many = join_all((0..100).map(|_| {
            let released = Arc::clone(&released);
            compute.run(&greedy, move || {
                // Ends when the sender is gone.
                let _ = released.lock().expect("one at a time").recv();
            })
        }));
        let one = async {
            let done = tokio::time::timeout(PATIENCE, compute.run(&modest, || 7)).await;
            drop(release);
            done
        };
        let (_, done) = tokio::join!(many, one);
        assert_eq!(done.expect("in time").expect("no panic"), 7);
        assert!(
            lock(&compute.lanes).is_empty(),
            "nothing is kept of who is done"
        );
    }

    /// A future that is polled first elsewhere is woken like any other, and one that is dropped
    /// leaves nothing.
    #[tokio::test]
    async fn a_future_goes_on_where_it_was_awaited() {
        let compute = two_at_once();
        let who = principal("00");
        let here = std::thread::current().id();
        let (send, receive) = oneshot::channel::<u8>();
        let (polled, when_polled) = oneshot::channel();
        let started = compute.start(&who, async move {
            let elsewhere = std::thread::current().id();
            polled.send(()).expect("somebody listens");
            let received = receive.await.expect("sent");
            (elsewhere, std::thread::current().id(), received)
        });
        let sending = async {
            when_polled.await.expect("polled");
            // It waits now: the poll that told us so is over when its job is, and the next job of
            // this principal runs.
            compute.run(&who, || ()).await.expect("no panic");
            send.send(7).expect("somebody listens");
        };
        let (started, ()) = tokio::join!(started, sending);
        let (first, then, received) = started.expect("no panic");
        assert_eq!((then, received), (here, 7));
        assert_ne!(first, here);
        // Done at its first poll.
        let done = compute.start(&who, async { 7 }).await;
        assert_eq!(done.expect("no panic"), 7);
        // Dropped while it waits behind another.
        let endless = compute.start(&who, std::future::pending::<()>());
        assert!(endless.now_or_never().is_none());
        compute.run(&who, || ()).await.expect("no panic");
    }
}
