use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::Response;
use bytes::BytesMut;
use http_body_util::BodyExt as _;
use serde::de::IgnoredAny;
use tokio::time::timeout;

use super::body_budget::{BodyBudget, Reservation};
use super::json_scan::JsonScan;
use super::refusal;
use crate::identity::Principal;

/// How long a body may take to arrive; a client that never ends it must not hold what it sent for ever.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the body, as far as it is bounded in length, time and the values it holds, or answers with JSON-RPC's code. Nothing
/// is parsed.
pub(super) async fn read(
    request: Request,
    max_bytes: usize,
    budget: &BodyBudget,
    principal: &Principal,
) -> Result<(Parts, Bytes), Response> {
    let (parts, body) = request.into_parts();
    // What is announced is not waited for: a client that expects 100 (Continue) need not send it.
    if body.size_hint().lower() > max_bytes as u64 {
        return Err(refusal::too_large(max_bytes));
    }
    let reading = read_body(body, max_bytes, budget.reservation(principal));
    match timeout(BODY_READ_TIMEOUT, reading).await {
        Ok(Ok(body)) => Ok((parts, body)),
        Ok(Err(refused)) => Err(refused),
        Err(_) => Err(refusal::too_slow()),
    }
}

async fn read_body(
    mut body: Body,
    max_bytes: usize,
    mut reservation: Reservation,
) -> Result<Bytes, Response> {
    let mut scan = JsonScan::default();
    let mut whole = BytesMut::new();
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
        scan.scan(&piece).map_err(|_| refusal::too_complex())?;
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// Whether a body is JSON in UTF-8. rmcp would answer 415 to another one, which sends a client looking at its headers.
pub(super) fn is_json(body: &[u8]) -> bool {
    // As text first: skipping over a JSON string does not look at its UTF-8.
    std::str::from_utf8(body).is_ok_and(|body| serde_json::from_str::<IgnoredAny>(body).is_ok())
}
