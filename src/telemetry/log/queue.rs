use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Metadata;

use super::frequency::{Frequency, LeftOut};

/// How many bytes of lines may wait; half a minute of a busy server.
const MAX_QUEUE_BYTES: usize = 1 << 20;

/// A buffer that has grown beyond this is not kept.
const USUAL_BUFFER_BYTES: usize = 64 << 10;

/// The pause after each write. Under load, lines are written together, and the thread is not woken
/// for each.
const WRITE_INTERVAL: Duration = Duration::from_millis(10);

/// Lines that wait to be written.
pub(super) struct LogQueue {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Lines have come while the thread waited.
    filled: Condvar,
    /// Everything that came has been written.
    emptied: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    frequency: Frequency,
    /// Dropped lines that are not reported yet, and those since the start.
    unreported: u64,
    dropped: u64,
    /// The thread waits for lines.
    is_waiting: bool,
    /// The thread writes lines that are not in the queue any more.
    is_writing: bool,
}

impl LogQueue {
    /// Starts the thread that writes to `out`; it ends with the process.
    ///
    /// # Errors
    /// When no thread can be started.
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

    /// Puts a line into the queue, or drops it if there is no room. Never waits for a write.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.shared.lock();
        if state.lines.len() + line.len() > MAX_QUEUE_BYTES {
            state.unreported += 1;
            state.dropped += 1;
            return;
        }
        state.lines.extend_from_slice(line);
        if std::mem::take(&mut state.is_waiting) {
            self.shared.filled.notify_one();
        }
    }

    /// Whether an event comes too often to be written.
    pub(super) fn is_too_frequent(&self, event: &Metadata<'_>) -> bool {
        let mut state = self.shared.lock();
        let is_exceeded = state.frequency.is_exceeded(event, Instant::now());
        // The thread may be waiting for lines, and shall report this in time.
        if is_exceeded && std::mem::take(&mut state.is_waiting) {
            self.shared.filled.notify_one();
        }
        is_exceeded
    }

    /// Waits until every line has been written, at most for `timeout`.
    pub(super) fn flush(&self, timeout: Duration) {
        let state = self.shared.lock();
        let has_lines = |state: &mut State| state.is_writing || !state.lines.is_empty();
        let flushed = self
            .shared
            .emptied
            .wait_timeout_while(state, timeout, has_lines);
        drop(flushed);
    }

    /// How many lines were dropped since the start.
    pub(super) fn dropped(&self) -> u64 {
        self.shared.lock().dropped
    }
}

impl Shared {
    /// A std mutex: it is held while a line is copied, and never while one is written.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lines to be written, or something to report.
    fn wait(&self, lines: &mut Vec<u8>) -> (u64, Vec<LeftOut>) {
        let mut state = self.lock();
        loop {
            let left_out = state.frequency.take_report(Instant::now());
            if !state.lines.is_empty() || !left_out.is_empty() {
                std::mem::swap(&mut state.lines, lines);
                state.is_writing = true;
                return (std::mem::take(&mut state.unreported), left_out);
            }
            state.is_waiting = true;
            state = match state.frequency.report_due() {
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

fn write_lines(shared: &Shared, mut out: impl Write) {
    let mut lines = Vec::new();
    loop {
        let (dropped, left_out) = shared.wait(&mut lines);
        // Keeps writing after an error: a full disk or a suspended terminal may recover.
        drop(out.write_all(&lines));
        lines.clear();
        if lines.capacity() > USUAL_BUFFER_BYTES {
            lines = Vec::new();
        }
        // Logged like everything else, and written with the next lines.
        if dropped > 0 {
            tracing::warn!(
                lines = dropped,
                "log lines dropped: standard error is not read fast enough"
            );
        }
        for LeftOut { place, events } in left_out {
            tracing::warn!(events, place, "log events left out: too many of one kind");
        }
        let mut state = shared.lock();
        state.is_writing = false;
        if state.lines.is_empty() {
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

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A reader that takes what is written only when it is asked to.
    struct Stalled(SyncSender<Vec<u8>>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = self.0.send(bytes.to_vec());
            taken.map_err(|_| io::ErrorKind::BrokenPipe)?;
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
    fn nobody_waits_for_a_reader_that_stalls_and_drops_are_counted() {
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
            bytes += read.recv_timeout(PATIENCE).expect("lines").len() as u64;
        }
        assert_eq!(bytes, (10_000 - dropped) * 1000);
        // There is room again.
        queue.push(b"more");
        assert_eq!(read.recv_timeout(PATIENCE).expect("a line"), b"more");
        assert_eq!(queue.dropped(), dropped);
    }

    #[test]
    fn what_was_pushed_is_written_when_it_is_flushed() {
        let (write, read) = sync_channel(100);
        let queue = LogQueue::start(Stalled(write)).expect("a thread");
        for _ in 0..3 {
            queue.push(b"one ");
            queue.push(b"two ");
            queue.flush(PATIENCE);
            let written: Vec<u8> = read.try_iter().flatten().collect();
            assert_eq!(written, b"one two ");
        }
    }

    #[test]
    fn a_reader_that_has_gone_is_no_matter() {
        let (queue, read) = stalled();
        drop(read);
        for _ in 0..3 {
            queue.push(b"line");
            queue.flush(PATIENCE);
        }
        assert_eq!(queue.dropped(), 0);
    }
}
