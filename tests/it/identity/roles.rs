use reqwest::StatusCode;
use serde_json::{Value, json};
use zava_mcp_server::identity::Role;

use super::issuer::{DIRECTORY, Issuer};
use super::{auth, keys_only};
use crate::support::TestServer;

/// The row limit depends on the role.
#[tokio::test]
async fn analysts_have_higher_row_limits() {
    let server = TestServer::start_with(keys_only).await;
    for (role, rows) in [
        (Role::Reader, 1000),
        (Role::Analyst, 10_000),
        (Role::Operator, 10_000),
    ] {
        let key = server
            .database()
            .key(role.as_str(), "Head office", role)
            .await;
        // Without max_rows the default is the same for every role.
        for (max_rows, rows) in [(None, 200), (Some(20_000), rows)] {
            let sql = "SELECT n FROM generate_series(1, 20000) AS n";
            let arguments = json!({"postgresql_query": sql, "max_rows": max_rows});
            let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "execute_sales_query", "arguments": arguments}});
            let request = server.post().bearer_auth(&key).json(&body);
            let response = request.send().await.expect("an answer");
            let body: Value = response.json().await.expect("JSON");
            assert_eq!(body["result"]["structuredContent"]["n"], rows, "{role:?}");
        }
    }
}

/// Operators see the server's state; nobody else does.
#[tokio::test]
async fn health_details_are_for_operators_only() {
    let server = TestServer::start_with(keys_only).await;
    let mut keys = Vec::new();
    for role in Role::ALL {
        let key = server
            .database()
            .key(role.as_str(), "Zava Retail Seattle", role);
        keys.push(key.await);
    }
    let request_details = async |key: Option<&String>| {
        let mut request = server.client.get(server.url("/health/details"));
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status();
        (status, response.json::<Value>().await.expect("JSON"))
    };
    assert_eq!(request_details(None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(request_details(keys.first()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(request_details(keys.get(1)).await.0, StatusCode::FORBIDDEN);
    let (status, told) = request_details(keys.get(2)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["database"], "ok");
    assert_eq!(told["findings"], json!([]));
    assert!(told["connections"]["open"].as_u64() >= Some(1), "{told}");
    assert_eq!(told["decisions"]["authentications_refused"], 1);
    assert_eq!(told["decisions"]["requests_refused"], 2);
    assert_eq!(told["log"]["dropped_lines"], 0);
}

/// If the token has scopes, the role alone is not enough.
#[tokio::test]
async fn health_details_require_role_and_scope() {
    let issuer = Issuer::start().await;
    let server =
        TestServer::over_shared_database(|settings| settings.auth = auth(&issuer, &[DIRECTORY]))
            .await;
    for (role, scopes, status) in [
        ("operator", "mcp.query", StatusCode::OK),
        ("operator", "mcp.query mcp.search", StatusCode::OK),
        ("operator", "mcp.search", StatusCode::FORBIDDEN),
        ("analyst", "mcp.query", StatusCode::FORBIDDEN),
    ] {
        let token =
            issuer.token(json!({"scp": scopes, "roles": [role, "store.zava-retail-seattle"]}));
        let request = server.client.get(server.url("/health/details"));
        let response = request.bearer_auth(&token).send().await.expect("an answer");
        assert_eq!(response.status(), status, "{role} {scopes}");
        let challenge = response.headers().get("www-authenticate").cloned();
        let asks_for_scope = challenge.is_some_and(|challenge| {
            let challenge = challenge.to_str().expect("text");
            challenge.contains("error=\"insufficient_scope\"") && challenge.contains("mcp.query")
        });
        assert_eq!(asks_for_scope, scopes == "mcp.search", "{role} {scopes}");
    }
}
