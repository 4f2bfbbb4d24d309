//! Security headers and CORS: what a browser may do with responses.
//!
//! Knows headers; must not know routes or callers.
//! Invariant: every response carries the security headers, and only pages of the configured origins
//! may read one.
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::map_response;
use axum::response::Response;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::mcp::SESSION_HEADER;

/// How long a browser may cache a preflight response (`Access-Control-Max-Age`).
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(7200);

/// The request headers that pages may send besides the CORS-safelisted ones.
const REQUEST_HEADERS: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
    HeaderName::from_static(SESSION_HEADER),
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("x-rls-user-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// The response headers that pages may read besides the CORS-safelisted ones.
const RESPONSE_HEADERS: [HeaderName; 5] = [
    HeaderName::from_static(SESSION_HEADER),
    header::WWW_AUTHENTICATE,
    header::RETRY_AFTER,
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
];

/// Adds security headers to every response, and CORS headers if any origin is allowed. Responses
/// are for programs: no page may display, cache or execute one. `is_encrypted` adds
/// `Strict-Transport-Security`.
pub(super) fn with_browser_headers(
    router: Router,
    allowed_origins: &[String],
    is_encrypted: bool,
) -> Router {
    let router = if allowed_origins.is_empty() {
        router
    } else {
        router.layer(cors(allowed_origins))
    };
    router.layer(map_response(move |mut response: Response| {
        add_security_headers(response.headers_mut(), is_encrypted);
        std::future::ready(response)
    }))
}

fn cors(allowed_origins: &[String]) -> CorsLayer {
    let origins = allowed_origins
        .iter()
        .map(|origin| HeaderValue::from_str(origin).expect("the settings validated it"));
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::POST, Method::GET, Method::DELETE])
        .allow_headers(REQUEST_HEADERS)
        .expose_headers(RESPONSE_HEADERS)
        .max_age(PREFLIGHT_MAX_AGE)
}

/// Adds the headers that the [OWASP REST Security Cheat
/// Sheet](https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers)
/// lists.
fn add_security_headers(headers: &mut HeaderMap, is_encrypted: bool) {
    let always = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_encrypted {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}
