use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::request::Parts;
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::time::timeout;

use super::body_budget::{BodyBudget, Reservation};
use super::http_error::HttpError;
use super::json_scan::JsonScan;
use super::{message_id, refusal, unread_body};
use crate::identity::Principal;

/// How long a body may take to arrive; a client that never ends it must not hold what it sent for ever.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A body that is refused, with the id of its request if that has arrived.
pub(super) struct Refused {
    pub(super) error: HttpError,
    pub(super) id: Option<Value>,
}

/// Reads the body within its bounds on length, time and number of values. Nothing is parsed.
pub(super) async fn read(
    request: Request,
    max_bytes: usize,
    budget: &BodyBudget,
    principal: &Principal,
) -> Result<(Parts, Bytes), Refused> {
    let (parts, body) = request.into_parts();
    // Refused before the body is read: a client that expects 100 (Continue) need not send it.
    if body.size_hint().lower() > max_bytes as u64 {
        let id = unread_body::read_id(&parts.headers, body).await;
        let error = refusal::too_large(max_bytes);
        return Err(Refused { error, id });
    }
    let mut whole = BytesMut::new();
    let reading = read_body(body, &mut whole, max_bytes, budget.reservation(principal));
    let read = timeout(BODY_READ_TIMEOUT, reading).await;
    match read.unwrap_or_else(|_| Err(refusal::too_slow())) {
        Ok(()) => {
            let mut whole = whole.freeze();
            let mark = whole.len() - without_bom(&whole).len();
            Ok((parts, whole.split_off(mark)))
        }
        Err(error) => {
            let head = &whole[..whole.len().min(unread_body::MAX_HEAD_BYTES)];
            let id = message_id::read(without_bom(head));
            Err(Refused { error, id })
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
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| refusal::cut_off())?;
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
    Ok(())
}

/// The text behind a byte order mark, which JSON parsers may skip (RFC 8259, section 8.1).
pub(super) fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text)
}

/// Whether a body is JSON in UTF-8. rmcp would answer 415 to another one, as if a header were
/// wrong.
pub(super) fn is_json(body: &[u8]) -> bool {
    // As text first: skipping over a JSON string does not look at its UTF-8.
    std::str::from_utf8(body).is_ok_and(|body| serde_json::from_str::<IgnoredAny>(body).is_ok())
}
