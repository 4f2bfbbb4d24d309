mod arguments; // tool arguments
mod headers; // media types, methods, hosts and origins

use serde_json::{Value, json};

use crate::support::{SEATTLE, TestServer};

/// Bodies that are not a JSON-RPC request.
#[tokio::test]
async fn malformed_json_rpc_envelopes_are_rejected() {
    let server = TestServer::over_shared_database(|settings| {
        settings.limits.request_bytes = 2048.try_into().expect("not zero")
    })
    .await;
    let long = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{{\"x\":\"{}\"}}}}",
        "x".repeat(2048)
    );
    type Case<'a> = (&'a str, &'a [u8], u16, i64, &'a str, Value);
    let cases: [Case<'_>; 9] = [
        ("no body", b"", 400, -32700, "not valid JSON", Value::Null),
        (
            "not JSON",
            b"{\"jsonrpc\":",
            400,
            -32700,
            "not valid JSON",
            Value::Null,
        ),
        (
            "not UTF-8",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}",
            400,
            -32700,
            "not valid JSON",
            json!(1),
        ),
        (
            "an array",
            b"[]",
            400,
            -32600,
            "not a JSON-RPC 2.0 message",
            Value::Null,
        ),
        (
            "a batch",
            b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
            400,
            -32600,
            "not a JSON-RPC 2.0 message",
            Value::Null,
        ),
        (
            "a number",
            b"5",
            400,
            -32600,
            "not a JSON-RPC 2.0 message",
            Value::Null,
        ),
        (
            "no method",
            b"{\"jsonrpc\":\"2.0\",\"id\":1}",
            400,
            -32600,
            "not a JSON-RPC 2.0 message",
            json!(1),
        ),
        (
            "version 1.0",
            b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
            400,
            -32600,
            "not a JSON-RPC 2.0 message",
            json!(1),
        ),
        (
            "too long",
            long.as_bytes(),
            413,
            -32600,
            "at most 2048 bytes",
            json!(1),
        ),
    ];
    for (what, body, status, code, words, id) in cases {
        let response = server
            .post()
            .header("x-rls-user-id", SEATTLE)
            .body(body.to_vec())
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), status, "{what}");
        let body: Value = response.json().await.expect("a JSON body");
        assert_eq!(body["error"]["code"], code, "{what}: {body}");
        assert!(
            body["error"]["message"]
                .as_str()
                .expect("a message")
                .contains(words),
            "{what}: {body}"
        );
        assert_eq!(body["id"], id, "{what}: {body}");
    }
}

/// Windows programs write a byte order mark, which is not part of the JSON after it.
#[tokio::test]
async fn byte_order_mark_is_ignored() {
    let server = TestServer::shared();
    for body in [
        "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
        "\u{feff}\r\n {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n",
    ] {
        let request = server.post().header("x-rls-user-id", SEATTLE).body(body);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{body:?}");
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(answer["result"], json!({}), "{answer}");
    }
}

#[tokio::test]
async fn unknown_tool_or_method_is_a_protocol_error() {
    let server = TestServer::shared();
    let body: Value = server
        .request(
            SEATTLE,
            "tools/call",
            json!({"name": "drop_tables", "arguments": {}}),
        )
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(body["error"]["code"], -32602);
    assert!(
        body["error"]["message"]
            .as_str()
            .expect("a message")
            .contains("execute_sales_query"),
        "{body}"
    );
    let body: Value = server
        .request(SEATTLE, "no/such", json!({}))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(body["error"]["code"], -32601, "{body}");
}

/// A body whose Content-Length exceeds the limit is rejected before it is sent.
#[tokio::test]
async fn oversized_content_length_is_rejected_before_the_body() {
    let server = TestServer::shared();
    for (length, begins) in [
        (200 << 20, "HTTP/1.1 413 "),
        (41, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "),
    ] {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-RLS-User-ID: {SEATTLE}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        );
        let body = r#"{"jsonrpc":"2.0","id": 1,"method":"ping"}"#;
        let sent = if length == body.len() { body } else { "" };
        let response = server.raw_response(&format!("{head}{sent}")).await;
        assert!(response.starts_with(begins), "{response}");
    }
}

/// An invalid `initialize` names the wrong member; an unknown method lists the methods that exist.
#[tokio::test]
async fn invalid_initialize_params_and_unknown_methods_have_distinct_errors() {
    let server = TestServer::shared();
    let info = json!({"name": "test", "version": "1"});
    let version = "2025-11-25";
    let invalid_params = [
        (json!({}), "protocolVersion: is missing"),
        (json!(null), "params must be an object"),
        (
            json!({"protocolVersion": 5, "capabilities": {}, "clientInfo": info}),
            "protocolVersion: invalid type",
        ),
        (
            json!({"protocolVersion": version, "clientInfo": info}),
            "capabilities: is missing",
        ),
        (
            json!({"protocolVersion": version, "capabilities": [1], "clientInfo": info}),
            "capabilities: invalid type",
        ),
        (
            json!({"protocolVersion": version, "capabilities": {}}),
            "clientInfo: is missing",
        ),
        (
            json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test"}}),
            "clientInfo: missing field `version`",
        ),
        (
            json!({"protocolVersion": version, "capabilities": {}, "clientInfo": "test"}),
            "clientInfo: invalid type",
        ),
    ];
    let initialize = invalid_params.map(|(params, words)| ("initialize", params, -32602, words));
    let exists = "this server has initialize, server/discover, ping, tools/list and tools/call";
    let unknown = [
        "no/such",
        "resources/list",
        "resources/templates/list",
        "prompts/list",
    ];
    let unknown = unknown.map(|method| (method, json!({}), -32601, exists));
    let others = [
        ("resources/read", json!({"uri": "x://y"}), -32601, exists),
        ("prompts/get", json!({"name": "x"}), -32601, exists),
        (
            "logging/setLevel",
            json!({"level": "debug"}),
            -32601,
            exists,
        ),
        (
            "resources/subscribe",
            json!({"uri": "x://y"}),
            -32601,
            exists,
        ),
        (
            "resources/unsubscribe",
            json!({"uri": "x://y"}),
            -32601,
            exists,
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": "b"}}),
            -32601,
            exists,
        ),
    ];
    for (method, params, code, words) in initialize.into_iter().chain(unknown).chain(others) {
        let response = server.request(SEATTLE, method, params.clone()).await;
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["error"]["code"], code, "{method} {params}: {body}");
        assert_eq!(body["id"], 1, "{method} {params}: {body}");
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(message.contains(words), "{method} {params}: {message}");
    }
}
