//! Reports a connection's reads, writes and requests to the table of connections.
//!
//! Invariants: each read but the first of a head, and of a body in chunks, takes a turn of the
//! reactor and is short, because hyper bounds neither what a poll reads nor the line with a chunk's
//! size. Empty lines before the first head, which are ignored (RFC 9112, section 2.2), do not reach
//! hyper, which would parse all of them again after each read.
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::connections::Connection;

/// The most that a read in turns takes: hyper parses it in half a millisecond in a debug build.
const MAX_READ_BYTES: usize = 4 * 1024;

/// A stream that reports what is read and written.
pub(super) struct ConnectionIo {
    stream: TcpStream,
    connection: Arc<Connection>,
    received: Received,
    /// The turn of the next read. A task of its own waits for it: hyper reads when it wants to, and
    /// other connections of the network must not wait for that.
    turn: Option<AbortOnDropHandle<()>>,
}

/// What has arrived on a connection so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Received {
    Nothing,
    EmptyLines,
    /// From here on hyper may hold the beginning of a head, and a line end is part of it.
    Request,
}

impl ConnectionIo {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self {
            stream,
            connection,
            received: Received::Nothing,
            turn: None,
        }
    }

    /// Waits until bytes are there and the next read may be made.
    #[expect(
        clippy::disallowed_methods,
        reason = "the task is aborted with the connection"
    )]
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let connection = &self.connection;
        let turn = match &mut self.turn {
            Some(turn) => turn,
            None => {
                ready!(self.stream.poll_read_ready(context))?;
                let connection = Arc::clone(connection);
                let turn = tokio::spawn(async move { connection.turn().await });
                self.turn.insert(AbortOnDropHandle::new(turn))
            }
        };
        // An error: the runtime is shutting down.
        let _ = ready!(Pin::new(turn).poll(context));
        self.turn = None;
        Poll::Ready(Ok(()))
    }

    fn report(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.connection.write_blocked(),
            Poll::Ready(Ok(bytes)) => self.connection.wrote(*bytes),
            Poll::Ready(Err(_)) => {}
        }
        written
    }
}

impl AsyncRead for ConnectionIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        loop {
            let in_turns = match self.received {
                Received::Nothing => false,
                Received::EmptyLines => true,
                Received::Request => self.connection.is_read_in_turns(),
            };
            let received = if in_turns {
                ready!(self.poll_turn(context))?;
                ready!(read_some(Pin::new(&mut self.stream), context, buffer))?
            } else {
                ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
                buffer.filled().len() - before
            };
            if self.received != Received::Request {
                remove_empty_lines(buffer, before);
            }
            if buffer.filled().len() > before {
                self.received = Received::Request;
                self.connection.received();
            } else if received > 0 {
                self.received = Received::EmptyLines;
                continue;
            }
            return Poll::Ready(Ok(()));
        }
    }
}

/// Reads at most [`MAX_READ_BYTES`], and says how much.
fn read_some(
    stream: Pin<&mut TcpStream>,
    context: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<usize>> {
    let length = buffer.remaining().min(MAX_READ_BYTES);
    let mut part = ReadBuf::new(buffer.initialize_unfilled_to(length));
    ready!(stream.poll_read(context, &mut part))?;
    let received = part.filled().len();
    buffer.advance(received);
    Poll::Ready(Ok(received))
}

/// Removes the empty lines with which the bytes from `start` begin. A CR may be the last byte that
/// has arrived of one; elsewhere a CR without LF is left to be refused.
fn remove_empty_lines(buffer: &mut ReadBuf<'_>, start: usize) {
    let received = &mut buffer.filled_mut()[start..];
    let mut removed = 0;
    loop {
        removed += match received[removed..] {
            [b'\n', ..] | [b'\r'] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => break,
        };
    }
    received.copy_within(removed.., 0);
    buffer.set_filled(buffer.filled().len() - removed);
}

impl AsyncWrite for ConnectionIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.report(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.report(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has nothing left to write.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.connection.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A request in progress, until the body of its response is dropped.
pub(super) struct RequestInProgress(Arc<Connection>);

impl RequestInProgress {
    pub(super) fn begin(connection: &Arc<Connection>, headers: &HeaderMap) -> Self {
        connection.begin_request(headers.contains_key(header::TRANSFER_ENCODING));
        Self(Arc::clone(connection))
    }
}

impl Drop for RequestInProgress {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

/// The body of a response, whose request is in progress as long as it lives.
pub(super) struct TrackedBody {
    body: Body,
    _request: RequestInProgress,
}

impl TrackedBody {
    pub(super) fn new(body: Body, request: RequestInProgress) -> Self {
        Self {
            body,
            _request: request,
        }
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
