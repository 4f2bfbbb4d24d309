use std::process::Stdio;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;
use zava_mcp_server::database;
use zava_mcp_server::settings::{AdminSettings, ServeSettings};

use super::cluster::{cluster, signing_key, variable};
use super::database::load_sample;
use super::pooler::SERVERS;
use super::server::settings;

/// A PostgreSQL server of a test's own, migrated and loaded, to be killed. `./scripts/test` removes one that was left.
pub(crate) struct OwnCluster {
    name: &'static str,
    pub(crate) port: u16,
}

impl OwnCluster {
    pub(crate) async fn make(name: &'static str) -> Self {
        let port = run("make", name).await;
        let own = Self {
            name,
            port: port.trim().parse().expect("a port"),
        };
        let admin = own.admin_settings();
        database::migrate(&admin).await.expect("it migrates");
        load_sample(&admin).await;
        own
    }

    /// All its processes at once, without a word.
    pub(crate) async fn kill(&self) {
        run("kill", self.name).await;
    }

    /// Again, on the same port.
    pub(crate) async fn start(&self) {
        run("start", self.name).await;
    }

    pub(crate) async fn remove(self) {
        run("remove", self.name).await;
    }

    /// A server over it.
    pub(crate) fn settings(&self) -> ServeSettings {
        let mut settings = settings("zava");
        settings.database.port = self.port;
        settings
    }

    pub(crate) async fn superuser(&self) -> PgConnection {
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .database("zava")
            .username("postgres")
            .password(&variable("POSTGRES_SUPERUSER_PASSWORD"));
        PgConnection::connect_with(&options)
            .await
            .expect("a connection to the test's own cluster")
    }

    fn admin_settings(&self) -> AdminSettings {
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
}

async fn run(what: &str, name: &str) -> String {
    let output = Command::new(SERVERS)
        .args(["cluster", what, name])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what} {name}: {said}");
    String::from_utf8(output.stdout).expect("text")
}
