//! Reports a connection's reads, writes and requests to the table of connections.
//!
//! Knows TCP and the start of an HTTP request; must not know routes or callers.
//! Invariants:
//! - each read of a header section or of a chunked body except the first needs a tick permit, and
//!   is short like the first of a chunked body, because hyper limits neither the bytes that it
//!   reads in one poll nor the length of a chunk-size line;
//! - empty lines before the first request do not reach hyper, which would parse all of them again
//!   after each read. Servers ignore such lines (RFC 9112, section 2.2).
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::{HeaderMap, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::connections::{Connection, NextRead};

/// The maximum length of a short read. hyper parses that much in a quarter of a millisecond in a
/// debug build.
const MAX_SHORT_READ_BYTES: usize = 2 * 1024;

/// A TCP stream that reports its reads and writes.
pub(super) struct ConnectionIo {
    stream: TcpStream,
    connection: Arc<Connection>,
    input: InputState,
    /// Waits for the tick permit of the next read. It is a task of its own because hyper may poll
    /// the stream late, and other connections of the network must not wait for that.
    permit_task: Option<AbortOnDropHandle<()>>,
}

/// What a connection has received so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InputState {
    Nothing,
    EmptyLines,
    /// hyper may hold the beginning of a header section, so line ends belong to it from here on.
    Request,
}

impl ConnectionIo {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self {
            stream,
            connection,
            input: InputState::Nothing,
            permit_task: None,
        }
    }

    /// Waits until bytes have arrived, and then for a tick permit.
    #[expect(
        clippy::disallowed_methods,
        reason = "the task is aborted with the connection"
    )]
    fn poll_tick_permit(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let connection = &self.connection;
        let task = match &mut self.permit_task {
            Some(task) => task,
            None => {
                ready!(self.stream.poll_read_ready(context))?;
                let connection = Arc::clone(connection);
                let task = tokio::spawn(async move { connection.wait_for_tick_permit().await });
                self.permit_task.insert(AbortOnDropHandle::new(task))
            }
        };
        // An error means that the runtime is shutting down.
        let _ = ready!(Pin::new(task).poll(context));
        self.permit_task = None;
        Poll::Ready(Ok(()))
    }

    fn report_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Pending => self.connection.record_blocked_write(),
            Poll::Ready(Ok(bytes)) => self.connection.record_write(*bytes),
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
            let next = match self.input {
                InputState::Nothing => NextRead::Free,
                InputState::EmptyLines => NextRead::Rationed,
                InputState::Request => self.connection.next_read(),
            };
            if next == NextRead::Rationed {
                ready!(self.poll_tick_permit(context))?;
            }
            let received = if next == NextRead::Free {
                ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
                buffer.filled().len() - before
            } else {
                ready!(poll_short_read(Pin::new(&mut self.stream), context, buffer))?
            };
            if self.input != InputState::Request {
                remove_empty_lines(buffer, before);
            }
            if buffer.filled().len() > before {
                self.input = InputState::Request;
                self.connection.record_read();
            } else if received > 0 {
                self.input = InputState::EmptyLines;
                continue;
            }
            return Poll::Ready(Ok(()));
        }
    }
}

/// Reads at most [`MAX_SHORT_READ_BYTES`], and returns how much.
fn poll_short_read(
    stream: Pin<&mut TcpStream>,
    context: &mut Context<'_>,
    buffer: &mut ReadBuf<'_>,
) -> Poll<io::Result<usize>> {
    let length = buffer.remaining().min(MAX_SHORT_READ_BYTES);
    let mut part = ReadBuf::new(buffer.initialize_unfilled_to(length));
    ready!(stream.poll_read(context, &mut part))?;
    let received = part.filled().len();
    buffer.advance(received);
    Poll::Ready(Ok(received))
}

/// Removes the empty lines at the beginning of the bytes from `start`. A CR at the very end is
/// removed too, because its LF may not have arrived yet; any other CR without LF is left for hyper
/// to reject.
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
        self.report_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.report_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has nothing left to write.
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.connection.record_flush();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Marks a connection's request as in progress until the body of its response is dropped.
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
