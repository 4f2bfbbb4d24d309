//! What the server says about itself: log events on standard error (standard output is the stdio transport's), and the audit
//! trail.
//!
//! Everybody else writes through the `tracing` facade; only this module knows where it goes.
pub mod audit; // who was let in, refused, and given what
mod log; // standard error, without waiting for its reader
mod trace; // which request an event belongs to

use std::io;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use log::{dropped_lines, flush, write_to_stderr};
pub use trace::TraceId;

/// The target of the audit log's events.
const AUDIT_TARGET: &str = "zava::audit";

/// Starts logging to standard error what `filter` lets through. Once per process.
///
/// # Panics
/// When called twice.
pub fn log_to_stderr(filter: &str) {
    // The hook of the standard library waits for the reader of standard error.
    std::panic::set_hook(Box::new(|panic| {
        log::write_to_stderr(&format!("zava-mcp-server: {panic}\n"));
    }));
    let ansi = io::IsTerminal::is_terminal(&io::stderr());
    log_to(log::StderrWriter, ansi, filter);
}

/// The same to wherever `writer` writes, with colours or without.
///
/// # Panics
/// When called twice.
pub fn log_to<W>(writer: W, ansi: bool, filter: &str)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // The settings have checked the syntax; an unreadable filter would only mean the default.
    let targets = filter
        .parse::<Targets>()
        .unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    // Whatever was asked for: rmcp's events repeat requests and results, which are the tenants' own, and report a client
    // that hangs up as an error. What matters of them the server says itself.
    let targets = targets.with_target("rmcp", LevelFilter::OFF);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(ansi)
        .with_timer(log::EventTime)
        // It would report them on standard error itself, and panic if that has no reader.
        .log_internal_errors(false)
        .with_filter(targets);
    tracing_subscriber::registry().with(layer).init();
}
