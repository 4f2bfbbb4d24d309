//! The HTTP listener: accepts connections, serves them with hyper, and shuts down gracefully.
//!
//! Knows TCP, hyper and the table of connections; must not know what routes do.
//! Invariants:
//! - every accepted connection is in the table of connections until its task ends;
//! - once told to stop, the server accepts nothing more and returns within [`SHUTDOWN_GRACE`].
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::address::Proxies;
use super::connection_io::{ConnectionIo, RequestInProgress};
use super::connections::{Connection, ConnectionLimits, Connections};
use super::holding_body::HoldingBody;
use super::{health, rejection};

/// The sum stays below 1,024, the usual limit of open files of a process, and leaves some for the
/// connections to the database.
const LIMITS: ConnectionLimits = ConnectionLimits {
    max_connections: 900,
    max_per_address: 225,
    max_health_only: 32,
    header_read_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_secs(75),
    write_timeout: Duration::from_secs(20),
};

/// How often connections whose timeout has expired are closed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum length of a request's header section. A token with many groups and the headers in
/// which App Service describes it take about 30,000 bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// The memory of each connection for bytes read ahead, and for response bytes not yet written.
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// What the kernel may receive of each connection before the server reads it: a longest request
/// and some more. Linux doubles it for its own bookkeeping (socket(7), `SO_RCVBUF`). Without it the
/// kernel keeps up to 6 MB of what a client writes ahead (tcp(7), `tcp_rmem`).
const RECEIVE_BUFFER_BYTES: u32 = 128 * 1024;

/// How many connections may wait to be accepted, unless the kernel's limit (`somaxconn`) is lower.
/// A client beyond that waits at least a second until its kernel retries.
const BACKLOG: u32 = 4096;

/// How many connections are accepted in a row before the reactor polls all other tasks.
const MAX_ACCEPTS_PER_TICK: usize = 16;

/// How long requests in flight may take to finish once the server is told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// The delay before the next accept after one that failed, for example because the process has no
/// file descriptor left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Listens on an address, for example `127.0.0.1:8000`.
///
/// # Errors
/// When the address is in use, or is not an address of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Lets a restarted server listen although connections of the previous one are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    // Each accepted connection inherits it.
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` is cancelled, then waits up to [`SHUTDOWN_GRACE`] for requests in flight.
///
/// Uses hyper directly, because `axum::serve` limits neither the time in which a header section
/// arrives nor the number of connections.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    proxies: Arc<Proxies>,
    stop: CancellationToken,
) -> io::Result<()> {
    let connections = Arc::new(Connections::new(LIMITS, proxies));
    serve_within(listener, router, connections, SWEEP_INTERVAL, stop).await
}

async fn serve_within(
    listener: TcpListener,
    router: Router,
    connections: Arc<Connections>,
    sweep_interval: Duration,
    stop: CancellationToken,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_BUFFER_BYTES);
    http.max_header_size(MAX_HEAD_BYTES);
    let graceful = GracefulShutdown::new();
    let tasks = TaskTracker::new();
    let mut sweep = interval(sweep_interval);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut accepted_in_tick = 0;
    loop {
        // All arms are cancel-safe: a connection that was taken from the backlog is served.
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
            _ = sweep.tick() => {
                connections.close_overdue();
                continue;
            }
        };
        let (stream, peer) = accepted;
        let registration = connections.register(peer.ip());
        // A response is written as soon as it is ready; Nagle's algorithm would only delay it.
        let _ = stream.set_nodelay(true);
        let connection = Arc::clone(&registration.connection);
        let io = TokioIo::new(ConnectionIo::new(stream, Arc::clone(&connection)));
        let router = router.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            handle_request(router.clone(), Arc::clone(&connection), peer, request)
        });
        let serving = graceful.watch(http.serve_connection(io, service));
        tasks.spawn(async move {
            // A connection that ends early is not an error of the server: the client disconnected
            // or a timeout expired. Both arms may be dropped: closing a connection is meant to
            // cancel its request.
            tokio::select! {
                served = serving => {
                    if let Err(error) = served {
                        tracing::debug!(error = &error as &dyn std::error::Error, "connection failed");
                    }
                }
                () = registration.connection.closed() => {}
            }
        });
        // Thousands may be waiting in the backlog, and requests must not wait for all of them.
        accepted_in_tick += 1;
        if accepted_in_tick == MAX_ACCEPTS_PER_TICK {
            accepted_in_tick = 0;
            yield_now().await;
        }
    }
    drop(listener);
    // Both arms may be dropped: what is left after the grace period is abandoned on purpose.
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(SHUTDOWN_GRACE) => {
            tracing::warn!("shutdown grace period expired; cancelling requests in flight");
        }
    }
    Ok(())
}

/// Routes a request. A connection beyond the limits only reaches the health endpoints.
async fn handle_request(
    router: Router,
    connection: Arc<Connection>,
    peer: SocketAddr,
    mut request: hyper::Request<Incoming>,
) -> Result<hyper::Response<HoldingBody<RequestInProgress>>, Infallible> {
    let in_progress = RequestInProgress::begin(&connection, request.headers());
    connection.wait_for_tick_permit().await;
    let mut response: Response =
        if connection.is_health_only() && !health::is_health_path(request.uri().path()) {
            rejection::too_many_connections().into_response(None)
        } else {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(connection.clone());
            router.oneshot(request).await?
        };
    if connection.is_health_only() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response.map(|body| HoldingBody::new(body, in_progress)))
}

/// Accepts the next connection. Retries errors, so it never fails.
async fn accept(listener: &TcpListener, connections: &Connections) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The client disconnected before its connection was accepted.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted
                        | io::ErrorKind::ConnectionReset
                        | io::ErrorKind::ConnectionRefused
                ) => {}
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "accept failed; evicting a connection without a request in flight, will retry"
                );
                connections.evict_one();
                sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
