//! Writes the log to standard error without blocking those who log.
//!
//! Lines wait in a bounded queue and are written by a thread of their own, so a reader that stalls
//! does not stop the server: lines that do not fit are dropped and counted. The same thread formats
//! the lines of events that are too many to be formatted where they happen. Events of one kind that
//! come too often are left out and counted. Must not know what is logged.
//! Invariants: logging never waits for the reader, and never panics when there is none.
mod event_time; // when an event happened
mod frequency; // how often events of one kind are written
mod queue; // lines that wait, and the thread that writes them

use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

pub(super) use event_time::EventTime;
use queue::LogQueue;

/// How long the end of the process waits for the last lines to be read.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The process has one standard error, as it has one `tracing` subscriber.
static STDERR: OnceLock<Option<LogQueue>> = OnceLock::new();

/// The queue in front of standard error; `None` where no thread can be started for it.
fn stderr_queue() -> Option<&'static LogQueue> {
    STDERR
        .get_or_init(|| LogQueue::start(io::stderr()).ok())
        .as_ref()
}

/// Writes `text` after what was logged before, and waits a while until all of it is written.
pub fn write_to_stderr(text: &str) {
    match stderr_queue() {
        Some(queue) => queue.push(text.as_bytes()),
        // A failed write is ignored: the reader may have gone.
        None => drop(io::stderr().write_all(text.as_bytes())),
    }
    flush();
}

/// Logs an event on the thread that writes the log: formatting its line takes longer than all else
/// that is done with it. `bytes` is what `log` holds until then.
pub(super) fn log_later(
    happened_at: SystemTime,
    bytes: usize,
    log: impl FnOnce() + Send + 'static,
) {
    match stderr_queue() {
        Some(queue) => queue.push_unformatted(happened_at, bytes, Box::new(log)),
        None => event_time::set(happened_at, log),
    }
}

/// Waits a while until what was logged is written.
pub fn flush() {
    if let Some(queue) = STDERR.get().and_then(Option::as_ref) {
        queue.flush(FLUSH_TIMEOUT);
    }
}

/// How many lines were dropped since the start, because standard error was not read fast enough.
#[must_use]
pub fn dropped_lines() -> u64 {
    let queue = STDERR.get().and_then(Option::as_ref);
    queue.map_or(0, LogQueue::dropped)
}

/// Writes events to standard error by its queue.
pub(super) struct StderrWriter;

impl<'a> MakeWriter<'a> for StderrWriter {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter { is_left_out: false }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> LineWriter {
        LineWriter {
            is_left_out: stderr_queue().is_some_and(|queue| queue.is_too_frequent(event)),
        }
    }
}

/// Writes one event, which comes in one piece.
pub(super) struct LineWriter {
    is_left_out: bool,
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if !self.is_left_out {
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
