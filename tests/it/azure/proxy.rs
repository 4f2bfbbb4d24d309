//! A stand-in for the network: an HTTPS proxy that connects to the stand-ins by the names of the
//! hosts that they stand for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::entra::listener;

/// The longest head of a CONNECT request, in bytes.
const MAX_HEAD_BYTES: usize = 4096;

/// The ports of the stand-ins, by the names of the hosts that they stand for.
type Hosts = Mutex<HashMap<&'static str, u16>>;

/// The proxy on a port of this machine.
pub(super) struct Proxy {
    address: SocketAddr,
    hosts: Arc<Hosts>,
    _serving: JoinSet<()>,
}

impl Proxy {
    /// Starts it. Each host stands for a port; `localhost` is itself, and others are unknown.
    pub(super) async fn start(hosts: impl IntoIterator<Item = (&'static str, u16)>) -> Self {
        let hosts: Arc<Hosts> = Arc::new(Mutex::new(hosts.into_iter().collect()));
        let known = Arc::clone(&hosts);
        let listener = listener().await;
        let address = listener.local_addr().expect("its address");
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                let hosts = Arc::clone(&known);
                connections.spawn(async move {
                    // A connection that ends early ends its task; the client notices.
                    let _ = forward(client, &hosts).await;
                });
            }
        });
        Self {
            address,
            hosts,
            _serving: serving,
        }
    }

    /// Adds a host.
    pub(super) fn add(&self, host: &'static str, port: u16) {
        self.hosts.lock().expect("the hosts").insert(host, port);
    }

    /// The value of `HTTPS_PROXY`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn forward(mut client: TcpStream, hosts: &Hosts) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).expect("text");
    let target = head.strip_prefix("CONNECT ").expect("a CONNECT request");
    let target = target.split(' ').next().unwrap_or_default();
    let (host, port) = target.rsplit_once(':').expect("a host and a port");
    let port = match host {
        "localhost" | "127.0.0.1" => port.parse().ok(),
        _ => hosts.lock().expect("the hosts").get(host).copied(),
    };
    let Some(port) = port else {
        let unknown = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(unknown).await;
    };
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    tokio::io::copy_bidirectional(&mut client, &mut server)
        .await
        .map(|_| ())
}
