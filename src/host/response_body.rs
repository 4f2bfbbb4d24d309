//! The body of a response, handed to the connection in slices.
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::in_flight::Permit;

/// The connection buffers a few slices and takes the next one when the client has read. A body in
/// one piece would be buffered whole, and its permit released, before the client reads a byte.
pub(super) const MAX_SLICE_BYTES: usize = 16 * 1024;

/// A body that keeps its request in flight until the connection has taken its last slice.
pub(super) struct ResponseBody<B> {
    body: B,
    /// What is left of the body's current frame.
    rest: Bytes,
    _permit: Permit,
}

impl ResponseBody<Body> {
    /// A response that keeps `permit` as long as its body.
    pub(super) fn holding(response: Response, permit: Permit) -> Response {
        response.map(|body| {
            Body::new(Self {
                body,
                rest: Bytes::new(),
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
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        let length = self.rest.len().min(MAX_SLICE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
