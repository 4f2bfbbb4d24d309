//! A server in a separate process, and attackers with their own addresses.
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::thread;

use futures_util::future::{join_all, select_all};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::RESPONSE_TIMEOUT;
use crate::command_line::{binary, with_database};
use crate::support::{REDMOND, TestDatabase, settings};

pub(super) const VICTIM: [u8; 4] = [127, 0, 0, 1];
pub(super) const ATTACKER: [u8; 4] = [127, 0, 0, 2];

/// What an attacker does, and on how many connections.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attack {
    /// Sends requests one after the other and reads the responses.
    Requests(fn() -> String, usize),
    /// Sends this once on each connection and reads nothing.
    Silent(fn() -> String, usize),
    /// The same from four addresses, so that all connections are within the per-address limit.
    SilentFromMany(fn() -> String, usize),
    /// Sends this repeatedly on each connection, from sixteen addresses, and reads responses as
    /// they come.
    Repeat(fn() -> String, usize),
    /// Sends the first text and then repeats the second on each connection, from four addresses;
    /// reconnects when the server closes the connection.
    Flood([fn() -> String; 2], usize),
}

fn post(tenant: &str, body: &str) -> String {
    let head = super::head(tenant, body.len());
    format!("{head}{body}")
}

fn ping(x: &str) -> String {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{x}}}}}"#);
    post(REDMOND, &body)
}

pub(super) fn nested() -> String {
    let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
    ping(&format!("[{}]", vec![nested; 1_200].join(",")))
}

pub(super) fn many_values() -> String {
    ping(&format!("[{}]", vec!["[]"; 1_000].join(",")))
}

pub(super) fn max_length_body() -> String {
    ping(&format!("\"{}\"", "\\u0041".repeat(43_000)))
}

pub(super) fn call(sql: &str) -> String {
    let params = json!({"name": "execute_sales_query", "arguments": {"postgresql_query": sql, "max_rows": 1000}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    post(REDMOND, &body.to_string())
}

pub(super) fn large_result() -> String {
    call("SELECT repeat('x', 1000) FROM retail.order_items LIMIT 1000")
}

pub(super) fn endless_head() -> String {
    format!("POST /mcp HTTP/1.1\r\nhost: x\r\na: {}", "a".repeat(60_000))
}

pub(super) fn unsent_body() -> String {
    super::head(REDMOND, 100_000)
}

pub(super) fn partial_body() -> String {
    format!("{}{{", super::head(REDMOND, 1_000))
}

pub(super) fn unknown_tenant() -> String {
    post("nobody", "{}")
}

pub(super) fn not_found() -> String {
    "GET /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".to_owned()
}

/// A request whose body begins with a chunk-size line.
pub(super) fn chunked() -> String {
    "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()
}

pub(super) fn endless_chunk_size() -> String {
    "0".repeat(60_000)
}

pub(super) fn empty_lines() -> String {
    "\r\n".repeat(30_000)
}

/// A few bytes, so that the server reads often.
pub(super) fn empty_line() -> String {
    "\r\n".to_owned()
}

/// About 60 KB of requests with small responses, more than the socket buffers hold.
pub(super) fn many_not_found() -> String {
    not_found().repeat(1_300)
}

/// A server in a separate process.
pub(super) struct Server {
    process: Child,
    _reading: JoinSet<()>,
    pub(super) address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(super) async fn start(database: &TestDatabase) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = binary(folder.path());
        with_database(&mut command, &settings(&database.name));
        let mut process = command
            .arg("serve")
            .env("ZAVA_PRINCIPAL_RATE", "100000000")
            .env("ZAVA_ADDRESS_RATE", "100000000")
            .env("ZAVA_FAILURE_RATE", "100000000")
            .env("ZAVA_LOG", "zava_mcp_server=info,zava=off")
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut log = BufReader::new(process.stderr.take().expect("its log")).lines();
        let address = loop {
            let line = timeout(RESPONSE_TIMEOUT, log.next_line())
                .await
                .expect("in time");
            let line = line.expect("a line").expect("it listens");
            if let Some((_, address)) = line.split_once("address=") {
                break address.trim().parse().expect("an address");
            }
        };
        // The log is drained, because a full pipe would block the server.
        let mut reading = JoinSet::new();
        reading.spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self {
            process,
            _reading: reading,
            address,
            _folder: folder,
        }
    }

    /// Resident memory in bytes (proc(5)).
    #[cfg(target_os = "linux")]
    pub(super) fn resident(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id().expect("it runs"));
        let status = std::fs::read_to_string(status).expect("the status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.expect("a size").parse::<u64>().expect("a number") * 1024
    }
}

/// Attacks from a separate thread until it is dropped.
pub(super) struct Attacker {
    _stop: oneshot::Sender<()>,
}

impl Attacker {
    /// Returns when the attack is at its peak: everything is sent, or each connection has had a
    /// response.
    pub(super) async fn start(server: SocketAddr, attack: Attack) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, when_ready) = oneshot::channel();
        thread::spawn(move || {
            runtime().block_on(async move {
                let attacking = async move {
                    match attack {
                        Attack::Requests(text, connections) => {
                            let text = &text();
                            join_all((0..connections).map(|_| ask(server, text))).await;
                            let _ = ready.send(());
                            let repeat = async || {
                                loop {
                                    ask(server, text).await;
                                }
                            };
                            select_all((0..connections).map(|_| Box::pin(repeat())))
                                .await
                                .0
                        }
                        Attack::Silent(text, connections)
                        | Attack::SilentFromMany(text, connections) => {
                            let text = &text();
                            let addresses = match attack {
                                Attack::SilentFromMany(..) => 4,
                                _ => 1,
                            };
                            let send = async |n: usize| {
                                let mut stream =
                                    connect(attacker_address(n % addresses), server).await?;
                                // The server may close it meanwhile.
                                let _ = stream.write_all(text.as_bytes()).await;
                                io::Result::Ok(stream)
                            };
                            let _held = join_all((0..connections).map(send)).await;
                            let _ = ready.send(());
                            pending().await
                        }
                        Attack::Flood([first, then], connections) => {
                            let (first, then) = (&first(), &then());
                            let flood = async |n: usize| {
                                let mut stream = connect(attacker_address(n % 4), server).await?;
                                stream.write_all(first.as_bytes()).await?;
                                io::Result::Ok(stream)
                            };
                            let begun = join_all((0..connections).map(flood)).await;
                            let begun: Vec<_> = begun.into_iter().flatten().collect();
                            assert!(begun.len() * 10 >= connections * 9, "{}", begun.len());
                            let _ = ready.send(());
                            let again = async |(n, stream)| {
                                repeat(stream, then).await;
                                while let Ok(stream) = flood(n).await {
                                    repeat(stream, then).await;
                                }
                            };
                            join_all(begun.into_iter().enumerate().map(again)).await;
                            pending().await
                        }
                        Attack::Repeat(text, connections) => {
                            let text = &text();
                            let begun = (0..connections).map(|n| begin(n, server, text));
                            let begun = join_all(begun).await;
                            let _ = ready.send(());
                            let begun = begun.into_iter().flatten();
                            join_all(begun.map(|stream| repeat(stream, text))).await;
                            pending().await
                        }
                    }
                };
                // Both arms may be dropped: the attack ends.
                tokio::select! {
                    () = attacking => {}
                    _ = stopped => {}
                }
            });
        });
        timeout(RESPONSE_TIMEOUT, when_ready)
            .await
            .expect("the attack begins in time")
            .expect("the attack begins");
        Self { _stop: stop }
    }
}

/// The nth address of the attacker.
fn attacker_address(n: usize) -> [u8; 4] {
    let [network @ .., first] = ATTACKER;
    let [a, b, c] = network;
    [a, b, c, first + u8::try_from(n).expect("few")]
}

/// Opens a connection from one of sixteen addresses, sends the text and waits for the response to
/// begin.
async fn begin(n: usize, server: SocketAddr, text: &str) -> io::Result<TcpStream> {
    let mut stream = connect(attacker_address(n % 16), server).await?;
    stream.write_all(text.as_bytes()).await?;
    stream.read_u8().await?;
    Ok(stream)
}

/// Repeats the text until the connection ends, and reads what comes.
async fn repeat(stream: TcpStream, text: &str) {
    let (mut from, mut to) = stream.into_split();
    let write = async { while to.write_all(text.as_bytes()).await.is_ok() {} };
    let mut nowhere = tokio::io::sink();
    let (_, ()) = tokio::join!(tokio::io::copy(&mut from, &mut nowhere), write);
}

/// Sends one request over a new connection; the outcome does not matter.
async fn ask(server: SocketAddr, text: &str) {
    let Ok(mut stream) = connect(ATTACKER, server).await else {
        return;
    };
    // Resets the connection on close, so that its port is free at once; thousands of requests would
    // use up all ports.
    let _ = stream.set_zero_linger();
    let _ = exchange(&mut stream, text).await;
}

pub(super) async fn connect(from: [u8; 4], server: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends a request; returns the body of the response.
pub(super) async fn exchange(stream: &mut TcpStream, request: &str) -> io::Result<String> {
    // A rejection may arrive, and the connection end, before everything is sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut received = Vec::new();
    let body = loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&received[..body]).to_lowercase();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    while received.len() < body + length {
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8_lossy(&received[body..]).into_owned())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
