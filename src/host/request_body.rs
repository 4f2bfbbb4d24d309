//! Reads a request's body within limits on length, time, memory and complexity.
//!
//! Knows HTTP bodies and the shape of JSON; must not know MCP's messages. Nothing is parsed.
//! Invariant: a body that is returned has at most the given length, and [`json_scan`] accepts it.
//!
//! [`json_scan`]: super::json_scan
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::request::Parts;
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::body_budget::{BodyBudget, Reservation};
use super::http_error::HttpError;
use super::json_scan::JsonScan;
use super::json_text::strip_bom;
use super::{message_id, rejection, unread_body};
use crate::identity::Principal;

/// A body that is incomplete after this time counts as slow; a principal may have a limited number
/// of slow bodies.
const SLOW_BODY_DELAY: Duration = Duration::from_secs(1);

/// Most bodies are not longer than this.
const SHORT_BODY_BYTES: usize = 64 * 1024;

/// How long the first [`SHORT_BODY_BYTES`] of a body may take to arrive.
const SHORT_BODY_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a body may take to arrive. Without a timeout, a client that never ends its body would
/// occupy its memory forever.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The response to a request whose body is rejected, and the request's id if that has arrived.
pub(super) struct BodyError {
    pub(super) response: HttpError,
    pub(super) request_id: Option<Value>,
}

/// Reads the body of an admitted request. The bytes do not include a byte order mark.
///
/// # Errors
/// When the body exceeds a limit, does not arrive in time, or is cut off.
pub(super) async fn read(
    request: Request,
    max_bytes: usize,
    budget: &BodyBudget,
    principal: &Principal,
) -> Result<(Parts, Bytes), BodyError> {
    let (parts, body) = request.into_parts();
    // Rejected before the body is read: a client that expects 100 (Continue) need not send it.
    if body.size_hint().lower() > max_bytes as u64 {
        let request_id = unread_body::read_id(&parts.headers, body).await;
        return Err(BodyError {
            response: rejection::body_too_large(max_bytes),
            request_id,
        });
    }
    let mut bytes = BytesMut::new();
    let reservation = budget.reserve(principal);
    match read_into(&mut bytes, body, max_bytes, reservation).await {
        Ok(()) => {
            let mut bytes = bytes.freeze();
            let bom_len = bytes.len() - strip_bom(&bytes).len();
            Ok((parts, bytes.split_off(bom_len)))
        }
        Err(response) => {
            let head = &bytes[..bytes.len().min(unread_body::MAX_ID_SEARCH_BYTES)];
            let request_id = message_id::extract(strip_bom(head));
            Err(BodyError {
                response,
                request_id,
            })
        }
    }
}

/// Reads a body into `bytes`, which holds what has arrived if the body is rejected.
async fn read_into(
    bytes: &mut BytesMut,
    mut body: Body,
    max_bytes: usize,
    mut reservation: Reservation,
) -> Result<(), HttpError> {
    let mut scan = JsonScan::default();
    let start = Instant::now();
    loop {
        let time = match (reservation.is_slow(), bytes.len()) {
            (false, _) => SLOW_BODY_DELAY + reservation.stagger_delay(),
            (true, ..SHORT_BODY_BYTES) => SHORT_BODY_READ_TIMEOUT,
            (true, _) => BODY_READ_TIMEOUT,
        };
        let frame = match timeout_at(start + time, body.frame()).await {
            Ok(Some(frame)) => frame.map_err(|_| rejection::incomplete_body())?,
            Ok(None) => return Ok(()),
            Err(_) if reservation.is_slow() => return Err(rejection::body_timed_out()),
            Err(_) if reservation.try_mark_slow() => continue,
            Err(_) => return Err(rejection::too_many_slow_bodies()),
        };
        let Ok(piece) = frame.into_data() else {
            continue; // trailers
        };
        if piece.len() > max_bytes - bytes.len() {
            return Err(rejection::body_too_large(max_bytes));
        }
        if !reservation.try_grow(piece.len()) {
            return Err(rejection::too_many_unfinished_bodies());
        }
        bytes.extend_from_slice(&piece);
        scan.scan(&piece)
            .map_err(|_| rejection::body_too_complex())?;
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::StatusCode;
    use futures_util::future::join_all;
    use futures_util::{StreamExt as _, stream};

    use super::*;

    /// Reads a body whose pieces arrive one per second and whose end never does. Returns the status
    /// and the seconds until it was decided.
    async fn read_stalled_body(
        budget: &BodyBudget,
        principal: &Principal,
        pieces: usize,
        bytes: usize,
    ) -> (u16, u64) {
        let piece = Bytes::from(" ".repeat(bytes));
        let pieces = stream::iter(0..pieces).then(move |n| {
            let piece = piece.clone();
            async move {
                tokio::time::sleep(Duration::from_secs(u64::from(n > 0))).await;
                Ok::<_, Infallible>(piece)
            }
        });
        let body = Body::from_stream(pieces.chain(stream::pending()));
        let start = Instant::now();
        let read = read(Request::new(body), 1 << 20, budget, principal).await;
        let status = read.map_or_else(
            |error| error.response.into_response(None).status(),
            |_| StatusCode::OK,
        );
        (status.as_u16(), start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_are_limited_per_principal_and_time_out() {
        let budget = BodyBudget::new(1 << 20);
        let one: Principal = "apikey:abcdefghij01".parse().expect("a principal");
        let other: Principal = "apikey:abcdefghij02".parse().expect("a principal");
        for _ in 0..2 {
            let (many, few) = tokio::join!(
                join_all((0..40).map(|_| read_stalled_body(&budget, &one, 1, 1))),
                join_all((0..32).map(|_| read_stalled_body(&budget, &other, 1, 1))),
            );
            let count = |expected| many.iter().filter(|outcome| **outcome == expected).count();
            assert_eq!((count((408, 10)), count((503, 1))), (32, 8), "{many:?}");
            assert_eq!(few, [(408, 10); 32]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_body_has_a_longer_timeout_than_a_short_one() {
        let budget = BodyBudget::new(1 << 20);
        let principal: Principal = "apikey:abcdefghij01".parse().expect("a principal");
        for (pieces, bytes, expected) in [
            (100, 100, (408, 10)),
            (1, SHORT_BODY_BYTES - 1, (408, 10)),
            (1, SHORT_BODY_BYTES, (408, 30)),
            (100, 8_000, (408, 30)),
        ] {
            let outcome = read_stalled_body(&budget, &principal, pieces, bytes).await;
            assert_eq!(outcome, expected, "{pieces} pieces of {bytes} bytes");
        }
    }
}
