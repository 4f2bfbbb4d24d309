use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::authority::AuthorityError;
use super::http_error::HttpError;
use super::json_scan::{MAX_DEPTH, MAX_VALUES};
use super::protected_resource::ProtectedResource;
use super::rates::{QuotaStatus, RateExceeded};
use crate::identity::{AuthError, OAuthScope, RequiredCredential};
use crate::mcp::{protocol_versions, refusal_text};

/// JSON-RPC 2.0 and MCP error codes (`-32000` to `-32019` are the implementation's own).
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const INTERNAL_ERROR: i32 = -32603;
const NO_CALLER: i32 = -32001;
const UNAVAILABLE: i32 = -32002;
const TOO_MANY: i32 = -32003;

/// When to try again after a 503, in seconds: statements take less than that, as a rule.
const RETRY_AFTER: &str = "2";

/// The body could not be read as JSON.
pub(super) fn not_json() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        PARSE_ERROR,
        "the body is not valid JSON in UTF-8; send one JSON-RPC 2.0 message",
    )
}

/// The body is JSON, but no message.
pub(super) fn not_a_message() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        INVALID_REQUEST,
        "the body is not a JSON-RPC 2.0 message of MCP; send {\"jsonrpc\": \"2.0\", \"id\": …, \"method\": …, \"params\": {…}}",
    )
}

/// Only POST does anything at `/mcp`: nothing is streamed, and no session is kept that could be
/// ended.
pub(super) fn method_not_allowed() -> HttpError {
    HttpError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        INVALID_REQUEST,
        "/mcp answers POST; this server streams nothing and keeps no session",
    )
    .with(header::ALLOW, "POST")
}

/// The request calls the server by a wrong name, or comes from a page that may not call it.
pub(super) fn authority(error: AuthorityError) -> HttpError {
    let (status, text) = match error {
        AuthorityError::MalformedHost => (
            StatusCode::BAD_REQUEST,
            "the request must have exactly one Host header, a host with or without a port; if the request target is a URL, both must be equal",
        ),
        AuthorityError::ForeignHost => (
            StatusCode::FORBIDDEN,
            "Host is no name of this server; call it by its public URL, or let ZAVA_PUBLIC_URL say what clients call it",
        ),
        AuthorityError::ForeignOrigin => (
            StatusCode::FORBIDDEN,
            "pages of this Origin may not call this server; ZAVA_ALLOWED_ORIGINS lists those that may",
        ),
    };
    HttpError::new(status, INVALID_REQUEST, text)
}

/// The content type is missing, not JSON, or sent more than once.
pub(super) fn not_declared_json() -> HttpError {
    HttpError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        INVALID_REQUEST,
        "the content type must be application/json, in exactly one Content-Type header",
    )
}

/// The body is compressed.
pub(super) fn encoded() -> HttpError {
    HttpError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        INVALID_REQUEST,
        "the body must be sent as it is, without Content-Encoding",
    )
    // RFC 9110, section 15.5.16.
    .with(header::ACCEPT_ENCODING, "identity")
}

/// The client takes no JSON.
pub(super) fn not_acceptable() -> HttpError {
    HttpError::new(
        StatusCode::NOT_ACCEPTABLE,
        INVALID_REQUEST,
        "answers are application/json; Accept must name it, or be left out",
    )
}

/// `MCP-Protocol-Version` names a version that is not spoken here.
pub(super) fn unknown_version() -> HttpError {
    let supported = protocol_versions();
    let text = format!(
        "MCP-Protocol-Version names a version that this server does not speak; it speaks {}",
        supported.join(", ")
    );
    HttpError::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, text)
}

/// The body is longer than allowed.
pub(super) fn too_large(most: usize) -> HttpError {
    HttpError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        INVALID_REQUEST,
        format!("the body is too large; the most is {most} bytes"),
    )
}

/// The body holds more values than a parser is given.
pub(super) fn too_complex() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        INVALID_REQUEST,
        format!(
            "the body is too complex; send at most {MAX_VALUES} JSON values, nested at most {MAX_DEPTH} deep"
        ),
    )
}

/// Too much has arrived of other bodies that are not complete yet.
pub(super) fn too_many_bodies() -> HttpError {
    overloaded("too many large requests are arriving at once; send fewer at a time")
}

/// Too many other bodies of the principal are arriving slowly.
pub(super) fn too_many_slow_bodies() -> HttpError {
    overloaded(
        "too many requests are waiting for their bodies; send each body right behind its head",
    )
    .with(header::CONNECTION, "close")
}

/// The body did not arrive whole.
pub(super) fn cut_off() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        INVALID_REQUEST,
        "the body did not arrive whole; send it again",
    )
}

/// The body did not arrive in time.
pub(super) fn too_slow() -> HttpError {
    HttpError::new(
        StatusCode::REQUEST_TIMEOUT,
        INVALID_REQUEST,
        "the body did not arrive in time; send it again",
    )
    .with(header::CONNECTION, "close")
}

/// The caller may not pass.
pub(super) fn caller(refusal: &AuthError, resource: &ProtectedResource) -> HttpError {
    let (status, code) = match refusal {
        AuthError::Missing(RequiredCredential::Bearer) | AuthError::InvalidCredential(_) => {
            (StatusCode::UNAUTHORIZED, NO_CALLER)
        }
        // No 401 for a header that was left out: clients take that for the beginning of an OAuth
        // flow, which must fail.
        AuthError::Missing(RequiredCredential::Tenant) | AuthError::MalformedTenantId(_) => {
            (StatusCode::BAD_REQUEST, NO_CALLER)
        }
        AuthError::Missing(RequiredCredential::Gateway)
        | AuthError::AmbiguousTenant
        | AuthError::NotEntitled => (StatusCode::FORBIDDEN, NO_CALLER),
        AuthError::NotCached | AuthError::Unavailable(_) | AuthError::Issuer(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE)
        }
    };
    let text = refusal_text(refusal);
    // RFC 9110 section 11.6.1: a 401 names a scheme.
    let challenge = match refusal {
        AuthError::Missing(RequiredCredential::Bearer) => {
            resource.challenge(None, &OAuthScope::ALL)
        }
        AuthError::InvalidCredential(_) => {
            resource.challenge(Some(("invalid_token", &text)), &OAuthScope::ALL)
        }
        _ => None,
    };
    let mut error = HttpError::new(status, code, text);
    if let Some(challenge) = challenge {
        error = error.with(header::WWW_AUTHENTICATE, &challenge);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        error = error.with(header::RETRY_AFTER, RETRY_AFTER);
    }
    error
}

/// The caller's token is not good for this.
pub(super) fn insufficient_scope(needed: OAuthScope, resource: &ProtectedResource) -> HttpError {
    scope_missing("this tool", needed, resource)
}

/// More have come than may.
pub(super) fn too_fast(too_many: RateExceeded) -> HttpError {
    let seconds = too_many.wait.as_secs() + u64::from(too_many.wait.subsec_nanos() > 0);
    let seconds = seconds.max(1).to_string();
    let text = format!("too many requests; try again in {seconds} seconds");
    let mut error = HttpError::new(StatusCode::TOO_MANY_REQUESTS, TOO_MANY, text)
        .with(header::RETRY_AFTER, &seconds);
    for (name, value) in rate_limit_fields(too_many.standing, Some(&seconds)) {
        error = error.with(name, &value);
    }
    error
}

/// Tells an admitted caller what is left of a rate.
pub(super) fn standing(response: &mut Response, standing: QuotaStatus) {
    for (name, value) in rate_limit_fields(standing, None) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// What is left of a rate
/// ([RateLimit fields](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/)), and in how many seconds there
/// is more if nothing is left.
fn rate_limit_fields(standing: QuotaStatus, wait: Option<&str>) -> [(HeaderName, String); 2] {
    let QuotaStatus {
        policy,
        a_minute,
        left,
    } = standing;
    let wait = wait.map_or_else(String::new, |seconds| format!(";t={seconds}"));
    [
        (
            HeaderName::from_static("ratelimit-policy"),
            format!("\"{policy}\";q={a_minute};w=60"),
        ),
        (
            HeaderName::from_static("ratelimit"),
            format!("\"{policy}\";r={left}{wait}"),
        ),
    ]
}

/// Too many look-ups for the same address are in progress.
pub(super) fn busy() -> HttpError {
    overloaded("too many callers from this address are being looked up; try again in a few seconds")
}

/// The caller is no operator.
pub(super) fn operators_only() -> HttpError {
    HttpError::new(
        StatusCode::FORBIDDEN,
        NO_CALLER,
        "this is for operators; an administrator gives the role by `zava-mcp-server grant … --role operator`",
    )
}

/// The caller is an operator, but the token lacks the scope for `/health/details`.
pub(super) fn details_need_scope(resource: &ProtectedResource) -> HttpError {
    scope_missing("this", OAuthScope::Query, resource)
}

fn scope_missing(what: &str, needed: OAuthScope, resource: &ProtectedResource) -> HttpError {
    let text = format!(
        "the token is not good for {what}; ask for one with the scope {}",
        needed.as_str()
    );
    let challenge = resource.challenge(Some(("insufficient_scope", &text)), &[needed]);
    let error = HttpError::new(StatusCode::FORBIDDEN, NO_CALLER, text);
    match challenge {
        Some(challenge) => error.with(header::WWW_AUTHENTICATE, &challenge),
        None => error,
    }
}

/// As many connections are in use as may be.
pub(super) fn too_many_connections() -> HttpError {
    overloaded("too many connections are in use; try again in a few seconds")
}

/// There is nothing at this path.
pub(super) async fn no_such_path() -> Response {
    let body = json!({"error": "nothing is here; the MCP endpoint is /mcp, health is at /health/live and /health/ready"});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

/// An internal error; the cause is in the log.
pub(super) fn internal_error() -> HttpError {
    HttpError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        INTERNAL_ERROR,
        "internal error; the operator finds the cause in the server log",
    )
}

/// 503: a limit is reached for now.
fn overloaded(message: &'static str) -> HttpError {
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, TOO_MANY, message)
        .with(header::RETRY_AFTER, RETRY_AFTER)
}
