//! What the server says about itself: log events on standard error (standard output is the stdio transport's).
//!
//! Everybody else writes through the `tracing` facade; only this module knows where it goes.
use std::io;

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging to standard error what `filter` lets through. Once per process.
///
/// # Panics
/// When called twice.
pub fn log_to_stderr(filter: &str) {
    // The settings have checked the syntax; an unreadable filter would only mean the default.
    let targets = filter
        .parse::<Targets>()
        .unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    // Whatever was asked for: rmcp's events repeat requests and results, which are the tenants' own, and report a client
    // that hangs up as an error. What matters of them the server says itself.
    let targets = targets.with_target("rmcp", LevelFilter::OFF);
    let ansi = io::IsTerminal::is_terminal(&io::stderr());
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(ansi)
        .with_filter(targets);
    tracing_subscriber::registry().with(layer).init();
}
