//! A request to the HTTP server, by the [semantic
//! conventions](https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server).

use std::fmt;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

use super::ActiveSpan;
use super::open_span::{OpenSpan, SpanGuard};
use crate::telemetry::Telemetry;
use crate::telemetry::names;
use crate::telemetry::trace::TraceParent;

/// A request in progress. It ends when this is dropped, which must be when its response has been
/// written.
pub struct HttpRequest {
    span: SpanGuard,
    method: &'static str,
    route: Option<&'static str>,
    status: Option<u16>,
    is_probe: bool,
}

impl Telemetry {
    /// Begins a request; `None` if telemetry is not sent anywhere. `method` is `_OTHER` if it is
    /// not a known one, and `route` is `None` for a path that the server does not know. A probe is
    /// a request whose traces nobody needs unless it fails.
    #[must_use]
    pub fn begin_http_request(
        &self,
        method: &'static str,
        route: Option<&'static str>,
        traceparent: Option<&str>,
        is_probe: bool,
    ) -> Option<HttpRequest> {
        let recorder = self.recorder()?;
        let name = match route {
            Some(route) => format!("{method} {route}").into(),
            None => method.into(),
        };
        let parent = traceparent.and_then(TraceParent::parse);
        let span = OpenSpan::root(recorder, name, SpanKind::Server, parent);
        span.set(KeyValue::new(names::HTTP_REQUEST_METHOD, method));
        span.set(KeyValue::new(names::URL_SCHEME, "http"));
        if let Some(route) = route {
            span.set(KeyValue::new(names::HTTP_ROUTE, route));
            // Not the path that was sent: it may hold anything.
            span.set(KeyValue::new(names::URL_PATH, route));
        }
        Some(HttpRequest {
            span,
            method,
            route,
            status: None,
            is_probe,
        })
    }
}

impl HttpRequest {
    /// The request's span.
    #[must_use]
    pub fn span(&self) -> ActiveSpan {
        ActiveSpan(std::sync::Arc::clone(&self.span))
    }

    /// Sets the status of the response.
    pub fn set_status(&mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for HttpRequest {
    fn drop(&mut self) {
        let mut attributes = vec![
            KeyValue::new(names::HTTP_REQUEST_METHOD, self.method),
            KeyValue::new(names::URL_SCHEME, "http"),
            KeyValue::new(names::NETWORK_PROTOCOL_NAME, "http"),
        ];
        attributes.extend(
            self.route
                .map(|route| KeyValue::new(names::HTTP_ROUTE, route)),
        );
        let error_type = match self.status {
            None => Some("cancelled".to_owned()),
            // A client's error is no error of the server.
            Some(status) if status >= 500 => Some(status.to_string()),
            Some(_) => None,
        };
        if let Some(status) = self.status {
            let status = KeyValue::new(names::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
            self.span.set(status.clone());
            attributes.push(status);
        }
        if let Some(error_type) = error_type {
            self.span.fail(error_type.clone());
            attributes.push(KeyValue::new(names::ERROR_TYPE, error_type));
        } else if self.is_probe {
            self.span.drop_unless_failed_or_slow();
        }
        let elapsed = self.span.elapsed();
        self.span
            .recorder()
            .record_http_request(elapsed, &attributes);
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest").finish_non_exhaustive()
    }
}
