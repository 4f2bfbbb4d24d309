//! The metrics: durations that requests record, and numbers that are read when metrics are sent.
//!
//! Invariant: the attributes of a metric take few values. None is a tenant, a caller, or a text of
//! a client.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::audit::AuditLog;
use super::export::{MetricSource, Outbox};
use super::spans::Wait;
use super::{log, names, process_memory};

/// The upper bounds of the histograms' buckets, in seconds, from a query by primary key to the
/// statement timeout.
const DURATION_BOUNDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// What a server reports about itself whenever metrics are sent. Called on another thread than the
/// reactor's.
pub trait ServerMetrics: Send + Sync {
    /// The open database connections, and how many of them are idle.
    fn connection_counts(&self) -> (usize, usize);

    /// The number of violations of posture rules that the last check has found.
    fn posture_findings(&self) -> usize;
}

/// The instruments that requests record with.
pub(super) struct Metrics {
    pub(super) http_request_duration: Histogram<f64>,
    pub(super) mcp_request_duration: Histogram<f64>,
    pub(super) database_call_duration: Histogram<f64>,
    wait_duration: Histogram<f64>,
    /// The instruments work only as long as it lives.
    _provider: SdkMeterProvider,
}

/// What the observed metrics read.
pub(super) struct Observed {
    pub(super) state: Arc<dyn ServerMetrics>,
    pub(super) audit_log: Weak<AuditLog>,
    /// The name of the database.
    pub(super) database: String,
}

impl Metrics {
    /// Creates the instruments. Each source collects all metrics for one destination.
    pub(super) fn new(
        resource: Resource,
        sources: impl IntoIterator<Item = MetricSource>,
        outboxes: &[Arc<Outbox>],
        observed: Observed,
    ) -> Self {
        let mut builder = SdkMeterProvider::builder().with_resource(resource);
        for source in sources {
            builder = builder.with_reader(source);
        }
        let provider = builder.build();
        let meter = provider.meter_with_scope(super::spans::instrumentation_scope());
        observe_server(&meter, observed);
        observe_losses(&meter, outboxes);
        Self {
            http_request_duration: durations(
                &meter,
                names::HTTP_SERVER_REQUEST_DURATION,
                "Duration of HTTP requests.",
            ),
            mcp_request_duration: durations(
                &meter,
                names::MCP_SERVER_OPERATION_DURATION,
                "Duration of MCP requests.",
            ),
            database_call_duration: durations(
                &meter,
                names::DB_CLIENT_OPERATION_DURATION,
                "Duration of transactions of the database.",
            ),
            wait_duration: durations(
                &meter,
                names::WAIT_DURATION,
                "How long requests waited, by what they waited for.",
            ),
            _provider: provider,
        }
    }

    pub(super) fn record_wait(&self, wait: Wait, duration: Duration) {
        let kind = KeyValue::new(names::WAIT_KIND, wait.name());
        self.wait_duration.record(duration.as_secs_f64(), &[kind]);
    }
}

fn durations(meter: &Meter, name: &'static str, description: &'static str) -> Histogram<f64> {
    meter
        .f64_histogram(name)
        .with_unit("s")
        .with_description(description)
        .with_boundaries(DURATION_BOUNDS.to_vec())
        .build()
}

fn observe_server(meter: &Meter, observed: Observed) {
    let Observed {
        state,
        audit_log,
        database,
    } = observed;
    let connections = Arc::clone(&state);
    meter
        .i64_observable_up_down_counter(names::DB_CLIENT_CONNECTION_COUNT)
        .with_unit("{connection}")
        .with_description("Open database connections, by whether a transaction uses them.")
        .with_callback(move |observer| {
            let (open, idle) = connections.connection_counts();
            for (state, count) in [("idle", idle), ("used", open.saturating_sub(idle))] {
                let attributes = [
                    KeyValue::new(names::DB_CLIENT_CONNECTION_STATE, state),
                    KeyValue::new(names::DB_NAMESPACE, database.clone()),
                ];
                observer.observe(to_i64(count), &attributes);
            }
        })
        .build();
    meter
        .u64_observable_gauge(names::POSTURE_FINDINGS)
        .with_unit("{finding}")
        .with_description("Violations of posture rules; no data is served while there are any.")
        .with_callback(move |observer| {
            observer.observe(state.posture_findings() as u64, &[]);
        })
        .build();
    let log_of_decisions = audit_log.clone();
    meter
        .u64_observable_counter(names::DECISIONS)
        .with_unit("{decision}")
        .with_description("Decisions about requests and calls, as the audit log has them.")
        .with_callback(move |observer| {
            let Some(audit_log) = log_of_decisions.upgrade() else {
                return;
            };
            for (kind, decision, count) in audit_log.counts().by_decision() {
                let attributes = [
                    KeyValue::new(names::DECISION_KIND, kind),
                    KeyValue::new(names::DECISION, decision),
                ];
                observer.observe(count, &attributes);
            }
        })
        .build();
    let pending_log = audit_log.clone();
    meter
        .u64_observable_gauge(names::AUDIT_PENDING)
        .with_unit("{record}")
        .with_description("Audit records that are not in the database yet.")
        .with_callback(move |observer| {
            if let Some(audit_log) = pending_log.upgrade() {
                observer.observe(audit_log.pending_records() as u64, &[]);
            }
        })
        .build();
    meter
        .u64_observable_counter(names::AUDIT_APPEND_FAILURES)
        .with_unit("{failure}")
        .with_description("Failed attempts to append audit records to the database.")
        .with_callback(move |observer| {
            if let Some(audit_log) = audit_log.upgrade() {
                observer.observe(audit_log.append_failures(), &[]);
            }
        })
        .build();
    meter
        .i64_observable_up_down_counter(names::PROCESS_MEMORY_USAGE)
        .with_unit("By")
        .with_description("Resident memory of the process.")
        .with_callback(|observer| {
            if let Some(bytes) = process_memory::resident_bytes() {
                observer.observe(to_i64(bytes), &[]);
            }
        })
        .build();
}

/// What was not logged or not sent.
fn observe_losses(meter: &Meter, outboxes: &[Arc<Outbox>]) {
    meter
        .u64_observable_counter(names::DROPPED_LOG_LINES)
        .with_unit("{line}")
        .with_description("Log lines that standard error did not take in time.")
        .with_callback(|observer| observer.observe(log::dropped_lines(), &[]))
        .build();
    let outboxes: Vec<_> = outboxes.iter().map(Arc::downgrade).collect();
    meter
        .u64_observable_counter(names::DROPPED_TELEMETRY)
        .with_unit("{item}")
        .with_description("Spans and log records that were not sent.")
        .with_callback(move |observer| {
            let (mut spans, mut records) = (0, 0);
            for outbox in outboxes.iter().filter_map(Weak::upgrade) {
                let dropped = outbox.dropped();
                spans += dropped.spans;
                records += dropped.records;
            }
            for (signal, count) in [("traces", spans), ("logs", records)] {
                observer.observe(count, &[KeyValue::new(names::SIGNAL, signal)]);
            }
        })
        .build();
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
