//! MCP over standard input and output.
//!
//! Knows rmcp's transport and pipes; must not know tools or tenants.
//!
//! Invariants:
//! - each request that was read gets a response, even after the end of the input;
//! - a line that is not a valid message gets an error response and never ends the session;
//! - [`StdioLimits`] bounds the memory of messages.
mod disconnect; // detects that the client has closed a stream
mod lines; //      splits the input into lines
mod rejection; //  error responses of the session itself
mod requests; //   the requests in flight
mod session; //    lines as MCP messages

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::io::stdio_pipes;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::mcp::Handler;

use requests::Requests;
use session::Session;

/// How long the client may take to read the responses to calls that were cancelled at the end of
/// the grace period, and to read any response once the server is told to stop.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Limits for the client on standard input.
#[derive(Clone, Copy, Debug)]
pub struct StdioLimits {
    /// The maximum length of a line, in bytes.
    pub max_line_bytes: NonZeroUsize,
    /// The maximum number of requests in flight. At the limit, no line is read until one of them is
    /// answered.
    pub max_in_flight: NonZeroUsize,
    /// How long requests in flight may take once the input has ended or the server is told to stop.
    pub grace: Duration,
}

/// Why serving standard input and output failed.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client's `initialize` was rejected, with a response that says why.
    #[error("the client could not initialize an MCP session")]
    Initialize(#[source] Box<ServerInitializeError>),
    /// A task of the session panicked or was cancelled.
    #[error("the MCP session failed")]
    Session(#[source] tokio::task::JoinError),
}

/// Serves MCP on standard input and output until the input ends or `stop` is cancelled, and then
/// finishes the requests in flight. `overdue` is cancelled when they take longer than the grace
/// period, or when standard output has no reader left; calls in flight must end then.
///
/// # Errors
/// [`StdioError`]. A client that disconnects at any time is not an error.
pub async fn serve_stdio(
    handler: Handler,
    limits: StdioLimits,
    stop: CancellationToken,
    overdue: CancellationToken,
) -> Result<(), StdioError> {
    let (input, output) = stdio_pipes();
    let stdout_closed = disconnect::stdout_closed();
    let ended = stop.child_token();
    let session = Session::new(input, output, limits, ended.clone(), overdue.clone());
    let is_overdue = wait_until_overdue(session.requests(), limits.grace, stop, ended);
    let serving = async {
        match handler.serve(session).await {
            Ok(session) => session
                .waiting()
                .await
                .map(|_| ())
                .map_err(StdioError::Session),
            // The client disconnected before there was a session, for example because it only
            // checks whether the command starts.
            Err(
                ServerInitializeError::ConnectionClosed(_)
                | ServerInitializeError::TransportError { .. },
            ) => Ok(()),
            Err(error) => Err(StdioError::Initialize(Box::new(error))),
        }
    };
    // The last two arms hold no state; serving goes on after one of them resolves.
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => return served,
        () = stdout_closed => {}
        () = is_overdue => {}
    }
    overdue.cancel();
    // Abandons the last responses if the client does not read them.
    timeout(LAST_WRITE_TIMEOUT, serving).await.unwrap_or(Ok(()))
}

/// Resolves when the requests in flight must be cancelled. The session cannot detect that itself:
/// rmcp does not poll it while writing, and at the in-flight limit it reads no lines, so it does
/// not see the end of the input behind them.
async fn wait_until_overdue(
    requests: Arc<Requests>,
    grace: Duration,
    stop: CancellationToken,
    ended: CancellationToken,
) {
    let grace_expired = async {
        ended.cancelled().await;
        sleep(grace).await;
    };
    // As long as the client reads responses, all lines that it has sent are handled.
    let unread = async {
        disconnect::stdin_closed().await;
        requests.wait_until_unchanged_for(grace).await;
    };
    let unread_at_stop = async {
        stop.cancelled().await;
        requests.wait_until_none_running().await;
        requests.wait_until_unchanged_for(LAST_WRITE_TIMEOUT).await;
    };
    // All arms may be dropped: they only wait.
    tokio::select! {
        () = grace_expired => {
            tracing::warn!("shutdown grace period expired; cancelling requests in flight");
        }
        () = unread => tracing::warn!("client does not read responses; abandoning them"),
        () = unread_at_stop => tracing::warn!("client does not read responses; abandoning them"),
    }
}
