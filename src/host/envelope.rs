use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::request::Parts;
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::body_budget::{BodyBudget, Reservation};
use super::http_error::HttpError;
use super::json_scan::JsonScan;
use super::{message_id, refusal, unread_body};
use crate::identity::Principal;

/// A body that is not complete after this counts as one that arrives slowly, of which a principal
/// may have a few.
const PROMPT: Duration = Duration::from_secs(1);

/// How long the first bytes of a body may take to arrive, which are all of most.
const FIRST_BYTES: usize = 64 * 1024;
const FIRST_BYTES_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a body may take to arrive; a client that never ends it must not hold what it sent for ever.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A body that is refused, with the id of its request if that has arrived.
pub(super) struct Rejected {
    pub(super) error: HttpError,
    pub(super) id: Option<Value>,
}

/// Reads the body within its bounds on length, time and number of values. Nothing is parsed.
pub(super) async fn read(
    request: Request,
    max_bytes: usize,
    budget: &BodyBudget,
    principal: &Principal,
) -> Result<(Parts, Bytes), Rejected> {
    let (parts, body) = request.into_parts();
    // Rejected before the body is read: a client that expects 100 (Continue) need not send it.
    if body.size_hint().lower() > max_bytes as u64 {
        let id = unread_body::read_id(&parts.headers, body).await;
        let error = refusal::too_large(max_bytes);
        return Err(Rejected { error, id });
    }
    let mut whole = BytesMut::new();
    let reservation = budget.reservation(principal);
    match read_body(body, &mut whole, max_bytes, reservation).await {
        Ok(()) => {
            let mut whole = whole.freeze();
            let mark = whole.len() - without_bom(&whole).len();
            Ok((parts, whole.split_off(mark)))
        }
        Err(error) => {
            let head = &whole[..whole.len().min(unread_body::MAX_HEAD_BYTES)];
            let id = message_id::read(without_bom(head));
            Err(Rejected { error, id })
        }
    }
}

async fn read_body(
    mut body: Body,
    whole: &mut BytesMut,
    max_bytes: usize,
    mut reservation: Reservation,
) -> Result<(), HttpError> {
    let mut scan = JsonScan::default();
    let begun = Instant::now();
    loop {
        let time = match (reservation.is_slow(), whole.len()) {
            (false, _) => PROMPT + reservation.delay(),
            (true, ..FIRST_BYTES) => FIRST_BYTES_TIMEOUT,
            (true, _) => BODY_READ_TIMEOUT,
        };
        let frame = match timeout_at(begun + time, body.frame()).await {
            Ok(Some(frame)) => frame.map_err(|_| refusal::cut_off())?,
            Ok(None) => return Ok(()),
            Err(_) if reservation.is_slow() => return Err(refusal::too_slow()),
            Err(_) if reservation.slow_down() => continue,
            Err(_) => return Err(refusal::too_many_slow_bodies()),
        };
        let Ok(piece) = frame.into_data() else {
            continue; // trailers
        };
        if piece.len() > max_bytes - whole.len() {
            return Err(refusal::too_large(max_bytes));
        }
        if !reservation.grow(piece.len()) {
            return Err(refusal::too_many_bodies());
        }
        whole.extend_from_slice(&piece);
        scan.scan(&piece).map_err(|_| refusal::too_complex())?;
    }
}

/// The text behind a byte order mark, which JSON parsers may skip (RFC 8259, section 8.1).
pub(super) fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}

/// Whether a text is JSON.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::StatusCode;
    use futures_util::future::join_all;
    use futures_util::{StreamExt as _, stream};

    use super::*;

    /// What is read of a body whose pieces come one a second, and then nothing; and when that is
    /// known.
    async fn outcome(
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
        let begun = Instant::now();
        let read = read(Request::new(body), 1 << 20, budget, principal).await;
        let status = read.map_or_else(
            |refused| refused.error.into_response(None).status(),
            |_| StatusCode::OK,
        );
        (status.as_u16(), begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_that_do_not_come_are_few_and_given_up() {
        let budget = BodyBudget::new(1 << 20);
        let one: Principal = "apikey:abcdefghij01".parse().expect("a principal");
        let other: Principal = "apikey:abcdefghij02".parse().expect("a principal");
        for _ in 0..2 {
            let (many, few) = tokio::join!(
                join_all((0..40).map(|_| outcome(&budget, &one, 1, 1))),
                join_all((0..32).map(|_| outcome(&budget, &other, 1, 1))),
            );
            let count = |expected| many.iter().filter(|seen| **seen == expected).count();
            assert_eq!((count((408, 10)), count((503, 1))), (32, 8), "{many:?}");
            assert_eq!(few, [(408, 10); 32]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_body_has_more_time_than_a_short_one() {
        let budget = BodyBudget::new(1 << 20);
        let principal: Principal = "apikey:abcdefghij01".parse().expect("a principal");
        for (pieces, bytes, expected) in [
            (100, 100, (408, 10)),
            (1, FIRST_BYTES - 1, (408, 10)),
            (1, FIRST_BYTES, (408, 30)),
            (100, 8_000, (408, 30)),
        ] {
            let seen = outcome(&budget, &principal, pieces, bytes).await;
            assert_eq!(seen, expected, "{pieces} of {bytes}");
        }
    }
}
