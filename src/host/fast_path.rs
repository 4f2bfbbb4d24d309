//! Answers a plain `tools/call` without rmcp's transport.
//!
//! rmcp's transport parses a message by trying the types of all messages, and starts four tasks and
//! two channels for each request. A plain call is parsed once into rmcp's own types here and handed
//! to the same handler. Must not know who calls: the endpoint has checked scope and permit.
//!
//! Invariant: the response is byte for byte that of rmcp's transport, so a request is taken only if
//! it passes each check of that transport for certain. Those of rmcp 3.11 on a POST are:
//!
//! | check | why it passes |
//! |---|---|
//! | `Host`, `Accept`, `Content-Type`, length | the endpoint has checked them, or sets them |
//! | the body is one message | [`Message`] has members of rmcp's type of a call, and no others |
//! | `MCP-Protocol-Version` is known | it is one of rmcp's, or there is none |
//! | `_meta` and that header name one version | they are compared |
//! | `_meta` of 2026-07-28 is complete | rmcp's own function says so |
//! | `Mcp-Method` and `Mcp-Name` of 2026-07-28 | each is there once, and is the body's text |
//! | `Mcp-Param-*` | no tool's schema asks for one |
//!
//! What passes is answered with 200: the errors that rmcp gives another status are not among those
//! of a call of a tool that exists.

use std::borrow::Cow;
use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, JsonObject, JsonRpcMessage,
    ProtocolVersion, RequestId, RequestMetaObject, ServerJsonRpcMessage,
};
use rmcp::service::{RequestContext, serve_directly};
use rmcp::{Peer, RoleServer, Service as _};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::rendered_body::RenderedBody;
use crate::mcp::{Handler, RenderedMessage, ToolName};

const VERSION_HEADER: &str = "mcp-protocol-version";
const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";
const METHOD: &str = "tools/call";

/// The handler, and the peer that it is told of.
pub(super) struct FastPath {
    handler: Handler,
    peer: Peer<RoleServer>,
}

/// A call that is answered here.
#[derive(Debug)]
pub(super) struct PlainCall {
    pub(super) tool: ToolName,
    id: RequestId,
    arguments: Option<JsonObject>,
    meta: RequestMetaObject,
}

/// A plain call as it is sent. One with other members, a duplicate or another type is none: rmcp
/// knows what it means.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    id: RequestId,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Params<'a>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    arguments: Option<JsonObject>,
    #[serde(rename = "_meta")]
    meta: Option<JsonObject>,
    #[serde(flatten)]
    others: Others,
}

/// The members that a type does not name. It also keeps serde from reading an array as an object.
type Others = HashMap<String, IgnoredAny>;

impl PlainCall {
    /// The call of a request, or `None` if rmcp's transport has to answer it.
    pub(super) fn parse(headers: &HeaderMap, body: &str) -> Option<Self> {
        let message: Message<'_> = serde_json::from_str(body).ok()?;
        let is_plain = message.jsonrpc == "2.0"
            && message.method == METHOD
            && message.others.is_empty()
            && message.params.others.is_empty();
        if !is_plain {
            return None;
        }
        let tool = ToolName::from_name(&message.params.name)?;
        let meta = message.params.meta.unwrap_or_default().into();
        accepts_version(headers, &meta, tool).then_some(Self {
            tool,
            id: message.id,
            arguments: message.params.arguments,
            meta,
        })
    }
}

/// Whether rmcp accepts what a request's headers and its `_meta` say of the protocol's version, and
/// what that version asks of the headers.
fn accepts_version(headers: &HeaderMap, meta: &RequestMetaObject, tool: ToolName) -> bool {
    let known = ProtocolVersion::KNOWN_VERSIONS.iter();
    let named = match headers.get(VERSION_HEADER) {
        Some(named) => known.clone().find(|version| named == version.as_str()),
        None => Some(&ProtocolVersion::V_2025_03_26),
    };
    match (named, meta.protocol_version()) {
        (None, _) => false,
        (Some(named), None) => named.has_initialize(),
        (Some(named), Some(of_request)) => {
            of_request == *named
                && !named.has_initialize()
                && meta.missing_required_keys(named).is_empty()
                && is_only_value(headers, METHOD_HEADER, METHOD)
                && is_only_value(headers, NAME_HEADER, tool.as_str())
        }
    }
}

fn is_only_value(headers: &HeaderMap, name: &str, value: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.next().is_some_and(|only| only == value) && values.next().is_none()
}

impl FastPath {
    /// Must be called on the runtime.
    pub(super) fn new(handler: Handler) -> Self {
        // Nothing can be sent to this peer, as over HTTP without a stream of events: its task ends
        // at once, because there is nothing to read and `service` is dropped.
        let transport = (tokio::io::empty(), tokio::io::sink());
        let service = serve_directly(handler.clone(), transport, None);
        let peer = service.peer().clone();
        Self { handler, peer }
    }

    /// Calls the tool. Dropping the future cancels the call.
    pub(super) async fn call(&self, call: PlainCall, parts: Parts) -> ServerJsonRpcMessage {
        let mut params = CallToolRequestParams::new(call.tool.as_str());
        params.arguments = call.arguments;
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let mut context = RequestContext::new(call.id.clone(), self.peer.clone());
        context.meta = call.meta;
        context.extensions.insert(parts);
        match self.handler.handle_request(request, context).await {
            Ok(result) => JsonRpcMessage::response(result, call.id),
            Err(error) => JsonRpcMessage::error(error, Some(call.id)),
        }
    }
}

/// The response that carries a message, with the result that was rendered for it.
///
/// # Errors
/// When the message is no JSON.
pub(super) async fn response(
    message: &ServerJsonRpcMessage,
    rendered: Option<Bytes>,
) -> Result<Response, serde_json::Error> {
    let message = Bytes::from(serde_json::to_vec(message)?);
    let body = match rendered {
        None => Body::from(message),
        Some(result) => RenderedBody::of(RenderedMessage::new(message, result).await),
    };
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATELESS_META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

    fn is_taken(headers: &[(&'static str, &'static str)], params: &str) -> bool {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        is_message_taken(headers, &body)
    }

    fn is_message_taken(headers: &[(&'static str, &'static str)], body: &str) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        PlainCall::parse(&map, body).is_some()
    }

    /// That the others are answered alike is a test over HTTP, `plain_calls`.
    #[test]
    fn plain_calls_of_both_eras_are_taken() {
        for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            for params in [
                r#"{"name":"execute_sales_query","arguments":{"postgresql_query":"SELECT 1"}}"#,
                r#"{"arguments":null,"name":"get_current_utc_date","_meta":{"progressToken":1}}"#,
                r#"{"name":"get_multiple_table_schemas"}"#,
            ] {
                assert!(is_taken(&[], params), "{params}");
                assert!(is_taken(&[(VERSION_HEADER, version)], params), "{params}");
            }
        }
        let params = format!(
            r#"{{"name":"semantic_search_products","arguments":{{}},"_meta":{STATELESS_META}}}"#
        );
        let version = (VERSION_HEADER, "2026-07-28");
        let method = (METHOD_HEADER, METHOD);
        let name = (NAME_HEADER, "semantic_search_products");
        assert!(is_taken(&[version, method, name], &params));
        for headers in [
            &[][..],
            &[version],
            &[version, method],
            &[version, name],
            &[method, name],
            &[version, method, method, name],
            &[version, method, name, name],
            &[version, method, (NAME_HEADER, "execute_sales_query")],
            &[(VERSION_HEADER, "2025-11-25"), method, name],
        ] {
            assert!(!is_taken(headers, &params), "{headers:?}");
        }
    }

    #[test]
    fn what_rmcp_may_read_otherwise_is_not_taken() {
        let name = r#""name":"execute_sales_query""#;
        for params in [
            r#"{"name":"drop_tables"}"#.to_owned(),
            r#"{"arguments":{}}"#.to_owned(),
            "[]".to_owned(),
            r#"["execute_sales_query",{},null,{}]"#.to_owned(),
            format!(r#"{{{name},"arguments":[]}}"#),
            format!(r#"{{{name},"_meta":1}}"#),
            format!(r#"{{{name},"requestState":"x"}}"#),
            format!(r#"{{{name},{name}}}"#),
            format!(r#"{{{name},"_meta":{{"io.modelcontextprotocol/protocolVersion":"x"}}}}"#),
        ] {
            assert!(!is_taken(&[], &params), "{params}");
        }
        let call = format!(r#""method":"tools/call","params":{{{name}}}"#);
        for body in [
            format!(r#"{{"jsonrpc":"1.0","id":1,{call}}}"#),
            format!(r#"{{"id":1,{call}}}"#),
            format!(r#"{{"jsonrpc":"2.0",{call}}}"#),
            format!(r#"{{"jsonrpc":"2.0","id":null,{call}}}"#),
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{}},{call}}}"#),
            format!(r#"{{"jsonrpc":"2.0","id":1,{call}}} x"#),
            format!(r#"["2.0",1,"tools/call",{{{name}}},{{}}]"#),
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#.to_owned(),
        ] {
            assert!(!is_message_taken(&[], &body), "{body}");
        }
        let params = format!("{{{name}}}");
        for version in ["2026-07-28", "2020-01-01", ""] {
            assert!(
                !is_taken(&[(VERSION_HEADER, version)], &params),
                "{version}"
            );
        }
    }
}
