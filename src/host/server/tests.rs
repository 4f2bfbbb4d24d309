use axum::Extension;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

const LONG: ConnectionLimits = ConnectionLimits {
    max_connections: 3,
    max_per_address: 2,
    max_health_only: 2,
    header_read_timeout: PATIENCE,
    idle_timeout: PATIENCE,
    write_timeout: PATIENCE,
};

const SHORT: ConnectionLimits = ConnectionLimits {
    header_read_timeout: Duration::from_millis(200),
    idle_timeout: Duration::from_millis(400),
    write_timeout: Duration::from_millis(300),
    ..LONG
};

struct Server {
    address: SocketAddr,
    connections: Arc<Connections>,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// A request to `/held` has come.
    held: mpsc::UnboundedReceiver<()>,
    /// Lets them be answered.
    release: CancellationToken,
}

impl Server {
    async fn start(limits: ConnectionLimits, trusted_proxies: &[&str]) -> Self {
        let listener = listen(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (came, held) = mpsc::unbounded_channel();
        let release = CancellationToken::new();
        let released = release.clone();
        let hold = async move |Extension(connection): Extension<Arc<Connection>>| {
            connection.permit_request();
            came.send(()).expect("the test listens");
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
        let proxies = Arc::new(Proxies::Named(proxies.collect()));
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

    /// A connection from one of this machine's addresses.
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

    /// What the server says to a request, until it closes the connection.
    async fn ask(&self, from: u8, path: &str) -> String {
        rest(self.send(from, &last(path)).await).await
    }

    /// A connection whose request has a permit.
    async fn hold(&mut self, from: u8) -> TcpStream {
        let stream = self.send(from, &last("/held")).await;
        let came = timeout(PATIENCE, self.held.recv()).await;
        came.expect("in time").expect("it comes");
        stream
    }

    async fn until_nobody_is_connected(&self) {
        let gone = async {
            while self.connections.open() > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, gone).await.expect("they go");
    }
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")
}

fn last(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

/// All that the server says until it closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    let reading = timeout(PATIENCE, stream.read_to_end(&mut said)).await;
    // A reset says as well that it is over.
    let _ = reading.expect("the connection is closed");
    String::from_utf8(said).expect("text")
}

async fn status(stream: &mut TcpStream) -> String {
    let mut said = [0; 12];
    let reading = timeout(PATIENCE, stream.read_exact(&mut said)).await;
    reading.expect("in time").expect("an answer");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_not_waited_for() {
    let server = Server::start(SHORT, &[]).await;
    let began = Instant::now();
    for head in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let said = rest(server.send(1, head).await).await;
        assert_eq!(said, "", "{head:?}");
    }
    assert!(began.elapsed() >= 3 * SHORT.header_read_timeout);
    // A connection that is kept and not used has more time, a second head has not.
    for (then, least) in [("", SHORT.idle_timeout), ("GET", SHORT.header_read_timeout)] {
        let began = Instant::now();
        let mut stream = server.send(1, &request("/")).await;
        assert_eq!(status(&mut stream).await, "HTTP/1.1 200");
        stream.write_all(then.as_bytes()).await.expect("sent");
        let said = rest(stream).await;
        assert!(said.ends_with("here"), "{said}");
        assert!(began.elapsed() >= least, "{then:?}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = Server::start(LONG, &[]).await;
    for (length, expected) in [
        (MAX_HEAD_BYTES, "HTTP/1.1 200"),
        (MAX_HEAD_BYTES + 1, "HTTP/1.1 431"),
        (2 * MAX_HEAD_BYTES, "HTTP/1.1 431"),
    ] {
        let head = |value: &str| format!("GET / HTTP/1.1\r\nhost: x\r\na: {value}\r\n\r\n");
        let head = head(&"a".repeat(length - head("").len()));
        let mut stream = server.connect(1).await;
        // It may be refused before all is sent.
        let _ = stream.write_all(head.as_bytes()).await;
        assert_eq!(status(&mut stream).await, expected, "{length}");
    }
}

/// While the reactor is busy nobody is accepted, and a client beyond the backlog waits a second
/// until its kernel asks again.
#[cfg(target_os = "linux")] // other kernels allow few by default
#[tokio::test]
async fn hundreds_of_connections_may_wait_to_be_accepted() {
    let listener = listen(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = listener.local_addr().expect("its address");
    let connecting = (0..300).map(|_| TcpStream::connect(address));
    let waiting = timeout(PATIENCE, futures_util::future::try_join_all(connecting)).await;
    let waiting = waiting.expect("all are connected").expect("connections");
    assert_eq!(waiting.len(), 300);
}

#[tokio::test]
async fn a_response_that_is_not_read_is_given_up() {
    let server = Server::start(SHORT, &[]).await;
    let mut unread = server.send(1, &request("/large")).await;
    assert_eq!(status(&mut unread).await, "HTTP/1.1 200");
    server.until_nobody_is_connected().await;
    assert!(rest(unread).await.len() < 64 << 20);
}

#[tokio::test]
async fn each_address_has_its_share_and_idle_connections_give_way() {
    let server = Server::start(LONG, &[]).await;
    let first = server.connect(2).await;
    let mut second = server.connect(2).await;
    // One too many: the first is closed for it.
    assert!(server.ask(2, "/").await.ends_with("here"));
    assert_eq!(rest(first).await, "");
    // Two more fill the server, so that the next address's takes the place of the longest idle.
    let _others = [server.connect(3).await, server.connect(3).await];
    assert!(server.ask(4, "/").await.ends_with("here"));
    let read = timeout(PATIENCE, second.read(&mut [0])).await;
    assert_eq!(read.expect("in time").expect("an end"), 0);
}

#[tokio::test]
async fn health_is_told_when_all_connections_are_in_use() {
    let mut server = Server::start(LONG, &[]).await;
    let mut held = vec![server.hold(2).await, server.hold(2).await];
    // The address's share is in use; others are served.
    let refused = server.ask(2, "/").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("too many connections"), "{refused}");
    assert!(server.ask(2, "/health/live").await.ends_with("alive"));
    assert!(server.ask(3, "/").await.ends_with("here"));
    // All are in use.
    held.push(server.hold(3).await);
    let refused = server.ask(4, "/").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    // Also when the connections beyond the limit are silent.
    let silent = [server.connect(4).await, server.connect(4).await];
    for _ in 0..10 {
        let said = server.send(4, &request("/health/live")).await;
        let said = rest(said).await;
        assert!(said.ends_with("alive"), "{said}");
        assert!(said.contains("connection: close"), "{said}");
    }
    drop(silent);
    server.release.cancel();
    for held in held {
        let said = rest(held).await;
        assert!(said.ends_with("released"), "{said}");
    }
}

/// They need no credentials.
#[tokio::test]
async fn requests_without_a_permit_keep_nobody_out() {
    let server = Server::start(LONG, &[]).await;
    let arriving = "POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{";
    let unread = request("/large");
    for (what, text) in [("a body", arriving), ("a response", &unread)] {
        let mut pinned = Vec::new();
        for from in [2, 2, 3] {
            let mut stream = server.send(from, text).await;
            if text == unread {
                assert_eq!(status(&mut stream).await, "HTTP/1.1 200");
            }
            pinned.push(stream);
        }
        // Of an address whose share is in use, and of another.
        for from in [2, 4] {
            let said = server.ask(from, "/").await;
            assert!(said.ends_with("here"), "{what} of {from}: {said}");
        }
        drop(pinned);
        server.until_nobody_is_connected().await;
    }
}

#[tokio::test]
async fn a_trusted_proxy_has_no_share() {
    let mut server = Server::start(LONG, &["127.0.0.2/32"]).await;
    let held = [
        server.hold(2).await,
        server.hold(2).await,
        server.hold(2).await,
    ];
    server.release.cancel();
    for held in held {
        assert!(rest(held).await.ends_with("released"));
    }
}

#[tokio::test]
async fn told_to_stop_it_ends_idle_connections_and_takes_no_new_ones() {
    let server = Server::start(LONG, &[]).await;
    let mut idle = server.send(1, &request("/")).await;
    assert_eq!(status(&mut idle).await, "HTTP/1.1 200");
    server.stop.cancel();
    server.tasks.close();
    timeout(PATIENCE, server.tasks.wait())
        .await
        .expect("it stops");
    rest(idle).await;
    assert!(TcpStream::connect(server.address).await.is_err());
}

/// However many come before the first head, and in whatever pieces (RFC 9112, section 2.2).
#[tokio::test]
async fn empty_lines_before_a_head_are_ignored() {
    let server = Server::start(LONG, &[]).await;
    let many = "\r\n".repeat(100_000);
    for (lines, path) in [("\r\n", "/"), ("\n\n\r\n", "/"), (&*many, "/large")] {
        let mut stream = server.send(1, lines).await;
        stream.set_nodelay(true).expect("at once");
        for piece in ["\r", "\n", "\r\n", &request("/"), "\r\n", &last(path)] {
            stream.write_all(piece.as_bytes()).await.expect("sent");
        }
        let said = rest(stream).await;
        assert_eq!(said.matches("HTTP/1.1 200").count(), 2, "{}", said.len());
    }
}

/// RFC 9112, section 2.2: a recipient ignores CRLF, and a CR alone is no line end.
#[tokio::test]
async fn a_carriage_return_alone_before_a_head_is_refused() {
    let server = Server::start(LONG, &[]).await;
    for start in ["\r", "\r\r\n", "\r\n\r"] {
        let said = rest(server.send(1, &format!("{start}{}", last("/"))).await).await;
        assert!(said.starts_with("HTTP/1.1 400"), "{start:?}: {said}");
    }
}

/// What arrives is not lost while a long request waits for its turns.
#[tokio::test]
async fn a_long_request_arrives_whole() {
    let server = Server::start(LONG, &[]).await;
    let body = "x".repeat(300_000);
    for head in [
        format!("content-length: {}\r\n\r\n{body}", body.len()),
        format!(
            "transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
    ] {
        let head = format!("POST /length HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}");
        let said = rest(server.send(1, &head).await).await;
        assert!(said.ends_with("\r\n\r\n300000"), "{said}");
    }
}

/// Wherever the bytes of requests written ahead are split on their way, no byte is lost.
#[tokio::test]
async fn requests_written_ahead_arrive_as_they_were_sent() {
    let requests = [
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\n\r\na\nb\r",
        "\r\nPOST /echo HTTP/1.1\r\nhost: x\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    ]
    .concat();
    let server = Server::start(LONG, &[]).await;
    for at in 1..requests.len() {
        let (first, then) = requests.split_at(at);
        let mut stream = server.send(1, first).await;
        // The server reads meanwhile: it runs on this thread.
        for _ in 0..30 {
            tokio::task::yield_now().await;
        }
        stream.write_all(then.as_bytes()).await.expect("sent");
        let said = rest(stream).await;
        let bodies: Vec<&str> = said.split(['[', ']']).skip(1).step_by(2).collect();
        assert_eq!(
            bodies,
            ["2:\r\na\nb\r", "3:\r\n\r\n", "3:"],
            "split before {then:?}: {said}"
        );
    }
}
