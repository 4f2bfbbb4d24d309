//! Bounds the life of a connection, because a backend's caches only grow.
//!
//! PostgreSQL caches time zones, row types and compiled regular expressions until the backend ends
//! (`cost::retained` estimates what a statement adds), and also that a name does not exist.

use std::time::Duration;

use tokio::time::Instant;

/// How long a connection is used.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// How many statements it serves: each may leave some KiB that no estimate covers.
const MAX_STATEMENTS: u32 = 2_000;

/// The estimated cache size at which a connection ends.
const MAX_RETAINED_BYTES: u64 = 32 << 20;

/// What a connection has served so far.
#[derive(Debug)]
pub(super) struct Age {
    opened: Instant,
    statements: u32,
    retained_bytes: u64,
}

impl Age {
    pub(super) fn new(opened: Instant) -> Self {
        Self {
            opened,
            statements: 0,
            retained_bytes: 0,
        }
    }

    /// Counts a statement, and the bytes that the backend may cache for it.
    pub(super) fn count_statement(&mut self, retained_bytes: u64) {
        self.statements = self.statements.saturating_add(1);
        self.retained_bytes = self.retained_bytes.saturating_add(retained_bytes);
    }

    /// Whether the connection must not be used again.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.statements >= MAX_STATEMENTS
            || self.retained_bytes >= MAX_RETAINED_BYTES
            || now.duration_since(self.opened) >= MAX_AGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_old_by_time_by_statements_and_by_what_is_kept_of_them() {
        let opened = Instant::now();
        let mut age = Age::new(opened);
        assert!(!age.is_over(opened));
        assert!(!age.is_over(opened + MAX_AGE - Duration::from_millis(1)));
        assert!(age.is_over(opened + MAX_AGE));
        for _ in 1..MAX_STATEMENTS {
            age.count_statement(0);
        }
        assert!(!age.is_over(opened));
        age.count_statement(0);
        assert!(age.is_over(opened));
        let mut age = Age::new(opened);
        age.count_statement(MAX_RETAINED_BYTES - 1);
        assert!(!age.is_over(opened));
        age.count_statement(1);
        assert!(age.is_over(opened));
    }
}
