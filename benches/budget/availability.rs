use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::Fallible;
use crate::client::Connection;
use crate::load;
use crate::mcp;
use crate::plan::Plan;
use crate::progress;
use crate::server;
use crate::workload::SELECT_ONE;

/// The attackers' address: another local address than the victim's.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// How long an attack runs before the other tenant is measured.
const BUILD_UP: Duration = Duration::from_millis(500);

/// Latency of one tenant, alone and during each attack.
pub(crate) struct Availability {
    pub(crate) alone: Latency,
    pub(crate) beside: Vec<(&'static str, Latency)>,
}

/// Latency of requests.
pub(crate) struct Latency {
    pub(crate) requests: usize,
    /// Median.
    pub(crate) p50: Duration,
    /// 99th percentile.
    pub(crate) p99: Duration,
}

/// The requests of an attacker, and the number of connections.
struct Attack {
    name: &'static str,
    connections: usize,
    request: fn() -> Vec<u8>,
    /// Whether it reads responses and sends the next request; otherwise it sends once and reads
    /// nothing.
    reads: bool,
}

const ATTACKS: [Attack; 8] = [
    Attack {
        name: "JSON that is expensive to parse",
        connections: 4,
        request: nested_json,
        reads: true,
    },
    Attack {
        name: "the longest bodies",
        connections: 4,
        request: max_length_body,
        reads: true,
    },
    Attack {
        name: "the largest results",
        connections: 4,
        request: large_result,
        reads: true,
    },
    Attack {
        name: "16 connections at full speed",
        connections: 16,
        request: small_query,
        reads: true,
    },
    Attack {
        name: "1,000 silent connections",
        connections: 1_000,
        request: Vec::new,
        reads: false,
    },
    Attack {
        name: "400 unfinished request heads",
        connections: 400,
        request: endless_head,
        reads: false,
    },
    Attack {
        name: "100 bodies that are not sent",
        connections: 100,
        request: unsent_body,
        reads: false,
    },
    Attack {
        name: "100 responses that are not read",
        connections: 100,
        request: large_result,
        reads: false,
    },
];

/// Measures a tenant over one connection, with a new server and attacker each time.
pub(crate) async fn measure(plan: &Plan) -> Fallible<Availability> {
    progress::report("availability, alone");
    let ours = server::start(plan)?;
    drop(ours.connect().await?); // waits until it listens
    let alone = victim_latency(plan, ours.address()).await?;
    ours.stop().await?;
    let mut beside = Vec::with_capacity(ATTACKS.len());
    for attack in &ATTACKS {
        progress::report(&format!("availability, {}", attack.name));
        let ours = server::start(plan)?;
        drop(ours.connect().await?);
        let mut attackers = JoinSet::new();
        let request: Arc<[u8]> = (attack.request)().into();
        for _ in 0..attack.connections {
            let request = Arc::clone(&request);
            attackers.spawn(attack_with(ours.address(), request, attack.reads));
        }
        sleep(BUILD_UP).await;
        beside.push((attack.name, victim_latency(plan, ours.address()).await?));
        attackers.shutdown().await;
        ours.stop().await?;
    }
    Ok(Availability { alone, beside })
}

async fn victim_latency(plan: &Plan, address: SocketAddr) -> Fallible<Latency> {
    let request = mcp::query_of(mcp::SEATTLE, SELECT_ONE.sql).into();
    let mut latencies = load::run(address, plan.interval, vec![request])
        .await?
        .latencies;
    latencies.sort_unstable();
    let quantile = |hundredths: usize| {
        let at = (latencies.len() * hundredths / 100).min(latencies.len() - 1);
        Duration::from_nanos(latencies[at].into())
    };
    Ok(Latency {
        requests: latencies.len(),
        p50: quantile(50),
        p99: quantile(99),
    })
}

/// Attacks until it is dropped, whatever the server does.
async fn attack_with(server: SocketAddr, request: Arc<[u8]>, reads: bool) {
    if !reads {
        let mut held = connect(server).await;
        if let Ok(stream) = &mut held {
            // The server may close the connection before everything is sent.
            let _ = stream.write_all(&request).await;
        }
        return pending().await;
    }
    loop {
        let connected = connect(server).await.and_then(Connection::over);
        if let Ok(mut connection) = connected {
            while connection.exchange(&request).await.is_ok() {}
        }
        sleep(Duration::from_millis(1)).await;
    }
}

async fn connect(server: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((ATTACKER, 0).into())?;
    socket.connect(server).await
}

fn attackers_store() -> &'static str {
    mcp::STORES[3]
}

fn large_result() -> Vec<u8> {
    let sql = "SELECT repeat('x', 1000) FROM retail.order_items LIMIT 1000";
    mcp::query_of(attackers_store(), sql)
}

fn small_query() -> Vec<u8> {
    mcp::query_of(attackers_store(), SELECT_ONE.sql)
}

fn nested_json() -> Vec<u8> {
    let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
    post(&format!("[{}]", vec![nested; 1_200].join(",")))
}

fn max_length_body() -> Vec<u8> {
    post(&format!("\"{}\"", "\\u0041".repeat(43_000)))
}

fn post(x: &str) -> Vec<u8> {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{x}}}}}"#);
    format!("{}{body}", head(body.len())).into_bytes()
}

fn unsent_body() -> Vec<u8> {
    head(100_000).into_bytes()
}

fn endless_head() -> Vec<u8> {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\na: {}",
        "a".repeat(60_000)
    )
    .into_bytes()
}

fn head(length: usize) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\n{}content-length: {length}\r\n\r\n",
        mcp::tenant_header(attackers_store())
    )
}
