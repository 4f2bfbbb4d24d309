//! Every HTTP response that rejects a request: its status, JSON-RPC error code and text.
//!
//! Knows HTTP and JSON-RPC; must not know how a request was found to be wrong.
//! Invariant: a text says what is wrong and then what the client can do about it. It repeats
//! nothing that the client sent.
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::authority::AuthorityError;
use super::http_error::HttpError;
use super::json_scan::{MAX_DEPTH, MAX_VALUES};
use super::protected_resource::ProtectedResource;
use super::rate_limits::{QuotaStatus, RateExceeded};
use crate::identity::{AuthError, OAuthScope, RequiredCredential};
use crate::mcp::{auth_error_text, internal_error_text, protocol_versions};
use crate::telemetry::TraceId;

// Error codes of JSON-RPC 2.0.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const INTERNAL_ERROR: i32 = -32603;

// Error codes of this server: MCP leaves -32000 to -32019 to implementations.
const ACCESS_DENIED: i32 = -32001;
const UNAVAILABLE: i32 = -32002;
const LIMIT_EXCEEDED: i32 = -32003;

/// `Retry-After` of a 503, in seconds. Most statements finish sooner, and then a limit has room.
const RETRY_AFTER_SECONDS: &str = "2";

/// 400: the body cannot be parsed as JSON.
pub(super) fn invalid_json() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        PARSE_ERROR,
        "the body is not valid JSON in UTF-8; send one JSON-RPC 2.0 message",
    )
}

/// 400: the body is JSON, but not an MCP message.
pub(super) fn invalid_message() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        INVALID_REQUEST,
        "the body is not a JSON-RPC 2.0 message of MCP; send {\"jsonrpc\": \"2.0\", \"id\": …, \"method\": …, \"params\": {…}}",
    )
}

/// 405: `/mcp` only supports POST. GET would open an event stream and DELETE would end a session;
/// this server has neither.
pub(super) fn method_not_allowed() -> HttpError {
    HttpError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        INVALID_REQUEST,
        "/mcp supports only POST; this server has no event streams and no sessions to end",
    )
    .with_header(header::ALLOW, "POST")
}

/// 400 or 403: `Host` or `Origin` is not allowed.
pub(super) fn invalid_authority(error: AuthorityError) -> HttpError {
    let (status, text) = match error {
        AuthorityError::MalformedHost => (
            StatusCode::BAD_REQUEST,
            "malformed Host; send exactly one Host header with a host and an optional port, and the same host in an absolute request target",
        ),
        AuthorityError::ForeignHost => (
            StatusCode::FORBIDDEN,
            "Host is not a name of this server; call its public URL, or set ZAVA_PUBLIC_URL to the URL that clients call",
        ),
        AuthorityError::ForeignOrigin => (
            StatusCode::FORBIDDEN,
            "pages of this Origin may not call this server; add the Origin to ZAVA_ALLOWED_ORIGINS to allow it",
        ),
    };
    HttpError::new(status, INVALID_REQUEST, text)
}

/// 415: the content type is missing, not JSON, or sent more than once.
pub(super) fn unsupported_media_type() -> HttpError {
    HttpError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        INVALID_REQUEST,
        "unsupported content type; send exactly one Content-Type header with application/json",
    )
}

/// 415: the body has a content coding.
pub(super) fn unsupported_content_coding() -> HttpError {
    HttpError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        INVALID_REQUEST,
        "unsupported Content-Encoding; send the body uncompressed, without that header",
    )
    // RFC 9110, section 15.5.16.
    .with_header(header::ACCEPT_ENCODING, "identity")
}

/// 406: `Accept` excludes JSON.
pub(super) fn not_acceptable() -> HttpError {
    HttpError::new(
        StatusCode::NOT_ACCEPTABLE,
        INVALID_REQUEST,
        "responses are application/json; name it in Accept, or send no Accept header",
    )
}

/// 400: `MCP-Protocol-Version` names a version that this server does not support.
pub(super) fn unsupported_protocol_version() -> HttpError {
    let supported = protocol_versions();
    let text = format!(
        "unsupported MCP-Protocol-Version; this server supports {}",
        supported.join(", ")
    );
    HttpError::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, text)
}

/// 413: the body is longer than `max_bytes`.
pub(super) fn body_too_large(max_bytes: usize) -> HttpError {
    HttpError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        INVALID_REQUEST,
        format!("the body is too large; send at most {max_bytes} bytes"),
    )
}

/// 400: the body would cost too much to parse; see [`json_scan`](super::json_scan).
pub(super) fn body_too_complex() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        INVALID_REQUEST,
        format!(
            "the body is too complex; send at most {MAX_VALUES} JSON values, nested at most {MAX_DEPTH} deep"
        ),
    )
}

/// 503: unfinished bodies use all memory that they may use.
pub(super) fn too_many_unfinished_bodies() -> HttpError {
    service_unavailable(
        "too many large requests are arriving at once; send fewer at a time and try again",
    )
}

/// 503: too many other bodies of the principal are arriving slowly.
pub(super) fn too_many_slow_bodies() -> HttpError {
    service_unavailable(
        "too many requests are waiting for their bodies; send each body right after its header",
    )
    .with_header(header::CONNECTION, "close")
}

/// 400: the connection failed, or the chunked coding was wrong, before the end of the body.
pub(super) fn incomplete_body() -> HttpError {
    HttpError::new(
        StatusCode::BAD_REQUEST,
        INVALID_REQUEST,
        "the body is incomplete; send the request again",
    )
}

/// 408: the body did not arrive in time.
pub(super) fn body_timed_out() -> HttpError {
    HttpError::new(
        StatusCode::REQUEST_TIMEOUT,
        INVALID_REQUEST,
        "the body did not arrive in time; send the request again",
    )
    .with_header(header::CONNECTION, "close")
}

/// 400, 401, 403 or 503: the caller is not authenticated, or may not use the tenant.
pub(super) fn auth_error(error: &AuthError, resource: &ProtectedResource) -> HttpError {
    let (status, code) = match error {
        AuthError::Missing(RequiredCredential::Bearer) | AuthError::InvalidCredential(_) => {
            (StatusCode::UNAUTHORIZED, ACCESS_DENIED)
        }
        // A missing tenant header is not a 401: clients take that for the start of an OAuth flow,
        // which cannot succeed here.
        AuthError::Missing(RequiredCredential::Tenant) | AuthError::MalformedTenantId(_) => {
            (StatusCode::BAD_REQUEST, ACCESS_DENIED)
        }
        AuthError::Missing(RequiredCredential::Gateway)
        | AuthError::AmbiguousTenant
        | AuthError::NotEntitled => (StatusCode::FORBIDDEN, ACCESS_DENIED),
        AuthError::NotCached | AuthError::Unavailable(_) | AuthError::Issuer(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE)
        }
    };
    let text = auth_error_text(error);
    // RFC 9110, section 11.6.1: a 401 carries a challenge.
    let challenge = match error {
        AuthError::Missing(RequiredCredential::Bearer) => {
            resource.challenge(None, &OAuthScope::ALL)
        }
        AuthError::InvalidCredential(_) => {
            resource.challenge(Some(("invalid_token", &text)), &OAuthScope::ALL)
        }
        _ => None,
    };
    let mut response = HttpError::new(status, code, text);
    if let Some(challenge) = challenge {
        response = response.with_header(header::WWW_AUTHENTICATE, &challenge);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response = response.with_header(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    response
}

/// 403: the caller's token lacks the scope that the tool requires.
pub(super) fn insufficient_scope(required: OAuthScope, resource: &ProtectedResource) -> HttpError {
    missing_scope("for this tool", required, resource)
}

/// 429: a rate limit is exceeded. `Retry-After` is rounded up to at least one second.
pub(super) fn rate_exceeded(exceeded: RateExceeded) -> HttpError {
    let RateExceeded { quota, retry_after } = exceeded;
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    let seconds = seconds.max(1).to_string();
    let text = format!("rate limit exceeded; try again in {seconds} seconds");
    let mut response = HttpError::new(StatusCode::TOO_MANY_REQUESTS, LIMIT_EXCEEDED, text)
        .with_header(header::RETRY_AFTER, &seconds);
    for (name, value) in rate_limit_headers(quota, Some(&seconds)) {
        response = response.with_header(name, &value);
    }
    response
}

/// Tells an admitted caller how much of the rate limit remains.
pub(super) fn add_rate_limit_headers(response: &mut Response, quota: QuotaStatus) {
    for (name, value) in rate_limit_headers(quota, None) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
}

/// The remaining quota as [RateLimit
/// fields](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/).
/// `reset_seconds` is the time until the quota has room again; `None` leaves it out.
fn rate_limit_headers(
    quota: QuotaStatus,
    reset_seconds: Option<&str>,
) -> [(HeaderName, String); 2] {
    let QuotaStatus {
        policy,
        per_minute,
        remaining,
    } = quota;
    let reset = reset_seconds.map_or_else(String::new, |seconds| format!(";t={seconds}"));
    [
        (
            HeaderName::from_static("ratelimit-policy"),
            format!("\"{policy}\";q={per_minute};w=60"),
        ),
        (
            HeaderName::from_static("ratelimit"),
            format!("\"{policy}\";r={remaining}{reset}"),
        ),
    ]
}

/// 503: too many lookups for the same address are in progress.
pub(super) fn too_many_lookups() -> HttpError {
    service_unavailable(
        "too many callers from this address are being looked up; try again in a few seconds",
    )
}

/// 403: the caller does not have the role *operator*.
pub(super) fn operator_role_required() -> HttpError {
    HttpError::new(
        StatusCode::FORBIDDEN,
        ACCESS_DENIED,
        "operator role required; an administrator grants it with `zava-mcp-server grant … --role operator`",
    )
}

/// 403: the caller is an operator, but the token lacks the scope for `/health/details`.
pub(super) fn details_scope_required(resource: &ProtectedResource) -> HttpError {
    missing_scope("here", OAuthScope::Query, resource)
}

fn missing_scope(purpose: &str, required: OAuthScope, resource: &ProtectedResource) -> HttpError {
    let text = format!(
        "the token lacks the scope required {purpose}; request a token with the scope {}",
        required.as_str()
    );
    let challenge = resource.challenge(Some(("insufficient_scope", &text)), &[required]);
    let response = HttpError::new(StatusCode::FORBIDDEN, ACCESS_DENIED, text);
    match challenge {
        Some(challenge) => response.with_header(header::WWW_AUTHENTICATE, &challenge),
        None => response,
    }
}

/// 503: every connection within the limits has a request in flight.
pub(super) fn too_many_connections() -> HttpError {
    service_unavailable("too many connections are in use; try again in a few seconds")
}

/// 404: no route has this path.
pub(super) async fn path_not_found() -> Response {
    let body = json!({"error": "path not found; the MCP endpoint is /mcp, health is at /health/live and /health/ready"});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

/// 500: a bug of this server. The cause is in the log, under the same trace id.
pub(super) fn internal_error(trace_id: TraceId) -> HttpError {
    HttpError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        INTERNAL_ERROR,
        internal_error_text(trace_id),
    )
}

/// 503: a limit is reached for now.
fn service_unavailable(message: &'static str) -> HttpError {
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, LIMIT_EXCEEDED, message)
        .with_header(header::RETRY_AFTER, RETRY_AFTER_SECONDS)
}
