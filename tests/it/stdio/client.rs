use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::command_line::{binary, with_database};
use crate::support::{SEATTLE, TestDatabase, settings};

const PATIENCE: Duration = Duration::from_secs(30);

/// A client that speaks lines with a server of its own, for the store in Seattle.
pub(super) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

/// The message with which a client begins.
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

    /// The session is open.
    pub(super) async fn initialized(&mut self) {
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

    /// Ends the server's input.
    pub(super) fn end_input(&mut self) {
        self.input = None;
    }

    /// The next line of the server's output; `None` at its end.
    pub(super) async fn next(&mut self) -> Option<Value> {
        let line = self.next_line().await?;
        Some(serde_json::from_str(&line).expect("JSON"))
    }

    /// The same as it was written.
    pub(super) async fn next_line(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.output.next_line()).await;
        line.expect("the server says something").expect("text")
    }

    /// Sends a signal, such as `TERM`.
    pub(super) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().await;
        assert!(status.expect("kill runs").success());
    }

    /// Closes both ends, and gives the exit status and the log.
    pub(super) async fn leave(self) -> (ExitStatus, String) {
        let Self {
            child,
            input,
            output,
        } = self;
        drop((input, output));
        end(child).await
    }

    /// The exit status and the log of a server that ends although nobody reads its output.
    pub(super) async fn end_unread(self) -> (ExitStatus, String) {
        let ended = end(self.child).await;
        drop((self.input, self.output));
        ended
    }

    /// The exit status and the log of a server that ends by itself, with its input open.
    pub(super) async fn end(self) -> (ExitStatus, String) {
        let ended = end(self.child).await;
        drop(self.input);
        ended
    }
}

async fn end(mut child: Child) -> (ExitStatus, String) {
    let mut log = String::new();
    let mut errors = child.stderr.take().expect("its log");
    let ending = async {
        let (status, _) = tokio::join!(child.wait(), errors.read_to_string(&mut log));
        status.expect("it ends")
    };
    let status = timeout(PATIENCE, ending).await.expect("it ends");
    (status, log)
}
