use std::num::NonZeroUsize;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use http_body_util::LengthLimitError;
use serde::de::IgnoredAny;
use tokio::time::timeout;

use super::refusal;

/// How long a body may take to arrive; a client that never ends it must not hold what it sent for ever.
const LONGEST_BODY: Duration = Duration::from_secs(30);

/// Whether the request says that its body is JSON; another one is refused by rmcp, with 415.
pub(super) fn says_json(request: &Request) -> bool {
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    value
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Reads the body, or answers with JSON-RPC's code when it is too long or no JSON. rmcp would answer 415 to a body that it
/// cannot read, which sends a client looking at its headers.
pub(super) async fn read(request: Request, most: NonZeroUsize) -> Result<(Parts, Bytes), Response> {
    let (parts, body) = request.into_parts();
    let body = match timeout(LONGEST_BODY, to_bytes(body, most.get())).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if is_too_long(&error) => return Err(refusal::too_large(most.get())),
        Ok(Err(_)) => return Err(refusal::cut_off()),
        Err(_) => return Err(refusal::too_slow()),
    };
    // As text first: skipping over a JSON string does not look at its UTF-8.
    if !std::str::from_utf8(&body)
        .is_ok_and(|body| serde_json::from_str::<IgnoredAny>(body).is_ok())
    {
        return Err(refusal::not_json());
    }
    Ok((parts, body))
}

fn is_too_long(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<LengthLimitError>)
}
