use std::process::Stdio;

use sqlx::PgConnection;
use tokio::process::Command;
use zava_mcp_server::database;
use zava_mcp_server::settings::{AdminSettings, ServeSettings};

use super::cluster::{cluster, signing_key};
use super::database::{connect, load_sample};
use super::pooler::SERVERS;
use super::server::settings;

/// A PostgreSQL server of a test's own, migrated and loaded. `./scripts/test` removes one that was
/// left.
pub(crate) struct OwnCluster {
    name: &'static str,
    /// PostgreSQL's major version.
    version: u8,
    pub(crate) port: u16,
}

impl OwnCluster {
    pub(crate) async fn make(name: &'static str, version: u8) -> Self {
        let mut own = Self {
            name,
            version,
            port: 0,
        };
        own.port = own.run("make").await.trim().parse().expect("a port");
        let admin = own.admin_settings();
        database::migrate(&admin).await.expect("it migrates");
        load_sample(&admin).await;
        own
    }

    /// All its processes at once, without a word.
    pub(crate) async fn kill(&self) {
        self.run("kill").await;
    }

    /// Again, on the same port.
    pub(crate) async fn start(&self) {
        self.run("start").await;
    }

    pub(crate) async fn remove(self) {
        self.run("remove").await;
    }

    /// A server over it.
    pub(crate) fn settings(&self) -> ServeSettings {
        let mut settings = settings("zava");
        settings.database.port = self.port;
        settings
    }

    pub(crate) async fn superuser(&self) -> PgConnection {
        connect(&self.settings().database, &cluster().superuser).await
    }

    /// A connection of the login that only queries, without any of the server's layers above it.
    pub(crate) async fn query_login(&self) -> PgConnection {
        let settings = self.settings();
        connect(&settings.database, &settings.login).await
    }

    /// What `migrate` would be told.
    pub(crate) fn admin_settings(&self) -> AdminSettings {
        let ServeSettings {
            database, login, ..
        } = self.settings();
        AdminSettings {
            database,
            admin: cluster().admin.clone(),
            login,
            signing_key: signing_key(),
            embedding_model_dir: None,
            log: "off".to_owned(),
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
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command} {}: {said}", self.name);
        String::from_utf8(output.stdout).expect("text")
    }
}
