use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::stdio;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::mcp::Handler;

/// Why serving over standard input and output ended badly.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The client did not begin as MCP has it.
    #[error("the client did not begin an MCP session on standard input")]
    Begin(#[source] Box<ServerInitializeError>),
    /// A task of ours failed.
    #[error("the session was broken off")]
    Session(#[source] tokio::task::JoinError),
}

/// Speaks MCP on standard input and output until the client closes them or `stop` is cancelled. `gone` is cancelled as
/// soon as nobody waits for answers any more, which is before this returns: calls under way are waited for.
///
/// # Errors
/// [`StdioError`].
pub async fn serve_stdio(
    handler: Handler,
    stop: CancellationToken,
    gone: CancellationToken,
) -> Result<(), StdioError> {
    let (input, output) = stdio();
    let input = Watched {
        input,
        gone: Some(gone.drop_guard()),
    };
    let session = match handler.serve_with_ct((input, output), stop).await {
        Ok(session) => session,
        // Closed before anything was said: a client that only looked whether the command starts.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(StdioError::Begin(Box::new(error))),
    };
    session
        .waiting()
        .await
        .map(|_| ())
        .map_err(StdioError::Session)
}

/// An input that tells when it has come to its end: to close it is how an MCP client takes its leave
/// (<https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#stdio>).
struct Watched<R> {
    input: R,
    gone: Option<DropGuard>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.input).poll_read(context, buffer));
        if read.is_err() || buffer.filled().len() == before {
            self.gone = None;
        }
        Poll::Ready(read)
    }
}
