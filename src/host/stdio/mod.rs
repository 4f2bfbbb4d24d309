//! MCP over standard input and output.
//!
//! Knows rmcp's transport and pipes; must not know tools or tenants.
//! Invariants: each request that was read is answered, also when the input has ended; a line that
//! cannot be read as a message is answered and never ends the session; what waits in memory is
//! bounded by [`StdioLimits`].
mod client_gone; // detects that the output has no reader
mod lines; // the input, line by line
mod session; // lines as MCP messages, and the requests in flight

use std::num::NonZeroUsize;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::io::stdio_pipes;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::mcp::Handler;

use session::Session;

/// How long the answers may take that tell of calls which did not end in time.
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
    let session = Session::new(input, output, limits, stop, overdue.clone());
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
    // Dropping the watch loses nothing; when it ends first, serving still finishes.
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => return served,
        () = gone => overdue.cancel(),
        () = overdue.cancelled() => {}
    }
    // The last answers are not written to a client that does not read them.
    timeout(LAST_WRITE_TIMEOUT, serving).await.unwrap_or(Ok(()))
}
