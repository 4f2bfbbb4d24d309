use axum::Extension;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::*;

mod framing; // where a request begins and ends in the bytes of a connection

const TEST_TIMEOUT: Duration = Duration::from_secs(20);

const LONG_TIMEOUTS: ConnectionLimits = ConnectionLimits {
    max_connections: 3,
    max_per_address: 2,
    max_health_only: 2,
    header_read_timeout: TEST_TIMEOUT,
    idle_timeout: TEST_TIMEOUT,
    write_timeout: TEST_TIMEOUT,
};

const SHORT_TIMEOUTS: ConnectionLimits = ConnectionLimits {
    header_read_timeout: Duration::from_millis(200),
    idle_timeout: Duration::from_millis(400),
    write_timeout: Duration::from_millis(300),
    ..LONG_TIMEOUTS
};

struct Server {
    address: SocketAddr,
    connections: Arc<Connections>,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Receives one message for each request to `/held`.
    held: mpsc::UnboundedReceiver<()>,
    /// Lets the requests to `/held` finish.
    release: CancellationToken,
}

impl Server {
    async fn start(limits: ConnectionLimits, trusted_proxies: &[&str]) -> Self {
        let listener = listen(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (arrived, held) = mpsc::unbounded_channel();
        let release = CancellationToken::new();
        let released = release.clone();
        let hold = async move |Extension(connection): Extension<Arc<Connection>>| {
            connection.record_permit();
            arrived.send(()).expect("the test listens");
            released.cancelled().await;
            "released"
        };
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route(
                "/echo",
                post(async |headers: HeaderMap, body: Bytes| {
                    format!("[{}:{}]", headers.len(), String::from_utf8_lossy(&body))
                }),
            )
            .route("/large", get(|| async { vec![b'x'; 64 << 20] }))
            .route("/health/live", get(|| async { "alive" }))
            .route("/body", post(async |_: Bytes| ()))
            .route("/length", post(async |body: Bytes| body.len().to_string()))
            .route("/held", get(hold));
        let proxies = trusted_proxies.iter();
        let proxies = proxies.map(|proxy| proxy.parse().expect("a network"));
        let proxies = Arc::new(Proxies::Networks(proxies.collect()));
        let connections = Arc::new(Connections::new(limits, proxies));
        let sweep = Duration::from_millis(20);
        tasks.spawn(serve_within(
            listener,
            router,
            Arc::clone(&connections),
            sweep,
            stop.clone(),
        ));
        Self {
            address,
            connections,
            stop,
            tasks,
            held,
            release,
        }
    }

    /// Connects from 127.0.0.`from`.
    async fn connect(&self, from: u8) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        let from = SocketAddr::from(([127, 0, 0, from], 0));
        socket.bind(from).expect("an address of this machine");
        socket.connect(self.address).await.expect("a connection")
    }

    async fn send(&self, from: u8, text: &str) -> TcpStream {
        let mut stream = self.connect(from).await;
        stream.write_all(text.as_bytes()).await.expect("sent");
        stream
    }

    /// Sends a request, and returns all that the server sends until it closes the connection.
    async fn get(&self, from: u8, path: &str) -> String {
        read_to_end(self.send(from, &last_request(path)).await).await
    }

    /// A connection whose request holds a permit.
    async fn hold(&mut self, from: u8) -> TcpStream {
        let stream = self.send(from, &last_request("/held")).await;
        let arrived = timeout(TEST_TIMEOUT, self.held.recv()).await;
        arrived.expect("in time").expect("a request");
        stream
    }

    async fn wait_until_all_are_closed(&self) {
        let closed = async {
            while self.connections.open_count() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(TEST_TIMEOUT, closed).await.expect("all are closed");
    }
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")
}

fn last_request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

/// All that the server sends until it closes the connection.
async fn read_to_end(mut stream: TcpStream) -> String {
    let mut received = Vec::new();
    let reading = timeout(TEST_TIMEOUT, stream.read_to_end(&mut received)).await;
    // A reset closes the connection too.
    let _ = reading.expect("the connection is closed");
    String::from_utf8(received).expect("text")
}

async fn status_line(stream: &mut TcpStream) -> String {
    let mut received = [0; 12];
    let reading = timeout(TEST_TIMEOUT, stream.read_exact(&mut received)).await;
    reading.expect("in time").expect("a response");
    String::from_utf8_lossy(&received).into_owned()
}

#[tokio::test]
async fn an_incomplete_header_section_times_out() {
    let server = Server::start(SHORT_TIMEOUTS, &[]).await;
    let start = Instant::now();
    for head in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let received = read_to_end(server.send(1, head).await).await;
        assert_eq!(received, "", "{head:?}");
    }
    assert!(start.elapsed() >= 3 * SHORT_TIMEOUTS.header_read_timeout);
    // An idle connection has more time; the header section of a second request does not.
    for (next, min_time) in [
        ("", SHORT_TIMEOUTS.idle_timeout),
        ("GET", SHORT_TIMEOUTS.header_read_timeout),
    ] {
        let start = Instant::now();
        let mut stream = server.send(1, &request("/")).await;
        assert_eq!(status_line(&mut stream).await, "HTTP/1.1 200");
        stream.write_all(next.as_bytes()).await.expect("sent");
        let received = read_to_end(stream).await;
        assert!(received.ends_with("here"), "{received}");
        assert!(start.elapsed() >= min_time, "{next:?}");
    }
}

/// While the reactor is busy no connection is accepted, and a client beyond the backlog waits a
/// second until its kernel retries.
#[cfg(target_os = "linux")] // other kernels have a small backlog by default
#[tokio::test]
async fn hundreds_of_connections_wait_in_the_backlog() {
    let listener = listen(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let connecting = (0..300).map(|_| TcpStream::connect(address));
    let waiting = timeout(TEST_TIMEOUT, futures_util::future::try_join_all(connecting)).await;
    let waiting = waiting.expect("all are connected").expect("connections");
    assert_eq!(waiting.len(), 300);
}

/// What clients write ahead is kept by the kernel, whose own limit is some megabytes for each.
#[tokio::test]
async fn the_kernel_receives_little_ahead_of_the_server() {
    let listener = listen(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let _client = TcpStream::connect(address).await.expect("a connection");
    let (accepted, _) = listener.accept().await.expect("a connection");
    let buffer = socket2::SockRef::from(&accepted).recv_buffer_size();
    let buffer = buffer.expect("an option");
    assert!(buffer <= 2 * RECEIVE_BUFFER_BYTES as usize, "{buffer}");
}

#[tokio::test]
async fn a_connection_with_an_unread_response_is_closed() {
    let server = Server::start(SHORT_TIMEOUTS, &[]).await;
    let mut unread = server.send(1, &request("/large")).await;
    assert_eq!(status_line(&mut unread).await, "HTTP/1.1 200");
    server.wait_until_all_are_closed().await;
    assert!(read_to_end(unread).await.len() < 64 << 20);
}

#[tokio::test]
async fn each_address_has_a_limit_and_idle_connections_are_evicted() {
    let server = Server::start(LONG_TIMEOUTS, &[]).await;
    let first = server.connect(2).await;
    let mut second = server.connect(2).await;
    // The third connection is over the limit of its address: the first is evicted.
    assert!(server.get(2, "/").await.ends_with("here"));
    assert_eq!(read_to_end(first).await, "");
    // Two more reach the total limit, so the next one evicts the longest idle.
    let _others = [server.connect(3).await, server.connect(3).await];
    assert!(server.get(4, "/").await.ends_with("here"));
    let read = timeout(TEST_TIMEOUT, second.read(&mut [0])).await;
    assert_eq!(read.expect("in time").expect("end of stream"), 0);
}

#[tokio::test]
async fn health_checks_are_answered_when_all_connections_are_in_use() {
    let mut server = Server::start(LONG_TIMEOUTS, &[]).await;
    let mut held = vec![server.hold(2).await, server.hold(2).await];
    // One address is at its limit; others are served.
    let refused = server.get(2, "/").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("too many connections"), "{refused}");
    assert!(server.get(2, "/health/live").await.ends_with("alive"));
    assert!(server.get(3, "/").await.ends_with("here"));
    // All are in use.
    held.push(server.hold(3).await);
    let refused = server.get(4, "/").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    // Health checks are also answered when idle connections use all that are health-only.
    let silent = [server.connect(4).await, server.connect(4).await];
    for _ in 0..10 {
        let received = server.send(4, &request("/health/live")).await;
        let received = read_to_end(received).await;
        assert!(received.ends_with("alive"), "{received}");
        assert!(received.contains("connection: close"), "{received}");
    }
    drop(silent);
    server.release.cancel();
    for held in held {
        let received = read_to_end(held).await;
        assert!(received.ends_with("released"), "{received}");
    }
}

/// Anybody can send such requests, because they need no credential.
#[tokio::test]
async fn connections_without_a_permit_do_not_block_new_ones() {
    let server = Server::start(LONG_TIMEOUTS, &[]).await;
    let arriving = "POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{";
    let unread = request("/large");
    for (what, text) in [("a body", arriving), ("a response", &unread)] {
        let mut pinned = Vec::new();
        for from in [2, 2, 3] {
            let mut stream = server.send(from, text).await;
            if text == unread {
                assert_eq!(status_line(&mut stream).await, "HTTP/1.1 200");
            }
            pinned.push(stream);
        }
        // From an address that is at its limit, and from another one.
        for from in [2, 4] {
            let received = server.get(from, "/").await;
            assert!(received.ends_with("here"), "{what} of {from}: {received}");
        }
        drop(pinned);
        server.wait_until_all_are_closed().await;
    }
}

#[tokio::test]
async fn a_trusted_proxy_is_exempt_from_the_limit_per_address() {
    let mut server = Server::start(LONG_TIMEOUTS, &["127.0.0.2/32"]).await;
    let held = [
        server.hold(2).await,
        server.hold(2).await,
        server.hold(2).await,
    ];
    server.release.cancel();
    for held in held {
        assert!(read_to_end(held).await.ends_with("released"));
    }
}

#[tokio::test]
async fn shutdown_closes_idle_connections_and_accepts_no_new_ones() {
    let server = Server::start(LONG_TIMEOUTS, &[]).await;
    let mut idle = server.send(1, &request("/")).await;
    assert_eq!(status_line(&mut idle).await, "HTTP/1.1 200");
    server.stop.cancel();
    server.tasks.close();
    timeout(TEST_TIMEOUT, server.tasks.wait())
        .await
        .expect("it stops");
    read_to_end(idle).await;
    assert!(TcpStream::connect(server.address).await.is_err());
}
