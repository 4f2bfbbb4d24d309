use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::Instant;

use super::database::{TestDatabase, number};

/// What the query login is doing in a test's database, as a superuser sees it.
pub(crate) struct Watch(PgConnection);

impl Watch {
    pub(crate) async fn on(database: &TestDatabase) -> Self {
        Self::over(database.superuser().await)
    }

    pub(crate) fn over(superuser: PgConnection) -> Self {
        Self(superuser)
    }

    /// How many statements are running.
    pub(crate) async fn running(&mut self) -> i64 {
        self.count("AND state = 'active'").await
    }

    /// How many of them wait for a lock.
    pub(crate) async fn blocked(&mut self) -> i64 {
        self.count("AND wait_event_type = 'Lock'").await
    }

    /// How many backends there are.
    pub(crate) async fn backends(&mut self) -> i64 {
        self.count("").await
    }

    /// Waits until so many statements have been running for a while: what takes that long is none of the short ones that
    /// the server puts around a client's.
    pub(crate) async fn until_running(&mut self, wanted: i64) {
        let which = "AND state = 'active' AND clock_timestamp() - query_start > interval '20 ms'";
        eventually("statements run", async || self.count(which).await == wanted).await;
    }

    /// Waits until so many statements wait for a lock.
    pub(crate) async fn until_blocked(&mut self, wanted: i64) {
        eventually("statements wait for a lock", async || {
            self.blocked().await == wanted
        })
        .await;
    }

    /// How long until no statement is running.
    pub(crate) async fn until_quiet(&mut self) -> Duration {
        let begun = Instant::now();
        eventually("nothing runs", async || self.running().await == 0).await;
        begun.elapsed()
    }

    async fn count(&mut self, which: &str) -> i64 {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity \
             WHERE usename = 'zava_query' AND datname = current_database() {which}"
        );
        number(&mut self.0, &sql).await
    }
}

/// What cancelling may take, from the moment in which nobody waits any more until the database shows nothing.
const PROMPT: Duration = Duration::from_millis(200);

/// The machine is busy with other tests, so the promise is held by the fastest of some attempts; a statement that runs on
/// runs for its fifteen seconds in each.
#[track_caller]
pub(crate) fn assert_prompt(took: &[Duration]) {
    let fastest = took.iter().min().expect("an attempt");
    let slowest = took.iter().max().expect("an attempt");
    assert!(
        *fastest < PROMPT && *slowest < Duration::from_secs(3),
        "{took:?}"
    );
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}"));
}
