//! Graceful shutdown of a server over HTTP by a signal: requests in flight are answered, and the
//! exit code is 0.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use crate::command_line::with_database;
use crate::support::{
    ActivityMonitor, BLOCKED_QUERY, SEATTLE, TableLock, TestDatabase, http, settings,
};

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

struct ServerProcess {
    child: Child,
    url: String,
    /// Not read further, but kept open so that the server can log.
    _log: Lines<BufReader<ChildStderr>>,
}

/// Restores the default action of SIGHUP, which `nohup` ignores, and executes the program that
/// follows.
const RESET_HANGUP: &str = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])";

/// The server, started through another program.
fn server_via(program: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program[0]);
    command
        .args(&program[1..])
        .arg(env!("CARGO_BIN_EXE_zava-mcp-server"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Starts a server over a database and waits until it listens.
async fn serve(mut command: Command, database: &TestDatabase) -> ServerProcess {
    with_database(&mut command, &settings(&database.name));
    let mut child = command.spawn().expect("it starts");
    let mut log = BufReader::new(child.stderr.take().expect("its log")).lines();
    let listening = async {
        loop {
            let line = log.next_line().await.expect("text").expect("a line more");
            if let Some((_, rest)) = line.split_once("address=") {
                let address = rest.split_whitespace().next().expect("an address");
                return format!("http://{address}");
            }
        }
    };
    let url = timeout(RESPONSE_TIMEOUT, listening)
        .await
        .expect("it listens");
    ServerProcess {
        child,
        url,
        _log: log,
    }
}

impl ServerProcess {
    async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(status.expect("kill runs").success(), "{name}");
    }

    async fn exit_code(&mut self) -> Option<i32> {
        let ended = timeout(RESPONSE_TIMEOUT, self.child.wait()).await;
        ended.expect("it ends").expect("its status").code()
    }

    async fn is_live(&self) -> bool {
        let live = http().get(format!("{}/health/live", self.url)).send().await;
        live.is_ok_and(|answer| answer.status() == 200)
    }
}

#[tokio::test]
async fn requests_in_flight_are_answered_after_term_int_and_hup() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["TERM", "INT", "HUP"] {
        // With the signal actions of a terminal, whatever started the tests.
        let server = server_via(&["python3", "-c", RESET_HANGUP], folder.path());
        let mut server = serve(server, &database).await;
        let lock = TableLock::acquire(&database).await;
        let mut monitor = ActivityMonitor::new(&database).await;
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "execute_sales_query", "arguments": {"postgresql_query": BLOCKED_QUERY}}});
        let answer = http()
            .post(format!("{}/mcp", server.url))
            .header("x-rls-user-id", SEATTLE)
            .json(&call)
            .send();
        let stopping = async {
            monitor.wait_until_blocked(1).await;
            server.signal(name).await;
            lock.release().await;
        };
        let (answer, ()) = tokio::join!(answer, stopping);
        let body: Value = answer.expect("an answer").json().await.expect("JSON");
        assert_eq!(body["result"]["isError"], false, "{name}: {body}");
        assert_eq!(server.exit_code().await, Some(0), "{name}");
    }
}

/// `nohup` makes its program ignore SIGHUP, and the server keeps it ignored. Only Linux reports
/// this to a program.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn sighup_is_ignored_under_nohup() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let server = server_via(&["nohup"], folder.path());
    let mut server = serve(server, &database).await;
    server.signal("HUP").await;
    // A server that shut down would have no call to wait for and would be gone soon.
    for _ in 0..100 {
        assert!(server.is_live().await);
    }
    server.signal("TERM").await;
    assert_eq!(server.exit_code().await, Some(0));
}
