//! What a request waits for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use tokio::time::Instant;

use super::{Current, current};

/// What a request may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The permit to use a database connection, in the fair queue.
    Permit,
    /// A database connection: opening one, or checking that an idle one is alive.
    Connection,
    /// The database's answer to a transaction.
    Database,
    /// The vector of a text.
    Embedding,
}

impl Wait {
    const ALL: [Self; 4] = [
        Self::Permit,
        Self::Connection,
        Self::Database,
        Self::Embedding,
    ];

    /// The value of the metrics' attribute.
    pub(in crate::telemetry) fn name(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Connection => "connection",
            Self::Database => "database",
            Self::Embedding => "embedding",
        }
    }

    /// The attribute of a span, in seconds.
    fn attribute(self) -> &'static str {
        match self {
            Self::Permit => "zava.wait.permit",
            Self::Connection => "zava.wait.connection",
            Self::Database => "zava.wait.database",
            Self::Embedding => "zava.wait.embedding",
        }
    }
}

/// How long a span has waited for each of them in sum, in microseconds.
#[derive(Default)]
pub(super) struct Waits([AtomicU64; Wait::ALL.len()]);

impl Waits {
    pub(super) fn add(&self, wait: Wait, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.0[wait as usize].fetch_add(micros, Ordering::Relaxed);
    }

    /// The waits of at least a microsecond.
    pub(super) fn attributes(&self) -> impl Iterator<Item = KeyValue> {
        let waits = Wait::ALL.into_iter().map(|wait| {
            let micros = self.0[wait as usize].load(Ordering::Relaxed);
            (wait, Duration::from_micros(micros))
        });
        let waits = waits.filter(|(_, duration)| !duration.is_zero());
        waits.map(|(wait, duration)| KeyValue::new(wait.attribute(), duration.as_secs_f64()))
    }
}

/// Measures a wait, which ends when this is dropped.
#[must_use]
pub struct WaitTimer(Option<WaitInProgress>);

struct WaitInProgress {
    current: Current,
    wait: Wait,
    began_at: Instant,
}

impl WaitTimer {
    /// Begins a wait of the running task.
    pub fn begin(wait: Wait) -> Self {
        Self(current().map(|current| WaitInProgress {
            current,
            wait,
            began_at: Instant::now(),
        }))
    }
}

impl Drop for WaitTimer {
    fn drop(&mut self) {
        let Some(running) = self.0.take() else {
            return;
        };
        let duration = running.began_at.elapsed();
        if let Some(span) = &running.current.span {
            span.waits().add(running.wait, duration);
        }
        let recorder = &running.current.recorder;
        recorder.record_wait(running.wait, duration);
    }
}

impl std::fmt::Debug for WaitTimer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaitTimer").finish_non_exhaustive()
    }
}
