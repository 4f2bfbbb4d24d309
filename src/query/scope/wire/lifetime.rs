//! Bounds the lifetime of a connection, because a backend's caches only grow.
//!
//! PostgreSQL caches time zones, row types and compiled regular expressions until the backend ends,
//! and also that a name does not exist. The guard estimates what a statement adds
//! (`CheckedQuery::retained_bytes`).

use std::time::Duration;

use tokio::time::Instant;

/// The age at which a connection expires.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// How many statements a connection runs: each may leave some KiB that no estimate covers.
const MAX_STATEMENTS: u32 = 2_000;

/// The estimated size of the backend's caches at which a connection expires.
const MAX_RETAINED_BYTES: u64 = 32 << 20;

/// How much of its lifetime a connection has used.
#[derive(Debug)]
pub(super) struct Lifetime {
    opened: Instant,
    statements: u32,
    retained_bytes: u64,
}

impl Lifetime {
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
    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.statements >= MAX_STATEMENTS
            || self.retained_bytes >= MAX_RETAINED_BYTES
            || now.duration_since(self.opened) >= MAX_AGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_expires_by_age_by_statements_and_by_retained_bytes() {
        let opened = Instant::now();
        let mut lifetime = Lifetime::new(opened);
        assert!(!lifetime.has_expired(opened));
        assert!(!lifetime.has_expired(opened + MAX_AGE - Duration::from_millis(1)));
        assert!(lifetime.has_expired(opened + MAX_AGE));
        for _ in 1..MAX_STATEMENTS {
            lifetime.count_statement(0);
        }
        assert!(!lifetime.has_expired(opened));
        lifetime.count_statement(0);
        assert!(lifetime.has_expired(opened));
        let mut lifetime = Lifetime::new(opened);
        lifetime.count_statement(MAX_RETAINED_BYTES - 1);
        assert!(!lifetime.has_expired(opened));
        lifetime.count_statement(1);
        assert!(lifetime.has_expired(opened));
    }
}
