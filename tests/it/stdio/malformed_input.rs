use serde_json::{Value, json};

use super::client::{Client, initialize, query};
use crate::support::TestDatabase;

/// Each line, before and within a session, with the code, the id and a part of the error message.
/// Later lines are answered as usual.
#[tokio::test]
async fn invalid_line_gets_an_error_and_the_session_continues() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let long = format!(
        r#"{{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {{"x": "{}"}}}}"#,
        "x".repeat(2048)
    );
    let nested = format!(
        r#"{{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {{"x": {}{}}}}}"#,
        "[".repeat(300),
        "]".repeat(300)
    );
    let cases: [(&[u8], i32, Value, &str); 11] = [
        (b"hello", -32700, Value::Null, "not valid JSON (column 1)"),
        (
            b"{\"jsonrpc\": \"2.0\", \"id\": 7, \"method\": \"ping\"",
            -32700,
            json!(7),
            "not valid JSON",
        ),
        (
            b"{\"jsonrpc\": \"2.0\", \"id\": 7, \"method\": \"\xff\"}",
            -32700,
            json!(7),
            "not UTF-8",
        ),
        (
            br#"{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "\ud83d"}}"#,
            -32700,
            json!(7),
            "half of a surrogate pair",
        ),
        (
            br#"[{"jsonrpc": "2.0", "id": 7, "method": "ping"}]"#,
            -32600,
            Value::Null,
            "batches are not supported",
        ),
        (b"17", -32600, Value::Null, "not a JSON-RPC 2.0 message"),
        (
            br#"{"jsonrpc": "2.0", "id": "a"}"#,
            -32600,
            json!("a"),
            "not a JSON-RPC 2.0 message",
        ),
        (
            br#"{"jsonrpc": "1.0", "id": 7, "method": "ping"}"#,
            -32600,
            json!(7),
            "not a JSON-RPC 2.0 message",
        ),
        (
            br#"{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {"x": 1e999}}"#,
            -32700,
            json!(7),
            "a number out of range",
        ),
        (nested.as_bytes(), -32700, json!(7), "nested too deeply"),
        (long.as_bytes(), -32600, json!(7), "longer than 1024 bytes"),
    ];
    let mut client = Client::start_with(&database, folder.path(), |command| {
        command.env("ZAVA_MAX_REQUEST_BYTES", "1024");
    });
    for is_session in [false, true] {
        for (line, code, id, text) in &cases {
            client.write(line).await;
            client.write(b"\r\n\n").await;
            let answer = client.next().await.expect("an answer");
            assert_eq!(answer["error"]["code"], *code, "{answer}");
            assert_eq!(answer["id"], *id, "{answer}");
            assert!(!answer.to_string().contains("null"), "{answer}");
            assert!(
                answer["error"]["message"].to_string().contains(text),
                "{answer}"
            );
        }
        if !is_session {
            client.initialize_session().await;
        }
    }
    // A byte order mark is ignored.
    client.write("\u{feff}".as_bytes()).await;
    client.send(&query(8, "SELECT 1")).await;
    assert_eq!(client.next().await.expect("an answer")["id"], 8);
    client.close_input();
    assert!(client.next().await.is_none());
    assert!(client.wait().await.0.success());
}

#[tokio::test]
async fn incomplete_initialize_names_the_missing_member() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let mut client = Client::start(&database, folder.path());
    let mut without = initialize();
    let params = without["params"].as_object_mut().expect("an object");
    params.remove("clientInfo");
    client.send(&without).await;
    let answer = client.next().await.expect("an answer");
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert_eq!(answer["id"], 1, "{answer}");
    assert!(
        answer.to_string().contains("clientInfo: is missing"),
        "{answer}"
    );
    client.initialize_session().await;
}

/// Messages that need no response before `initialize`: none is answered, and none ends the server.
#[tokio::test]
async fn messages_before_the_first_request_are_ignored() {
    let database = TestDatabase::shared();
    let folder = tempfile::tempdir().expect("a folder");
    for first in [
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}),
        json!({"jsonrpc": "2.0", "id": 4, "result": {}}),
        json!({"jsonrpc": "2.0", "id": 4, "error": {"code": -1, "message": "no"}}),
    ] {
        let mut client = Client::start(&database, folder.path());
        client.send(&first).await;
        client.initialize_session().await;
        client.close_input();
        assert!(client.next().await.is_none());
        let (status, log) = client.wait().await;
        assert!(status.success(), "{first}: {log}");
    }
    // Clients that only probe the server and disconnect, with and without `initialize`.
    for lines in [vec![], vec![initialize()]] {
        let mut client = Client::start(&database, folder.path());
        for line in &lines {
            client.send(line).await;
            client.next().await.expect("an answer");
        }
        let (status, log) = client.disconnect().await;
        assert!(status.success(), "{log}");
        assert!(!log.contains("ERROR"), "{log}");
    }
}
