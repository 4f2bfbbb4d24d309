//! The body of a response with a rendered result, written while the client reads.
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use futures_util::future::BoxFuture;
use hyper::body::{Frame, SizeHint};

use crate::mcp::RenderedMessage;
use crate::reactor::{SLICE_BYTES, slice_permit};

/// A message as a body.
pub(super) struct RenderedBody {
    message: RenderedMessage,
    /// The turn of the next slice.
    turn: Option<BoxFuture<'static, ()>>,
}

impl RenderedBody {
    pub(super) fn of(message: RenderedMessage) -> Body {
        Body::new(Self {
            message,
            turn: None,
        })
    }
}

impl HttpBody for RenderedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.message.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(turn) = &mut self.turn {
            ready!(turn.as_mut().poll(context));
        }
        let slice = self.message.next_slice(SLICE_BYTES);
        self.turn = (!self.message.is_empty()).then(|| Box::pin(slice_permit()) as _);
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.message.len() as u64)
    }
}
