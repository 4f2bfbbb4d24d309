//! A secret that is fetched when it is first needed, and again in the background.

use std::error::Error;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::slot::{Fetched, Next, Slot};

/// How a secret is fetched.
pub(super) trait Fetch: Debug + Send + Sync + 'static {
    /// Why the last fetch failed.
    type Error: Error + Clone + Debug + Send + 'static;

    /// Fetches it. Must end by itself.
    fn fetch(&self) -> impl Future<Output = Result<Fetched, Self::Error>> + Send;

    /// The error for a fetch that has not ended: the server is stopping, or a library has panicked.
    fn interrupted(&self) -> Self::Error;

    /// Logs that a fetch has failed.
    fn log_failure(&self, error: &Self::Error);
}

/// The secret. However many callers need it, one fetch at a time is under way.
#[derive(Debug)]
pub(super) struct Refreshed<F: Fetch> {
    fetch: Arc<F>,
    entry: Arc<Entry<F::Error>>,
    fetches: TaskTracker,
}

/// The state, and a signal for each change of it.
#[derive(Debug)]
struct Entry<E> {
    /// Held for a few instructions only.
    slot: Mutex<Slot<E>>,
    changed: Notify,
}

impl<E> Entry<E> {
    fn change<T>(&self, change: impl FnOnce(&mut Slot<E>) -> T) -> T {
        change(&mut self.slot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F: Fetch> Refreshed<F> {
    /// Fetches nothing yet.
    pub(super) fn new(fetch: F) -> Self {
        Self {
            fetch: Arc::new(fetch),
            entry: Arc::new(Entry {
                slot: Mutex::default(),
                changed: Notify::new(),
            }),
            fetches: TaskTracker::new(),
        }
    }

    /// The secret, which is fetched unless it is held.
    ///
    /// # Errors
    /// The error of the last fetch. After a failure, the next fetch begins after a second at the
    /// earliest, later after several failures.
    ///
    /// # Cancel safety
    /// Safe: a fetch that has begun goes on.
    pub(super) async fn get(&self) -> Result<SecretString, F::Error> {
        loop {
            // Created before the state is read, so that no change is missed.
            let changed = self.entry.changed.notified();
            let (next, starts_fetch) = self.entry.change(|slot| slot.next(Instant::now()));
            if starts_fetch {
                self.start_fetch();
            }
            match next {
                Next::Use(text) => return Ok(text),
                Next::Fail(error) => return Err(error),
                Next::Wait => changed.await,
            }
        }
    }

    /// Reports that a service has rejected the secret. It is not used again, unless it was fetched
    /// within the last second.
    pub(super) fn report_rejected(&self, text: &SecretString) {
        self.entry.change(|slot| slot.reject(text, Instant::now()));
    }

    fn start_fetch(&self) {
        let fetch = Arc::clone(&self.fetch);
        let running = FetchInProgress {
            outcome: Some(Err(fetch.interrupted())),
            entry: Arc::clone(&self.entry),
        };
        self.fetches.spawn(async move {
            let outcome = fetch.fetch().await;
            if let Err(error) = &outcome {
                fetch.log_failure(error);
            }
            running.finish(outcome);
        });
    }
}

/// A fetch that ends when it is dropped, so that no caller waits for an interrupted one.
struct FetchInProgress<E: Clone> {
    entry: Arc<Entry<E>>,
    /// Taken when the fetch ends.
    outcome: Option<Result<Fetched, E>>,
}

impl<E: Clone> FetchInProgress<E> {
    fn finish(mut self, outcome: Result<Fetched, E>) {
        self.outcome = Some(outcome);
    }
}

impl<E: Clone> Drop for FetchInProgress<E> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            self.entry
                .change(|slot| slot.finish(outcome, Instant::now(), rand::random()));
        }
        self.entry.changed.notify_waiters();
    }
}
