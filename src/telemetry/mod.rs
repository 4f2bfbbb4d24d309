//! Writes log events to standard error (standard output belongs to the stdio transport), and keeps
//! the audit log.
//!
//! All other modules log through the `tracing` facade; only this module knows the destination.
pub mod audit; // the audit log: access decisions, and how much was returned to whom
mod invocation; // invocations by the Azure Functions host
mod log; //       standard error, written without blocking those who log
mod trace; //     trace ids

use std::io;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use invocation::InvocationId;
pub use log::{dropped_lines, flush, write_to_stderr};
pub use trace::TraceId;

use invocation::INVOCATION_TARGET;

/// The target of the audit log's events.
const AUDIT_TARGET: &str = "zava::audit";

/// Starts logging to standard error the events that `filter` enables. Once per process.
///
/// # Panics
/// If called twice.
pub fn log_to_stderr(filter: &str) {
    // The standard library's hook would block if nobody reads standard error.
    std::panic::set_hook(Box::new(|panic| {
        log::write_to_stderr(&format!("zava-mcp-server: {panic}\n"));
    }));
    let ansi = io::IsTerminal::is_terminal(&io::stderr());
    log_to(log::StderrWriter, ansi, filter);
}

/// Starts logging to `writer`, with ANSI colors if `ansi`. Once per process.
///
/// # Panics
/// If called twice.
pub fn log_to<W>(writer: W, ansi: bool, filter: &str)
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
    // Always on: a span is no line of its own, but an attribute of those that the filter enables.
    let targets = targets.with_target(INVOCATION_TARGET, LevelFilter::ERROR);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(ansi)
        .with_timer(log::EventTime)
        // The layer would print them to standard error itself, and panic if that has no reader.
        .log_internal_errors(false)
        .with_filter(targets);
    tracing_subscriber::registry().with(layer).init();
}
