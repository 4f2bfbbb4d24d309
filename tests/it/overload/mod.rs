//! One caller must not slow or stop the others, whatever it sends or does not read.
mod attack; // attackers, and the server under attack
mod bodies; // expensive or incomplete request bodies
mod latency;
mod memory; // memory during and after an attack
mod responses; // responses that are not read // how long another tenant waits

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::TestServer;

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection with a small receive buffer.
async fn connect(server: &TestServer) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    socket.connect(server.address).await.expect("a connection")
}

/// The head of a request to `/mcp`.
fn head(tenant: &str, length: usize) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\nx-rls-user-id: {tenant}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\ncontent-length: {length}\r\n\r\n"
    )
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("sent");
}

/// The status line of the response.
async fn status(stream: &mut TcpStream) -> String {
    let mut line = [0; 12];
    timeout(RESPONSE_TIMEOUT, stream.read_exact(&mut line))
        .await
        .expect("a response in time")
        .expect("a response");
    String::from_utf8_lossy(&line).into_owned()
}
