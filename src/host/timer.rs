//! The endpoint that the timer of the Azure Functions host calls to refresh the search index.
//!
//! The host calls its handler on the port on which it also forwards the requests of clients, so a
//! client may send the same. The streaming proxy of the host sets `X-Forwarded-For`,
//! `X-Forwarded-Host` and `X-Forwarded-Proto` on every request that it forwards, and a client
//! cannot prevent that. The host's own call has none of them
//! (`ScriptInvocationRequestTransformer.cs`, `DefaultHttpWorkerService.cs` of
//! Azure/azure-functions-host).
//!
//! Knows the host's protocol; must not know what a refresh does.
//! Invariant: a request that a proxy has forwarded gets the response of a path that does not exist.
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::connections::Connection;
use super::rejection;

/// The path: the host calls a function by the name of its folder.
pub(super) const PATH: &str = "/refresh-embeddings";

/// What the timer starts.
pub trait IndexRefresher: Send + Sync {
    /// Refreshes the search index, or says why not. One refresh runs at a time.
    ///
    /// # Cancel safety
    /// A dropped call does not end the refresh that it has started.
    fn refresh(&self) -> BoxFuture<'_, RefreshReport>;
}

/// What became of a refresh, for the host's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshReport {
    /// It is done, will be continued by the next call, or was not needed.
    Done(String),
    /// It has failed, so the host shall report a failed invocation.
    Failed(String),
}

/// The headers that mark a forwarded request. The host's proxy sets the first three; the others are
/// set by other proxies and by Azure's front end.
const FORWARDING_HEADERS: [&str; 5] = [
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "forwarded",
    "x-original-url",
];

/// The longest body of a call. The host's are below 1 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long the body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What the host sends.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Invocation {
    /// The value of each binding, by its name.
    data: Map<String, Value>,
    /// What else the host knows of the invocation.
    metadata: Map<String, Value>,
}

/// Handles a call of the timer.
pub(super) async fn refresh(
    State(refresher): State<Arc<dyn IndexRefresher>>,
    request: Request,
) -> Response {
    if request.method() != Method::POST || is_forwarded(request.headers()) {
        return rejection::path_not_found().await;
    }
    if let Some(connection) = request.extensions().get::<Arc<Connection>>() {
        // It has no request of a client, so no client can evict it.
        connection.record_permit();
    }
    if !is_invocation(request.into_body()).await {
        let report = RefreshReport::Failed("the request is no call of a timer".to_owned());
        return response(StatusCode::BAD_REQUEST, report);
    }
    match refresher.refresh().await {
        report @ RefreshReport::Done(_) => response(StatusCode::OK, report),
        report @ RefreshReport::Failed(_) => response(StatusCode::INTERNAL_SERVER_ERROR, report),
    }
}

/// Whether a proxy has forwarded the request.
fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDING_HEADERS
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// Whether the body is the host's description of an invocation.
async fn is_invocation(body: Body) -> bool {
    let Ok(Ok(bytes)) = timeout(BODY_TIMEOUT, to_bytes(body, MAX_BODY_BYTES)).await else {
        return false;
    };
    serde_json::from_slice(&bytes)
        .is_ok_and(|Invocation { data, metadata }| !data.is_empty() && metadata.contains_key("sys"))
}

/// The response that the host expects: any other body of a success is an error to it.
fn response(status: StatusCode, report: RefreshReport) -> Response {
    let (RefreshReport::Done(line) | RefreshReport::Failed(line)) = report;
    let body = json!({"Outputs": {}, "Logs": [line], "ReturnValue": null});
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn each_mark_of_a_proxy_is_enough() {
        assert!(!is_forwarded(&HeaderMap::new()));
        for name in FORWARDING_HEADERS {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(""));
            assert!(is_forwarded(&headers), "{name}");
        }
    }

    #[tokio::test]
    async fn an_invocation_has_data_and_metadata() {
        for (text, expected) in [
            (
                r#"{"Data": {"timer": {"IsPastDue": false}}, "Metadata": {"sys": {}}}"#,
                true,
            ),
            (
                r#"{"Data": {"timer": "{}"}, "Metadata": {"sys": {}}}"#,
                true,
            ),
            (r#"{"Data": {}, "Metadata": {"sys": {}}}"#, false),
            (r#"{"Data": {"timer": {}}, "Metadata": {}}"#, false),
            (r#"{"Data": {"timer": {}}}"#, false),
            (r#"{"jsonrpc": "2.0"}"#, false),
            ("", false),
        ] {
            assert_eq!(is_invocation(Body::from(text)).await, expected, "{text}");
        }
        let long = format!(
            r#"{{"Data": {{"timer": "{}"}}}}"#,
            "x".repeat(MAX_BODY_BYTES)
        );
        assert!(!is_invocation(Body::from(long)).await);
    }
}
