//! Whether a destination accepts telemetry.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

/// Logs when a destination fails and when it recovers, once each.
#[derive(Debug)]
pub(super) struct Health {
    destination: &'static str,
    is_failing: AtomicBool,
}

impl Health {
    pub(super) fn new(destination: &'static str) -> Self {
        Self {
            destination,
            is_failing: AtomicBool::new(false),
        }
    }

    /// An attempt has failed. `error` must hold no secret.
    pub(super) fn record_failure(&self, error: &dyn Display) {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                destination = self.destination,
                error = %error,
                "telemetry cannot be sent; will retry, and drop what does not fit into the queue"
            );
        }
    }

    /// Telemetry was accepted. `dropped` counts what was lost since the start.
    pub(super) fn record_success(&self, dropped: u64) {
        if self.is_failing.swap(false, Ordering::Relaxed) {
            tracing::info!(
                destination = self.destination,
                dropped,
                "telemetry is sent again"
            );
        }
    }
}
