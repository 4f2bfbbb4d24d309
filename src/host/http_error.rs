//! An HTTP response that refuses a request, in JSON-RPC's form.

use std::borrow::Cow;

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// Everything of the response but the request's id, which is read when all else is decided.
#[derive(Debug)]
pub(super) struct HttpError {
    status: StatusCode,
    code: i32,
    message: Cow<'static, str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl HttpError {
    /// `code` is JSON-RPC's or one of our own; `message` says what is wrong and what to do.
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

    /// The same with one more header. A value that no header may hold is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The response to the request of that id. Without one the member is left out: MCP's schema has
    /// no null there, and clients fail on it.
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
