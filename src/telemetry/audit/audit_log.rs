use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::counts::Counts;
use super::pending::{Pending, Sum};
use super::recent::Recent;
use super::repeats::Repeats;
use super::{AUDIT_TARGET, ChainHead, Decision, Event};

/// How long a refusal waits to be appended, so that a flood of them is one transaction.
const SOON: Duration = Duration::from_secs(1);

/// How long what was answered is summed up, and what was refused again and again.
const A_MINUTE: Duration = Duration::from_secs(60);

/// How long appending rests after it has failed.
const REST: Duration = Duration::from_secs(5);

/// How many records are appended in one transaction.
const AT_ONCE: usize = 256;

/// How long appending may take, and so how long a database that has gone silent keeps a server from stopping.
const LONGEST_APPEND: Duration = Duration::from_secs(3);

/// How long calls that have been ended may take to be noted.
const LONGEST_END: Duration = Duration::from_secs(1);

/// The database does not take records now. The cause has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit audit_log cannot be written")]
pub struct AuditUnavailable;

/// Where records are kept.
pub trait AuditStore: Send + Sync {
    /// Appends records, a JSON array of objects, and tells the end of the chain then.
    fn append<'a>(&'a self, records: &'a str)
    -> BoxFuture<'a, Result<ChainHead, AuditUnavailable>>;
}

/// Takes what is decided: logs it, equal refusals once a minute, and keeps it until it is appended.
#[derive(Debug)]
pub struct AuditLog {
    waiting: Mutex<Waiting>,
    repeats: Mutex<Repeats>,
    counts: Mutex<Counts>,
    end: Mutex<Option<ChainHead>>,
    noted: Notify,
    calls: TaskTracker,
    keep_sql: bool,
    clock: fn() -> SystemTime,
}

#[derive(Debug, Default)]
struct Waiting {
    refusals: Pending,
    recent: Recent,
    /// With refusals that repeat others.
    answers: Pending,
    /// When the answers are due; with the first of them.
    answers_due: Option<Instant>,
}

impl AuditLog {
    /// An empty audit_log. `keep_sql` keeps the text of statements.
    #[must_use]
    pub fn new(keep_sql: bool, clock: fn() -> SystemTime) -> Self {
        Self {
            waiting: Mutex::default(),
            repeats: Mutex::default(),
            counts: Mutex::default(),
            end: Mutex::default(),
            noted: Notify::new(),
            calls: TaskTracker::new(),
            keep_sql,
            clock,
        }
    }

    /// Notes an event. Takes a microsecond or two and waits for nothing.
    pub fn record(&self, event: Event) {
        let happened_at = (self.clock)();
        if !lock(&self.repeats).is_repeat(&event) {
            event.log_later(happened_at, self.keep_sql, None);
        }
        lock(&self.counts).add(&event);
        let is_refusal = event.decision == Decision::Refused;
        let (mut key, sum) = Sum::of(event, happened_at.into(), self.keep_sql);
        let now = Instant::now();
        let mut waiting = lock(&self.waiting);
        let is_repetition = waiting.recent.is_repetition(&mut key, now);
        // Who appends is woken by the first of them: what comes after it is not due earlier.
        let is_first = if is_refusal && (!is_repetition || waiting.refusals.contains(&key)) {
            let is_first = waiting.refusals.is_empty();
            waiting.refusals.add((key, sum));
            is_first
        } else {
            waiting.answers.add((key, sum));
            let is_first = waiting.answers_due.is_none();
            waiting.answers_due.get_or_insert(now + A_MINUTE);
            is_first
        };
        drop(waiting);
        if is_first {
            self.noted.notify_one();
        }
    }

    /// A call is under way until this is dropped; it is noted before.
    pub fn call(&self) -> TaskTrackerToken {
        self.calls.token()
    }

    /// Returns when no call is under way any more, and after a second in any case.
    pub async fn until_calls_are_noted(&self) {
        self.calls.close();
        let _ = timeout(LONGEST_END, self.calls.wait()).await;
    }

    /// What was decided since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        lock(&self.counts).clone()
    }

    /// How many records wait to be appended.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let waiting = lock(&self.waiting);
        waiting.refusals.len() + waiting.answers.len()
    }

    /// The end of the chain when this process appended last.
    #[must_use]
    pub fn end(&self) -> Option<ChainHead> {
        lock(&self.end).clone()
    }

    /// Appends what was noted, and logs what was repeated, again and again until `stop` is
    /// cancelled, and then the rest.
    pub async fn run(&self, store: &dyn AuditStore, stop: CancellationToken) {
        tokio::join!(self.keep_appending(store, &stop), self.keep_logging(&stop));
    }

    async fn keep_logging(&self, stop: &CancellationToken) {
        while stop.run_until_cancelled(sleep(A_MINUTE)).await.is_some() {
            self.log_repeats();
        }
        self.log_repeats();
    }

    fn log_repeats(&self) {
        let repeated = lock(&self.repeats).take();
        for (event, times) in repeated {
            event.log_later((self.clock)(), self.keep_sql, Some(times));
        }
    }

    async fn keep_appending(&self, store: &dyn AuditStore, stop: &CancellationToken) {
        let mut failed = false;
        loop {
            // Both arms may be dropped: nothing is taken before the wait is over.
            tokio::select! {
                () = self.until_due() => {}
                () = stop.cancelled() => break,
            }
            match self.append(store, Instant::now()).await {
                Ok(()) if failed => {
                    tracing::info!("the audit audit_log is written again");
                    failed = false;
                }
                Ok(()) => {}
                Err(AuditUnavailable) => {
                    failed = true;
                    // As above.
                    tokio::select! {
                        () = sleep(REST) => {}
                        () = stop.cancelled() => break,
                    }
                }
            }
        }
        if self.append(store, Instant::now() + A_MINUTE).await.is_err() {
            tracing::warn!("the last audit records are not in the database; they are in this log");
        }
    }

    /// Returns when something is to be appended.
    async fn until_due(&self) {
        loop {
            let noted = self.noted.notified();
            let (has_refusals, due) = {
                let waiting = lock(&self.waiting);
                (!waiting.refusals.is_empty(), waiting.answers_due)
            };
            if has_refusals {
                sleep(SOON).await;
                return;
            }
            match due {
                None => noted.await,
                Some(due) => {
                    // Both arms may be dropped: what was noted is looked at again.
                    tokio::select! {
                        () = sleep_until(due) => return,
                        () = noted => {}
                    }
                }
            }
        }
    }

    /// Appends all refusals, and the answers if they are due by `now`.
    async fn append(&self, store: &dyn AuditStore, now: Instant) -> Result<(), AuditUnavailable> {
        let mut taken = {
            let mut waiting = lock(&self.waiting);
            let mut taken = std::mem::take(&mut waiting.refusals);
            if waiting.answers_due.is_some_and(|due| due <= now) {
                taken.add_all(std::mem::take(&mut waiting.answers));
                waiting.answers_due = None;
            }
            taken
        };
        while !taken.is_empty() {
            let some = taken.split_off(AT_ONCE);
            let records = some.to_json();
            let appended = timeout(LONGEST_APPEND, store.append(&records)).await;
            let appended = appended.unwrap_or_else(|_| {
                tracing::warn!("the audit audit_log is not written in time; it goes on waiting");
                Err(AuditUnavailable)
            });
            match appended {
                Ok(end) => {
                    // Outside the database, where who owns it cannot change it.
                    tracing::info!(target: AUDIT_TARGET, %end, "end of the audit audit_log");
                    *lock(&self.end) = Some(end);
                }
                Err(error) => {
                    let mut waiting = lock(&self.waiting);
                    waiting.refusals.add_all(some);
                    waiting.refusals.add_all(taken);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// A std mutex: it is held for one addition, never across an await, and nothing can panic meanwhile.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
