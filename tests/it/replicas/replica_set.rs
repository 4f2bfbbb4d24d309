use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use std::time::Duration;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use zava_mcp_server::settings::{DatabaseAddress, ReplicaSettings, ServeSettings};

use crate::support::{DedicatedCluster, eventually};

/// A primary and two streaming replicas.
pub(super) struct ReplicaSet {
    pub(super) primary: DedicatedCluster,
    pub(super) replicas: [DedicatedCluster; 2],
}

/// The set of the tests that leave the roles of its servers unchanged.
static SHARED: Mutex<Option<ReplicaSet>> = Mutex::const_new(None);

impl ReplicaSet {
    /// The shared set, for one test at a time; its replicas have replayed everything.
    /// `./scripts/test` removes it.
    pub(super) async fn shared() -> MappedMutexGuard<'static, Self> {
        let mut shared = SHARED.lock().await;
        if shared.is_none() {
            *shared = Some(Self::create(["primary", "replica-1", "replica-2"]).await);
        }
        let set = MutexGuard::map(shared, |set| set.as_mut().expect("a set"));
        for replica in &set.replicas {
            // A test that failed may have left it otherwise.
            replica.resume().await;
            replica.start().await;
            let resume = "SELECT pg_wal_replay_resume()";
            execute(&mut replica.superuser().await, resume).await;
        }
        set.wait_until_replayed().await;
        set
    }

    pub(super) async fn create(names: [&'static str; 3]) -> Self {
        let primary = DedicatedCluster::create_primary(names[0]).await;
        let replicas = [
            primary.create_replica(names[1]).await,
            primary.create_replica(names[2]).await,
        ];
        Self { primary, replicas }
    }

    pub(super) async fn remove(self) {
        for cluster in self.replicas {
            cluster.remove().await;
        }
        self.primary.remove().await;
    }

    /// Settings of an MCP server that uses both replicas.
    pub(super) fn settings(&self) -> ServeSettings {
        let ports = self.replicas.each_ref().map(|replica| replica.port);
        self.settings_with(&ports, Duration::from_secs(5))
    }

    /// Settings of an MCP server with read replicas on these ports.
    pub(super) fn settings_with(&self, ports: &[u16], max_lag: Duration) -> ServeSettings {
        let mut settings = self.primary.settings();
        let addresses = ports.iter().map(|port| DatabaseAddress {
            port: *port,
            ..settings.database.clone()
        });
        settings.replicas = ReplicaSettings {
            addresses: addresses.collect(),
            max_lag,
        };
        settings
    }

    /// Waits until the replicas contain everything that the primary contains.
    pub(super) async fn wait_until_replayed(&self) {
        let position = position(&mut self.primary.superuser().await).await;
        for replica in &self.replicas {
            let mut db = replica.superuser().await;
            let has_replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn");
            eventually("the replica follows", async || {
                boolean(&mut db, &has_replayed).await
            })
            .await;
        }
    }

    /// Waits until a replica runs a statement with this pattern; returns its port.
    pub(super) async fn replica_that_runs(&self, pattern: &str) -> u16 {
        let running = format!(
            "SELECT count(*) > 0 FROM pg_stat_activity \
             WHERE state = 'active' AND usename = 'zava_query' AND query LIKE '{pattern}'"
        );
        let mut databases = Vec::new();
        for replica in &self.replicas {
            databases.push((replica.port, replica.superuser().await));
        }
        let mut found = None;
        eventually("a replica runs the statement", async || {
            for (port, db) in &mut databases {
                if boolean(db, &running).await {
                    found = Some(*port);
                }
            }
            found.is_some()
        })
        .await;
        found.expect("a port")
    }

    /// Stops the replay of a replica, which goes on answering.
    pub(super) async fn pause_replay(&self, index: usize) {
        let mut db = self.replicas[index].superuser().await;
        execute(&mut db, "SELECT pg_wal_replay_pause()").await;
        let is_paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'";
        eventually("replay is paused", async || {
            boolean(&mut db, is_paused).await
        })
        .await;
    }

    pub(super) async fn resume_replay(&self, index: usize) {
        let mut db = self.replicas[index].superuser().await;
        execute(&mut db, "SELECT pg_wal_replay_resume()").await;
    }
}

/// The end of the write-ahead log of a primary.
pub(super) async fn position(primary: &mut PgConnection) -> String {
    sqlx::query_scalar("SELECT pg_current_wal_flush_lsn()::text")
        .fetch_one(primary)
        .await
        .expect("a position")
}

pub(super) async fn boolean(db: &mut PgConnection, sql: &str) -> bool {
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(db)
        .await
        .expect("a boolean")
}

pub(super) async fn execute(db: &mut PgConnection, sql: &str) {
    db.execute(sqlx::raw_sql(AssertSqlSafe(sql)))
        .await
        .expect("the statement succeeds");
}
