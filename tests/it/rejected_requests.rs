//! A rejection carries the id of its request, by which clients match it.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::identity::keys_only;
use crate::support::{SEATTLE, TestServer};

const UNKNOWN: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/// A call as SDKs write it, with the id after a statement of usual length.
fn call(id: &Value) -> String {
    let sql = format!("SELECT 1 -- \\\"id\\\": 99, {}", "x".repeat(4000));
    format!(
        "{{\"method\":\"tools/call\",\"params\":{{\"name\":\"execute_sales_query\",\"arguments\":{{\"id\":98,\"postgresql_query\":\"{sql}\"}}}},\"jsonrpc\":\"2.0\",\"id\":{id}}}"
    )
}

#[tokio::test]
async fn every_rejection_carries_the_request_id() {
    let plain = TestServer::shared();
    let keys = TestServer::over_shared_database(keys_only).await;
    let rate_limited = TestServer::over_shared_database(|settings| {
        settings.rates.address = NonZeroU32::MIN;
        settings.rates.principal = NonZeroU32::MIN;
    })
    .await;
    rate_limited.request(SEATTLE, "ping", json!({})).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = closed.local_addr().expect("its address").port();
    drop(closed);
    let without_database = TestServer::over_shared_database(|settings| {
        settings.database.host = "127.0.0.1".to_owned();
        settings.database.port = port;
    })
    .await;
    type Headers = &'static [(&'static str, &'static str)];
    let cases: [(u16, &TestServer, Headers); 12] = [
        (400, &plain, &[]),
        (400, &plain, &[("x-rls-user-id", "seattle")]),
        (403, &plain, &[("x-rls-user-id", UNKNOWN)]),
        (401, &keys, &[]),
        (401, &keys, &[("authorization", "Bearer nonsense")]),
        (429, &rate_limited, &[("x-rls-user-id", SEATTLE)]),
        (429, &rate_limited, &[]),
        (503, &without_database, &[("x-rls-user-id", SEATTLE)]),
        (
            403,
            &plain,
            &[("x-rls-user-id", SEATTLE), ("host", "evil.example.com")],
        ),
        (
            403,
            &plain,
            &[
                ("x-rls-user-id", SEATTLE),
                ("origin", "https://evil.example.com"),
            ],
        ),
        (
            406,
            &plain,
            &[("x-rls-user-id", SEATTLE), ("accept", "text/html")],
        ),
        (
            400,
            &plain,
            &[
                ("x-rls-user-id", SEATTLE),
                ("mcp-protocol-version", "1999-01-01"),
            ],
        ),
    ];
    for (status, server, headers) in cases {
        for id in [json!(7), json!("a-\"b"), json!(-3)] {
            let mut request = server
                .client
                .post(server.url("/mcp"))
                .header("content-type", "application/json")
                .body(call(&id));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let response = request.send().await.expect("an answer");
            assert_eq!(response.status(), status, "{headers:?}");
            let body: Value = response.json().await.expect("JSON");
            assert_eq!(body["id"], id, "{status} {headers:?}: {body}");
            assert!(body["error"]["code"].is_i64(), "{body}");
        }
    }
}

/// A message without a usable id is rejected without one, because no client accepts `null`.
#[tokio::test]
async fn rejection_without_a_request_id_omits_it() {
    let server = TestServer::over_shared_database(keys_only).await;
    let long = format!("{{\"x\":\"{}\",\"id\":1}}", "x".repeat(10_000));
    for (media_type, body) in [
        ("application/json", ""),
        (
            "application/json",
            "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
        ),
        ("application/json", "{\"id\":null}"),
        ("application/json", "{\"id\":{\"a\":1}}"),
        ("application/json", "[{\"id\":1}]"),
        ("application/json", long.as_str()),
        ("text/plain", "{\"id\":1}"),
    ] {
        let request = server.client.post(server.url("/mcp"));
        let request = request.header("content-type", media_type);
        let response = request
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 401, "{body:.60}");
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(answer.get("id"), None, "{body:.60}: {answer}");
    }
}

/// The server neither waits for the body of a rejected request nor asks for it (100 Continue).
#[tokio::test]
async fn rejection_does_not_wait_for_the_body() {
    let server = TestServer::over_shared_database(keys_only).await;
    let head = |more: &str| {
        format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n{more}\r\n"
        )
    };
    // More requests than the number of bodies that the server waits for at once.
    let mut streams = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("a connection");
        let sent = format!("{}{{\"id\": 5, ", head(""));
        stream.write_all(sent.as_bytes()).await.expect("sent");
        streams.push(stream);
    }
    for mut stream in streams {
        let mut response = String::new();
        let read = timeout(
            Duration::from_secs(10),
            stream.read_to_string(&mut response),
        )
        .await;
        read.expect("it is answered and closed").expect("text");
        assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
        assert!(response.contains("\"id\":5"), "{response}");
    }
    let response = server.raw_response(&head("Expect: 100-continue\r\n")).await;
    assert!(response.starts_with("HTTP/1.1 401 "), "{response}");
}
