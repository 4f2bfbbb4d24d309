use futures_util::future::select_all;
use serde_json::{Value, json};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{RESPONSE_TIMEOUT, connect, head, send, status};
use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, STORES, TestServer};

/// More than a tenant's in-flight limit.
const REQUESTS: usize = 30;

#[tokio::test]
async fn expensive_json_is_rejected_before_parsing() {
    let server = TestServer::over_shared_database(|_| {}).await;
    let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let ping =
        |x: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{x}}}}}"#);
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!(r#""a{n}":{n}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let refused = [
        ("deep", ping(&nested)),
        (
            "many and deep",
            ping(&format!("[{}]", vec![nested.as_str(); 500].join(","))),
        ),
        (
            "many empty",
            ping(&format!("[{}]", vec!["[]"; 1_024].join(","))),
        ),
        (
            "many numbers",
            ping(&format!("[{}]", vec!["1"; 50_000].join(","))),
        ),
        (
            "many texts",
            ping(&format!("[{}]", vec![r#""""#; 30_000].join(","))),
        ),
        ("many members", ping(&members(600))),
        ("a long number", ping(&"7".repeat(100_000))),
        // Rejected before it is known to be invalid JSON.
        ("without an end", "[".repeat(100_000)),
        ("a batch", format!("[{}]", vec![ping("1"); 500].join(","))),
    ];
    for (what, body) in refused {
        let response = server
            .post()
            .header("x-rls-user-id", SEATTLE)
            .body(body)
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 400, "{what}");
        let body: Value = response.json().await.expect("a JSON body");
        assert_eq!(body["error"]["code"], -32600, "{what}: {body}");
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(
            message.contains("at most 1024 JSON values"),
            "{what}: {message}"
        );
    }
    let accepted = [
        ping(&format!("[{}]", vec!["1"; 1_000].join(","))),
        ping(&members(500)),
        ping(&format!("{}{}", "[".repeat(29), "]".repeat(29))),
        ping(&format!("\"{}\"", "[".repeat(100_000))),
    ];
    for body in accepted {
        let response = server
            .post()
            .header("x-rls-user-id", SEATTLE)
            .body(body.clone())
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200, "{body:.100}");
    }
}

/// The longest statement with every character in its longest JSON escape.
#[tokio::test]
async fn fully_escaped_statement_of_maximum_length_fits() {
    let server = TestServer::shared();
    let sql: String = format!("SELECT 7{}", " ".repeat((8 << 10) - 8))
        .chars()
        .map(|letter| format!("\\u{:04x}", u32::from(letter)))
        .collect();
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"execute_sales_query","arguments":{{"postgresql_query":"{sql}"}}}}}}"#
    );
    let response = server
        .post()
        .header("x-rls-user-id", SEATTLE)
        .body(body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(
        body["result"]["structuredContent"]["r"],
        json!([[7]]),
        "{body}"
    );
}

/// A Content-Length without a body takes no permit from other requests of the tenant.
#[tokio::test]
async fn unsent_bodies_do_not_block_other_requests() {
    let server = TestServer::over_shared_database(|_| {}).await;
    let mut announced = Vec::new();
    for _ in 0..REQUESTS {
        let mut stream = connect(&server).await;
        send(&mut stream, &head(REDMOND, 1_000)).await;
        send(&mut stream, r#"{"jsonrpc":"2.0","#).await;
        announced.push(stream);
    }
    assert_eq!(server.number(REDMOND, "SELECT 7").await, 7);
    // They are served when their bodies arrive.
    for stream in &mut announced {
        send(
            stream,
            &format!(r#""id":1,"method":"ping"}}{}"#, " ".repeat(1_000 - 39)),
        )
        .await;
        assert_eq!(status(stream).await, "HTTP/1.1 200");
    }
}

/// Requests of one principal whose bodies do not arrive hold only a few connections.
#[tokio::test]
async fn pending_bodies_per_principal_are_limited() {
    let server = TestServer::over_shared_database(|_| {}).await;
    // The caller is cached from here on.
    assert_eq!(server.number(REDMOND, "SELECT 7").await, 7);
    let mut announced = Vec::new();
    for _ in 0..40 {
        let mut stream = connect(&server).await;
        send(&mut stream, &head(REDMOND, 1_000)).await;
        send(&mut stream, "{").await;
        announced.push(stream);
    }
    let answer = async |stream: &mut TcpStream| {
        let mut response = String::new();
        let reading = stream.read_to_string(&mut response);
        timeout(RESPONSE_TIMEOUT, reading)
            .await
            .expect("in time")
            .expect("text");
        response
    };
    let answers = announced.iter_mut().map(|stream| Box::pin(answer(stream)));
    let (refused, ..) = select_all(answers).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    for header in ["retry-after: ", "connection: close"] {
        assert!(refused.contains(header), "{refused}");
    }
    // Complete bodies are still read.
    assert_eq!(server.number(REDMOND, "SELECT 7").await, 7);
}

/// Large unfinished bodies are bounded per principal and do not affect others.
#[tokio::test]
async fn unfinished_body_bytes_per_principal_are_limited() {
    let server = TestServer::over_shared_database(|settings| {
        settings.limits.request_bytes = 100_000.try_into().expect("not zero");
    })
    .await;
    // The caller is cached from here on: on a busy machine a lookup could take too long for some
    // requests.
    assert_eq!(server.number(REDMOND, "SELECT 7").await, 7);
    let all_but_one_byte = format!("\"{}", "x".repeat(99_998));
    let mut unfinished = Vec::new();
    for _ in 0..12 {
        let mut stream = connect(&server).await;
        send(&mut stream, &head(REDMOND, 100_000)).await;
        send(&mut stream, &all_but_one_byte).await;
        unfinished.push(stream);
    }
    // Eight fit into the limit, so some are rejected before they are complete.
    let answers = unfinished.iter_mut().map(|stream| Box::pin(status(stream)));
    let (first, ..) = select_all(answers).await;
    assert_eq!(first, "HTTP/1.1 503");
    assert_eq!(server.number(SEATTLE, "SELECT 7").await, 7);
}

/// Even if principals fill the memory for unfinished bodies, others are served.
#[tokio::test]
async fn unfinished_bodies_of_all_principals_do_not_block_another() {
    let server = TestServer::over_shared_database(|settings| {
        settings.limits.request_bytes = 100_000.try_into().expect("not zero");
    })
    .await;
    let all_but_one_byte = format!("\"{}", "x".repeat(99_998));
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let ping = |tenant| format!("{}{ping}", head(tenant, ping.len()));
    let mut unfinished = Vec::new();
    for tenant in STORES {
        // The caller is cached from here on.
        assert_eq!(server.number(tenant, "SELECT 7").await, 7);
        for _ in 0..8 {
            let mut stream = connect(&server).await;
            send(&mut stream, &head(tenant, 100_000)).await;
            send(&mut stream, &all_but_one_byte).await;
            unfinished.push(stream);
        }
    }
    // They have arrived when the principal has no room for one more.
    for tenant in STORES {
        let arriving = async {
            loop {
                let mut stream = connect(&server).await;
                send(&mut stream, &ping(tenant)).await;
                if status(&mut stream).await == "HTTP/1.1 503" {
                    return;
                }
            }
        };
        timeout(RESPONSE_TIMEOUT, arriving)
            .await
            .expect("they arrive");
    }
    assert_eq!(server.number(HEAD_OFFICE, "SELECT 7").await, 7);
}
