use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::Metadata;

use super::callsite_limits::{CallsiteLimits, Suppressed};
use super::event_time;

/// Maximum size of the queue: half a minute of a busy server.
const MAX_QUEUE_BYTES: usize = 1 << 20;

/// A buffer with a capacity above this is freed after its lines are written.
const MAX_RETAINED_BUFFER_BYTES: usize = 64 << 10;

/// The pause after each write, so that under load many lines are written at once and the thread is
/// not woken for each.
const WRITE_INTERVAL: Duration = Duration::from_millis(10);

/// A bounded queue of lines, and the thread that writes them.
pub(super) struct LogQueue {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Notified when the thread waits and there is work for it.
    filled: Condvar,
    /// Notified when everything in the queue has been written.
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// Events that the thread has to format, and the memory they use.
    unformatted: Vec<Unformatted>,
    unformatted_bytes: usize,
    limits: CallsiteLimits,
    /// Dropped lines that have not been reported yet.
    unreported_drops: u64,
    /// Dropped lines since the start.
    dropped: u64,
    /// The thread waits for work.
    is_waiting: bool,
    /// The thread is writing lines that have left the queue.
    is_writing: bool,
}

/// An event whose line has not been formatted yet.
struct Unformatted {
    happened_at: SystemTime,
    /// Logs the event.
    log: Box<dyn FnOnce() + Send>,
}

impl LogQueue {
    /// Starts the thread that writes to `out`; it runs until the process ends.
    ///
    /// # Errors
    /// If the thread could not be started.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let queue = Self {
            shared: Arc::clone(&shared),
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_lines(&shared, out))?;
        Ok(queue)
    }

    /// Adds a line to the queue, or drops it if the queue is full. Never waits for a write.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.shared.lock();
        if state.has_room(line.len()) {
            state.lines.extend_from_slice(line);
            self.shared.wake(&mut state);
        }
    }

    /// Lets the thread call `log`, which logs one event and uses `bytes` of memory; drops it if the
    /// queue is full. Never waits for a write.
    pub(super) fn push_unformatted(
        &self,
        happened_at: SystemTime,
        bytes: usize,
        log: Box<dyn FnOnce() + Send>,
    ) {
        let mut state = self.shared.lock();
        if state.has_room(bytes) {
            state.unformatted_bytes += bytes;
            state.unformatted.push(Unformatted { happened_at, log });
            self.shared.wake(&mut state);
        }
    }

    /// Whether an event exceeds its callsite's limit. If so, it is counted as suppressed.
    pub(super) fn is_too_frequent(&self, event: &Metadata<'_>) -> bool {
        let mut state = self.shared.lock();
        let is_exceeded = state.limits.is_exceeded(event, Instant::now());
        // Wakes the thread, so that it waits no longer than until the report is due.
        if is_exceeded {
            self.shared.wake(&mut state);
        }
        is_exceeded
    }

    /// Waits until every line has been written, for at most `timeout`.
    pub(super) fn flush(&self, timeout: Duration) {
        let state = self.shared.lock();
        let has_lines = |state: &mut State| state.is_writing || state.has_work();
        let flushed = self
            .shared
            .emptied
            .wait_timeout_while(state, timeout, has_lines);
        drop(flushed);
    }

    /// The number of lines dropped since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.shared.lock().dropped
    }
}

impl Shared {
    /// A std mutex suffices: it is held while a line is copied, never while one is written.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: &mut State) {
        if std::mem::take(&mut state.is_waiting) {
            self.filled.notify_one();
        }
    }

    /// Waits for work. Returns the events to format and the suppressed events to report.
    fn wait_for_work(&self) -> (Vec<Unformatted>, Vec<Suppressed>) {
        let mut state = self.lock();
        loop {
            let suppressed = state.limits.take_report(Instant::now());
            if state.has_work() || !suppressed.is_empty() {
                state.is_writing = true;
                state.unformatted_bytes = 0;
                return (std::mem::take(&mut state.unformatted), suppressed);
            }
            state.is_waiting = true;
            state = match state.limits.report_due() {
                None => self
                    .filled
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let wait = due.saturating_duration_since(Instant::now());
                    let waited = self.filled.wait_timeout(state, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl State {
    /// Whether a line of `bytes` fits into the queue; if not, it counts as dropped.
    fn has_room(&mut self, bytes: usize) -> bool {
        let has_room = self.lines.len() + self.unformatted_bytes + bytes <= MAX_QUEUE_BYTES;
        if !has_room {
            self.unreported_drops += 1;
            self.dropped += 1;
        }
        has_room
    }

    fn has_work(&self) -> bool {
        !self.lines.is_empty() || !self.unformatted.is_empty()
    }
}

fn write_lines(shared: &Shared, mut out: impl Write) {
    let mut lines = Vec::new();
    loop {
        let (unformatted, suppressed) = shared.wait_for_work();
        // Formatting adds the lines to the queue, so they are written with the others.
        for Unformatted { happened_at, log } in unformatted {
            event_time::with_time(happened_at, log);
        }
        let dropped = {
            let mut state = shared.lock();
            std::mem::swap(&mut state.lines, &mut lines);
            std::mem::take(&mut state.unreported_drops)
        };
        // Errors are ignored, because a full disk or a suspended terminal may recover.
        drop(out.write_all(&lines));
        lines.clear();
        if lines.capacity() > MAX_RETAINED_BUFFER_BYTES {
            lines = Vec::new();
        }
        // The reports are logged like other events, and written with the next lines.
        if dropped > 0 {
            tracing::warn!(
                lines = dropped,
                "log lines dropped: standard error is not read fast enough"
            );
        }
        for Suppressed { callsite, events } in suppressed {
            tracing::warn!(
                events,
                callsite,
                "log events suppressed: too many from one callsite"
            );
        }
        let mut state = shared.lock();
        state.is_writing = false;
        if !state.has_work() {
            shared.emptied.notify_all();
        }
        drop(state);
        thread::sleep(WRITE_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const TEST_TIMEOUT: Duration = Duration::from_secs(20);

    /// A writer whose writes block until the test receives them.
    struct Stalled(SyncSender<Vec<u8>>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let sent = self.0.send(bytes.to_vec());
            sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stalled() -> (LogQueue, Receiver<Vec<u8>>) {
        let (write, read) = sync_channel(0);
        (LogQueue::start(Stalled(write)).expect("a thread"), read)
    }

    #[test]
    fn a_stalled_reader_does_not_block_logging_and_drops_are_counted() {
        let (queue, read) = stalled();
        let line = [b'x'; 1000];
        for _ in 0..10_000 {
            queue.push(&line);
        }
        let dropped = queue.dropped();
        assert!((7_000..10_000).contains(&dropped), "{dropped}");
        queue.flush(Duration::from_millis(10));
        let mut bytes = 0;
        while bytes < (10_000 - dropped) * 1000 {
            bytes += read.recv_timeout(TEST_TIMEOUT).expect("lines").len() as u64;
        }
        assert_eq!(bytes, (10_000 - dropped) * 1000);
        // The queue has room again.
        queue.push(b"more");
        assert_eq!(read.recv_timeout(TEST_TIMEOUT).expect("a line"), b"more");
        assert_eq!(queue.dropped(), dropped);
    }

    #[test]
    fn flush_writes_all_pushed_lines() {
        let (write, read) = sync_channel(100);
        let queue = LogQueue::start(Stalled(write)).expect("a thread");
        for _ in 0..3 {
            queue.push(b"one ");
            queue.push(b"two ");
            queue.flush(TEST_TIMEOUT);
            let written: Vec<u8> = read.try_iter().flatten().collect();
            assert_eq!(written, b"one two ");
        }
    }

    #[test]
    fn unformatted_events_are_bounded_and_formatted_by_the_log_thread() {
        let (write, read) = sync_channel(100);
        let queue = Arc::new(LogQueue::start(Stalled(write)).expect("a thread"));
        let (format, may_format) = sync_channel::<()>(0);
        let may_format = Arc::new(Mutex::new(may_format));
        let test_thread = thread::current().id();
        // The log thread blocks in the first event; a hundred others fit into the queue.
        for _ in 0..1_000 {
            let (log_queue, may_format) = (Arc::clone(&queue), Arc::clone(&may_format));
            let log = move || {
                assert_ne!(thread::current().id(), test_thread);
                // Returns when the sender is dropped.
                let _ = may_format.lock().expect("one thread").recv();
                log_queue.push(b"line ");
            };
            queue.push_unformatted(SystemTime::UNIX_EPOCH, MAX_QUEUE_BYTES / 100, Box::new(log));
        }
        let dropped = queue.dropped();
        assert!((800..=900).contains(&dropped), "{dropped}");
        drop(format);
        queue.flush(TEST_TIMEOUT);
        let written: Vec<u8> = read.try_iter().flatten().collect();
        assert_eq!(written.len() as u64, (1_000 - dropped) * 5);
    }

    #[test]
    fn a_missing_reader_is_ignored() {
        let (queue, read) = stalled();
        drop(read);
        for _ in 0..3 {
            queue.push(b"line");
            queue.flush(TEST_TIMEOUT);
        }
        assert_eq!(queue.dropped(), 0);
    }
}
