use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{SEATTLE, TestServer};

/// What a body that is no request is answered with.
#[tokio::test]
async fn broken_envelopes() {
    let server = TestServer::start_with(|settings| {
        settings.limits.request_bytes = 2048.try_into().expect("not zero")
    })
    .await;
    let long = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{{\"x\":\"{}\"}}}}",
        "x".repeat(2048)
    );
    let cases: [(&str, &[u8], u16, i64, &str); 9] = [
        ("no body", b"", 400, -32700, "not valid JSON"),
        ("not JSON", b"{\"jsonrpc\":", 400, -32700, "not valid JSON"),
        (
            "not UTF-8",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\"}",
            400,
            -32700,
            "not valid JSON",
        ),
        ("an array", b"[]", 400, -32600, "not a JSON-RPC 2.0 message"),
        (
            "a batch",
            b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]",
            400,
            -32600,
            "not a JSON-RPC 2.0 message",
        ),
        ("a number", b"5", 400, -32600, "not a JSON-RPC 2.0 message"),
        (
            "no method",
            b"{\"jsonrpc\":\"2.0\",\"id\":1}",
            400,
            -32600,
            "not a JSON-RPC 2.0 message",
        ),
        (
            "version 1.0",
            b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
            400,
            -32600,
            "not a JSON-RPC 2.0 message",
        ),
        (
            "too long",
            long.as_bytes(),
            413,
            -32600,
            "the most is 2048 bytes",
        ),
    ];
    for (what, body, status, code, words) in cases {
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
        assert_eq!(body["id"], Value::Null, "{what}");
    }
}

#[tokio::test]
async fn wrong_media_types_methods_hosts_and_origins() {
    let server = TestServer::start().await;
    let url = server.url("/mcp");
    let request = |method: reqwest::Method| {
        server
            .client
            .request(method, &url)
            .header("x-rls-user-id", SEATTLE)
    };
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    let post = || {
        request(reqwest::Method::POST)
            .header("accept", "application/json, text/event-stream")
            .body(body.clone())
    };
    let json = ("content-type", "application/json");
    let cases = [
        (
            "a text body",
            post().header("content-type", "text/plain"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "no content type",
            post(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "wants HTML",
            request(reqwest::Method::POST)
                .header("accept", "text/html")
                .header(json.0, json.1)
                .body(body.clone()),
            StatusCode::NOT_ACCEPTABLE,
        ),
        (
            "GET",
            request(reqwest::Method::GET).header("accept", "text/event-stream"),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            "DELETE",
            request(reqwest::Method::DELETE),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            "a foreign host",
            post()
                .header(json.0, json.1)
                .header("host", "evil.example.com"),
            StatusCode::FORBIDDEN,
        ),
        (
            "a foreign origin",
            post()
                .header(json.0, json.1)
                .header("origin", "https://evil.example.com"),
            StatusCode::FORBIDDEN,
        ),
        (
            "an unknown version",
            post()
                .header(json.0, json.1)
                .header("mcp-protocol-version", "1999-01-01"),
            StatusCode::BAD_REQUEST,
        ),
        (
            "a local origin",
            post()
                .header(json.0, json.1)
                .header("origin", "http://localhost:6274"),
            StatusCode::OK,
        ),
    ];
    for (what, request, status) in cases {
        assert_eq!(
            request.send().await.expect("an answer").status(),
            status,
            "{what}"
        );
    }
    let elsewhere = server
        .client
        .get(server.url("/nothing"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(elsewhere.status(), 404);
    assert!(elsewhere.text().await.expect("a body").contains("/mcp"));
}

#[tokio::test]
async fn an_unknown_tool_or_method_is_a_protocol_error() {
    let server = TestServer::start().await;
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

/// Arguments that cannot be used are a tool's error, which a model reads and mends.
#[tokio::test]
async fn unusable_arguments() {
    let server = TestServer::start().await;
    let (sql, search, schemas, date) = (
        "execute_sales_query",
        "semantic_search_products",
        "get_multiple_table_schemas",
        "get_current_utc_date",
    );
    let cases = [
        (
            sql,
            json!({}),
            "missing field `postgresql_query`; for example",
        ),
        (
            sql,
            json!({"postgresql_query": 5}),
            "invalid type: integer `5`, expected a string; for example",
        ),
        (
            sql,
            json!({"postgresql_query": null}),
            "invalid type: null, expected a string",
        ),
        (
            sql,
            json!({"postgresql_query": "SELECT 1", "limit": 5}),
            "unknown field `limit`, expected `postgresql_query`",
        ),
        (
            sql,
            json!({"postgresql_query": ""}),
            "there is no statement",
        ),
        (
            sql,
            json!({"postgresql_query": "SELECT '\u{0}'"}),
            "NUL byte",
        ),
        (
            sql,
            json!({"postgresql_query": format!("SELECT 1{}", " ".repeat((32 << 10) - 7))}),
            "32769 bytes; the most is 32768",
        ),
        (
            sql,
            json!({"postgresql_query": "SELECT * FROM retail.order_itemz"}),
            "no table retail.order_itemz",
        ),
        (search, json!({}), "missing field `query_description`"),
        (
            search,
            json!({"query_description": ""}),
            "holds nothing to search for",
        ),
        (
            search,
            json!({"query_description": " \n\t "}),
            "holds nothing to search for",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": -1}),
            "max_rows is -1; it must be from 1 to 100",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": 0}),
            "max_rows is 0; it must be from 1 to 100",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": "5"}),
            "expected i64",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": 1.5}),
            "expected i64",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": 19.9}),
            "similarity_threshold is 19.9; it must be from 20 to 80",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": 80.1}),
            "it must be from 20 to 80",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": 1e300}),
            "it must be from 20 to 80",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": "high"}),
            "expected f64",
        ),
        (schemas, json!({}), "missing field `table_names`"),
        (
            schemas,
            json!({"table_names": []}),
            "table_names is empty; the tables are retail.customers",
        ),
        (
            schemas,
            json!({"table_names": "retail.orders"}),
            "expected a sequence",
        ),
        (
            schemas,
            json!({"table_names": ["orders", "retail.stores", "guard.tenant"]}),
            "unknown tables: orders, guard.tenant; the tables are",
        ),
        (
            schemas,
            json!({"table_names": ["retail.orders'; DROP TABLE x; --"]}),
            "unknown tables: retail.orders'",
        ),
        (date, json!({"zone": "UTC"}), "unknown field `zone`"),
    ];
    for (tool, arguments, words) in cases {
        let answer = server.call(SEATTLE, tool, arguments.clone()).await;
        assert!(answer.is_error, "{tool} {arguments}: {}", answer.text);
        let text = answer.structured["err"].as_str().unwrap_or(&answer.text);
        assert!(text.contains(words), "{tool} {arguments}: {text}");
    }
}

#[tokio::test]
async fn the_longest_statement_runs() {
    let server = TestServer::start().await;
    let sql = format!("SELECT 7{}", " ".repeat((32 << 10) - 8));
    assert_eq!(server.number(SEATTLE, &sql).await, 7);
}

#[tokio::test]
async fn more_rows_than_a_search_gives_are_the_most_it_gives() {
    let server = TestServer::start().await;
    let answer = server.call(SEATTLE, "semantic_search_products", json!({"query_description": "paint for the house", "max_rows": 1_000_000_000, "similarity_threshold": 20})).await;
    assert!(!answer.is_error, "{}", answer.text);
    assert!(answer.structured["n"].as_i64().expect("a count") <= 100);
}

/// Arguments that are no object are no `tools/call` at all.
#[tokio::test]
async fn arguments_that_are_no_object() {
    let server = TestServer::start().await;
    let response = server
        .request(
            SEATTLE,
            "tools/call",
            json!({"name": "get_current_utc_date", "arguments": [1]}),
        )
        .await;
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["error"]["code"], -32602, "{body}");
    assert!(
        body["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("arguments")),
        "{body}"
    );
}
