//! MCP over standard input and output.
//!
//! Knows rmcp's transport and pipes; must not know tools or tenants.
//! Invariants: each request that was read is answered, also when the input has ended; a line that
//! cannot be read as a message is answered and never ends the session; what waits in memory is
//! bounded by [`StdioLimits`].
mod client_gone; // detects that the output has no reader
mod lines; // the input, line by line
mod requests; // those in flight
mod session; // lines as MCP messages

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

/// How long the answers may take that tell of calls which did not end in time; and an answer that
/// is not read, once the server is told to stop.
const LAST_WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a client on standard input may have the server hold.
#[derive(Clone, Copy, Debug)]
pub struct StdioLimits {
    /// The longest line, in bytes.
    pub line_bytes: NonZeroUsize,
    /// The most requests in flight; further lines are not read until one of them is answered.
    pub in_flight: NonZeroUsize,
    /// How long requests in flight may take once the input has ended or the server is told to stop.
    pub grace: Duration,
}

/// Why serving over standard input and output ended badly.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client's `initialize` was refused, with an answer that says why.
    #[error("no MCP session could be agreed on")]
    Initialize(#[source] Box<ServerInitializeError>),
    /// A task of ours failed.
    #[error("the session was broken off")]
    Session(#[source] tokio::task::JoinError),
}

/// Speaks MCP on standard input and output until the input ends or `stop` is cancelled; then the
/// requests in flight are finished. `overdue` is cancelled when they have taken too long, or when
/// the output has no reader any more; calls in flight must end then.
///
/// # Errors
/// [`StdioError`]. Never because of how a client leaves.
pub async fn serve_stdio(
    handler: Handler,
    limits: StdioLimits,
    stop: CancellationToken,
    overdue: CancellationToken,
) -> Result<(), StdioError> {
    let (input, output) = stdio_pipes();
    let gone = client_gone::watch_stdout();
    let ended = stop.child_token();
    let session = Session::new(input, output, limits, ended.clone(), overdue.clone());
    let too_late = too_late(session.requests(), limits.grace, stop, ended);
    let serving = async {
        match handler.serve(session).await {
            Ok(session) => session
                .waiting()
                .await
                .map(|_| ())
                .map_err(StdioError::Session),
            // The client left before there was a session, for example one that only looked
            // whether the command starts.
            Err(
                ServerInitializeError::ConnectionClosed(_)
                | ServerInitializeError::TransportError { .. },
            ) => Ok(()),
            Err(error) => Err(StdioError::Initialize(Box::new(error))),
        }
    };
    // Dropping what watches loses nothing; when it ends first, serving still finishes.
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => return served,
        () = gone => {}
        () = too_late => {}
    }
    overdue.cancel();
    // The last answers are not written to a client that does not read them.
    timeout(LAST_WRITE_TIMEOUT, serving).await.unwrap_or(Ok(()))
}

/// Resolves when the requests in flight are not waited for any more. The session cannot tell: it is
/// not polled while rmcp writes, and it does not see the input's end behind lines that it does not
/// read while as many as may be are in flight.
async fn too_late(
    requests: Arc<Requests>,
    grace: Duration,
    stop: CancellationToken,
    ended: CancellationToken,
) {
    let unfinished = async {
        ended.cancelled().await;
        sleep(grace).await;
    };
    // What was read is finished as long as the client reads the answers, however much it is.
    let unread = async {
        client_gone::watch_stdin().await;
        requests.until_unchanged_for(grace).await;
    };
    let unread_at_stop = async {
        stop.cancelled().await;
        requests.until_none_runs().await;
        requests.until_unchanged_for(LAST_WRITE_TIMEOUT).await;
    };
    // Dropping those that have not ended loses nothing.
    tokio::select! {
        () = unfinished => {
            tracing::warn!("requests in flight did not finish in time and are cancelled");
        }
        () = unread => tracing::warn!("answers are not read and are given up"),
        () = unread_at_stop => tracing::warn!("answers are not read and are given up"),
    }
}
