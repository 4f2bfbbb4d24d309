use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::Metadata;

use super::event_time;
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
    /// Events that the thread has to format, and what they hold.
    unformatted: Vec<Unformatted>,
    unformatted_bytes: usize,
    frequency: Frequency,
    /// Dropped lines that are not reported yet, and those since the start.
    unreported: u64,
    dropped: u64,
    /// The thread waits for lines.
    is_waiting: bool,
    /// The thread writes lines that are not in the queue any more.
    is_writing: bool,
}

/// An event whose line is not written yet.
struct Unformatted {
    happened_at: SystemTime,
    /// Logs it.
    log: Box<dyn FnOnce() + Send>,
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
        if state.has_room(line.len()) {
            state.lines.extend_from_slice(line);
            self.shared.wake(&mut state);
        }
    }

    /// Has the thread call `log`, or drops the event, which holds so many bytes, if there is no
    /// room. Never waits for a write.
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

    /// Whether an event comes too often to be written.
    pub(super) fn is_too_frequent(&self, event: &Metadata<'_>) -> bool {
        let mut state = self.shared.lock();
        let is_exceeded = state.frequency.is_exceeded(event, Instant::now());
        // The thread may be waiting for lines, and shall report this in time.
        if is_exceeded {
            self.shared.wake(&mut state);
        }
        is_exceeded
    }

    /// Waits until every line has been written, at most for `timeout`.
    pub(super) fn flush(&self, timeout: Duration) {
        let state = self.shared.lock();
        let has_lines = |state: &mut State| state.is_writing || state.has_work();
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

    fn wake(&self, state: &mut State) {
        if std::mem::take(&mut state.is_waiting) {
            self.filled.notify_one();
        }
    }

    /// Waits for something to do, and takes what is to be formatted, and what to report.
    fn wait(&self) -> (Vec<Unformatted>, Vec<LeftOut>) {
        let mut state = self.lock();
        loop {
            let left_out = state.frequency.take_report(Instant::now());
            if state.has_work() || !left_out.is_empty() {
                state.is_writing = true;
                state.unformatted_bytes = 0;
                return (std::mem::take(&mut state.unformatted), left_out);
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

impl State {
    /// Whether so many bytes more may wait; if not, they count as dropped.
    fn has_room(&mut self, bytes: usize) -> bool {
        let has_room = self.lines.len() + self.unformatted_bytes + bytes <= MAX_QUEUE_BYTES;
        if !has_room {
            self.unreported += 1;
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
        let (unformatted, left_out) = shared.wait();
        // Their lines come into the queue, and are written with the others.
        for Unformatted { happened_at, log } in unformatted {
            event_time::set(happened_at, log);
        }
        let dropped = {
            let mut state = shared.lock();
            std::mem::swap(&mut state.lines, &mut lines);
            std::mem::take(&mut state.unreported)
        };
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
    fn unformatted_events_are_bounded_and_formatted_by_the_thread() {
        let (write, read) = sync_channel(100);
        let queue = Arc::new(LogQueue::start(Stalled(write)).expect("a thread"));
        let (format, may_format) = sync_channel::<()>(0);
        let may_format = Arc::new(Mutex::new(may_format));
        let here = thread::current().id();
        // The thread stalls with the first; of the others a hundred have room.
        for _ in 0..1_000 {
            let (own, may_format) = (Arc::clone(&queue), Arc::clone(&may_format));
            let log = move || {
                assert_ne!(thread::current().id(), here);
                // Ends when the sender is gone.
                let _ = may_format.lock().expect("one thread").recv();
                own.push(b"line ");
            };
            queue.push_unformatted(SystemTime::UNIX_EPOCH, MAX_QUEUE_BYTES / 100, Box::new(log));
        }
        let dropped = queue.dropped();
        assert!((800..=900).contains(&dropped), "{dropped}");
        drop(format);
        queue.flush(PATIENCE);
        let written: Vec<u8> = read.try_iter().flatten().collect();
        assert_eq!(written.len() as u64, (1_000 - dropped) * 5);
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
