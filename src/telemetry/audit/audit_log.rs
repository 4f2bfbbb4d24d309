use std::sync::atomic::{AtomicU64, Ordering};
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

/// How long a new refusal waits before it is appended, so that a flood of them is one transaction.
const REFUSAL_APPEND_DELAY: Duration = Duration::from_secs(1);

/// The interval over which answered calls and repeated refusals are summed up.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// Delay before the next attempt after a failed append.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Maximum number of records that are appended in one transaction.
const MAX_BATCH_RECORDS: usize = 256;

/// Timeout of one append; also how long an unresponsive database can delay shutdown.
const APPEND_TIMEOUT: Duration = Duration::from_secs(3);

/// How long shutdown waits for cancelled calls to be recorded.
const CALLS_TIMEOUT: Duration = Duration::from_secs(1);

/// The database does not accept records at the moment. The cause has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log is unavailable")]
pub struct AuditUnavailable;

/// The storage of audit records.
pub trait AuditStore: Send + Sync {
    /// Appends records, a JSON array of objects, and returns the chain head after them.
    fn append<'a>(&'a self, records: &'a str)
    -> BoxFuture<'a, Result<ChainHead, AuditUnavailable>>;
}

/// Records events: logs them (equal refusals once a minute), and queues them until they are
/// appended to the audit store.
#[derive(Debug)]
pub struct AuditLog {
    queue: Mutex<Queue>,
    repeats: Mutex<Repeats>,
    counts: Mutex<Counts>,
    chain_head: Mutex<Option<ChainHead>>,
    /// Wakes the appender.
    recorded: Notify,
    calls: TaskTracker,
    append_failures: AtomicU64,
    records_sql: bool,
    clock: fn() -> SystemTime,
}

/// Records that are not appended yet.
#[derive(Debug, Default)]
struct Queue {
    /// New refusals, which are appended soon.
    refusals: Pending,
    recent: Recent,
    /// Answered calls and repeated refusals, which are appended when the interval is over.
    summaries: Pending,
    /// When the summaries are due; `None` if there are none.
    summaries_due: Option<Instant>,
}

impl AuditLog {
    /// An empty audit log. If `records_sql`, records and log events contain the text of statements.
    #[must_use]
    pub fn new(records_sql: bool, clock: fn() -> SystemTime) -> Self {
        Self {
            queue: Mutex::default(),
            repeats: Mutex::default(),
            counts: Mutex::default(),
            chain_head: Mutex::default(),
            recorded: Notify::new(),
            calls: TaskTracker::new(),
            append_failures: AtomicU64::new(0),
            records_sql,
            clock,
        }
    }

    /// Records an event. Takes a microsecond or two and never blocks.
    pub fn record(&self, event: Event) {
        let happened_at = (self.clock)();
        event.annotate_span();
        if !lock(&self.repeats).is_repeat(&event) {
            event.log_later(happened_at, self.records_sql, None);
        }
        lock(&self.counts).add(&event);
        let is_refusal = event.decision == Decision::Refused;
        let (mut key, sum) = Sum::from_event(event, happened_at.into(), self.records_sql);
        let now = Instant::now();
        let mut queue = lock(&self.queue);
        let is_repetition = queue.recent.is_repetition(&mut key, now);
        // Only the first record wakes the appender, because later ones are never due earlier.
        let is_first = if is_refusal && (!is_repetition || queue.refusals.contains(&key)) {
            let is_first = queue.refusals.is_empty();
            queue.refusals.add((key, sum));
            is_first
        } else {
            queue.summaries.add((key, sum));
            let is_first = queue.summaries_due.is_none();
            queue.summaries_due.get_or_insert(now + SUMMARY_INTERVAL);
            is_first
        };
        drop(queue);
        if is_first {
            self.recorded.notify_one();
        }
    }

    /// Begins a call, which ends when the token is dropped. The call is recorded before that.
    pub fn begin_call(&self) -> TaskTrackerToken {
        self.calls.token()
    }

    /// Waits until all calls have ended and are recorded, for at most a second.
    pub async fn wait_for_calls(&self) {
        self.calls.close();
        let _ = timeout(CALLS_TIMEOUT, self.calls.wait()).await;
    }

    /// The number of decisions since the server started.
    #[must_use]
    pub fn counts(&self) -> Counts {
        lock(&self.counts).clone()
    }

    /// The number of records that are not appended yet.
    #[must_use]
    pub fn pending_records(&self) -> usize {
        let queue = lock(&self.queue);
        queue.refusals.len() + queue.summaries.len()
    }

    /// How often records could not be appended since the server started.
    #[must_use]
    pub fn append_failures(&self) -> u64 {
        self.append_failures.load(Ordering::Relaxed)
    }

    /// The chain head after this process last appended; `None` if it has not appended yet.
    #[must_use]
    pub fn chain_head(&self) -> Option<ChainHead> {
        lock(&self.chain_head).clone()
    }

    /// Appends records, and logs how often refusals were repeated, until `stop` is cancelled; then
    /// appends and logs the rest.
    pub async fn run(&self, store: &dyn AuditStore, stop: CancellationToken) {
        tokio::join!(self.run_appender(store, &stop), self.run_logger(&stop));
    }

    async fn run_logger(&self, stop: &CancellationToken) {
        while stop
            .run_until_cancelled(sleep(SUMMARY_INTERVAL))
            .await
            .is_some()
        {
            self.log_repeats();
        }
        self.log_repeats();
    }

    fn log_repeats(&self) {
        let repeated = lock(&self.repeats).take();
        for (event, times) in repeated {
            event.log_later((self.clock)(), self.records_sql, Some(times));
        }
    }

    async fn run_appender(&self, store: &dyn AuditStore, stop: &CancellationToken) {
        let mut has_failed = false;
        loop {
            // Both arms are cancel-safe: nothing leaves the queue before the wait is over.
            tokio::select! {
                () = self.wait_until_due() => {}
                () = stop.cancelled() => break,
            }
            match self.append(store, Instant::now()).await {
                Ok(()) if has_failed => {
                    tracing::info!("audit append recovered");
                    has_failed = false;
                }
                Ok(()) => {}
                Err(AuditUnavailable) => {
                    has_failed = true;
                    // Both arms are cancel-safe, as above.
                    tokio::select! {
                        () = sleep(RETRY_DELAY) => {}
                        () = stop.cancelled() => break,
                    }
                }
            }
        }
        let all_due = Instant::now() + SUMMARY_INTERVAL;
        if self.append(store, all_due).await.is_err() {
            tracing::warn!("last audit records not appended to the database; they are in this log");
        }
    }

    /// Waits until some records are to be appended.
    async fn wait_until_due(&self) {
        loop {
            let recorded = self.recorded.notified();
            let (has_refusals, due) = {
                let queue = lock(&self.queue);
                (!queue.refusals.is_empty(), queue.summaries_due)
            };
            if has_refusals {
                sleep(REFUSAL_APPEND_DELAY).await;
                return;
            }
            match due {
                None => recorded.await,
                Some(due) => {
                    // Both arms are cancel-safe: the loop looks at the queue again.
                    tokio::select! {
                        () = sleep_until(due) => return,
                        () = recorded => {}
                    }
                }
            }
        }
    }

    /// Appends all new refusals, and the summaries if they are due by `now`.
    async fn append(&self, store: &dyn AuditStore, now: Instant) -> Result<(), AuditUnavailable> {
        let mut pending = {
            let mut queue = lock(&self.queue);
            let mut pending = std::mem::take(&mut queue.refusals);
            if queue.summaries_due.is_some_and(|due| due <= now) {
                pending.add_all(std::mem::take(&mut queue.summaries));
                queue.summaries_due = None;
            }
            pending
        };
        while !pending.is_empty() {
            let batch = pending.split_off(MAX_BATCH_RECORDS);
            let records = batch.to_json();
            let appended = timeout(APPEND_TIMEOUT, store.append(&records)).await;
            let appended = appended.unwrap_or_else(|_| {
                tracing::warn!("audit append timed out; will retry");
                Err(AuditUnavailable)
            });
            match appended {
                Ok(chain_head) => {
                    // The log is outside the database, so the database's owner cannot change it.
                    tracing::info!(target: AUDIT_TARGET, %chain_head, "audit records appended");
                    *lock(&self.chain_head) = Some(chain_head);
                }
                Err(error) => {
                    self.append_failures.fetch_add(1, Ordering::Relaxed);
                    let mut queue = lock(&self.queue);
                    queue.refusals.add_all(batch);
                    queue.refusals.add_all(pending);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Locks a mutex, ignoring poison: no code panics while it holds one. A std mutex suffices, because
/// it is held for a single addition and never across an `.await`.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
