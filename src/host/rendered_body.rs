//! The body of a response with a rendered result, written while the client reads.
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::response_body::MAX_SLICE_BYTES;
use crate::mcp::RenderedMessage;

/// The reactor's other tasks have their turn after so many slices, some 50 µs of work.
const SLICES_PER_TURN: u32 = 4;

/// A message as a body.
pub(super) struct RenderedBody {
    message: RenderedMessage,
    /// The slices given since the other tasks last had their turn.
    slices: u32,
}

impl RenderedBody {
    pub(super) fn of(message: RenderedMessage) -> Body {
        Body::new(Self { message, slices: 0 })
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
        if self.slices == SLICES_PER_TURN {
            self.slices = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.slices += 1;
        let slice = self.message.next_slice(MAX_SLICE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.message.len() as u64)
    }
}
