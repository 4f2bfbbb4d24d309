use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How long a request's head may take to arrive, and a connection may be idle.
const LONGEST_HEAD: Duration = Duration::from_secs(75);

/// The most connections at once; further ones wait in the listener's queue until one has ended.
const MOST_CONNECTIONS: usize = 1_000;

/// How long requests under way may take to finish once the server is told to stop.
const LONGEST_DRAIN: Duration = Duration::from_secs(10);

/// How long accepting rests when the process has no file descriptor left.
const REST: Duration = Duration::from_secs(1);

/// Serves until `stop` is cancelled, then lets requests under way finish, for a while. Those that have not finished then
/// go on in tasks of their own; closing what they work with ends them.
///
/// hyper itself, because `axum::serve` bounds neither how long a head takes nor how many connections there are.
///
/// # Errors
/// When the socket cannot be used any more.
pub async fn serve_http(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> io::Result<()> {
    serve(listener, router, stop, LONGEST_HEAD, MOST_CONNECTIONS).await
}

async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    longest_head: Duration,
    most_connections: usize,
) -> io::Result<()> {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(longest_head);
    let places = Arc::new(Semaphore::new(most_connections));
    let graceful = GracefulShutdown::new();
    let connections = TaskTracker::new();
    // A connection that has been taken from the queue is served; the token ends the wait for the next.
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &places)).await {
        let (stream, place) = accepted?;
        let Ok(peer) = stream.peer_addr() else {
            continue; // it has gone
        };
        // An answer is written at once; waiting for more to send would only delay it.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            // What ends a connection early is the client's matter: it has gone, or its head took too long.
            if let Err(error) = connection.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    // Both arms may be dropped: what is left then is given up on purpose.
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(LONGEST_DRAIN) => {
            tracing::warn!("requests under way did not finish in time and are cancelled");
        }
    }
    Ok(())
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// The next connection, when there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, Place)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, place)),
            // A client that has gone before it was looked at.
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
                    "cannot accept connections"
                );
                sleep(REST).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn served(
        most_connections: usize,
    ) -> (std::net::SocketAddr, CancellationToken, TaskTracker) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let router = Router::new().route("/", get(|| async { "here" }));
        let head = Duration::from_millis(300);
        tasks.spawn(serve(
            listener,
            router,
            stop.clone(),
            head,
            most_connections,
        ));
        (address, stop, tasks)
    }

    async fn send(address: std::net::SocketAddr, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(text.as_bytes()).await.expect("sent");
        stream
    }

    /// All that the server says until it closes the connection.
    async fn rest(mut stream: TcpStream) -> String {
        let mut said = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut said))
            .await
            .expect("the connection is closed")
            .expect("text");
        said
    }

    #[tokio::test]
    async fn a_head_that_does_not_come_to_its_end_is_not_waited_for() {
        let (address, _stop, _tasks) = served(10).await;
        for head in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
            let said = rest(send(address, head).await).await;
            assert!(!said.contains("here"), "{head:?}: {said}");
        }
        // Of a connection that is kept and not used, the same holds.
        let said = rest(send(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await).await;
        assert!(said.contains("200 OK") && said.ends_with("here"), "{said}");
    }

    #[tokio::test]
    async fn who_finds_no_place_gets_one_when_it_is_free() {
        let (address, _stop, _tasks) = served(2).await;
        let slow = [send(address, "GET").await, send(address, "GET").await];
        let waiting = send(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let said = rest(waiting).await;
        assert!(said.ends_with("here"), "{said}");
        drop(slow);
    }

    #[tokio::test]
    async fn told_to_stop_it_ends_idle_connections_and_takes_no_new_ones() {
        let (address, stop, tasks) = served(10).await;
        let mut idle = send(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut first = [0; 12];
        idle.read_exact(&mut first).await.expect("an answer");
        stop.cancel();
        tasks.close();
        timeout(PATIENCE, tasks.wait()).await.expect("it stops");
        rest(idle).await;
        assert!(TcpStream::connect(address).await.is_err());
    }
}
