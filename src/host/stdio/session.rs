//! An MCP session over lines, as a transport for rmcp.
//!
//! Knows JSON-RPC's errors and rmcp's transport; must not know tools or tenants.
//! Invariant: rmcp only sees valid messages. Anything else gets an error response here, because
//! rmcp would end the session.
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt;
use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_util::codec::{BytesCodec, FramedWrite};
use tokio_util::sync::CancellationToken;

use super::StdioLimits;
use super::lines::{Line, Lines};
use super::rejection;
use super::requests::{PendingResponse, Requests};
use crate::host::json_text::strip_bom;
use crate::host::message_id;
use crate::mcp::{RenderedMessage, initialize_error_text};

/// An MCP session that reads and writes one message per line.
pub(super) struct Session<R, W> {
    lines: Lines<R>,
    output: Arc<Mutex<FramedWrite<W, BytesCodec>>>,
    requests: Arc<Requests>,
    limits: StdioLimits,
    ended: CancellationToken,
    overdue: CancellationToken,
    /// A request has been read. Before the first request, rmcp ends the session at any other
    /// message.
    has_begun: bool,
    /// An error response of the session itself, not yet handed to `output`.
    reply: Option<Bytes>,
    /// `output` may hold bytes of an error response.
    is_unflushed: bool,
}

impl<R, W> Session<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// A session that stops reading once `ended` is cancelled, which it does itself at the end of
    /// the input. Once `overdue` is cancelled, it no longer waits for responses.
    pub(super) fn new(
        input: R,
        output: W,
        limits: StdioLimits,
        ended: CancellationToken,
        overdue: CancellationToken,
    ) -> Self {
        Self {
            lines: Lines::new(input, limits.max_line_bytes),
            output: Arc::new(Mutex::new(FramedWrite::new(output, BytesCodec::new()))),
            requests: Arc::default(),
            limits,
            ended,
            overdue,
            has_begun: false,
            reply: None,
            is_unflushed: false,
        }
    }

    /// The requests in flight.
    pub(super) fn requests(&self) -> Arc<Requests> {
        Arc::clone(&self.requests)
    }

    /// The next message; `None` at the end of the session.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped, which rmcp does at every other event.
    async fn next(&mut self) -> Option<ClientJsonRpcMessage> {
        let (ended, overdue) = (self.ended.clone(), self.overdue.clone());
        while !ended.is_cancelled() {
            // A client that does not read responses must not keep the session from ending. All arms
            // may be dropped: sending a reply is cancel-safe, and the others only wait.
            tokio::select! {
                sent = self.send_reply() => sent.ok()?,
                () = ended.cancelled() => {}
                () = overdue.cancelled() => {}
            }
            // All arms may be dropped: reading a line is cancel-safe, and the rest only waits.
            let line = tokio::select! {
                biased;
                () = ended.cancelled() => None,
                () = overdue.cancelled() => None,
                line = async {
                    let max_in_flight = self.limits.max_in_flight.get();
                    self.requests.wait_until_fewer_than(max_in_flight).await;
                    self.lines.next().await
                } => match line {
                    Ok(line) => line,
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "reading standard input failed");
                        None
                    }
                },
            };
            let Some(line) = line else {
                ended.cancel();
                break;
            };
            match parse_line(&line, self.limits.max_line_bytes.get()) {
                Ok(mut message) => {
                    if let Err((error, id)) = self.accept(&mut message) {
                        self.reply(error, id);
                        continue;
                    }
                    if self.has_begun {
                        return Some(message);
                    }
                    tracing::debug!("message ignored before the first request");
                }
                Err((error, id)) => self.reply(error, id),
            }
        }
        let requests = self.requests();
        let all_answered = async {
            // An error means that nobody reads the reply.
            let _ = self.send_reply().await;
            requests.wait_until_fewer_than(1).await;
        };
        // All arms may be dropped: the session ends either way.
        tokio::select! {
            () = all_answered => {}
            () = overdue.cancelled() => {}
        }
        None
    }

    /// Checks and records a message before it is handed to rmcp.
    ///
    /// # Errors
    /// What is wrong, and the id for the error response.
    fn accept(
        &mut self,
        message: &mut ClientJsonRpcMessage,
    ) -> Result<(), (ErrorData, Option<RequestId>)> {
        if let JsonRpcMessage::Request(request) = message {
            // The error response has no id: the client would take it for the response to the
            // request in flight.
            if self.requests.contains(&request.id) {
                return Err((rejection::id_in_flight(&request.id), None));
            }
            // rmcp could not parse this `initialize`, and would take it for a request of the
            // stateless protocol without its metadata.
            if let ClientRequest::CustomRequest(custom) = &request.request
                && custom.method == "initialize"
                && !self.has_begun
            {
                let fault = initialize_error_text(custom.params.clone());
                let error = ErrorData::invalid_params(fault, None);
                return Err((error, Some(request.id.clone())));
            }
            self.has_begun = true;
        }
        if self.has_begun {
            self.requests.record_read(message);
        }
        Ok(())
    }

    /// Sets the error response that [`send_reply`](Self::send_reply) writes.
    fn reply(&mut self, error: ErrorData, id: Option<RequestId>) {
        // Serializing an error never fails.
        let reply = ServerJsonRpcMessage::error(error, id);
        self.reply = serde_json::to_vec(&reply).ok().map(into_line);
        self.is_unflushed = true;
    }

    /// Writes the error response of the session, if there is one.
    ///
    /// # Cancel safety
    /// Cancel-safe: the response is handed to `output` as a whole.
    async fn send_reply(&mut self) -> io::Result<()> {
        if !self.is_unflushed {
            return Ok(());
        }
        let mut output = self.output.lock().await;
        if let Some(reply) = &self.reply {
            output.feed(reply.clone()).await?;
            self.reply = None;
        }
        SinkExt::<Bytes>::flush(&mut *output).await?;
        self.is_unflushed = false;
        Ok(())
    }
}

impl<R, W> Transport<RoleServer> for Session<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        mut message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let output = Arc::clone(&self.output);
        let response = self.requests.begin_response(&mut message);
        async move {
            let Ok(response) = response else {
                return Ok(()); // the client has cancelled the request
            };
            let result = response.as_ref().and_then(PendingResponse::take_result);
            let line = serialize_line(&message, result).await?;
            output.lock().await.send(line).await?;
            // The request is in flight until its response is written.
            drop(response);
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.next().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        // A response that is still being written holds the output. It is abandoned, because the
        // client does not read it.
        match self.output.try_lock() {
            Ok(mut output) => SinkExt::<Bytes>::close(&mut *output).await,
            Err(_) => Ok(()),
        }
    }
}

/// Parses the message in a line.
///
/// # Errors
/// What is wrong with the line, and the id of its message if that can be found.
fn parse_line(
    line: &Line,
    max_bytes: usize,
) -> Result<ClientJsonRpcMessage, (ErrorData, Option<RequestId>)> {
    let (text, error) = match line {
        Line::TooLong(head) => (head, rejection::line_too_long(max_bytes)),
        Line::Complete(text) => match serde_json::from_slice(strip_bom(text)) {
            Ok(message) => return Ok(message),
            Err(error) => (text, rejection::invalid_line(text, &error)),
        },
    };
    // An id that rmcp's type cannot hold is left out.
    let id = message_id::extract(strip_bom(text)).and_then(|id| serde_json::from_value(id).ok());
    Err((error, id))
}

/// Serializes a message as a line, with its result as text if the handler left one.
async fn serialize_line(
    message: &ServerJsonRpcMessage,
    result: Option<Bytes>,
) -> io::Result<Bytes> {
    let message = serde_json::to_vec(message)?;
    Ok(into_line(match result {
        None => message,
        Some(result) => {
            let message = RenderedMessage::new(message.into(), result).await;
            message.into_vec()
        }
    }))
}

fn into_line(mut message: Vec<u8>) -> Bytes {
    message.push(b'\n');
    message.into()
}
