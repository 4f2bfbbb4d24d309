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
use super::connection_io::{ConnectionIo, RequestInProgress, TrackedBody};
use super::connections::{Connection, ConnectionLimits, Connections};
use super::{health, refusal};

/// Below 1,024, the usual limit of open files of a process; the database's connections need some
/// too.
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

/// The most bytes of a request's head, and of a response that wait to be written, in memory for
/// each connection. A token with many groups and App Service's description of it take some 30,000.
const MAX_HEAD_BYTES: usize = 64 * 1024;
const MAX_BUFFER_BYTES: usize = 64 * 1024;

/// How many connections may wait to be accepted, as far as the kernel allows it (`somaxconn`).
/// A client beyond that waits at least a second until its kernel asks again.
const BACKLOG: u32 = 4096;

/// The connections that are accepted before the reactor has polled all other tasks.
const ACCEPTS_PER_TURN: usize = 16;

/// How long requests under way may take to finish once the server is told to stop.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// The pause before accepting again when the process has no file descriptor left.
const RETRY_DELAY: Duration = Duration::from_millis(100);

/// Listens on an address.
///
/// # Errors
/// When the address is in use, or is none of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Connections of a server that has just ended do not keep the next one from its address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` is cancelled, then lets requests under way finish, for a while.
///
/// hyper itself, because `axum::serve` bounds neither how long a head takes nor how many
/// connections there are.
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
    let mut accepted_in_turn = 0;
    loop {
        // All arms are cancel-safe: a connection that has been taken from the queue is served.
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
            _ = sweep.tick() => {
                connections.close_overdue();
                continue;
            }
        };
        let (stream, peer) = accepted;
        let registered = connections.register(peer.ip());
        // An answer is written at once; waiting for more to send would only delay it.
        let _ = stream.set_nodelay(true);
        let connection = Arc::clone(&registered.connection);
        let io = TokioIo::new(ConnectionIo::new(stream, Arc::clone(&connection)));
        let router = router.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            answer(router.clone(), Arc::clone(&connection), peer, request)
        });
        let serving = graceful.watch(http.serve_connection(io, service));
        tasks.spawn(async move {
            // A connection that ends early is no error of the server: the client has gone, or a
            // timeout has expired. Both arms may be dropped: closing a connection drops its
            // request.
            tokio::select! {
                served = serving => {
                    if let Err(error) = served {
                        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
                    }
                }
                () = registered.connection.closed() => {}
            }
        });
        // Thousands may be waiting to be accepted, and requests must not wait for all of them.
        accepted_in_turn += 1;
        if accepted_in_turn == ACCEPTS_PER_TURN {
            accepted_in_turn = 0;
            yield_now().await;
        }
    }
    drop(listener);
    // Both arms may be dropped: what is left then is given up on purpose.
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(SHUTDOWN_GRACE) => {
            tracing::warn!("requests under way did not finish in time and are cancelled");
        }
    }
    Ok(())
}

/// Answers a request; on a connection beyond the limits, only the health endpoints.
async fn answer(
    router: Router,
    connection: Arc<Connection>,
    peer: SocketAddr,
    mut request: hyper::Request<Incoming>,
) -> Result<hyper::Response<TrackedBody>, Infallible> {
    let in_progress = RequestInProgress::begin(&connection, request.headers());
    connection.turn().await;
    let mut response: Response =
        if connection.is_health_only() && !health::is_path(request.uri().path()) {
            refusal::too_many_connections().into_response(None)
        } else {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(connection.clone());
            router.oneshot(request).await?
        };
    if connection.is_health_only() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response.map(|body| TrackedBody::new(body, in_progress)))
}

/// The next connection.
async fn accept(listener: &TcpListener, connections: &Connections) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // A client that has gone before its connection was accepted.
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
                    "cannot accept connections; one without a request in flight is closed"
                );
                connections.close_first();
                sleep(RETRY_DELAY).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
