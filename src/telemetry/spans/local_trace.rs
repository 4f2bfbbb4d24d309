//! The spans of one request, kept until the outermost one ends.
//!
//! Sampling when a trace begins cannot keep all errors and all slow calls, because nothing is known
//! of them then. This server's part of a trace is small and ends with the request, so it is kept in
//! memory until then. Knows spans; must not know what they mean.
//!
//! Invariant: the memory of a request's spans is bounded, and released when the request ends.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

use crate::telemetry::TraceId;
use crate::telemetry::recorder::Recorder;

/// A trace with a span at least this long is always sent.
const SLOW_SPAN_DURATION: Duration = Duration::from_secs(1);

/// Maximum number of spans of one request. A call of a tool has about five.
const MAX_SPANS: usize = 64;

/// This server's spans of one request.
pub(super) struct LocalTrace {
    recorder: Arc<Recorder>,
    /// The outermost span.
    root: NonZeroU64,
    is_sampled: AtomicBool,
    state: Mutex<State>,
}

enum State {
    /// The outermost span has not ended.
    Running(Vec<SpanData>),
    /// It has ended; a span that ends later, such as the one of a cancelled statement, follows it.
    Ended { is_sent: bool },
}

impl LocalTrace {
    /// The spans of a request that begins. `is_requested`: the client wants the trace to be sent.
    pub(super) fn new(
        recorder: &Arc<Recorder>,
        root: NonZeroU64,
        trace_id: TraceId,
        is_requested: bool,
    ) -> Self {
        let is_sampled = is_requested || is_in_sample(trace_id, recorder.sample_ratio());
        Self {
            recorder: Arc::clone(recorder),
            root,
            is_sampled: AtomicBool::new(is_sampled),
            state: Mutex::new(State::Running(Vec::new())),
        }
    }

    pub(super) fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Has the spans sent, whatever happens.
    pub(super) fn sample(&self) {
        self.is_sampled.store(true, Ordering::Relaxed);
    }

    /// Has the spans dropped, unless one has failed or was slow.
    pub(super) fn drop_unless_failed_or_slow(&self) {
        self.is_sampled.store(false, Ordering::Relaxed);
    }

    /// Adds a span that has ended.
    pub(super) fn add(&self, span: SpanData, id: NonZeroU64, duration: Duration) {
        if duration >= SLOW_SPAN_DURATION || matches!(span.status, Status::Error { .. }) {
            self.sample();
        }
        let mut state = self.state();
        let finished = match &mut *state {
            State::Ended { is_sent: true } => vec![span],
            State::Ended { is_sent: false } => return,
            State::Running(spans) if id == self.root => {
                let is_sent = self.is_sampled.load(Ordering::Relaxed);
                let mut finished = std::mem::take(spans);
                *state = State::Ended { is_sent };
                if !is_sent {
                    return;
                }
                finished.push(span);
                finished
            }
            State::Running(spans) if spans.len() < MAX_SPANS => {
                spans.push(span);
                return;
            }
            State::Running(_) => {
                self.recorder.count_dropped_spans(1);
                return;
            }
        };
        drop(state);
        self.recorder.send_spans(finished);
    }

    /// A std mutex, because it is held for a few instructions and never across an await.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a trace belongs to the share `ratio` of all traces. Decided by the trace id, as
/// OpenTelemetry's `TraceIdRatioBased` does, so that services with the same ratio agree.
fn is_in_sample(trace_id: TraceId, ratio: f64) -> bool {
    const ALL: f64 = (1_u64 << 63) as f64;
    let low_bits = (trace_id.to_u128() & u128::from(u64::MAX)) as u64;
    ratio >= 1.0 || ((low_bits >> 1) as f64) < ratio * ALL
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use opentelemetry::trace::SpanKind;
    use tokio::time::{Instant, advance};

    use super::super::open_span::OpenSpan;
    use super::*;
    use crate::telemetry::export::Outbox;

    /// A recorder that keeps no trace by chance, and its queue.
    fn recorder() -> (Arc<Recorder>, Arc<Outbox>) {
        let outbox = Arc::new(Outbox::default());
        let clock = || SystemTime::UNIX_EPOCH;
        let recorder = Recorder::new(vec![Arc::clone(&outbox)], 0.0, clock);
        (Arc::new(recorder), outbox)
    }

    fn sent(outbox: &Outbox) -> usize {
        outbox.next_batch(Instant::now()).spans.len()
    }

    #[tokio::test(start_paused = true)]
    async fn slow_and_failed_traces_are_kept_whole_and_others_are_dropped() {
        let (recorder, outbox) = recorder();
        let begin = || {
            let root = OpenSpan::root(&recorder, "root".into(), SpanKind::Server, None);
            let child = root.child("child".into(), SpanKind::Client);
            (root, child)
        };
        drop(begin());
        let (root, child) = begin();
        advance(SLOW_SPAN_DURATION - Duration::from_millis(1)).await;
        drop((child, root));
        assert_eq!(sent(&outbox), 0);
        let (root, child) = begin();
        advance(SLOW_SPAN_DURATION).await;
        drop((child, root));
        assert_eq!(sent(&outbox), 2);
        let (root, child) = begin();
        child.fail("08006");
        drop((child, root));
        assert_eq!(sent(&outbox), 2);
    }

    #[tokio::test]
    async fn a_span_that_outlives_its_request_follows_it() {
        let (recorder, outbox) = recorder();
        for is_failed in [true, false] {
            let root = OpenSpan::root(&recorder, "root".into(), SpanKind::Server, None);
            let late = root.child("late".into(), SpanKind::Client);
            if is_failed {
                root.fail("500");
            }
            drop(root);
            assert_eq!(sent(&outbox), usize::from(is_failed));
            drop(late);
            assert_eq!(sent(&outbox), usize::from(is_failed));
        }
    }

    #[tokio::test]
    async fn the_spans_of_one_request_are_bounded() {
        let (recorder, outbox) = recorder();
        let root = OpenSpan::root(&recorder, "root".into(), SpanKind::Server, None);
        for _ in 0..2 * MAX_SPANS {
            drop(root.child("child".into(), SpanKind::Client));
        }
        root.fail("500");
        drop(root);
        assert_eq!(outbox.dropped().spans, MAX_SPANS as u64);
        assert_eq!(sent(&outbox), MAX_SPANS + 1);
    }

    #[test]
    fn the_share_of_traces_in_the_sample_is_the_ratio() {
        for (ratio, expected) in [(0.0, 0..=0), (0.25, 2_200..=2_800), (1.0, 10_000..=10_000)] {
            let ids = (0..10_000).map(|_| TraceId::random());
            let sampled = ids.filter(|id| is_in_sample(*id, ratio)).count();
            assert!(expected.contains(&sampled), "{ratio}: {sampled}");
        }
    }
}
