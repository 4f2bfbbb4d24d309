//! Where spans and measurements go.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;

use super::export::Outbox;
use super::metrics::Metrics;
use super::spans::Wait;

/// Receives what happens, and hands it to the queues of all destinations. Never waits.
pub(super) struct Recorder {
    outboxes: Vec<Arc<Outbox>>,
    /// Created when the server starts to serve; measurements before that are not recorded.
    metrics: OnceLock<Metrics>,
    sample_ratio: f64,
    clock: fn() -> SystemTime,
}

impl Recorder {
    pub(super) fn new(
        outboxes: Vec<Arc<Outbox>>,
        sample_ratio: f64,
        clock: fn() -> SystemTime,
    ) -> Self {
        Self {
            outboxes,
            metrics: OnceLock::new(),
            sample_ratio,
            clock,
        }
    }

    /// Records measurements from now on.
    pub(super) fn set_metrics(&self, metrics: Metrics) {
        // A server starts once.
        let _ = self.metrics.set(metrics);
    }

    pub(super) fn outboxes(&self) -> &[Arc<Outbox>] {
        &self.outboxes
    }

    pub(super) fn sample_ratio(&self) -> f64 {
        self.sample_ratio
    }

    pub(super) fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// Queues the spans of one request.
    pub(super) fn send_spans(&self, spans: Vec<SpanData>) {
        if let Some((last, others)) = self.outboxes.split_last() {
            for outbox in others {
                outbox.push_spans(spans.clone());
            }
            last.push_spans(spans);
        }
    }

    pub(super) fn count_dropped_spans(&self, spans: u64) {
        for outbox in &self.outboxes {
            outbox.count_dropped_spans(spans);
        }
    }

    pub(super) fn record_http_request(&self, duration: Duration, attributes: &[KeyValue]) {
        if let Some(metrics) = self.metrics.get() {
            let seconds = duration.as_secs_f64();
            metrics.http_request_duration.record(seconds, attributes);
        }
    }

    pub(super) fn record_mcp_request(&self, duration: Duration, attributes: &[KeyValue]) {
        if let Some(metrics) = self.metrics.get() {
            let seconds = duration.as_secs_f64();
            metrics.mcp_request_duration.record(seconds, attributes);
        }
    }

    pub(super) fn record_database_call(&self, duration: Duration, attributes: &[KeyValue]) {
        if let Some(metrics) = self.metrics.get() {
            let seconds = duration.as_secs_f64();
            metrics.database_call_duration.record(seconds, attributes);
        }
    }

    pub(super) fn record_wait(&self, wait: Wait, duration: Duration) {
        if let Some(metrics) = self.metrics.get() {
            metrics.record_wait(wait, duration);
        }
    }
}

impl Drop for Recorder {
    /// Nothing more can be queued, so the threads that send it end.
    fn drop(&mut self) {
        for outbox in &self.outboxes {
            outbox.close();
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}
