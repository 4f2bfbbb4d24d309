//! A tool that panics.

use std::cell::Cell;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::support::{SEATTLE, TestDatabase, TestServer, settings};

/// More than a tenant may have in flight at a time.
const CALLS: usize = 24;

thread_local! {
    /// Whether the next reading of the clock panics. The test and its server share a thread.
    static PANICS: Cell<bool> = const { Cell::new(false) };
}

#[expect(clippy::disallowed_methods, reason = "the tests hand the clock in")]
fn clock() -> SystemTime {
    assert!(!PANICS.replace(false), "the clock panics once");
    SystemTime::now()
}

/// `get_current_utc_date` reads the clock. A body of more than 4 KiB takes rmcp's transport.
#[tokio::test]
async fn panic_in_a_tool_is_an_internal_error_and_holds_no_permit() {
    let database = TestDatabase::shared();
    let server = TestServer::with_clock(&settings(&database.name), clock).await;
    server.query(SEATTLE, "SELECT 1").await;
    for padding in [0, 4 * 1024] {
        for _ in 0..CALLS {
            PANICS.set(true);
            let answer = call(&server, padding).await;
            assert!(!PANICS.get());
            assert_eq!(answer["result"]["isError"], true, "{answer}");
            let text = answer["result"]["content"][0]["text"].as_str();
            let text = text.expect("a text");
            assert!(text.starts_with("internal error (trace id "), "{text}");
        }
        let answer = call(&server, padding).await;
        assert_ne!(answer["result"]["isError"], true, "{answer}");
    }
}

async fn call(server: &TestServer, padding: usize) -> Value {
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "get_current_utc_date", "arguments": {}},
    });
    let request = server.post().header("x-rls-user-id", SEATTLE);
    let body = format!("{call}{}", " ".repeat(padding));
    let response = request.body(body).send().await.expect("an answer");
    response.json().await.expect("JSON")
}
