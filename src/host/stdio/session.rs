use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt;
use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, ErrorData, JsonRpcMessage, RequestId, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use serde::de::IgnoredAny;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_util::codec::{BytesCodec, FramedWrite};
use tokio_util::sync::CancellationToken;

use super::StdioLimits;
use super::lines::{Line, Lines};
use super::requests::{Answer, Requests};
use crate::host::envelope::without_bom;
use crate::host::message_id;
use crate::mcp::{RenderedMessage, initialize_error_text};

/// An MCP session over an input and an output of lines.
pub(super) struct Session<R, W> {
    lines: Lines<R>,
    output: Arc<Mutex<FramedWrite<W, BytesCodec>>>,
    requests: Arc<Requests>,
    limits: StdioLimits,
    ended: CancellationToken,
    overdue: CancellationToken,
    /// Whether a request has been read: until then rmcp ends the session for anything else.
    has_begun: bool,
    /// An answer of the session's own, which goes first.
    reply: Option<Bytes>,
    is_unflushed: bool,
}

impl<R, W> Session<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// No line is read once `ended` is cancelled, which the session does at the input's end; no
    /// answer is waited for once `overdue` is.
    pub(super) fn new(
        input: R,
        output: W,
        limits: StdioLimits,
        ended: CancellationToken,
        overdue: CancellationToken,
    ) -> Self {
        Self {
            lines: Lines::new(input, limits.line_bytes),
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

    /// Those in flight.
    pub(super) fn requests(&self) -> Arc<Requests> {
        Arc::clone(&self.requests)
    }

    /// The next message; `None` when there is none after it.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped, which rmcp does whenever something else happens.
    async fn next(&mut self) -> Option<ClientJsonRpcMessage> {
        let (ended, overdue) = (self.ended.clone(), self.overdue.clone());
        while !ended.is_cancelled() {
            // A client that does not read its answers can still be told apart from one that waits.
            tokio::select! {
                sent = self.send_reply() => sent.ok()?,
                () = ended.cancelled() => {}
                () = overdue.cancelled() => {}
            }
            // Each arm may be dropped: a token and a count keep nothing, and a line is cancel-safe.
            let line = tokio::select! {
                biased;
                () = ended.cancelled() => None,
                () = overdue.cancelled() => None,
                line = async {
                    self.requests.until_fewer_than(self.limits.in_flight.get()).await;
                    self.lines.next().await
                } => match line {
                    Ok(line) => line,
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "standard input cannot be read");
                        None
                    }
                },
            };
            let Some(line) = line else {
                ended.cancel();
                break;
            };
            match read(&line, self.limits.line_bytes.get()) {
                Ok(mut message) => {
                    if let Err((error, id)) = self.accept(&mut message) {
                        self.reply(error, id);
                        continue;
                    }
                    if self.has_begun {
                        return Some(message);
                    }
                    tracing::debug!("message before the first request ignored");
                }
                Err((error, id)) => self.reply(error, id),
            }
        }
        let requests = self.requests();
        let answered = async {
            // What cannot be written any more is not written.
            let _ = self.send_reply().await;
            requests.until_fewer_than(1).await;
        };
        // Each arm may be dropped: nothing is taken from anywhere.
        tokio::select! {
            () = answered => {}
            () = overdue.cancelled() => {}
        }
        None
    }

    /// Takes a message up, or says why it is not handled, and to which request.
    fn accept(
        &mut self,
        message: &mut ClientJsonRpcMessage,
    ) -> Result<(), (ErrorData, Option<RequestId>)> {
        if let JsonRpcMessage::Request(request) = message {
            // An answer under this id would be taken for that of the request in flight.
            if self.requests.contains(&request.id) {
                let text = format!(
                    "the id {} belongs to a request that is not answered yet; use another id",
                    request.id
                );
                return Err((ErrorData::invalid_request(text, None), None));
            }
            // rmcp takes it for a request of the stateless era without its metadata.
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
            self.requests.note_read(message);
        }
        Ok(())
    }

    fn reply(&mut self, error: ErrorData, id: Option<RequestId>) {
        // The types of an error always become JSON.
        let reply = ServerJsonRpcMessage::error(error, id);
        self.reply = serde_json::to_vec(&reply).ok().map(ended);
        self.is_unflushed = true;
    }

    /// Writes the session's own answer, if there is one. Cancel-safe: it is handed over whole.
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
        let answer = self.requests.begin_answer(&mut message);
        async move {
            let Ok(answer) = answer else {
                return Ok(()); // its client has cancelled the request
            };
            let result = answer.as_ref().and_then(Answer::take_result);
            let line = to_line(&message, result).await?;
            output.lock().await.send(line).await?;
            // The request is in flight until its answer is written.
            drop(answer);
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        self.next().await
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        // An answer that is being written holds the output, and is not waited for: nobody reads.
        match self.output.try_lock() {
            Ok(mut output) => SinkExt::<Bytes>::close(&mut *output).await,
            Err(_) => Ok(()),
        }
    }
}

/// The message in a line; of what is none, what is wrong with it and the id that it has.
fn read(
    line: &Line,
    max_bytes: usize,
) -> Result<ClientJsonRpcMessage, (ErrorData, Option<RequestId>)> {
    let (text, error) = match line {
        Line::TooLong(head) => {
            let text = format!("a line is longer than {max_bytes} bytes; send a shorter message");
            (head, ErrorData::invalid_request(text, None))
        }
        Line::Whole(text) => match serde_json::from_slice(without_bom(text)) {
            Ok(message) => return Ok(message),
            Err(error) => (text, unreadable(text, &error)),
        },
    };
    // An id of rmcp's own type; one that it does not take is left out.
    let id = message_id::read(without_bom(text)).and_then(|id| serde_json::from_value(id).ok());
    Err((error, id))
}

/// What is wrong with a line that is no message.
fn unreadable(text: &[u8], error: &serde_json::Error) -> ErrorData {
    let text = match std::str::from_utf8(text) {
        Err(_) => "the line is not UTF-8".to_owned(),
        Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_err() => format!(
            "the line is not valid JSON (column {}); send one JSON-RPC 2.0 message a line",
            error.column()
        ),
        Ok(text) if text.trim_start().starts_with('[') => {
            let text = "batches are not supported; send one JSON-RPC 2.0 message a line";
            return ErrorData::invalid_request(text, None);
        }
        // Valid as far as its form goes, which leaves what serde_json takes of it.
        Ok(_) if error.is_syntax() => {
            let reason = error.to_string();
            let what = if reason.starts_with("number out of range") {
                "holds a number out of range"
            } else if reason.starts_with("recursion limit") {
                "is nested too deeply"
            } else {
                "holds half of a surrogate pair (\\ud800 to \\udfff)"
            };
            format!("the line {what}, before column {}", error.column())
        }
        Ok(_) => {
            let text = "the line is not a JSON-RPC 2.0 message of MCP; \
                send {\"jsonrpc\": \"2.0\", \"id\": …, \"method\": …, \"params\": {…}}";
            return ErrorData::invalid_request(text, None);
        }
    };
    ErrorData::parse_error(text, None)
}

/// A message as a line, with the result that was rendered for it.
async fn to_line(message: &ServerJsonRpcMessage, result: Option<Bytes>) -> io::Result<Bytes> {
    let line = serde_json::to_vec(message)?;
    Ok(ended(match result {
        None => line,
        Some(result) => RenderedMessage::new(line.into(), result).await.into_vec(),
    }))
}

fn ended(mut line: Vec<u8>) -> Bytes {
    line.push(b'\n');
    line.into()
}
