use std::process::Stdio;

use sqlx::PgConnection;
use tokio::process::Command;
use zava_mcp_server::database;
use zava_mcp_server::settings::{
    AdminSettings, HttpsSettings, LogFilter, SearchSettings, ServeSettings,
};

use super::cluster::{cluster, new_indexer, new_login, signing_key};
use super::database::{connect, load_sample};
use super::pooler::SERVERS;
use super::server::settings;

/// A PostgreSQL server that one test has to itself, migrated and loaded. `./scripts/test` removes
/// servers that a test left behind.
pub(crate) struct DedicatedCluster {
    name: &'static str,
    /// PostgreSQL's major version.
    version: u8,
    pub(crate) port: u16,
}

impl DedicatedCluster {
    pub(crate) async fn create(name: &'static str, version: u8) -> Self {
        Self::create_by("make", name, version).await
    }

    /// One that can have replicas.
    pub(crate) async fn create_primary(name: &'static str) -> Self {
        Self::create_by("make-primary", name, 18).await
    }

    /// Creates a streaming replica of this server, which must have been created as a primary.
    pub(crate) async fn create_replica(&self, name: &'static str) -> Self {
        let mut replica = Self {
            name,
            version: self.version,
            port: 0,
        };
        let port = replica.run_with("make-replica", &[self.name]).await;
        replica.port = port.trim().parse().expect("a port");
        replica
    }

    async fn create_by(command: &str, name: &'static str, version: u8) -> Self {
        let mut cluster = Self {
            name,
            version,
            port: 0,
        };
        cluster.port = cluster.run(command).await.trim().parse().expect("a port");
        let admin = cluster.admin_settings();
        database::migrate(&admin).await.expect("it migrates");
        load_sample(&admin).await;
        cluster
    }

    /// Kills all its processes at once (SIGKILL).
    pub(crate) async fn kill(&self) {
        self.run("kill").await;
    }

    /// Starts it again on the same port.
    pub(crate) async fn start(&self) {
        self.run("start").await;
    }

    /// Suspends all its processes (SIGSTOP): it accepts connections and never answers.
    pub(crate) async fn suspend(&self) {
        self.run("stop").await;
    }

    /// Resumes its processes.
    pub(crate) async fn resume(&self) {
        self.run("continue").await;
    }

    pub(crate) async fn remove(self) {
        self.run("remove").await;
    }

    /// Settings of an MCP server for this cluster.
    pub(crate) fn settings(&self) -> ServeSettings {
        let mut settings = settings("zava");
        settings.database.port = self.port;
        settings
    }

    pub(crate) async fn superuser(&self) -> PgConnection {
        connect(&self.settings().database, &cluster().superuser).await
    }

    /// A connection of the query login, without the server's layers above it.
    pub(crate) async fn query_login(&self) -> PgConnection {
        let settings = self.settings();
        connect(&settings.database, &settings.login).await
    }

    /// Settings of `migrate` for this cluster.
    pub(crate) fn admin_settings(&self) -> AdminSettings {
        AdminSettings {
            database: self.settings().database,
            admin: cluster().admin.clone(),
            login: new_login(),
            indexer: Some(new_indexer()),
            azure: None,
            https: HttpsSettings::default(),
            signing_key: signing_key().into(),
            search: SearchSettings { embedder: None },
            log: LogFilter::parse("off").expect("a level"),
        }
    }

    async fn run(&self, command: &str) -> String {
        self.run_with(command, &[]).await
    }

    async fn run_with(&self, command: &str, arguments: &[&str]) -> String {
        let output = Command::new(SERVERS)
            .args(["cluster", command, self.name])
            .arg(self.version.to_string())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .await
            .expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command} {}: {stderr}", self.name);
        String::from_utf8(output.stdout).expect("text")
    }
}
