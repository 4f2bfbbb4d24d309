//! The parts of a JSON-RPC message that the HTTP layer reads before rmcp parses it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use rmcp::model::RequestId;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::tools::RegisteredTool;
use crate::identity::OAuthScope;

/// The HTTP header that carries a session id.
pub const SESSION_HEADER: &str = "mcp-session-id";

/// The longest session id that is accepted. This server's own ids have 36 bytes.
const MAX_SESSION_ID_BYTES: usize = 128;

/// The members of a message that decide how it is handled.
#[derive(Debug, Deserialize)]
pub struct MessageHead<'a> {
    #[serde(default)]
    id: Value,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Debug, Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(rename = "requestId")]
    request_id: Option<RequestId>,
}

impl<'a> MessageHead<'a> {
    /// Parses a request or a notification. `None` for any other text, which may not even be JSON;
    /// rmcp rejects it.
    #[must_use]
    pub fn parse(message: &'a str) -> Option<Self> {
        serde_json::from_str(message).ok()
    }

    /// Whether this is the request `initialize`, with which clients of protocol versions before
    /// 2026-07-28 start a session.
    #[must_use]
    pub fn is_initialize(&self) -> bool {
        self.method == "initialize" && !self.id.is_null()
    }

    /// The id of the request that this message cancels, if it is `notifications/cancelled`.
    #[must_use]
    pub fn cancelled_request(&self) -> Option<&RequestId> {
        let params = self.params.as_ref();
        (self.method == "notifications/cancelled")
            .then(|| params?.request_id.as_ref())
            .flatten()
    }

    /// The OAuth scope that a token needs for this message. Only calls of tools that read rows need
    /// one.
    #[must_use]
    pub fn required_scope(&self) -> Option<OAuthScope> {
        let name = self.called_tool()?;
        RegisteredTool::from_name(name)?.required_scope
    }

    /// The name of the tool that this message calls.
    fn called_tool(&self) -> Option<&str> {
        let params = self.params.as_ref();
        (self.method == "tools/call")
            .then(|| params?.name.as_deref())
            .flatten()
    }
}

/// The session id of a client of a protocol version before 2026-07-28.
///
/// It authenticates nothing, and the server keeps no state for it: it only separates the requests
/// of clients that share credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(Box<str>);

impl SessionId {
    /// A new random id, for the response to `initialize`.
    #[must_use]
    pub fn random() -> Self {
        let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
        Self(Uuid::to_string(&id).into())
    }

    /// The session id of a request: visible ASCII, as the specification requires, and at most
    /// `MAX_SESSION_ID_BYTES` long. An invalid or repeated header is ignored.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(SESSION_HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        let is_visible = |byte: &u8| byte.is_ascii_graphic();
        let text = value.to_str().ok()?;
        let is_valid = !text.is_empty()
            && text.len() <= MAX_SESSION_ID_BYTES
            && text.as_bytes().iter().all(is_visible);
        is_valid.then(|| Self(text.into()))
    }

    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An extension of the HTTP request `initialize`, by which the handler reports success. A client
/// that is rejected gets no session id.
#[derive(Clone, Debug, Default)]
pub struct InitializeSuccess(Arc<AtomicBool>);

impl InitializeSuccess {
    /// Whether `initialize` succeeded.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn report(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn method_and_cancelled_request_are_read_from_a_message() {
        let head = |text: &'static str| MessageHead::parse(text);
        let cancelled = |text| head(text).and_then(|head| head.cancelled_request().cloned());
        let notification = r#"{"jsonrpc":"2.0","method":"notifications\/cancelled","params":{"requestId":7,"reason":"x"}}"#;
        assert_eq!(cancelled(notification), Some(RequestId::Number(7)));
        let notification = r#"{"method":"notifications/cancelled","params":{"requestId":"7"}}"#;
        assert_eq!(cancelled(notification), Some(RequestId::String("7".into())));
        for other in [
            r#"{"method":"notifications/cancelled"}"#,
            r#"{"method":"notifications/cancelled","params":{}}"#,
            r#"{"method":"notifications/cancelled","params":{"requestId":null}}"#,
            r#"{"method":"notifications/cancelled","params":{"requestId":{}}}"#,
            r#"{"method":"notifications/cancelled","params":[1]}"#,
            r#"{"method":"notifications/progress","params":{"requestId":7}}"#,
        ] {
            assert_eq!(cancelled(other), None, "{other}");
        }
        let is_initialize = |text| head(text).is_some_and(|head| head.is_initialize());
        assert!(is_initialize(
            r#"{"id":0,"method":"initialize","params":{}}"#
        ));
        assert!(!is_initialize(r#"{"method":"initialize","params":{}}"#));
        assert!(!is_initialize(r#"{"id":0,"method":"ping"}"#));
        assert!(head("[]").is_none() && head("{}").is_none());
    }

    #[test]
    fn a_session_id_is_visible_ascii_and_sent_once() {
        let random = SessionId::random();
        let longest = "x".repeat(MAX_SESSION_ID_BYTES);
        let too_long = format!("{longest}x");
        let cases: [(&[&str], bool); 8] = [
            (&[random.as_str()], true),
            (&["anything!"], true),
            (&[&longest], true),
            (&[&too_long], false),
            (&[""], false),
            (&["a b"], false),
            (&["é"], false),
            (&["a", "a"], false),
        ];
        for (values, is_valid) in cases {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                headers.append(SESSION_HEADER, value);
            }
            let session = SessionId::from_headers(&headers);
            assert_eq!(session.is_some(), is_valid, "{values:?}");
        }
        assert_ne!(SessionId::random(), random);
    }
}
