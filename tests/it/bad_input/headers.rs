use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{SEATTLE, TestServer};

#[tokio::test]
async fn invalid_media_types_methods_hosts_and_origins_are_rejected() {
    let server = TestServer::shared();
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
    let accepting = |accept: &str| {
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
        (
            "two content types",
            post()
                .header(json.0, json.1)
                .header("content-type", "text/plain"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            "accepts HTML",
            accepting("text/html"),
            StatusCode::NOT_ACCEPTABLE,
        ),
        (
            "accepts streams alone",
            accepting("text/event-stream"),
            StatusCode::NOT_ACCEPTABLE,
        ),
        (
            "accepts anything but JSON",
            accepting("*/*, application/json;q=0"),
            StatusCode::NOT_ACCEPTABLE,
        ),
        ("accepts anything", accepting("*/*"), StatusCode::OK),
        (
            "accepts JSON alone",
            accepting("application/json"),
            StatusCode::OK,
        ),
        (
            "accepts any application",
            accepting("application/*;q=0.5"),
            StatusCode::OK,
        ),
        (
            "has no Accept header",
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
            "an explicit identity encoding",
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

/// Requests that HTTP client libraries would not send.
#[tokio::test]
async fn ambiguous_hosts_are_rejected() {
    let server = TestServer::shared();
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
        let response = server.raw_response(&format!("{head}{body}")).await;
        let expected = format!("HTTP/1.1 {status} ");
        assert!(
            response.starts_with(&expected),
            "{target} {headers}: {response}"
        );
        assert!(response.contains(words), "{target} {headers}: {response}");
        assert!(!response.contains("evil"), "{target} {headers}: {response}");
    }
}
