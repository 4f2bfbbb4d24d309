use std::process::Stdio;

use sqlx::PgConnection;
use tokio::process::Command;
use zava_mcp_server::database;
use zava_mcp_server::settings::{
    AdminSettings, HttpsSettings, LogFilter, SearchSettings, ServeSettings,
};

use super::cluster::{cluster, new_login, signing_key};
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
        let mut cluster = Self {
            name,
            version,
            port: 0,
        };
        cluster.port = cluster.run("make").await.trim().parse().expect("a port");
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
            azure: None,
            https: HttpsSettings::default(),
            signing_key: signing_key().into(),
            search: SearchSettings { embedder: None },
            log: LogFilter::parse("off").expect("a level"),
        }
    }

    async fn run(&self, command: &str) -> String {
        let output = Command::new(SERVERS)
            .args(["cluster", command, self.name])
            .arg(self.version.to_string())
            .stdin(Stdio::null())
            .output()
            .await
            .expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command} {}: {stderr}", self.name);
        String::from_utf8(output.stdout).expect("text")
    }
}
