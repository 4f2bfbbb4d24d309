//! Servers in processes of their own: logs, settings and signals.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use super::{Endpoint, data, named, tag};
use crate::command_line::with_database;
use crate::support::{SEATTLE, TestDatabase, http, keep_log, settings};

const TIMEOUT: Duration = Duration::from_secs(20);

struct Process {
    child: Child,
    url: String,
    log: BufReader<ChildStderr>,
    /// What the log has held so far.
    lines: String,
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zava-mcp-server"));
    command
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    with_database(&mut command, &settings(&TestDatabase::shared().name));
    command
}

impl Process {
    async fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("it starts");
        let mut log = BufReader::new(child.stderr.take().expect("its log"));
        let mut lines = String::new();
        let listening = async {
            loop {
                let mut line = String::new();
                let read = log.read_line(&mut line).await.expect("text");
                assert!(read > 0, "it listens: {lines}");
                lines += &line;
                if let Some((_, rest)) = line.split_once("address=") {
                    let address = rest.split_whitespace().next().expect("an address");
                    return format!("http://{address}");
                }
            }
        };
        let url = timeout(TIMEOUT, listening).await.expect("it listens");
        Self {
            child,
            url,
            log,
            lines,
        }
    }

    /// Waits for a line of the log that contains a text.
    async fn line_with(&mut self, text: &str) -> String {
        let reading = async {
            loop {
                let mut line = String::new();
                let read = self.log.read_line(&mut line).await.expect("text");
                assert!(read > 0, "{text:?} in {}", self.lines);
                self.lines += &line;
                if line.contains(text) {
                    return line;
                }
            }
        };
        timeout(TIMEOUT, reading).await.expect("the line")
    }

    async fn call(&self, sql: &str) {
        let arguments = json!({"postgresql_query": sql});
        let params = json!({"name": "execute_sales_query", "arguments": arguments});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let sent = http()
            .post(format!("{}/mcp", self.url))
            .header("accept", "application/json, text/event-stream")
            .header("x-rls-user-id", SEATTLE)
            .json(&body)
            .send();
        let answer: Value = sent.await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["result"]["isError"], false, "{answer}");
    }

    /// Sends SIGTERM, and returns the exit code and the whole log.
    ///
    /// The caller keeps the log with `keep_log`, so that it is searched for secrets.
    async fn terminate(mut self) -> (Option<i32>, String) {
        let id = self.child.id().expect("it runs").to_string();
        let kill = Command::new("kill")
            .args(["-s", "TERM", &id])
            .status()
            .await;
        assert!(kill.expect("kill runs").success());
        let ended = timeout(TIMEOUT, self.child.wait()).await.expect("it ends");
        let rest = self.log.read_to_string(&mut self.lines).await;
        rest.expect("text");
        (ended.expect("a status").code(), self.lines)
    }
}

#[tokio::test]
async fn a_process_sends_logs_with_their_traces_and_the_rest_at_sigterm() {
    let endpoint = Endpoint::start().await;
    let mut command = command(endpoint.folder.path());
    command
        .env(
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            // The portal's form ends with a semicolon.
            endpoint.ingestion.connection_string() + ";",
        )
        .env(
            "ZAVA_HTTPS_ROOTCERT",
            endpoint.folder.path().join("root.pem"),
        )
        // Adds the text of statements to the audit log, and to nothing else.
        .env("ZAVA_AUDIT_SQL", "on");
    let process = Process::start(command).await;
    process.call("SELECT 1 AS \"a private alias\"").await;
    let (code, log) = process.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    // ZAVA_AUDIT_SQL adds the statement to this line, and to no other.
    let (with_statement, others): (Vec<_>, Vec<_>) = log
        .lines()
        .partition(|line| line.contains("a private alias"));
    assert_eq!(with_statement.len(), 1, "{log}");
    assert!(with_statement[0].contains("kind=Call"), "{log}");
    keep_log(&(others.join("\n") + "\n"));
    let items = endpoint.ingestion.items();
    let is_private = |item: &Value| item.to_string().contains("a private alias");
    assert!(!items.iter().any(is_private), "{items:#?}");
    let call = named(&items, "tools/call execute_sales_query")[0];
    let messages: Vec<&Value> = items
        .iter()
        .filter(|item| item["data"]["baseType"] == "MessageData")
        .collect();
    let message = |text: &str| {
        let mut messages = messages.iter();
        messages
            .find(|item| data(item, &["message"]) == text)
            .unwrap_or_else(|| panic!("{text} in {messages:#?}"))
    };
    message("listening; the MCP endpoint is /mcp");
    let audit = message("audit");
    assert_eq!(tag(audit, "ai.operation.id"), tag(call, "ai.operation.id"));
    assert_eq!(tag(audit, "ai.operation.parentId"), data(call, &["id"]));
    assert_eq!(data(audit, &["properties", "kind"]), "Call");
    let recorded = Value::from(items.clone()).to_string();
    assert!(!recorded.contains("private"), "{recorded}");
}

#[tokio::test]
async fn a_dead_endpoint_is_logged_once_and_the_process_ends_in_time() {
    let endpoint = Endpoint::start().await;
    let mut other_name = endpoint.ingestion.endpoint();
    other_name.set_host(Some("127.0.0.1")).expect("a host");
    for (url, cause) in [
        // Nobody listens there.
        ("https://127.0.0.1:1/", "refused"),
        // The certificate is for another name.
        (other_name.as_str(), "certificate"),
    ] {
        let mut command = command(endpoint.folder.path());
        let key = "InstrumentationKey=11111111-2222-3333-4444-555555555555";
        command
            .env(
                "APPLICATIONINSIGHTS_CONNECTION_STRING",
                format!("{key};IngestionEndpoint={url}"),
            )
            .env(
                "ZAVA_HTTPS_ROOTCERT",
                endpoint.folder.path().join("root.pem"),
            );
        let process = Process::start(command).await;
        process.call("SELECT 1").await;
        let (code, log) = process.terminate().await;
        keep_log(&log);
        assert_eq!(code, Some(0), "{log}");
        let warnings: Vec<_> = log
            .lines()
            .filter(|line| line.contains("telemetry cannot be sent"))
            .collect();
        assert_eq!(warnings.len(), 1, "{log}");
        assert!(warnings[0].to_lowercase().contains(cause), "{warnings:?}");
        assert_eq!(
            log.matches("telemetry flush timed out; unsent items are lost")
                .count(),
            1
        );
    }
    assert!(endpoint.ingestion.items().is_empty());
}

#[tokio::test]
async fn log_lines_of_background_tasks_carry_the_name_of_the_task() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command(folder.path());
    // A filter by module must not drop the name.
    command.env("ZAVA_LOG", "warn,zava_mcp_server=info");
    let mut process = Process::start(command).await;
    // There is no request that could have checked the posture.
    let line = process.line_with("posture check passed").await;
    assert!(line.contains(r#"background{task="posture"}"#), "{line}");
    let (code, log) = process.terminate().await;
    keep_log(&log);
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn invalid_settings_of_telemetry_exit_with_64() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = command(folder.path());
    command
        .env(
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            "IngestionEndpoint=https://a.test/",
        )
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318");
    let output = timeout(TIMEOUT, command.output()).await.expect("it ends");
    let output = output.expect("it runs");
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).expect("text");
    for expected in [
        "APPLICATIONINSIGHTS_CONNECTION_STRING has no InstrumentationKey; ",
        "OTEL_EXPORTER_OTLP_ENDPOINT must be http:// or https://",
    ] {
        assert!(text.contains(expected), "{text}");
    }
}
