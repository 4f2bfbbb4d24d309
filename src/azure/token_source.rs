//! The tokens of all scopes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::fetcher::Fetcher;
use super::slot::{Next, Slot};
use super::token::{AccessTokenError, IssuedToken};
use crate::settings::AzureCredential;

/// The state of one scope, and a signal for each change of it.
#[derive(Debug, Default)]
struct Entry {
    /// Held for a few instructions only.
    slot: Mutex<Slot>,
    changed: Notify,
}

impl Entry {
    fn change<T>(&self, change: impl FnOnce(&mut Slot) -> T) -> T {
        change(&mut self.slot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The access tokens of this server's identity.
///
/// A token is fetched when it is first needed, and again, in the background, when one that is old
/// is used. `azure_identity` has a cache too, which is bypassed: it holds one lock for all scopes
/// during a fetch, fetches in the caller's future, and does not fall back on a token that is still
/// valid.
#[derive(Debug)]
pub struct TokenSource {
    fetcher: Arc<Fetcher>,
    /// As many as there are scopes in the settings and in this program.
    entries: Mutex<HashMap<String, Arc<Entry>>>,
    fetches: TaskTracker,
}

impl TokenSource {
    /// A source of tokens for this identity. Connects to nothing.
    #[must_use]
    pub fn new(credential: AzureCredential, http: reqwest::Client) -> Self {
        Self {
            fetcher: Arc::new(Fetcher::new(credential, http)),
            entries: Mutex::default(),
            fetches: TaskTracker::new(),
        }
    }

    /// A valid token for a scope, such as `https://vault.azure.net/.default`.
    ///
    /// # Errors
    /// [`AccessTokenError`] when there is no valid token and none can be fetched. After a failure,
    /// the next fetch begins after a second at the earliest, later after several failures.
    ///
    /// # Cancel safety
    /// Safe: a fetch that has begun goes on.
    pub async fn token(&self, scope: &str) -> Result<SecretString, AccessTokenError> {
        let entry = self.entry(scope);
        loop {
            // Created before the state is read, so that no change is missed.
            let changed = entry.changed.notified();
            let (next, starts_fetch) = entry.change(|slot| slot.next(Instant::now()));
            if starts_fetch {
                self.start_fetch(scope, Arc::clone(&entry));
            }
            match next {
                Next::Use(token) => return Ok(token),
                Next::Fail(error) => return Err(error),
                Next::Wait => changed.await,
            }
        }
    }

    /// Reports that a service has rejected a token. It is not used again, unless it was
    /// fetched within the last second.
    pub fn report_rejected(&self, scope: &str, token: &SecretString) {
        self.entry(scope)
            .change(|slot| slot.reject(token, Instant::now()));
    }

    fn entry(&self, scope: &str) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(scope.to_owned()).or_default())
    }

    fn start_fetch(&self, scope: &str, entry: Arc<Entry>) {
        let (fetcher, scope) = (Arc::clone(&self.fetcher), scope.to_owned());
        let mut fetch = Fetch {
            entry,
            outcome: Err(AccessTokenError::Interrupted),
        };
        self.fetches.spawn(async move {
            fetch.outcome = fetcher.fetch(&scope).await;
            if let Err(error) = &fetch.outcome {
                tracing::warn!(
                    scope,
                    error = error as &dyn std::error::Error,
                    "access token not fetched"
                );
            }
        });
    }
}

/// A fetch that ends when it is dropped, so that no caller waits for an interrupted one.
struct Fetch {
    entry: Arc<Entry>,
    outcome: Result<IssuedToken, AccessTokenError>,
}

impl Drop for Fetch {
    fn drop(&mut self) {
        let outcome = std::mem::replace(&mut self.outcome, Err(AccessTokenError::Interrupted));
        self.entry
            .change(|slot| slot.finish(outcome, Instant::now(), rand::random()));
        self.entry.changed.notify_waiters();
    }
}
