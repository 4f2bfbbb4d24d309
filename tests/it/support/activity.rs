use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::Instant;

use super::database::{TestDatabase, number};

/// Statements and backends of the query login in a test's database, as a superuser sees them.
pub(crate) struct ActivityMonitor(PgConnection);

impl ActivityMonitor {
    pub(crate) async fn new(database: &TestDatabase) -> Self {
        Self::from_connection(database.superuser().await)
    }

    pub(crate) fn from_connection(superuser: PgConnection) -> Self {
        Self(superuser)
    }

    /// Number of running statements.
    pub(crate) async fn running_statements(&mut self) -> i64 {
        self.count("AND state = 'active'").await
    }

    /// Number of statements that wait for a lock.
    pub(crate) async fn blocked_statements(&mut self) -> i64 {
        self.count("AND wait_event_type = 'Lock'").await
    }

    /// Number of backends.
    pub(crate) async fn backend_count(&mut self) -> i64 {
        self.count("").await
    }

    /// Waits until `expected` statements have been running for 20 ms, which excludes the short
    /// statements that the server sends around a client's.
    pub(crate) async fn wait_until_running(&mut self, expected: i64) {
        let condition =
            "AND state = 'active' AND clock_timestamp() - query_start > interval '20 ms'";
        eventually("statements run", async || {
            self.count(condition).await == expected
        })
        .await;
    }

    /// Waits until `expected` statements wait for a lock.
    pub(crate) async fn wait_until_blocked(&mut self, expected: i64) {
        eventually("statements wait for a lock", async || {
            self.blocked_statements().await == expected
        })
        .await;
    }

    /// Waits until no statement is running; returns how long that took.
    pub(crate) async fn wait_until_idle(&mut self) -> Duration {
        let begun = Instant::now();
        eventually("nothing runs", async || {
            self.running_statements().await == 0
        })
        .await;
        begun.elapsed()
    }

    async fn count(&mut self, condition: &str) -> i64 {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE usename = 'zava_query' AND datname = current_database() {condition}"
        );
        number(&mut self.0, &sql).await
    }
}

/// Maximum time from a cancellation until the database no longer shows the statement.
const MAX_CANCEL_LATENCY: Duration = Duration::from_millis(200);

/// Checks the latency of several cancellations. Other tests load the machine, so only the fastest
/// must keep the promise; a statement that was not cancelled would take its 15 seconds in every
/// attempt.
#[track_caller]
pub(crate) fn assert_cancelled_promptly(took: &[Duration]) {
    let fastest = took.iter().min().expect("an attempt");
    let slowest = took.iter().max().expect("an attempt");
    assert!(
        *fastest < MAX_CANCEL_LATENCY && *slowest < Duration::from_secs(3),
        "{took:?}"
    );
}

/// Polls until a condition holds; panics after 20 seconds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let polling = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), polling)
        .await
        .unwrap_or_else(|_| panic!("{what}"));
}
