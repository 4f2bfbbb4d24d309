use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::arguments::Health;
use super::output::print_line;

/// The server answers within two seconds, also while its database is away.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Longer than any response of the health endpoints.
const MAX_RESPONSE_BYTES: u64 = 16 * 1024;

/// Asks the server on this machine whether it is ready, or only whether it is up. For the health
/// check of a container that has no other program.
pub(super) async fn run(listen: SocketAddr, health: Health) -> anyhow::Result<()> {
    let address = reachable(listen);
    let path = if health.live {
        "/health/live"
    } else {
        "/health/ready"
    };
    let response = timeout(TIMEOUT, get(address, path)).await;
    let response = response
        .with_context(|| format!("the server at {address} has not answered within 3 s"))?
        .with_context(|| format!("the server at {address} does not answer"))?;
    // A status line, RFC 9112, section 4.
    match response.split(' ').nth(1) {
        Some("200") => Ok(print_line("ok")?),
        Some(status) => bail!("{path} of the server at {address} answers with status {status}"),
        None => bail!("what answers at {address} is no HTTP server"),
    }
}

/// The address at which this machine reaches a server that listens on all addresses.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    (ip, listen.port()).into()
}

async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream
        .take(MAX_RESPONSE_BYTES)
        .read_to_end(&mut response)
        .await?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}
