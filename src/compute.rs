//! Runs work that would block the reactor on the blocking threads: a few jobs at once, shared
//! fairly between principals.
//!
//! Knows principals and jobs; must not know what a job computes.
//!
//! Invariants:
//! - one principal has at most one job running or waiting for a thread, so a principal with many
//!   jobs waits behind its own;
//! - a started job keeps its permits until it ends, even if its caller has gone.
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tracing::Span;

use crate::identity::Principal;

/// Runs jobs on the blocking threads.
pub struct Compute {
    jobs: Arc<Semaphore>,
    principals: SharedSemaphores,
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compute").finish_non_exhaustive()
    }
}

/// The right to run one job.
struct JobPermit {
    // Released in this order.
    _job: Option<OwnedSemaphorePermit>,
    _principal: PrincipalPermit,
}

/// A permit of a principal's semaphore. The semaphore has one permit, is shared by all jobs of the
/// principal, and is removed with the last of them.
struct PrincipalPermit {
    principal: Principal,
    permit: Option<OwnedSemaphorePermit>,
    semaphore: Option<Arc<Semaphore>>,
    principals: SharedSemaphores,
}

type Semaphores = HashMap<Principal, Arc<Semaphore>>;
type SharedSemaphores = Arc<Mutex<Semaphores>>;

impl Compute {
    /// Runs at most `max_jobs` jobs at once.
    #[must_use]
    pub fn new(max_jobs: NonZeroUsize) -> Self {
        Self {
            jobs: Arc::new(Semaphore::new(max_jobs.get())),
            principals: Arc::default(),
        }
    }

    /// Runs a job of a principal.
    ///
    /// # Errors
    /// [`JoinError`] when the job panics.
    pub async fn run<T: Send + 'static>(
        &self,
        principal: &Principal,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let permit = self.acquire(principal).await;
        let span = Span::current();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(job)
        })
        .await
    }

    /// Polls a future for the first time in a job, so that what it computes before it first waits
    /// does not block the reactor. Afterwards it continues on the caller's task.
    ///
    /// # Errors
    /// [`JoinError`] when the first poll panics.
    pub async fn start<F>(&self, principal: &Principal, future: F) -> Result<F::Output, JoinError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let mut future: Pin<Box<F>> = Box::pin(future);
        let (future, output) = self
            .run(principal, move || {
                // The future is polled again at once, and registers its waker then.
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

    /// Waits for the principal's earlier jobs, then for a permit to run: each principal has at most
    /// one job in that second queue.
    async fn acquire(&self, principal: &Principal) -> JobPermit {
        let principal = self.principal_permit(principal).acquired().await;
        JobPermit {
            // The semaphores are never closed, so this always succeeds.
            _job: Arc::clone(&self.jobs).acquire_owned().await.ok(),
            _principal: principal,
        }
    }

    fn principal_permit(&self, principal: &Principal) -> PrincipalPermit {
        let mut semaphores = lock(&self.principals);
        let semaphore = semaphores
            .entry(principal.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(1)));
        PrincipalPermit {
            principal: principal.clone(),
            permit: None,
            semaphore: Some(Arc::clone(semaphore)),
            principals: Arc::clone(&self.principals),
        }
    }
}

impl PrincipalPermit {
    async fn acquired(mut self) -> Self {
        if let Some(semaphore) = &self.semaphore {
            self.permit = Arc::clone(semaphore).acquire_owned().await.ok();
        }
        self
    }
}

impl Drop for PrincipalPermit {
    fn drop(&mut self) {
        self.permit = None;
        let mut semaphores = lock(&self.principals);
        // Dropped under the lock: of two permits that end at once, the second sees that it is the
        // last.
        self.semaphore = None;
        if semaphores
            .get(&self.principal)
            .is_some_and(|semaphore| Arc::strong_count(semaphore) == 1)
        {
            semaphores.remove(&self.principal);
        }
    }
}

/// A std mutex, because it is held for a few map operations and never across an await. No code
/// under the lock panics.
fn lock(semaphores: &Mutex<Semaphores>) -> MutexGuard<'_, Semaphores> {
    semaphores.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::join_all;
    use tokio::sync::oneshot;

    use super::*;

    const TEST_TIMEOUT: Duration = Duration::from_secs(20);

    fn principal(name: &str) -> Principal {
        format!("apikey:abcdefghij{name}")
            .parse()
            .expect("a principal")
    }

    fn two_at_once() -> Compute {
        Compute::new(NonZeroUsize::new(2).expect("not zero"))
    }

    /// One principal has a hundred jobs that do not end; another principal's job still runs.
    #[tokio::test]
    async fn many_jobs_of_one_principal_do_not_delay_another() {
        let compute = two_at_once();
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        let (greedy, modest) = (principal("00"), principal("01"));
        let many = join_all((0..100).map(|_| {
            let released = Arc::clone(&released);
            compute.run(&greedy, move || {
                // Ends when the sender is dropped.
                let _ = released.lock().expect("one at a time").recv();
            })
        }));
        let one = async {
            let done = tokio::time::timeout(TEST_TIMEOUT, compute.run(&modest, || 7)).await;
            drop(release);
            done
        };
        let (_, done) = tokio::join!(many, one);
        assert_eq!(done.expect("in time").expect("no panic"), 7);
        assert!(
            lock(&compute.principals).is_empty(),
            "unused semaphores are removed"
        );
    }

    /// A future whose first poll ran on another thread is woken like any other, and a dropped one
    /// releases its permits.
    #[tokio::test]
    async fn a_future_continues_on_the_task_that_awaits_it() {
        let compute = two_at_once();
        let who = principal("00");
        let here = std::thread::current().id();
        let (send, receive) = oneshot::channel::<u8>();
        let (polled, when_polled) = oneshot::channel();
        let started = compute.start(&who, async move {
            let elsewhere = std::thread::current().id();
            polled.send(()).expect("the receiver is waiting");
            let received = receive.await.expect("sent");
            (elsewhere, std::thread::current().id(), received)
        });
        let sending = async {
            when_polled.await.expect("polled");
            // The future waits now. The next job of this principal runs only after the job with
            // that first poll has ended.
            compute.run(&who, || ()).await.expect("no panic");
            send.send(7).expect("the receiver is waiting");
        };
        let (started, ()) = tokio::join!(started, sending);
        let (first, then, received) = started.expect("no panic");
        assert_eq!((then, received), (here, 7));
        assert_ne!(first, here);
        // A future that is ready at its first poll.
        let done = compute.start(&who, async { 7 }).await;
        assert_eq!(done.expect("no panic"), 7);
        // A future that is dropped while its job waits.
        let endless = compute.start(&who, std::future::pending::<()>());
        assert!(endless.now_or_never().is_none());
        compute.run(&who, || ()).await.expect("no panic");
    }
}
