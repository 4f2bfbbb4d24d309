use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::identity::{Refusal, TENANT_HEADER};
use crate::mcp::refusal_text;

/// JSON-RPC 2.0 and MCP error codes (`-32000` to `-32019` are the implementation's own).
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const NO_CALLER: i32 = -32001;
const UNAVAILABLE: i32 = -32002;
const TOO_MANY: i32 = -32003;

/// When to try again after a 503, in seconds: statements take less than that, as a rule.
const RETRY_AFTER: &str = "2";

/// The body could not be read as JSON.
pub(super) fn not_json() -> Response {
    answer(
        StatusCode::BAD_REQUEST,
        PARSE_ERROR,
        "the body is not valid JSON in UTF-8; send one JSON-RPC 2.0 message",
    )
}

/// The body is JSON, but no message.
pub(super) fn not_a_message() -> Response {
    answer(
        StatusCode::BAD_REQUEST,
        INVALID_REQUEST,
        "the body is not a JSON-RPC 2.0 message of MCP; send {\"jsonrpc\": \"2.0\", \"id\": …, \"method\": …, \"params\": {…}}",
    )
}

/// The body is longer than allowed.
pub(super) fn too_large(most: usize) -> Response {
    answer(
        StatusCode::PAYLOAD_TOO_LARGE,
        INVALID_REQUEST,
        &format!("the body is too large; the most is {most} bytes"),
    )
}

/// The body did not arrive whole.
pub(super) fn cut_off() -> Response {
    answer(
        StatusCode::BAD_REQUEST,
        INVALID_REQUEST,
        "the body did not arrive whole; send it again",
    )
}

/// The body did not arrive in time.
pub(super) fn too_slow() -> Response {
    answer(
        StatusCode::REQUEST_TIMEOUT,
        INVALID_REQUEST,
        "the body did not arrive in time; send it again",
    )
}

/// The caller may not pass.
pub(super) fn caller(refusal: &Refusal) -> Response {
    let (status, code) = match refusal {
        Refusal::Missing => (StatusCode::UNAUTHORIZED, NO_CALLER),
        Refusal::Malformed(_) => (StatusCode::BAD_REQUEST, NO_CALLER),
        Refusal::Unknown => (StatusCode::FORBIDDEN, NO_CALLER),
        Refusal::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE),
    };
    let mut response = answer(status, code, &refusal_text(refusal));
    match refusal {
        // RFC 9110 section 11.6.1: a 401 names a scheme. This one is not Bearer, so that no client begins an OAuth flow.
        Refusal::Missing => {
            insert(
                &mut response,
                header::WWW_AUTHENTICATE,
                &format!("Tenant header=\"{TENANT_HEADER}\""),
            );
        }
        Refusal::Unavailable(_) => insert(&mut response, header::RETRY_AFTER, RETRY_AFTER),
        Refusal::Malformed(_) | Refusal::Unknown => {}
    }
    response
}

/// The tenant has as many requests under way as it may.
pub(super) fn too_many() -> Response {
    let mut response = answer(
        StatusCode::SERVICE_UNAVAILABLE,
        TOO_MANY,
        "too many requests of this tenant are under way; wait for some of their answers, then try again",
    );
    insert(&mut response, header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// There is nothing at this path.
pub(super) async fn no_such_path() -> Response {
    let body = json!({"error": "nothing is here; the MCP endpoint is /mcp, health is at /health/live and /health/ready"});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

fn answer(status: StatusCode, code: i32, message: &str) -> Response {
    // Without an id: it was not read, and MCP's schema has no null there.
    let body = json!({"jsonrpc": "2.0", "error": {"code": code, "message": message}});
    (status, Json(body)).into_response()
}

fn insert(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
