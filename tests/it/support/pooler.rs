use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdin, Command};
use zava_mcp_server::settings::{PoolMode, ServeSettings};

use super::cluster::{cluster, query_password};
use super::database::TestDatabase;
use super::server::settings;

/// The script that starts servers for a single test.
pub(super) const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/run");

/// PgBouncer in transaction mode in front of a test's database; it stops when it is dropped.
pub(crate) struct Pooler {
    pub(crate) port: u16,
    /// PgBouncer runs until its standard input is closed.
    _input: ChildStdin,
    _process: Child,
    _folder: TempDir,
}

impl Pooler {
    /// Starts it with a single server connection: a second client waits for the first transaction.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port().await;
        write(
            folder.path(),
            "pgbouncer.ini",
            &configuration(database, port, folder.path()),
        );
        let user = format!("\"zava_query\" \"{}\"\n", query_password());
        write(folder.path(), "users.txt", &user);
        let mut process = Command::new(SERVERS)
            .arg("pooler")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .expect("the pooler starts");
        let pooler = Self {
            port,
            _input: process.stdin.take().expect("its input"),
            _process: process,
            _folder: folder,
        };
        let listening = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .is_err()
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), listening)
            .await
            .expect("the pooler answers");
        pooler
    }

    /// Settings of a server that reaches the database through PgBouncer.
    pub(crate) fn settings(&self, database: &TestDatabase) -> ServeSettings {
        let mut settings = settings(&database.name);
        settings.database.port = self.port;
        settings.database.pool_mode = PoolMode::Transaction;
        settings
    }
}

fn configuration(database: &TestDatabase, port: u16, folder: &Path) -> String {
    let (name, folder) = (&database.name, folder.display());
    format!(
        "[databases]\n{name} = host=127.0.0.1 port={server}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = scram-sha-256\nauth_file = {folder}/users.txt\n\
         pool_mode = transaction\ndefault_pool_size = 1\nmax_client_conn = 100\n",
        server = cluster().port,
    )
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("written");
}

/// A port that was free when the function returned.
async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let address = listener.expect("a free port").local_addr();
    address.expect("its address").port()
}
