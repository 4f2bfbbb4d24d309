//! Memory that large values cost the server: bounded by the limits on a result and a protocol
//! message, whatever the tables hold.
#![cfg(target_os = "linux")]

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::command_line::{binary, with_database};
use crate::support::{HEAD_OFFICE, TestDatabase, settings};

const MIB: u64 = 1 << 20;

/// A value of 50 MB, a row of 36 MB, and an unbounded number of 300 KB rows. A result has at most 1
/// MiB and a protocol message 1.25 MiB. A result exists three times: as text, as structured
/// content, and in the message.
#[tokio::test]
async fn memory_is_bounded_by_limits_not_by_row_size() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    for (product, length) in [(1, 50_000_000), (2, 300_000)] {
        sqlx::query("UPDATE retail.products SET product_description = repeat('x', $2) WHERE product_id = $1")
            .bind(product)
            .bind(length)
            .execute(&mut db)
            .await
            .expect("a long description");
    }
    let mut server = Server::start(&database).await;
    assert_eq!(server.query("SELECT 1").await["n"], 1);
    let huge = "SELECT product_description FROM retail.products WHERE product_id = 1";
    let columns: Vec<String> = (0..120)
        .map(|n| format!("product_description AS d{n}"))
        .collect();
    let wide = format!(
        "SELECT {} FROM retail.products WHERE product_id = 2",
        columns.join(", ")
    );
    let long = "SELECT p.product_description FROM retail.products AS p, retail.customers AS c WHERE p.product_id = 2";
    for (sql, rows, max_mib) in [(huge, 0, 6), (&wide, 0, 6), (long, 15, 16)] {
        let before = server.reset_peak();
        let answer = server.query(sql).await;
        let growth = server.peak().saturating_sub(before);
        assert_eq!(
            (&answer["n"], &answer["truncated"]),
            (&json!(rows), &json!(true)),
            "{sql:.60}"
        );
        assert!(growth < max_mib * MIB, "{growth} bytes for {sql:.60}");
    }
    assert_eq!(server.query("SELECT 1").await["n"], 1);
}

/// A server process over standard input and output.
struct Server {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start(database: &TestDatabase) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = binary(folder.path());
        with_database(&mut command, &settings(&database.name));
        let mut process = command
            .args(["serve", "--stdio"])
            .env("ZAVA_TENANT", HEAD_OFFICE)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let input = process.stdin.take().expect("its input");
        let output = process.stdout.take().expect("its output");
        let mut server = Self {
            process,
            input,
            output: BufReader::new(output).lines(),
            _folder: folder,
        };
        let client = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        server.request("initialize", client).await;
        server
            .write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
            .await;
        server
    }

    async fn query(&mut self, sql: &str) -> Value {
        let call = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": sql, "max_rows": 1000}});
        self.request("tools/call", call).await["result"]["structuredContent"].take()
    }

    async fn request(&mut self, method: &str, params: Value) -> Value {
        self.write(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
            .await;
        let line = self
            .output
            .next_line()
            .await
            .expect("a line")
            .expect("an answer");
        serde_json::from_str(&line).expect("JSON")
    }

    async fn write(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.input
            .write_all(line.as_bytes())
            .await
            .expect("written");
    }

    /// Resets the peak (proc(5), `clear_refs`); returns the resident memory in bytes.
    fn reset_peak(&self) -> u64 {
        std::fs::write(self.file("clear_refs"), "5").expect("the peak begins anew");
        self.status("VmRSS:")
    }

    /// The peak resident memory since then, in bytes.
    fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(self.file("status")).expect("the status");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line
            .and_then(|line| line.trim().strip_suffix(" kB"))
            .expect("a size");
        kib.parse::<u64>().expect("a number") * 1024
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.process.id().expect("it runs"))
    }
}
