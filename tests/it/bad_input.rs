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
            "the most is 2048 bytes",
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

/// Programs of Windows write a byte order mark, which is no part of the JSON behind it.
#[tokio::test]
async fn a_byte_order_mark_is_passed_over() {
    let server = TestServer::start().await;
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
    let wants = |accept: &str| {
        request(reqwest::Method::POST)
            .header("accept", accept)
            .header(json.0, json.1)
            .body(body.clone())
    };
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
        ("wants HTML", wants("text/html"), StatusCode::NOT_ACCEPTABLE),
        (
            "wants streams alone",
            wants("text/event-stream"),
            StatusCode::NOT_ACCEPTABLE,
        ),
        (
            "wants anything but JSON",
            wants("*/*, application/json;q=0"),
            StatusCode::NOT_ACCEPTABLE,
        ),
        ("wants anything", wants("*/*"), StatusCode::OK),
        (
            "wants JSON alone",
            wants("application/json"),
            StatusCode::OK,
        ),
        (
            "wants any application",
            wants("application/*;q=0.5"),
            StatusCode::OK,
        ),
        (
            "does not say what it wants",
            request(reqwest::Method::POST)
                .header(json.0, json.1)
                .body(body.clone()),
            StatusCode::OK,
        ),
        (
            "a compressed body",
            post()
                .header(json.0, json.1)
                .header("content-encoding", "gzip"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "a body that is not compressed, and says so",
            post()
                .header(json.0, json.1)
                .header("content-encoding", "identity"),
            StatusCode::OK,
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
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{what}");
        if status != StatusCode::OK {
            let body: Value = answer.json().await.expect("JSON, whatever the status");
            assert!(body["error"]["message"].is_string(), "{what}: {body}");
        }
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

/// What the HTTP libraries of clients would not send.
#[tokio::test]
async fn ambiguous_hosts_are_refused() {
    let server = TestServer::start().await;
    let port = server.address.port();
    let cases = [
        ("/mcp", format!("Host: localhost:{port}\r\n"), 200, ""),
        ("/mcp/", format!("Host: [::1]:{port}\r\n"), 200, ""),
        (
            "http://localhost/mcp",
            "Host: localhost\r\n".to_owned(),
            200,
            "",
        ),
        ("/mcp", String::new(), 400, "one Host"),
        (
            "/mcp",
            "Host: localhost\r\nHost: evil.example.com\r\n".to_owned(),
            400,
            "one Host",
        ),
        (
            "/mcp",
            "Host: [::1].evil.com\r\n".to_owned(),
            400,
            "one Host",
        ),
        (
            "/mcp",
            "Host: evil.com@localhost\r\n".to_owned(),
            400,
            "one Host",
        ),
        (
            "http://evil.example.com/mcp",
            "Host: localhost\r\n".to_owned(),
            400,
            "one Host",
        ),
        (
            "http://evil.example.com/mcp",
            "Host: evil.example.com\r\n".to_owned(),
            403,
            "ZAVA_PUBLIC_URL",
        ),
        (
            "/mcp",
            "Host: evil.example.com\r\n".to_owned(),
            403,
            "ZAVA_PUBLIC_URL",
        ),
        (
            "/mcp",
            "Host: localhost\r\nOrigin: http://[::1].evil.com\r\n".to_owned(),
            403,
            "ZAVA_ALLOWED_ORIGINS",
        ),
        (
            "/mcp",
            "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: https://evil.com\r\n"
                .to_owned(),
            403,
            "ZAVA_ALLOWED_ORIGINS",
        ),
    ];
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for (target, headers, status, words) in cases {
        let head = format!(
            "POST {target} HTTP/1.1\r\n{headers}X-RLS-User-ID: {SEATTLE}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let said = server.said(&format!("{head}{body}")).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(said.starts_with(&expected), "{target} {headers}: {said}");
        assert!(said.contains(words), "{target} {headers}: {said}");
        assert!(!said.contains("evil"), "{target} {headers}: {said}");
    }
}

/// A body that is announced as too long is refused before it is sent.
#[tokio::test]
async fn a_body_that_is_announced_as_too_long_need_not_be_sent() {
    let server = TestServer::start().await;
    for (length, begins) in [
        (200 << 20, "HTTP/1.1 413 "),
        (41, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "),
    ] {
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-RLS-User-ID: {SEATTLE}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        );
        let body = r#"{"jsonrpc":"2.0","id": 1,"method":"ping"}"#;
        let sent = if length == body.len() { body } else { "" };
        let said = server.said(&format!("{head}{sent}")).await;
        assert!(said.starts_with(begins), "{said}");
    }
}

/// A client that begins wrongly is told which member is wrong, and one that asks for more than
/// there is, what there is.
#[tokio::test]
async fn wrong_beginnings_and_methods_are_told_apart() {
    let server = TestServer::start().await;
    let info = json!({"name": "test", "version": "1"});
    let version = "2025-11-25";
    let beginnings = [
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
    let begin = beginnings.map(|(params, words)| ("initialize", params, -32602, words));
    let exists = "it has initialize, server/discover, ping, tools/list and tools/call";
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
    for (method, params, code, words) in begin.into_iter().chain(unknown).chain(others) {
        let response = server.request(SEATTLE, method, params.clone()).await;
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["error"]["code"], code, "{method} {params}: {body}");
        assert_eq!(body["id"], 1, "{method} {params}: {body}");
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(message.contains(words), "{method} {params}: {message}");
    }
}

/// Arguments that cannot be used are a tool's error, which a model reads and mends.
#[tokio::test]
async fn unusable_arguments() {
    let server = TestServer::start().await;
    let (sql, search, schemas) = (
        "execute_sales_query",
        "semantic_search_products",
        "get_multiple_table_schemas",
    );
    let cases = [
        (
            sql,
            json!({}),
            "postgresql_query is missing; for example {\"postgresql_query\": \"SELECT",
        ),
        (
            sql,
            json!({"postgresql_query": 5}),
            "postgresql_query is 5; it must be text; for example",
        ),
        (
            sql,
            json!({"postgresql_query": null}),
            "postgresql_query is missing; for example",
        ),
        (
            sql,
            json!({"postgresql_query": ["SELECT 1"]}),
            "postgresql_query is an array; it must be text",
        ),
        (
            sql,
            json!({"query": "SELECT 1", "toolCallId": "a"}),
            "postgresql_query is missing (given: query, toolCallId); for example",
        ),
        (
            sql,
            json!({"\u{1b}[2J": 1}),
            "postgresql_query is missing (given: \\u{1b}[2J); for example",
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
            json!({"postgresql_query": format!("SELECT 1{}", " ".repeat((8 << 10) - 7))}),
            "8193 bytes; the most is 8192",
        ),
        (
            sql,
            json!({"postgresql_query": "SELECT * FROM retail.order_itemz"}),
            "no table retail.order_itemz",
        ),
        (search, json!({}), "query_description is missing"),
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
            json!({"query_description": "paint", "max_rows": "five"}),
            "max_rows is the text \"five\"; it must be a whole number; for example",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": 1.5}),
            "max_rows is 1.5; it must be a whole number",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": "1.5"}),
            "max_rows is the text \"1.5\"; it must be a whole number",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": true}),
            "max_rows is true; it must be a whole number",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": [5]}),
            "max_rows is an array; it must be a whole number",
        ),
        (
            search,
            json!({"query_description": "paint", "max_rows": -1e300}),
            "it must be from 1 to 100",
        ),
        (
            search,
            json!({"query_description": "paint", "similarity_threshold": "NaN"}),
            "similarity_threshold is the text \"NaN\"; it must be a number",
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
            "similarity_threshold is the text \"high\"; it must be a number",
        ),
        (schemas, json!({}), "table_names is missing"),
        (
            schemas,
            json!({"table_names": []}),
            "table_names is empty; the tables are retail.customers",
        ),
        (
            schemas,
            json!({"table_names": ["retail.stores", 5]}),
            "table_names is an array; it must be an array of texts",
        ),
        (
            schemas,
            json!({"table_names": {"name": "retail.stores"}}),
            "table_names is an object; it must be an array of texts",
        ),
        (
            schemas,
            json!({"table_names": ["public.orders", "retail.stores", "guard.tenant"]}),
            "unknown tables: public.orders, guard.tenant; the tables are",
        ),
        (
            schemas,
            json!({"table_names": ["retail.orders'; DROP TABLE x; --"]}),
            "unknown tables: retail.orders'",
        ),
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
    let sql = format!("SELECT 7{}", " ".repeat((8 << 10) - 8));
    assert_eq!(server.number(SEATTLE, &sql).await, 7);
}

/// Each line: how clients write arguments, and the plain form that means the same.
#[tokio::test]
async fn arguments_are_accepted_in_every_form_of_the_same_meaning() {
    let server = TestServer::start().await;
    let sql = "SELECT count(*) FROM retail.stores";
    let paint = |more: Value| {
        let mut arguments = json!({"query_description": "paint"});
        let members = arguments.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        ("semantic_search_products", arguments)
    };
    let query = |arguments: Value| ("execute_sales_query", arguments);
    let schemas = |names: Value| {
        (
            "get_multiple_table_schemas",
            json!({ "table_names": names }),
        )
    };
    let date = |arguments: Value| ("get_current_utc_date", arguments);
    let two = || paint(json!({"max_rows": 2}));
    let plain_query = || query(json!({ "postgresql_query": sql }));
    let two_rows = |max_rows: Value| {
        let sql = "SELECT store_name FROM retail.stores ORDER BY 1";
        query(json!({"postgresql_query": sql, "max_rows": max_rows}))
    };
    let orders = || schemas(json!(["retail.orders"]));
    let both = || schemas(json!(["retail.orders", "retail.stores"]));
    let cases = [
        (paint(json!({"max_rows": 2.0})), two()),
        (paint(json!({"max_rows": "2"})), two()),
        (paint(json!({"max_rows": " 2.0 "})), two()),
        (paint(json!({"maxRows": 2})), two()),
        (paint(json!({"max_rows": 2, "maxRows": 9})), two()),
        (
            paint(json!({"max_rows": 2, "toolCallId": "call_1", "limit": null})),
            two(),
        ),
        (
            paint(json!({"max_rows": null, "similarity_threshold": null})),
            paint(json!({})),
        ),
        (
            paint(json!({"max_rows": "", "similarity_threshold": ""})),
            paint(json!({})),
        ),
        (
            paint(json!({"similarity_threshold": "45"})),
            paint(json!({"similarity_threshold": 45})),
        ),
        (
            query(json!({"postgresql_query": sql, "toolCallId": "call_1"})),
            plain_query(),
        ),
        (query(json!({"postgresqlQuery": sql})), plain_query()),
        (
            query(json!({"postgresql_query": sql, "max_rows": null})),
            plain_query(),
        ),
        (two_rows(json!(2.0)), two_rows(json!(2))),
        (two_rows(json!("2")), two_rows(json!(2))),
        (
            query(json!({"postgresql_query": format!("\"{sql}\"")})),
            plain_query(),
        ),
        (schemas(json!("retail.orders")), orders()),
        (schemas(json!("orders")), orders()),
        (schemas(json!(["orders"])), orders()),
        (schemas(json!(["Retail.Orders"])), orders()),
        (schemas(json!(["zava.retail.orders"])), orders()),
        (schemas(json!(["\"retail\".\"orders\""])), orders()),
        (schemas(json!("[\"retail.orders\"]")), orders()),
        (schemas(json!("[\"orders\", \"retail.stores\"]")), both()),
        (schemas(json!("orders, retail.stores")), both()),
    ];
    for ((tool, given), (_, plain)) in cases {
        let expected = server.call(SEATTLE, tool, plain).await;
        assert!(!expected.is_error, "{}", expected.text);
        let answer = server.call(SEATTLE, tool, given.clone()).await;
        assert_eq!(answer.text, expected.text, "{given}");
    }
    let (tool, given) = date(json!({"toolCallId": "call_1", "zone": null}));
    let answer = server.call(SEATTLE, tool, given).await;
    assert!(!answer.is_error, "{}", answer.text);
}

#[tokio::test]
async fn more_rows_than_a_search_gives_are_the_most_it_gives_and_it_says_so() {
    let server = TestServer::start().await;
    for (max_rows, told) in [
        (
            json!(1_000_000_000),
            Some("max_rows is 1000000000; the most is 100"),
        ),
        (json!(101), Some("max_rows is 101; the most is 100")),
        (json!(1e300), Some("the most is 100")),
        (json!(100), None),
    ] {
        for (description, threshold) in [("paint for the house", 20), ("zzz", 80)] {
            let arguments = json!({"query_description": description, "max_rows": max_rows, "similarity_threshold": threshold});
            let answer = server
                .call(SEATTLE, "semantic_search_products", arguments)
                .await;
            assert!(!answer.is_error, "{}", answer.text);
            assert!(answer.structured["n"].as_i64().expect("a count") <= 100);
            let message = answer.structured["msg"].as_str().unwrap_or_default();
            let says_so = message.contains("so that is what was used");
            assert_eq!(says_so, told.is_some(), "{max_rows}: {message}");
            assert!(
                message.contains(told.unwrap_or_default()),
                "{max_rows}: {message}"
            );
        }
    }
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
