use serde_json::{Value, json};

use crate::support::{SEATTLE, TestServer};

/// The `_meta` of each request in protocol 2026-07-28.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}
    })
}

async fn stateless(
    server: &TestServer,
    method: &str,
    name: Option<&str>,
    mut params: Value,
) -> reqwest::Response {
    params["_meta"] = meta();
    let mut request = server
        .post()
        .header("x-rls-user-id", SEATTLE)
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method);
    if let Some(name) = name {
        request = request.header("mcp-name", name);
    }
    request
        .json(&json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": params}))
        .send()
        .await
        .expect("an answer")
}

#[tokio::test]
async fn clients_before_2026_07_28_initialize() {
    let server = TestServer::shared();
    let mut sessions = Vec::new();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let response = server.request(SEATTLE, "initialize", params).await;
        assert_eq!(response.status(), 200, "{version}");
        let session = response.headers().get("mcp-session-id").cloned();
        let session = session.unwrap_or_else(|| panic!("{version} begins without a session"));
        let session = session.to_str().expect("text").to_owned();
        assert!(uuid::Uuid::try_parse(&session).is_ok(), "{session}");
        assert!(
            !sessions.contains(&session),
            "{session} is another client's"
        );
        sessions.push(session);
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["result"]["protocolVersion"], version);
        assert_eq!(body["result"]["serverInfo"]["name"], "mcp-zava-sales");
        assert_eq!(
            body["result"]["serverInfo"]["version"],
            env!("CARGO_PKG_VERSION")
        );
        assert!(
            body["result"]["instructions"]
                .as_str()
                .is_some_and(|text| text.contains("Zava")),
            "{body}"
        );
        assert!(body["result"]["capabilities"]["tools"].is_object());
    }
    let notification = server
        .post()
        .header("x-rls-user-id", SEATTLE)
        .json(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(notification.status(), 202);
    let ping: Value = server
        .request(SEATTLE, "ping", json!({}))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(ping["result"], json!({}));

    // For messages of any length. A rejected `initialize` creates no session.
    let long = "x".repeat(10_000);
    let no_capabilities =
        json!({"protocolVersion": "2025-11-25", "clientInfo": {"name": &long, "version": "1"}});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"experimental": {"x": {"x": &long}}}, "clientInfo": {"name": "test", "version": "1"}});
    for (params, member) in [
        (params, "result"),
        (no_capabilities, "error"),
        (json!({}), "error"),
    ] {
        let response = server.request(SEATTLE, "initialize", params.clone()).await;
        assert_eq!(response.status(), 200, "{params:.200}");
        let has_session = response.headers().contains_key("mcp-session-id");
        assert_eq!(has_session, member == "result", "{params:.200}");
        let body: Value = response.json().await.expect("JSON");
        assert!(body[member].is_object(), "{body}");
    }

    // Any session id is accepted, because the server keeps no session state: another instance may
    // answer, also after a restart.
    for session in [sessions[0].as_str(), "made-up", "not a session", ""] {
        let request = server
            .post()
            .header("x-rls-user-id", SEATTLE)
            .header("mcp-session-id", session)
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}));
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{session}");
        assert!(!response.headers().contains_key("mcp-session-id"));
    }
    for method in [reqwest::Method::GET, reqwest::Method::DELETE] {
        let request = server.client.request(method.clone(), server.url("/mcp"));
        let request = request.header("mcp-session-id", &sessions[0]);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 405, "{method}");
        assert_eq!(response.headers()["allow"], "POST", "{method}");
    }
}

#[tokio::test]
async fn clients_of_2026_07_28_discover() {
    let server = TestServer::shared();
    let response = stateless(&server, "server/discover", None, json!({})).await;
    assert!(!response.headers().contains_key("mcp-session-id"));
    let body: Value = response.json().await.expect("JSON");
    let result = &body["result"];
    assert!(
        result["supportedVersions"]
            .as_array()
            .is_some_and(|versions| versions.contains(&json!("2026-07-28"))),
        "{body}"
    );
    assert!(
        result["instructions"]
            .as_str()
            .is_some_and(|text| text.contains("Zava")),
        "{body}"
    );

    let body: Value = stateless(
        &server,
        "tools/call",
        Some("execute_sales_query"),
        json!({"name": "execute_sales_query", "arguments": {"postgresql_query": "SELECT 1"}}),
    )
    .await
    .json()
    .await
    .expect("JSON");
    assert_eq!(
        body["result"]["structuredContent"]["r"],
        json!([[1]]),
        "{body}"
    );
    assert_eq!(body["result"]["resultType"], "complete");
}

/// `initialize` was removed in 2026-07-28.
#[tokio::test]
async fn initialize_is_unknown_in_2026_07_28() {
    let server = TestServer::shared();
    let response = stateless(&server, "initialize", None, json!({})).await;
    assert_eq!(response.status(), 404);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["error"]["code"], -32601, "{body}");
}

#[tokio::test]
async fn headers_contradicting_the_body_are_rejected() {
    let server = TestServer::shared();
    let params = json!({"name": "get_current_utc_date", "arguments": {}});
    let response = stateless(&server, "tools/call", Some("execute_sales_query"), params).await;
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["error"]["code"], -32020, "{body}");
}

#[tokio::test]
async fn tool_list_is_stable_and_cacheable() {
    let server = TestServer::shared();
    let body: Value = stateless(&server, "tools/list", None, json!({}))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(body["result"]["cacheScope"], "public");
    assert_eq!(body["result"]["ttlMs"], 300_000);
    insta::assert_json_snapshot!(body["result"]["tools"]);
    let again: Value = stateless(&server, "tools/list", None, json!({}))
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!(body, again, "the order is fixed");
}

/// The cost for a model of having this server: the tools and the instructions, in tokens.
#[tokio::test]
async fn tool_surface_stays_within_its_token_budget() {
    let server = TestServer::shared();
    let body: Value = server
        .request(SEATTLE, "tools/list", json!({}))
        .await
        .json()
        .await
        .expect("JSON");
    let tools = body["result"]["tools"].to_string();
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    let body: Value = server
        .request(SEATTLE, "initialize", params)
        .await
        .json()
        .await
        .expect("JSON");
    let instructions = &body["result"]["instructions"];
    let surface = format!("{tools}{instructions}");
    let tokens = tokenizers::Tokenizer::from_file(model_file("l2_supercat_tokenizer_config.json"))
        .expect("the tokenizer")
        .encode(surface.as_str(), false)
        .expect("tokens")
        .len();
    assert!(
        tokens < 1500,
        "{tokens} tokens in {} characters",
        surface.len()
    );
}

fn model_file(name: &str) -> std::path::PathBuf {
    crate::support::model_folder().join(name)
}
