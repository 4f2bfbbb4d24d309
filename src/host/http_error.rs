//! An HTTP response that rejects a request, as a JSON-RPC error.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// The response without the request's id, which is only read once the request is rejected.
#[derive(Debug)]
pub(super) struct HttpError {
    status: StatusCode,
    code: i32,
    message: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl HttpError {
    /// `code` is JSON-RPC's or this server's own; `message` says what is wrong and what to do.
    pub(super) fn new(
        status: StatusCode,
        code: i32,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    /// Adds a header. A value that is not valid in a header is left out.
    pub(super) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The response to the request with this id. Without an id the member is left out: MCP's schema
    /// does not allow null there, and clients fail on it.
    pub(super) fn into_response(self, id: Option<Value>) -> Response {
        let Self {
            status,
            code,
            message,
            headers,
        } = self;
        let mut body = json!({"jsonrpc": "2.0", "error": {"code": code, "message": message}});
        if let Some(id) = id {
            body["id"] = id;
        }
        let mut response = (status, Json(body)).into_response();
        response.headers_mut().extend(HeaderMap::from_iter(headers));
        response
    }
}
