use futures_util::future::join_all;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{RESPONSE_TIMEOUT, connect, head, send};
use crate::support::{REDMOND, SEATTLE, TestServer};

/// In-flight limit of one principal.
const PERMITS: usize = 2;

/// Otherwise unread responses of a tenant would fill the memory beyond its in-flight limit.
#[tokio::test]
async fn unread_response_holds_its_permit() {
    let server = TestServer::over_shared_database(|settings| {
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
        let length = announced_length(&mut stream).await;
        (stream, length)
    };
    let unread = join_all((0..PERMITS).map(|_| ask())).await;
    for (_, length) in &unread {
        assert_eq!(*length, whole.len());
    }
    // The next request is rejected as busy.
    assert!(ask().await.1 < 10_000);
    assert_eq!(server.number(SEATTLE, "SELECT 7").await, 7);
    // Closing the connection releases the permit.
    drop(unread);
    let free = async {
        while ask().await.1 != whole.len() {
            tokio::task::yield_now().await;
        }
    };
    timeout(RESPONSE_TIMEOUT, free)
        .await
        .expect("permits are given back");
}

/// The length of the response, of which only the head is read.
async fn announced_length(stream: &mut TcpStream) -> usize {
    let mut head = String::new();
    let reading = async {
        let mut byte = [0];
        while !head.ends_with("\r\n\r\n") {
            stream.read_exact(&mut byte).await.expect("a head");
            head.push(char::from(byte[0]));
        }
    };
    timeout(RESPONSE_TIMEOUT, reading)
        .await
        .expect("a head in time");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.unwrap_or_else(|| panic!("no length: {head}"));
    length.parse().expect("a number")
}

fn call(sql: &str) -> String {
    let arguments = json!({"postgresql_query": sql, "max_rows": 1000});
    let params = json!({"name": "execute_sales_query", "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}
