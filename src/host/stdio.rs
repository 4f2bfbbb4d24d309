use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::stdio;
use tokio_util::sync::CancellationToken;

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

/// Speaks MCP on standard input and output until the client closes them or `stop` is cancelled.
///
/// # Errors
/// [`StdioError`].
pub async fn serve_stdio(handler: Handler, stop: CancellationToken) -> Result<(), StdioError> {
    let session = match handler.serve_with_ct(stdio(), stop).await {
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
