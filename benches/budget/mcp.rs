use serde_json::{Value, json};

use crate::Fallible;
use crate::client::{Answer, Connection};

/// The store in Seattle: an ordinary tenant under row security.
pub(crate) const SEATTLE: &str = "f47ac10b-58cc-4372-a567-0e02b2c3d479";

/// Four stores, Seattle's first.
pub(crate) const STORES: [&str; 4] = [
    SEATTLE,
    "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "e7f8a9b0-c1d2-3e4f-5678-90abcdef1234",
];

/// The row limit that `benches/budget/server.rs` sets.
const MAX_ROWS: u32 = 10_000;

/// The protocol version of the bench.
const PROTOCOL: &str = "2025-11-25";

/// A complete HTTP request that calls our `execute_sales_query` for Seattle's store.
pub(crate) fn query(sql: &str) -> Vec<u8> {
    query_of(SEATTLE, sql)
}

/// The same for any store.
pub(crate) fn query_of(store: &str, sql: &str) -> Vec<u8> {
    // The maximum number of rows, not the default.
    let arguments = json!({"postgresql_query": sql, "max_rows": MAX_ROWS});
    request(
        &tenant_header(store),
        "tools/call",
        &json!({"name": "execute_sales_query", "arguments": arguments}),
    )
}

/// A complete HTTP request that calls our `semantic_search_products` for Seattle's store.
pub(crate) fn search(text: &str, mode: &str, threshold: u32) -> Vec<u8> {
    let arguments =
        json!({"query_description": text, "mode": mode, "similarity_threshold": threshold});
    request(
        &tenant_header(SEATTLE),
        "tools/call",
        &json!({"name": "semantic_search_products", "arguments": arguments}),
    )
}

/// A search with arguments of the tool, a JSON object without the text.
pub(crate) fn search_with(text: &str, arguments: &str) -> Fallible<Vec<u8>> {
    let mut arguments: Value = serde_json::from_str(arguments)?;
    arguments["query_description"] = text.into();
    Ok(request(
        &tenant_header(SEATTLE),
        "tools/call",
        &json!({"name": "semantic_search_products", "arguments": arguments}),
    ))
}

/// The same for the tool in `toolbox.yaml`, which knows no tenants.
pub(crate) fn toolbox_query(sql: &str) -> Vec<u8> {
    let arguments = json!({"sql": sql});
    request(
        "",
        "tools/call",
        &json!({"name": "execute_sql", "arguments": arguments}),
    )
}

pub(crate) fn list_tools() -> Vec<u8> {
    request(&tenant_header(SEATTLE), "tools/list", &json!({}))
}

pub(crate) fn initialize() -> Vec<u8> {
    request(
        &tenant_header(SEATTLE),
        "initialize",
        &json!({
            "protocolVersion": PROTOCOL,
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"}
        }),
    )
}

/// The smallest request, with the caller's header fields.
pub(crate) fn ping(caller: &str) -> Vec<u8> {
    request(caller, "ping", &json!({}))
}

/// The header field that names a tenant.
pub(crate) fn tenant_header(store: &str) -> String {
    format!("x-rls-user-id: {store}\r\n")
}

/// A complete HTTP request, with the header fields that MCP requires and those of the caller.
fn request(caller: &str, method: &str, params: &Value) -> Vec<u8> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    format!(
        "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: {PROTOCOL}\r\n\
         {caller}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Sends an MCP request; returns its result.
///
/// # Errors
/// If the connection fails, and those of [`result_of`].
pub(crate) async fn call(connection: &mut Connection, request: &[u8]) -> Fallible<Value> {
    result_of(connection.exchange(request).await?)
}

/// The result in a response.
///
/// # Errors
/// If the status is not 200, or the response is a protocol error or a tool error; the text contains
/// the whole body.
pub(crate) fn result_of(answer: Answer<'_>) -> Fallible<Value> {
    let wrong = || -> Box<dyn std::error::Error + Send + Sync> {
        let body = String::from_utf8_lossy(answer.body);
        format!("a wrong answer, HTTP status {}: {body}", answer.status).into()
    };
    if answer.status != 200 {
        return Err(wrong());
    }
    let mut message: Value = serde_json::from_slice(answer.body).map_err(|_| wrong())?;
    match message.get_mut("result").map(Value::take) {
        Some(result) if result["isError"] != json!(true) => Ok(result),
        Some(_) | None => Err(wrong()),
    }
}
