use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Fallible;
use crate::client::Connection;
use crate::mcp;

/// How long responses may take beyond the duration of the load.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// The result of a load.
pub(crate) struct Load {
    pub(crate) requests_per_second: f64,
    pub(crate) requests: usize,
    /// Latency of each request in nanoseconds, unordered.
    pub(crate) latencies: Vec<u32>,
}

/// Sends each of `requests` over a separate connection for `duration`, one request at a time. The
/// first response of each connection is validated; the others must be identical.
pub(crate) async fn run(
    address: SocketAddr,
    duration: Duration,
    requests: Vec<Arc<[u8]>>,
) -> Fallible<Load> {
    let mut opened = Vec::with_capacity(requests.len());
    for request in requests {
        let mut connection = Connection::open(address).await?;
        let answer = connection.exchange(&request).await?;
        mcp::result_of(answer)?;
        let expected = answer.body.to_vec();
        opened.push((connection, request, expected));
    }
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for (connection, request, expected) in opened {
        workers.spawn(repeat(connection, request, expected, began + duration));
    }
    let mut latencies = Vec::new();
    let finished = async {
        while let Some(worked) = workers.join_next().await {
            latencies.append(&mut worked??);
        }
        Fallible::Ok(())
    };
    tokio::time::timeout(duration + RESPONSE_TIMEOUT, finished)
        .await
        .map_err(|_| "the server does not answer any more")??;
    let requests = latencies.len();
    Ok(Load {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
        requests_per_second: requests as f64 / began.elapsed().as_secs_f64(),
        requests,
        latencies,
    })
}

async fn repeat(
    mut connection: Connection,
    request: Arc<[u8]>,
    expected: Vec<u8>,
    until: Instant,
) -> Fallible<Vec<u32>> {
    let mut latencies = Vec::with_capacity(64 * 1024);
    let mut sent = Instant::now();
    while sent < until {
        let answer = connection.exchange(&request).await?;
        if answer.status != 200 || answer.body != expected {
            mcp::result_of(answer)?;
            let body = String::from_utf8_lossy(answer.body);
            return Err(format!("an answer that differs from the first: {body}").into());
        }
        let answered = Instant::now();
        latencies.push(u32::try_from((answered - sent).as_nanos()).unwrap_or(u32::MAX));
        sent = answered;
    }
    Ok(latencies)
}
