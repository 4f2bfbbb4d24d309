use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::command_line::{binary, with_database};
use crate::support::{SEATTLE, TestDatabase, settings};

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// A client with its own server process, which serves the store in Seattle.
pub(super) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

/// The `initialize` request.
pub(super) fn initialize() -> Value {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
}

/// A call of the SQL tool.
pub(super) fn query(id: u32, sql: &str) -> Value {
    let arguments = json!({"postgresql_query": sql});
    let params = json!({"name": "execute_sales_query", "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

impl Client {
    pub(super) fn start(database: &TestDatabase, folder: &Path) -> Self {
        Self::start_with(database, folder, |_| {})
    }

    pub(super) fn start_with(
        database: &TestDatabase,
        folder: &Path,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = binary(folder);
        with_database(&mut command, &settings(&database.name));
        command
            .args(["serve", "--stdio"])
            .env("ZAVA_TENANT", SEATTLE)
            .stdin(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().expect("it starts");
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().expect("its output")).lines(),
            child,
        }
    }

    /// Initializes the session.
    pub(super) async fn initialize_session(&mut self) {
        self.send(&initialize()).await;
        let answer = self.next().await.expect("an answer");
        assert_eq!(answer["result"]["serverInfo"]["name"], "mcp-zava-sales");
        let text = r#"{"jsonrpc": "2.0", "method": "notifications/initialized"}"#;
        self.write(format!("{text}\n").as_bytes()).await;
    }

    pub(super) async fn send(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes()).await;
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(bytes).await.expect("written");
    }

    /// Closes the server's standard input.
    pub(super) fn close_input(&mut self) {
        self.input = None;
    }

    /// The next line of the server's output; `None` at its end.
    pub(super) async fn next(&mut self) -> Option<Value> {
        let line = self.next_line().await?;
        Some(serde_json::from_str(&line).expect("JSON"))
    }

    /// The same, unparsed.
    pub(super) async fn next_line(&mut self) -> Option<String> {
        let line = timeout(RESPONSE_TIMEOUT, self.output.next_line()).await;
        line.expect("the server responds").expect("text")
    }

    /// Sends a signal, such as `TERM`.
    pub(super) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(status.expect("kill runs").success());
    }

    /// Closes input and output; returns the exit status and the log.
    pub(super) async fn disconnect(self) -> (ExitStatus, String) {
        let Self {
            child,
            input,
            output,
        } = self;
        drop((input, output));
        wait_for_exit(child).await
    }

    /// Waits for the server to exit although its output is not read; returns the exit status and
    /// the log.
    pub(super) async fn wait_unread(self) -> (ExitStatus, String) {
        let ended = wait_for_exit(self.child).await;
        drop((self.input, self.output));
        ended
    }

    /// Waits for the server to exit with its input open; returns the exit status and the log.
    pub(super) async fn wait(self) -> (ExitStatus, String) {
        let ended = wait_for_exit(self.child).await;
        drop(self.input);
        ended
    }
}

async fn wait_for_exit(mut child: Child) -> (ExitStatus, String) {
    let mut log = String::new();
    let mut errors = child.stderr.take().expect("its log");
    let ending = async {
        let (status, _) = tokio::join!(child.wait(), errors.read_to_string(&mut log));
        status.expect("it ends")
    };
    let status = timeout(RESPONSE_TIMEOUT, ending).await.expect("it ends");
    (status, log)
}
