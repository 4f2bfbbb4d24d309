//! Measures each request for telemetry, from its first byte to the last byte of its response.
//!
//! Knows the server's routes; must not know where telemetry is sent.
//! Invariant: no text that a client has sent becomes a part of a span or a metric.
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::Response;

use super::holding_body::HoldingBody;
use super::protected_resource::METADATA_PATH;
use super::{health, timer};
use crate::telemetry::Telemetry;

/// Measures the requests to `router`, if telemetry is sent anywhere. `prefix` is the path of the
/// public URL.
pub(super) fn with_http_spans(router: Router, telemetry: Telemetry, prefix: &str) -> Router {
    if !telemetry.is_enabled() {
        return router;
    }
    let prefix: Arc<str> = prefix.into();
    router.layer(from_fn(move |request: Request, next: Next| {
        measure(telemetry.clone(), Arc::clone(&prefix), request, next)
    }))
}

async fn measure(
    telemetry: Telemetry,
    prefix: Arc<str>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let route = route(path.strip_prefix(&*prefix).unwrap_or(path));
    let traceparent = request.headers().get("traceparent");
    let begun = telemetry.begin_http_request(
        method(request.method()),
        route,
        traceparent.and_then(|value| value.to_str().ok()),
        route.is_some_and(health::is_health_path),
    );
    let Some(mut measured) = begun else {
        return next.run(request).await;
    };
    let span = measured.span();
    request.extensions_mut().insert(span.trace_id());
    request.extensions_mut().insert(span.clone());
    // On the heap: the future is large, and the scope would move it.
    let response = span.scope(Box::pin(next.run(request))).await;
    measured.set_status(response.status().as_u16());
    response.map(|body| {
        // The request ends when the body is dropped.
        Body::new(HoldingBody::new(body, measured))
    })
}

/// The route that serves a path, without the prefix under which the server is published.
fn route(path: &str) -> Option<&'static str> {
    Some(match path {
        "/mcp" | "/mcp/" => "/mcp",
        "/health" => "/health",
        "/health/live" => "/health/live",
        "/health/ready" => "/health/ready",
        "/health/details" => "/health/details",
        timer::PATH => timer::PATH,
        _ if path.starts_with(METADATA_PATH) => METADATA_PATH,
        _ => return None,
    })
}

/// The name of a method; `_OTHER` for one that nobody knows, as the conventions want it.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::POST => "POST",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::DELETE => "DELETE",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_routes_and_methods_are_named() {
        for (path, expected) in [
            ("/mcp", Some("/mcp")),
            ("/mcp/", Some("/mcp")),
            ("/health/ready", Some("/health/ready")),
            (
                "/.well-known/oauth-protected-resource/mcp",
                Some("/.well-known/oauth-protected-resource"),
            ),
            ("/mcp/secret", None),
            ("/", None),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
        let made_up = Method::from_bytes(b"SECRET").expect("a method");
        assert_eq!(method(&made_up), "_OTHER");
    }
}
