use std::num::NonZeroUsize;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use serde::de::IgnoredAny;

use super::refusal;

/// Refuses a body that is too long or no JSON, with the codes of JSON-RPC. rmcp answers 415 to both a wrong content type and
/// a body it cannot read, which sends a client looking at its headers.
pub(super) async fn check(
    State(most): State<NonZeroUsize>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST || !says_json(&request) {
        return next.run(request).await; // refused there, for its method or content type
    }
    let (parts, body) = request.into_parts();
    let body = match to_bytes(body, most.get()).await {
        Ok(body) => body,
        Err(error) if is_too_long(&error) => return refusal::too_large(most.get()),
        Err(_) => return refusal::cut_off(),
    };
    // As text first: skipping over a JSON string does not look at its UTF-8.
    if !std::str::from_utf8(&body)
        .is_ok_and(|body| serde_json::from_str::<IgnoredAny>(body).is_ok())
    {
        return refusal::not_json();
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    // The content type was right and the body is JSON, so what rmcp could not read is the message.
    if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        refusal::not_a_message()
    } else {
        response
    }
}

fn says_json(request: &Request) -> bool {
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

fn is_too_long(error: &axum::Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>)
}
