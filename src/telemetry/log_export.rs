//! Sends log events, as they are written to standard error, to the destinations of telemetry.
//!
//! Events below INFO are not sent: they are many, and the libraries that send telemetry log such
//! events themselves. Must not know what is logged.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{SpanId, TraceFlags, TraceId as OtelTraceId};
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger, SdkLoggerProvider};
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::TraceId;
use super::log::{CallsiteLimits, event_time};
use super::recorder::Recorder;
use super::spans::ActiveSpan;

/// The process has one log.
static SINK: OnceLock<Sink> = OnceLock::new();

/// Where the events go.
struct Sink {
    recorder: Weak<Recorder>,
    logger: SdkLogger,
    limits: Mutex<CallsiteLimits>,
}

/// Sends the log's events to the destinations of `recorder` from now on. The first call counts.
pub(super) fn connect(recorder: &Arc<Recorder>) {
    let logger = SdkLoggerProvider::builder().build().logger("log");
    let _ = SINK.set(Sink {
        recorder: Arc::downgrade(recorder),
        logger,
        limits: Mutex::default(),
    });
}

/// Hands events over.
pub(super) struct ExportLayer;

impl<S: Subscriber> Layer<S> for ExportLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(sink) = SINK.get() else {
            return;
        };
        let Some(recorder) = sink.recorder.upgrade() else {
            return;
        };
        let metadata = event.metadata();
        {
            let mut limits = sink.limits.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            // The reports are logged by the queue in front of standard error, which counts the
            // same.
            limits.take_report(now);
            if limits.is_exceeded(metadata, now) {
                return;
            }
        }
        let mut record = sink.logger.create_log_record();
        let (severity, text) = severity(*metadata.level());
        record.set_severity_number(severity);
        record.set_severity_text(text);
        record.set_timestamp(event_time::current().unwrap_or_else(|| recorder.now()));
        record.set_target(metadata.target().to_owned());
        record.add_attribute("target", metadata.target().to_owned());
        let mut fields = Fields {
            record: &mut record,
            trace_id: None,
        };
        event.record(&mut fields);
        let trace_id = fields.trace_id;
        set_trace_context(&mut record, trace_id);
        for outbox in recorder.outboxes() {
            outbox.push_record(record.clone());
        }
    }
}

/// The span in which the event happened, or the trace that the event names.
fn set_trace_context(record: &mut SdkLogRecord, trace_id: Option<TraceId>) {
    let span = ActiveSpan::current().map(|span| span.ids());
    let (trace_id, span_id) = match (span, trace_id) {
        (Some((trace_id, span_id)), None) => (trace_id, span_id.get()),
        (Some((own, span_id)), Some(trace_id)) if own == trace_id => (own, span_id.get()),
        (_, Some(trace_id)) => (trace_id, 0),
        (None, None) => return,
    };
    record.set_trace_context(
        OtelTraceId::from_bytes(trace_id.to_u128().to_be_bytes()),
        SpanId::from_bytes(span_id.to_be_bytes()),
        Some(TraceFlags::SAMPLED),
    );
}

fn severity(level: Level) -> (Severity, &'static str) {
    match level {
        Level::ERROR => (Severity::Error, "ERROR"),
        Level::WARN => (Severity::Warn, "WARN"),
        Level::INFO => (Severity::Info, "INFO"),
        Level::DEBUG => (Severity::Debug, "DEBUG"),
        Level::TRACE => (Severity::Trace, "TRACE"),
    }
}

/// Turns the fields of an event into the body and attributes of a record.
struct Fields<'a> {
    record: &'a mut SdkLogRecord,
    trace_id: Option<TraceId>,
}

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: impl Into<AnyValue>) {
        self.record.add_attribute(field.name(), value.into());
    }

    fn add_text(&mut self, field: &Field, text: String) {
        match field.name() {
            "message" => self.record.set_body(text.into()),
            // ZAVA_AUDIT_SQL adds the text of statements to the audit log only.
            "sql" => {}
            "trace_id" => {
                self.trace_id = TraceId::parse(&text);
                self.add(field, text);
            }
            _ => self.add(field, text),
        }
    }
}

impl Visit for Fields<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.add(field, value),
            Err(_) => self.add(field, value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add_text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add_text(field, format!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            // Writing to a text does not fail.
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
        self.add_text(field, text);
    }
}
