//! The server keeps serving when its log pipe is not read or is closed.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

use crate::command_line::{binary, with_database};
use crate::support::{SEATTLE, TestDatabase, http, settings};

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// More log lines than the pipe buffer holds.
const CALLS: usize = 1000;

/// A running server, its URL, and its log pipe.
async fn serve(database: &TestDatabase) -> (Child, String, BufReader<ChildStderr>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = binary(folder.path());
    with_database(&mut command, &settings(&database.name));
    let mut child = command.stdin(Stdio::null()).spawn().expect("it starts");
    let mut log = BufReader::new(child.stderr.take().expect("its log"));
    let mut line = String::new();
    log.read_line(&mut line).await.expect("a line");
    let (_, address) = line.trim().rsplit_once("address=").expect("its address");
    (child, format!("http://{address}/mcp"), log)
}

/// Calls an unknown tool; each call writes a line to the log.
async fn call(client: &reqwest::Client, url: &str) {
    let answer = client
        .post(url)
        .header("accept", "application/json, text/event-stream")
        .header("x-rls-user-id", SEATTLE)
        .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "none", "arguments": {}}}))
        .send();
    let answer = timeout(RESPONSE_TIMEOUT, answer)
        .await
        .expect("an answer in time")
        .expect("an answer");
    assert!(answer.status().is_success() || answer.status().is_client_error());
}

async fn terminate(mut child: Child) {
    let id = child.id().expect("it runs").to_string();
    let signaled = Command::new("kill").arg(id).status().await.expect("kill");
    assert!(signaled.success());
    let ended = timeout(RESPONSE_TIMEOUT, child.wait())
        .await
        .expect("it ends in time");
    assert_eq!(ended.expect("an exit status").code(), Some(0));
}

#[tokio::test]
async fn stalled_log_reader_blocks_neither_requests_nor_shutdown() {
    let database = TestDatabase::shared();
    let (child, url, log) = serve(&database).await;
    let client = http();
    for _ in 0..CALLS {
        call(&client, &url).await;
    }
    terminate(child).await;
    drop(log);
}

#[tokio::test]
async fn closed_log_pipe_blocks_neither_requests_nor_shutdown() {
    let database = TestDatabase::shared();
    let (child, url, log) = serve(&database).await;
    drop(log);
    let client = http();
    for _ in 0..10 {
        call(&client, &url).await;
    }
    terminate(child).await;
}

/// Exit code 101 would be a panic.
#[tokio::test]
async fn commands_keep_their_exit_code_when_stderr_is_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, code) in [
        (&["sql", "DELETE FROM retail.orders"][..], 1),
        (&["serve"], 64),
        (&["check"], 64),
        (&["migrate"], 64),
        (&["--nonsense"], 64),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ended = binary(folder.path())
            .args(arguments)
            .stderr(writer)
            .status()
            .await
            .expect("it runs");
        assert_eq!(ended.code(), Some(code), "{arguments:?}");
    }
}
