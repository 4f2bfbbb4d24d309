//! The body of a response with a rendered result, copied in slices while the client reads.
//!
//! Knows HTTP bodies and the reactor's permits; must not know what the result is.
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use futures_util::future::BoxFuture;
use hyper::body::{Frame, SizeHint};

use crate::mcp::RenderedMessage;
use crate::reactor::{SLICE_BYTES, slice_permit};

/// A rendered message as a body. Each slice except the first waits for a permit of the reactor, so
/// that a long result does not delay other requests.
pub(super) struct RenderedBody {
    message: RenderedMessage,
    /// Resolves when the next slice may be copied.
    permit: Option<BoxFuture<'static, ()>>,
}

impl From<RenderedMessage> for RenderedBody {
    fn from(message: RenderedMessage) -> Self {
        Self {
            message,
            permit: None,
        }
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
        if let Some(permit) = &mut self.permit {
            ready!(permit.as_mut().poll(context));
        }
        let slice = self.message.next_slice(SLICE_BYTES);
        self.permit = (!self.message.is_empty()).then(|| Box::pin(slice_permit()) as _);
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.message.len() as u64)
    }
}
