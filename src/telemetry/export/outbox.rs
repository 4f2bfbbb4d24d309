//! What waits to be sent to one destination.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use opentelemetry_sdk::logs::SdkLogRecord;
use opentelemetry_sdk::trace::SpanData;
use tokio::time::{Duration, Instant};

/// Maximum number of spans, and of log records, that wait: some 2 MiB in all.
const MAX_ITEMS_PER_SIGNAL: usize = 1_024;

/// A batch of this many spans or log records is sent at once.
const MIN_IMMEDIATE_BATCH_ITEMS: usize = MAX_ITEMS_PER_SIGNAL / 2;

/// How long a batch is collected, so that few requests are sent and little is lost when the process
/// is killed.
const BATCH_DELAY: Duration = Duration::from_millis(300);

/// A bounded queue of spans and log records. What does not fit is dropped and counted.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct Outbox {
    state: Mutex<State>,
    /// Notified when the state changes so that a sender has work.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    spans: Vec<SpanData>,
    records: Vec<SdkLogRecord>,
    dropped: Dropped,
    is_closed: bool,
}

/// The number of items that were dropped since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::telemetry) struct Dropped {
    pub(in crate::telemetry) spans: u64,
    pub(in crate::telemetry) records: u64,
}

/// What is to be sent.
#[derive(Debug)]
pub(in crate::telemetry) struct Batch {
    pub(in crate::telemetry) spans: Vec<SpanData>,
    pub(in crate::telemetry) records: Vec<SdkLogRecord>,
    /// Nothing follows.
    pub(in crate::telemetry) is_last: bool,
}

impl Outbox {
    pub(in crate::telemetry) fn push_spans(&self, mut spans: Vec<SpanData>) {
        let mut state = self.lock();
        let was_empty = !state.has_items();
        let room = MAX_ITEMS_PER_SIGNAL - state.spans.len();
        state.dropped.spans += spans.len().saturating_sub(room) as u64;
        spans.truncate(room);
        state.spans.append(&mut spans);
        self.wake(&state, was_empty);
    }

    pub(in crate::telemetry) fn push_record(&self, record: SdkLogRecord) {
        let mut state = self.lock();
        if state.records.len() == MAX_ITEMS_PER_SIGNAL {
            state.dropped.records += 1;
            return;
        }
        let was_empty = !state.has_items();
        state.records.push(record);
        self.wake(&state, was_empty);
    }

    pub(in crate::telemetry) fn count_dropped_spans(&self, spans: u64) {
        self.lock().dropped.spans += spans;
    }

    /// Counts a batch that could not be sent.
    pub(super) fn count_lost(&self, spans: usize, records: usize) {
        let mut state = self.lock();
        state.dropped.spans += spans as u64;
        state.dropped.records += records as u64;
    }

    pub(in crate::telemetry) fn dropped(&self) -> Dropped {
        self.lock().dropped
    }

    /// Has the sender send what is left, and end.
    pub(in crate::telemetry) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits for the next batch, at most until `deadline`. Blocks the calling thread.
    pub(in crate::telemetry) fn next_batch(&self, deadline: Instant) -> Batch {
        let mut state = self.lock();
        let mut send_at = deadline;
        loop {
            if state.has_items() {
                send_at = send_at.min(Instant::now() + BATCH_DELAY);
            }
            let wait = send_at.saturating_duration_since(Instant::now());
            if state.is_closed || state.is_full() || wait.is_zero() {
                return Batch {
                    spans: std::mem::take(&mut state.spans),
                    records: std::mem::take(&mut state.records),
                    is_last: state.is_closed,
                };
            }
            let waited = self.changed.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Wakes the sender if it has to do something else now than before.
    fn wake(&self, state: &State, was_empty: bool) {
        if was_empty || state.is_full() {
            self.changed.notify_all();
        }
    }

    /// A std mutex, because it is held for a few instructions and never while something is sent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_items(&self) -> bool {
        !self.spans.is_empty() || !self.records.is_empty()
    }

    fn is_full(&self) -> bool {
        self.spans.len() >= MIN_IMMEDIATE_BATCH_ITEMS
            || self.records.len() >= MIN_IMMEDIATE_BATCH_ITEMS
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use opentelemetry::logs::{Logger as _, LoggerProvider as _};
    use opentelemetry_sdk::logs::SdkLoggerProvider;

    use super::*;

    fn record() -> SdkLogRecord {
        let logger = SdkLoggerProvider::builder().build().logger("test");
        logger.create_log_record()
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted() {
        let (outbox, record) = (Outbox::default(), record());
        for _ in 0..3 * MAX_ITEMS_PER_SIGNAL {
            outbox.push_record(record.clone());
        }
        let dropped = Dropped {
            spans: 0,
            records: 2 * MAX_ITEMS_PER_SIGNAL as u64,
        };
        assert_eq!(outbox.dropped(), dropped);
        let batch = outbox.next_batch(Instant::now());
        assert_eq!(batch.records.len(), MAX_ITEMS_PER_SIGNAL);
        outbox.push_record(record);
        assert_eq!(outbox.dropped(), dropped, "there is room again");
    }

    #[test]
    fn a_batch_leaves_within_a_second_and_at_once_at_the_end() {
        let outbox = Arc::new(Outbox::default());
        let in_an_hour = Instant::now() + Duration::from_secs(3600);
        let began = Instant::now();
        outbox.push_record(record());
        let batch = outbox.next_batch(in_an_hour);
        assert!((batch.records.len(), batch.is_last) == (1, false));
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
        // The sender already waits when something arrives.
        let sender = std::thread::spawn({
            let outbox = Arc::clone(&outbox);
            move || outbox.next_batch(in_an_hour)
        });
        outbox.push_record(record());
        let batch = sender.join().expect("a batch");
        assert!((batch.records.len(), batch.is_last) == (1, false));
        outbox.push_record(record());
        outbox.close();
        let batch = outbox.next_batch(in_an_hour);
        assert!((batch.records.len(), batch.is_last) == (1, true));
    }
}
