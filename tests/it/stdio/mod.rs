//! MCP over standard input and output, by the binary.

mod client; // a client over standard input and output
mod lifecycle; // cancellation, shutdown, and what becomes of pending calls
mod malformed_input; // lines that are not a valid message

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::command_line::{binary, with_database};
use crate::support::{HEAD_OFFICE, SEATTLE, TestDatabase, TestServer, query_password, settings};
use client::Client;

/// One tenant over standard input and output; the log goes to standard error only.
#[tokio::test]
async fn serves_the_configured_tenant() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut counts = Vec::new();
    for tenant in [SEATTLE, HEAD_OFFICE] {
        let mut command = binary(folder.path());
        with_database(&mut command, &settings(&database.name));
        let mut child = command
            .args(["serve", "--stdio"])
            .env("ZAVA_TENANT", tenant)
            .env("ZAVA_LOG", "debug")
            .stdin(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut input = child.stdin.take().expect("its input");
        let mut output = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut errors = child.stderr.take().expect("its log");
        let init = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let call = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": "SELECT count(*) FROM retail.orders"}});
        for message in [
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": init}),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
            json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}),
        ] {
            input
                .write_all(format!("{message}\n").as_bytes())
                .await
                .expect("written");
        }
        let mut read_log = String::new();
        let (answers, _) = tokio::join!(
            async {
                let mut answers = Vec::new();
                for _ in 0..2 {
                    let line = output
                        .next_line()
                        .await
                        .expect("a line")
                        .expect("an answer");
                    answers.push(serde_json::from_str::<Value>(&line).expect("JSON"));
                }
                drop(input);
                assert!(
                    output.next_line().await.expect("the end").is_none(),
                    "nothing but answers on standard output"
                );
                answers
            },
            errors.read_to_string(&mut read_log)
        );
        assert!(child.wait().await.expect("it ends").success());
        assert_eq!(answers[0]["result"]["serverInfo"]["name"], "mcp-zava-sales");
        counts.push(
            answers[1]["result"]["structuredContent"]["r"][0][0]
                .as_i64()
                .expect("a count"),
        );
        // The audit event and the chain head.
        for entry in [
            "zava::audit: audit kind=Call decision=Allowed",
            "tool=\"execute_sales_query\" fingerprint=\"",
            "rows=1",
            "audit records appended chain_head=",
        ] {
            assert!(read_log.contains(entry), "{entry}: {read_log}");
        }
        assert!(read_log.contains(tenant), "{read_log}");
        // No log level contains the client's SQL or a secret.
        assert!(
            !read_log.contains("count(*)") && !read_log.contains(&query_password()),
            "{read_log}"
        );
    }
    assert!(counts[0] > 0 && counts[0] < counts[1], "{counts:?}");
}

/// Rows and text, short and long, and errors.
#[tokio::test]
async fn responses_equal_those_over_http_byte_for_byte() {
    let database = TestDatabase::shared();
    let server = TestServer::with_settings(&settings(&database.name)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start(&database, folder.path());
    client.initialize_session().await;
    for (tool, arguments) in [
        (
            "execute_sales_query",
            json!({"postgresql_query": "SELECT 1 AS \"é\""}),
        ),
        (
            "execute_sales_query",
            json!({"postgresql_query": "SELECT * FROM retail.orders ORDER BY order_id", "max_rows": 1000}),
        ),
        (
            "execute_sales_query",
            json!({"postgresql_query": "SELECT nothing"}),
        ),
        (
            "get_multiple_table_schemas",
            json!({"table_names": ["retail.orders"]}),
        ),
        ("get_multiple_table_schemas", json!({"table_names": []})),
    ] {
        let call = json!({"name": tool, "arguments": arguments});
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call});
        client.send(&request).await;
        let line = client.next_line().await.expect("an answer");
        let response = server.request(SEATTLE, "tools/call", call).await;
        assert_eq!(line, response.text().await.expect("a body"), "{request}");
    }
}

#[tokio::test]
async fn missing_tenant_setting_is_reported() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = binary(folder.path());
    with_database(&mut command, &settings(&database.name));
    let output = command
        .args(["serve", "--stdio"])
        .output()
        .await
        .expect("it runs");
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ZAVA_TENANT is not set"));
}
