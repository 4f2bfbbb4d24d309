use futures_util::future::join_all;
use serde_json::json;

use super::{connect, head, send, status};
use crate::support::{REDMOND, SEATTLE, TestServer};

/// Requests of one principal in flight.
const PERMITS: usize = 2;

/// Otherwise a tenant's answers would fill the memory, one limit of requests after the other.
#[tokio::test]
async fn a_response_that_is_not_read_keeps_its_permit() {
    let server = TestServer::start_with(|settings| {
        settings.limits.answer.result_bytes = (8 << 20).try_into().expect("not zero");
        settings.limits.tenant_connections = 1.try_into().expect("not zero");
        settings.limits.tenant_queue = 1.try_into().expect("not zero");
    })
    .await;
    let sql = "SELECT repeat('x', 10000) FROM retail.order_items, retail.stores LIMIT 1000";
    let body = call(sql);
    let request = server.post().header("x-rls-user-id", REDMOND);
    let whole = request.body(body.clone()).send().await.expect("an answer");
    let whole = whole.bytes().await.expect("a body");
    assert!(whole.len() > 12_000_000, "{} bytes", whole.len());
    let ask = async || {
        let mut stream = connect(&server).await;
        send(&mut stream, &head(REDMOND, body.len())).await;
        send(&mut stream, &body).await;
        let status = status(&mut stream).await;
        (stream, status)
    };
    let unread = join_all((0..PERMITS).map(|_| ask())).await;
    for (_, status) in &unread {
        assert_eq!(status, "HTTP/1.1 200");
    }
    let (_, status) = ask().await;
    assert_eq!(status, "HTTP/1.1 503");
    assert_eq!(server.number(SEATTLE, "SELECT 7").await, 7);
    // Whoever hangs up gives the permit back.
    drop(unread);
    let free = async {
        while ask().await.1 != "HTTP/1.1 200" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, free)
        .await
        .expect("permits are given back");
}

fn call(sql: &str) -> String {
    let arguments = json!({"postgresql_query": sql, "max_rows": 1000});
    let params = json!({"name": "execute_sales_query", "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}
