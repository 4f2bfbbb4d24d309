//! Budgets of the server as a process, from its start to the first answer. A budget is what was
//! measured, plus a margin for memory. It may be raised for what is worth it; the commit says why.
//! Times depend on the machine, so `./scripts/bench` measures them and no test does.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr};
use tokio::time::timeout;

use crate::command_line::{binary, with_database};
use crate::support::{Proxy, SEATTLE, TestDatabase, http, model_folder, settings};

/// Connecting, the posture check, the lookups of the tenant and of the visible stores, and the
/// query itself.
const MAX_ROUND_TRIPS: usize = 8;

/// Measured: 2,784 to 2,808.
#[cfg(target_os = "linux")]
const MAX_KIB_AT_START: u64 = 3_100;

/// Measured: 3,148 to 3,200.
#[cfg(target_os = "linux")]
const MAX_KIB_AFTER_FIRST_CALL: u64 = 3_600;

const START_TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn round_trips_up_to_the_first_answer_are_within_budget() {
    let database = TestDatabase::new().await;
    let proxy = Proxy::start(settings(&database.name).database.port).await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &database, proxy.port).await;
    server.call().await;
    let round_trips = proxy.take_round_trips();
    assert!(round_trips <= MAX_ROUND_TRIPS, "{round_trips}");
}

/// Only Linux tells apart what a process has allocated and what it has read from files.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_up_to_the_first_answer_is_within_budget() {
    let database = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let port = settings(&database.name).database.port;
    let server = Server::start(folder.path(), &database, port).await;
    let at_start = server.allocated_kib();
    server.call().await;
    let after_first_call = server.allocated_kib();
    assert!(at_start <= MAX_KIB_AT_START, "{at_start} KiB");
    assert!(
        after_first_call <= MAX_KIB_AFTER_FIRST_CALL,
        "{after_first_call} KiB"
    );
}

/// A server process over HTTP.
struct Server {
    /// Stops the process when it is dropped.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only dropped"))]
    process: Child,
    url: String,
    /// Not read further, but kept open so that the server can log.
    _log: Lines<BufReader<ChildStderr>>,
}

impl Server {
    /// Starts a server, and waits until it listens and has checked the database: a call that comes
    /// earlier opens a second connection.
    async fn start(folder: &Path, database: &TestDatabase, port: u16) -> Self {
        let mut settings = settings(&database.name);
        settings.database.port = port;
        let mut command = binary(folder);
        with_database(&mut command, &settings);
        let mut process = command
            .arg("serve")
            .env("ZAVA_EMBEDDING_MODEL_DIR", model_folder())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut log = BufReader::new(process.stderr.take().expect("its log")).lines();
        let starting = async {
            let (mut address, mut is_checked) = (None, false);
            while address.is_none() || !is_checked {
                let line = log.next_line().await.expect("text").expect("a line more");
                is_checked |= line.contains("posture check passed");
                if let Some((_, rest)) = line.split_once("address=") {
                    address = rest.split_whitespace().next().map(str::to_owned);
                }
            }
            address.expect("an address")
        };
        let address = timeout(START_TIMEOUT, starting).await.expect("it starts");
        Self {
            process,
            url: format!("http://{address}/mcp"),
            _log: log,
        }
    }

    /// Runs a small query over the tenant's rows.
    async fn call(&self) {
        let arguments = json!({"postgresql_query": "SELECT count(*) FROM retail.orders"});
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "execute_sales_query", "arguments": arguments}});
        let request = http().post(&self.url).header("x-rls-user-id", SEATTLE);
        let response = request.json(&body).send().await.expect("an answer");
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["result"]["structuredContent"]["n"], 1, "{body}");
    }

    /// The memory that the process has allocated, in KiB. The pages of the program's file are
    /// left out: they are most of the resident memory, and a debug build has several times as many.
    #[cfg(target_os = "linux")]
    fn allocated_kib(&self) -> u64 {
        let id = self.process.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("the status");
        let kib = status.lines().find_map(|line| {
            let value = line.strip_prefix("RssAnon:")?;
            value.trim().strip_suffix(" kB")
        });
        kib.expect("a size").parse().expect("a number")
    }
}
