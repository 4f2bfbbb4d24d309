//! The body of a response whose request holds an in-flight permit, handed to hyper in slices.
//!
//! Knows HTTP bodies; must not know what a response holds.
//! Invariant: the permit is released once hyper has taken the last slice, or the body is dropped.
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::in_flight::Permit;

/// The maximum length of a slice. hyper buffers a few slices and takes the next one when the client
/// has read some. It would buffer a body in one piece as a whole, which would release the permit
/// before the client reads a byte.
pub(super) const MAX_SLICE_BYTES: usize = 16 * 1024;

/// A body that keeps its request in flight until hyper has taken the last slice.
pub(super) struct ResponseBody<B> {
    body: B,
    /// The unread rest of the body's current frame.
    frame_rest: Bytes,
    _permit: Permit,
}

impl ResponseBody<Body> {
    /// Makes a response hold `permit` as long as its body exists.
    pub(super) fn with_permit(response: Response, permit: Permit) -> Response {
        response.map(|body| {
            Body::new(Self {
                body,
                frame_rest: Bytes::new(),
                _permit: permit,
            })
        })
    }
}

impl<B> HttpBody for ResponseBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.frame_rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.frame_rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        let length = self.frame_rest.len().min(MAX_SLICE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.frame_rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.frame_rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.frame_rest.len() as u64;
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
