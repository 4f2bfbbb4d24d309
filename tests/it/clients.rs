//! Third-party MCP clients (SDKs, agent frameworks and a bridge, for Python and TypeScript) over
//! HTTP.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::support::{HEAD_OFFICE, REDMOND, STORES, TestServer};

/// Runs a client of `tests/clients` against a server; returns its report.
pub(crate) async fn report(
    kind: &str,
    arguments: &[&str],
    server: &TestServer,
    calls: &Value,
) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/run");
    let mut child = Command::new(script)
        .arg(kind)
        .args(arguments)
        .arg(server.url("/mcp"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the client starts");
    let mut input = child.stdin.take().expect("its input");
    input
        .write_all(calls.to_string().as_bytes())
        .await
        .expect("the calls are written");
    drop(input);
    let output = child.wait_with_output().await.expect("the client ends");
    assert!(
        output.status.success(),
        "{kind}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("a report in JSON")
}

/// Head office's order count equals the sum over the eight stores, and each store sees only its own
/// orders.
async fn assert_isolated_per_store(kind: &str, version: &str) {
    let server = TestServer::shared();
    let query = |tenant: &str, sql: &str| json!({"tenant": tenant, "tool": "execute_sales_query", "arguments": {"postgresql_query": sql}});
    let orders = "SELECT count(*), count(DISTINCT store_id) FROM retail.orders";
    let mut calls: Vec<Value> = STORES.iter().map(|tenant| query(tenant, orders)).collect();
    calls.push(query(HEAD_OFFICE, orders));
    calls.push(query(REDMOND, "SELECT count(*) FROM retail.customers"));
    calls.push(query(REDMOND, "DELETE FROM retail.orders"));
    calls.push(json!({"tenant": REDMOND, "tool": "semantic_search_products", "arguments": {"query_description": "paint for a fence"}}));
    calls.push(json!({"tenant": REDMOND, "tool": "get_multiple_table_schemas", "arguments": {"table_names": ["retail.orders"]}}));
    calls.push(json!({"tenant": REDMOND, "tool": "get_current_utc_date", "arguments": {}}));
    calls.push(json!({"tenant": REDMOND, "tool": "find_related_products", "arguments": {"product": "HTHM000100"}}));
    let report = report(kind, &[], &server, &json!(calls)).await;

    assert_eq!(report["protocolVersion"], version, "{report}");
    assert_eq!(report["server"]["name"], "mcp-zava-sales", "{report}");
    let tools: Vec<&str> = report["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert_eq!(
        tools,
        [
            "get_multiple_table_schemas",
            "execute_sales_query",
            "semantic_search_products",
            "find_related_products",
            "get_current_utc_date"
        ]
    );

    let results = report["results"].as_array().expect("results");
    let number = |index: usize, column: usize| {
        results[index]["structured"]["r"][0][column]
            .as_i64()
            .unwrap_or_else(|| panic!("a number in {}", results[index]))
    };
    let mut sum = 0;
    for (index, tenant) in STORES.iter().enumerate() {
        let expected = server
            .number(tenant, "SELECT count(*) FROM retail.orders")
            .await;
        assert_eq!(
            (number(index, 0), number(index, 1)),
            (expected, 1),
            "{tenant}"
        );
        sum += expected;
    }
    assert_eq!((number(8, 0), number(8, 1)), (sum, 8));
    assert_eq!(
        number(9, 0),
        server
            .number(REDMOND, "SELECT count(*) FROM retail.customers")
            .await
    );
    assert_eq!(results[10]["isError"], true);
    for result in &results[11..] {
        assert_eq!(result["isError"], false, "{result}");
    }
    assert!(
        results[11]["structured"]["n"].as_i64() > Some(0),
        "{}",
        results[11]
    );
    assert!(
        results[12]["text"].as_str().is_some_and(|text| {
            text.starts_with("# Table: retail.orders")
                && text.contains("# Scope: Zava Retail Redmond only")
        }),
        "{}",
        results[12]
    );
    assert!(
        results[14]["structured"]["n"].as_i64() > Some(0),
        "{}",
        results[14]
    );
}

#[tokio::test]
async fn python_sdk_results_are_isolated_per_store() {
    assert_isolated_per_store("python", "2025-11-25").await;
}

#[tokio::test]
async fn typescript_sdk_results_are_isolated_per_store() {
    assert_isolated_per_store("node", "2026-07-28").await;
}

#[tokio::test]
async fn python_sdk_v1_results_are_isolated_per_store() {
    assert_isolated_per_store("python1", "2025-11-25").await;
}

#[tokio::test]
async fn langchain_results_are_isolated_per_store() {
    assert_isolated_per_store("langchain", "2025-11-25").await;
}

#[tokio::test]
async fn ai_sdk_results_are_isolated_per_store() {
    assert_isolated_per_store("ai-sdk", "2026-07-28").await;
}

#[tokio::test]
async fn mcp_remote_results_are_isolated_per_store() {
    assert_isolated_per_store("mcp-remote", "2025-11-25").await;
}
