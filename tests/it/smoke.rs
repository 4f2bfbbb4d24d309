//! `scripts/smoke`, which tests a deployed server, over servers that are right and wrong.

use std::process::Stdio;

use tokio::process::Command;

use crate::support::TestServer;

/// Runs the script once, without waiting for a server that may still start.
async fn smoke(arguments: &[&str], token: Option<&str>, server: &TestServer) -> (bool, String) {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/smoke"));
    command.args(arguments).arg(server.url("/mcp"));
    command
        .env("SMOKE_TRIES", "1")
        .env_remove("MCP_ACCESS_TOKEN");
    if let Some(token) = token {
        command.env("MCP_ACCESS_TOKEN", token);
    }
    let output = command.stdin(Stdio::null()).output().await;
    let output = output.expect("the script runs");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[tokio::test]
async fn smoke_test_passes_on_a_server_with_every_tool_for_two_stores() {
    let server = TestServer::shared();
    let (passed, said) = smoke(&[], None, &server).await;
    assert!(passed, "{said}");
    for tool in [
        "get_multiple_table_schemas",
        "execute_sales_query",
        "semantic_search_products",
        "find_related_products",
        "get_current_utc_date",
    ] {
        for store in ["Zava Retail Seattle", "Zava Retail Redmond"] {
            assert!(said.contains(&format!("ok   {store}: {tool}\n")), "{said}");
        }
    }
    assert!(said.contains("sees its own rows only"), "{said}");
}

#[tokio::test]
async fn smoke_test_fails_where_a_store_is_not_what_it_should_be() {
    let server = TestServer::shared();
    // Head office sees the rows of all stores.
    let stores = [
        "--store",
        "Zava Retail Seattle=f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "--store",
        "Zava Retail Redmond=00000000-0000-0000-0000-000000000000",
    ];
    let (passed, said) = smoke(&stores, None, &server).await;
    assert!(!passed, "{said}");
    assert!(
        said.contains("FAIL Zava Retail Redmond sees its own rows only (all 8 stores)"),
        "{said}"
    );
}

/// A server that answers without a token must not pass a test with one.
#[tokio::test]
async fn smoke_test_fails_on_a_server_that_needs_no_token() {
    let server = TestServer::shared();
    let (passed, said) = smoke(&[], Some("a-token"), &server).await;
    assert!(!passed, "{said}");
    assert!(
        said.contains("FAIL a request without a token is rejected"),
        "{said}"
    );
    assert!(!said.contains("a-token"), "{said}");
}
