//! Writes log events to standard error (standard output belongs to the stdio transport), keeps the
//! audit log, and sends traces, metrics and logs to Application Insights or an OpenTelemetry
//! collector.
//!
//! All other modules log through the `tracing` facade; only this module knows the destinations, and
//! only it names a crate of OpenTelemetry.
pub mod audit; // the audit log: access decisions, and how much was returned to whom
mod export; //         sends what is recorded
mod exporting; //      the front door: starts sending, and ends it
mod invocation; //     invocations by the Azure Functions host
mod log; //            standard error, written without blocking those who log
mod log_export; //     log events, as they are sent
mod metrics; //        durations and observed numbers
mod names; //          the names of attributes and metrics
mod process_memory; // the memory of this process
mod recorder; //       what happens, on its way to the queues
mod spans; //          what happened during a request
mod trace; //          trace ids

use std::io;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use exporting::{Telemetry, TelemetryError};
pub use invocation::InvocationId;
pub use log::{dropped_lines, flush, write_to_stderr};
pub use metrics::ServerMetrics;
pub use spans::{
    ActiveSpan, DatabaseCall, DatabaseStatement, HttpRequest, McpOutcome, McpRequest, Wait,
    WaitTimer,
};
pub use trace::TraceId;

/// The target of the spans whose attributes log lines carry.
const LOG_SPAN_TARGET: &str = "zava::span";

/// The target of the audit log's events.
const AUDIT_TARGET: &str = "zava::audit";

/// Starts logging to standard error the events that `filter` enables. If `is_exported`, the events
/// of level INFO and above are sent as well, once there is a [`Telemetry`]. Once per process.
///
/// # Panics
/// If called twice.
pub fn log_to_stderr(filter: &str, is_exported: bool) {
    // The standard library's hook would block if nobody reads standard error.
    std::panic::set_hook(Box::new(|panic| {
        log::write_to_stderr(&format!("zava-mcp-server: {panic}\n"));
    }));
    let ansi = io::IsTerminal::is_terminal(&io::stderr());
    start_log(log::StderrWriter, ansi, filter, is_exported);
}

/// Starts logging to `writer`, with ANSI colors if `ansi`. Once per process.
///
/// # Panics
/// If called twice.
pub fn log_to<W>(writer: W, ansi: bool, filter: &str)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    start_log(writer, ansi, filter, false);
}

fn start_log<W>(writer: W, ansi: bool, filter: &str, is_exported: bool)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // The settings have checked the syntax; an invalid filter would only apply the default.
    let targets = filter
        .parse::<Targets>()
        .unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    // Always off: rmcp's events contain requests and results, which are the tenants' data, and
    // report a client that disconnects as an error. The server logs what matters of them itself.
    let targets = targets.with_target("rmcp", LevelFilter::OFF);
    // Always off: sqlx's events contain the texts of its statements. Its errors are returned.
    let targets = targets.with_targets([
        ("sqlx", LevelFilter::OFF),
        ("sqlx_core", LevelFilter::OFF),
        ("sqlx_postgres", LevelFilter::OFF),
    ]);
    // Always off: the exporters report each failed attempt. The server logs when a destination
    // fails and when it recovers.
    let targets = targets.with_target("opentelemetry", LevelFilter::OFF);
    // Always on: a span is no line of its own, but an attribute of those that the filter enables.
    let targets = targets.with_target(LOG_SPAN_TARGET, LevelFilter::ERROR);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(ansi)
        .with_timer(log::EventTime)
        // The layer would print them to standard error itself, and panic if that has no reader.
        .log_internal_errors(false)
        .with_filter(targets.clone());
    let registry = tracing_subscriber::registry().with(layer);
    if is_exported {
        let export = log_export::ExportLayer
            .with_filter(targets)
            .with_filter(LevelFilter::INFO);
        registry.with(export).init();
    } else {
        // Not with an absent layer, which would enable and disable spans too.
        registry.init();
    }
}
