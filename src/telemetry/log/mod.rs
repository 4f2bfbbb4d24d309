//! Writes the log to standard error without blocking the threads that log.
//!
//! Lines go into a bounded queue, and a dedicated thread writes them, so that a reader that stalls
//! does not stop the server: lines that do not fit are dropped and counted. The same thread formats
//! the audit events, which are too frequent to be formatted where they happen. Events of one
//! callsite that are too frequent are suppressed and counted. Must not know what is logged.
//!
//! Invariants:
//! - logging never waits for the reader;
//! - logging never panics if there is no reader.
mod callsite_limits; // the rate limit of each callsite
pub(super) mod event_time; // the time of an event that is formatted later
mod queue; //           the queue of lines, and the thread that writes them

use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

pub(super) use callsite_limits::CallsiteLimits;
pub(super) use event_time::EventTime;
use queue::LogQueue;

/// How long the process waits at its end until the last lines are written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The process has one standard error, as it has one `tracing` subscriber.
static STDERR: OnceLock<Option<LogQueue>> = OnceLock::new();

/// The queue in front of standard error; `None` if its thread could not be started.
fn stderr_queue() -> Option<&'static LogQueue> {
    STDERR
        .get_or_init(|| LogQueue::start(io::stderr()).ok())
        .as_ref()
}

/// Writes `text` after all lines logged before, and waits for at most `FLUSH_TIMEOUT` until it is
/// written.
pub fn write_to_stderr(text: &str) {
    match stderr_queue() {
        Some(queue) => queue.push(text.as_bytes()),
        // A failed write is ignored: there may be no reader.
        None => drop(io::stderr().write_all(text.as_bytes())),
    }
    flush();
}

/// Runs `log`, which logs one event, on the thread that writes the log: formatting the line takes
/// longer than everything else about an event. `bytes` is the memory that `log` uses until then.
pub(super) fn log_later(
    happened_at: SystemTime,
    bytes: usize,
    log: impl FnOnce() + Send + 'static,
) {
    match stderr_queue() {
        Some(queue) => queue.push_unformatted(happened_at, bytes, Box::new(log)),
        None => event_time::with_time(happened_at, log),
    }
}

/// Waits for at most `FLUSH_TIMEOUT` until all logged lines are written.
pub fn flush() {
    if let Some(queue) = STDERR.get().and_then(Option::as_ref) {
        queue.flush(FLUSH_TIMEOUT);
    }
}

/// The number of lines dropped since the start because standard error was not read fast enough.
#[must_use]
pub fn dropped_lines() -> u64 {
    let queue = STDERR.get().and_then(Option::as_ref);
    queue.map_or(0, LogQueue::dropped)
}

/// Writes events to the queue in front of standard error.
pub(super) struct StderrWriter;

impl<'a> MakeWriter<'a> for StderrWriter {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter {
            is_suppressed: false,
        }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> LineWriter {
        LineWriter {
            is_suppressed: stderr_queue().is_some_and(|queue| queue.is_too_frequent(event)),
        }
    }
}

/// Writes one event. `tracing-subscriber` passes its line in a single call.
pub(super) struct LineWriter {
    is_suppressed: bool,
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !self.is_suppressed {
            match stderr_queue() {
                Some(queue) => queue.push(line),
                None => drop(io::stderr().write_all(line)),
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
