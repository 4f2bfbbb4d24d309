//! What the HTTP layer reads of a message before rmcp parses it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;
use rmcp::model::RequestId;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::ToolName;
use crate::identity::OAuthScope;

/// The name of the header that carries a session's id.
pub const SESSION_HEADER: &str = "mcp-session-id";

/// The longest session id that is looked at, in bytes; ours have 36.
const MAX_SESSION_BYTES: usize = 128;

/// A message's members that decide what happens to it.
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
    /// `None` unless it is a request or a notification; rmcp refuses the rest. What is none may be
    /// no JSON at all.
    #[must_use]
    pub fn parse(message: &'a str) -> Option<Self> {
        serde_json::from_str(message).ok()
    }

    /// Whether a client begins with it, as those of the protocol before 2026-07-28 do.
    #[must_use]
    pub fn is_initialize(&self) -> bool {
        self.method == "initialize" && !self.id.is_null()
    }

    /// The request that the client gives up, if this notification says so.
    #[must_use]
    pub fn cancelled_request(&self) -> Option<&RequestId> {
        let params = self.params.as_ref();
        (self.method == "notifications/cancelled")
            .then(|| params?.request_id.as_ref())
            .flatten()
    }

    /// What a caller's token must be good for, to send this message: nothing for most, something
    /// for the tools that read rows.
    #[must_use]
    pub fn needed_scope(&self) -> Option<OAuthScope> {
        let name = self.called_tool()?;
        ToolName::of(name)?.needed_scope()
    }

    /// The name of the tool that the message calls.
    fn called_tool(&self) -> Option<&str> {
        let params = self.params.as_ref();
        (self.method == "tools/call")
            .then(|| params?.name.as_deref())
            .flatten()
    }
}

/// The session id of a client of the protocol before 2026-07-28. It proves nothing, and no state is
/// kept for it: it only separates the requests of clients that share credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(Box<str>);

impl SessionId {
    /// A new random id, for the answer to `initialize`.
    #[must_use]
    pub fn random() -> Self {
        let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
        Self(Uuid::to_string(&id).into())
    }

    /// The one that a request names: visible ASCII, as the specification has it, and not too long.
    /// Any other one is ignored.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(SESSION_HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        let is_visible = |byte: &u8| byte.is_ascii_graphic();
        let text = value.to_str().ok()?;
        let is_session = !text.is_empty()
            && text.len() <= MAX_SESSION_BYTES
            && text.as_bytes().iter().all(is_visible);
        is_session.then(|| Self(text.into()))
    }

    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An extension of an HTTP request `initialize` by which the handler reports that it has accepted
/// the client: a refused one gets no session.
#[derive(Clone, Debug, Default)]
pub struct SessionBegun(Arc<AtomicBool>);

impl SessionBegun {
    /// Whether the client is accepted.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_message_is_read_as_far_as_it_matters() {
        let head = |text: &'static str| MessageHead::parse(text);
        let cancelled = |text| head(text).and_then(|head| head.cancelled_request().cloned());
        let note = r#"{"jsonrpc":"2.0","method":"notifications\/cancelled","params":{"requestId":7,"reason":"x"}}"#;
        assert_eq!(cancelled(note), Some(RequestId::Number(7)));
        let note = r#"{"method":"notifications/cancelled","params":{"requestId":"7"}}"#;
        assert_eq!(cancelled(note), Some(RequestId::String("7".into())));
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
    fn a_session_id_is_visible_ascii_and_alone() {
        let drawn = SessionId::random();
        let long = "x".repeat(MAX_SESSION_BYTES);
        let longer = format!("{long}x");
        let table: [(&[&str], bool); 8] = [
            (&[drawn.as_str()], true),
            (&["anything!"], true),
            (&[&long], true),
            (&[&longer], false),
            (&[""], false),
            (&["a b"], false),
            (&["é"], false),
            (&["a", "a"], false),
        ];
        for (values, is_session) in table {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                headers.append(SESSION_HEADER, value);
            }
            let session = SessionId::from_headers(&headers);
            assert_eq!(session.is_some(), is_session, "{values:?}");
        }
        assert_ne!(SessionId::random(), drawn);
    }
}
