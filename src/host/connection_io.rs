//! Reports a connection's reads, writes and requests to the table of connections.
//!
//! Invariants: a request of more than [`MAX_READ_BYTES`] takes a turn of the reactor for each further
//! read, because what is read is parsed, and hyper bounds neither what a poll reads nor the line of
//! a chunk's size. Empty lines before a head, which are ignored (RFC 9112, section
//! 2.2), do not reach hyper, which would parse all of them again after each read.
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::connections::Connection;

/// Most requests are shorter. In a debug build half a millisecond of parsing.
const MAX_READ_BYTES: usize = 4 * 1024;

/// A stream that reports what is read and written.
pub(super) struct ConnectionIo {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// What has been read of a request since its last turn.
    read_bytes: usize,
    /// The turn of the next read. A task of its own waits for it: hyper reads when it wants to, and
    /// other connections of the network must not wait for that.
    turn: Option<AbortOnDropHandle<()>>,
}

impl ConnectionIo {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self {
            stream,
            connection,
            read_bytes: 0,
            turn: None,
        }
    }

    /// Counts what was read; what exceeds a read needs a turn.
    #[expect(
        clippy::disallowed_methods,
        reason = "the task is aborted with the connection"
    )]
    fn count_read(&mut self, bytes: usize) {
        self.read_bytes += bytes;
        if self.read_bytes >= MAX_READ_BYTES {
            self.read_bytes = 0;
            let connection = Arc::clone(&self.connection);
            let turn = tokio::spawn(async move { connection.turn().await });
            self.turn = Some(AbortOnDropHandle::new(turn));
        }
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
            if let Some(turn) = &mut self.turn {
                // An error: the runtime is shutting down.
                let _ = ready!(Pin::new(turn).poll(context));
                self.turn = None;
            }
            ready!(read_some(Pin::new(&mut self.stream), context, buffer))?;
            let received = buffer.filled().len() - before;
            let is_before_head = self.connection.is_before_head();
            if is_before_head {
                remove_empty_lines(buffer, before);
            }
            let has_request = buffer.filled().len() > before;
            if has_request {
                if is_before_head {
                    self.read_bytes = 0;
                }
                self.connection.received();
            }
            self.count_read(received);
            if has_request || received == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// Reads at most [`MAX_READ_BYTES`].
fn read_some(
    stream: Pin<&mut TcpStream>,
    context: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if buffer.remaining() <= MAX_READ_BYTES {
        return stream.poll_read(context, buffer);
    }
    let mut part = ReadBuf::new(buffer.initialize_unfilled_to(MAX_READ_BYTES));
    let read = stream.poll_read(context, &mut part);
    let received = part.filled().len();
    buffer.advance(received);
    read
}

/// Removes the line ends with which the bytes from `start` begin.
fn remove_empty_lines(buffer: &mut ReadBuf<'_>, start: usize) {
    let received = &mut buffer.filled_mut()[start..];
    let is_line_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    let line_ends = received.iter().take_while(is_line_end).count();
    received.copy_within(line_ends.., 0);
    buffer.set_filled(buffer.filled().len() - line_ends);
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
    pub(super) fn begin(connection: &Arc<Connection>) -> Self {
        connection.begin_request();
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
