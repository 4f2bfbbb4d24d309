//! Answers a plain `tools/call` without rmcp's transport.
//!
//! rmcp's transport parses a message by trying the types of all messages, and starts four tasks and
//! two channels for each request. This module parses a plain call once into rmcp's own types and
//! calls the same handler. It must not know the caller: the endpoint has checked scope and permit.
//!
//! Invariant: the response equals that of rmcp's transport byte for byte. A request therefore takes
//! this path only if it certainly passes each check of that transport. The checks of rmcp 3.11 on a
//! POST are:
//!
//! | check | why it passes |
//! |---|---|
//! | `Host`, `Accept`, `Content-Type`, length | the endpoint checks or sets them |
//! | the body is one message | [`Message`] has the members of rmcp's call type, and no others |
//! | `MCP-Protocol-Version` is known | rmcp knows it, or the header is absent |
//! | `_meta` and that header name the same version | they are compared |
//! | `_meta` of 2026-07-28 is complete | rmcp's own function checks it |
//! | `Mcp-Method` and `Mcp-Name` of 2026-07-28 | each is sent once and equals the body's value |
//! | `Mcp-Param-*` | no tool's schema requires one |
//!
//! The status is always 200: a call of an existing tool cannot cause the errors to which rmcp gives
//! another status.

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
use crate::mcp::{Handler, RegisteredTool, RenderedMessage};

const VERSION_HEADER: &str = "mcp-protocol-version";
const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";
const TOOLS_CALL: &str = "tools/call";

/// Calls the handler directly.
pub(super) struct FastPath {
    handler: Handler,
    /// The client as the handler sees it: a peer to which nothing can be sent.
    peer: Peer<RoleServer>,
}

/// A parsed call that takes the fast path.
#[derive(Debug)]
pub(super) struct PlainCall {
    pub(super) tool: &'static RegisteredTool,
    id: RequestId,
    arguments: Option<JsonObject>,
    meta: RequestMetaObject,
}

/// The JSON of a plain call. A call with other members, duplicate members or other types is left to
/// rmcp, which defines what it means.
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
    others: OtherMembers,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    arguments: Option<JsonObject>,
    #[serde(rename = "_meta")]
    meta: Option<JsonObject>,
    #[serde(flatten)]
    others: OtherMembers,
}

/// The members that a type does not declare. Collecting them also stops serde from accepting an
/// array in place of an object.
type OtherMembers = HashMap<String, IgnoredAny>;

impl PlainCall {
    /// Parses a call; `None` if rmcp's transport must answer the request.
    pub(super) fn parse(headers: &HeaderMap, body: &str) -> Option<Self> {
        let message: Message<'_> = serde_json::from_str(body).ok()?;
        let is_plain = message.jsonrpc == "2.0"
            && message.method == TOOLS_CALL
            && message.others.is_empty()
            && message.params.others.is_empty();
        if !is_plain {
            return None;
        }
        let tool = RegisteredTool::from_name(&message.params.name)?;
        let meta = message.params.meta.unwrap_or_default().into();
        accepts_version(headers, &meta, tool).then_some(Self {
            tool,
            id: message.id,
            arguments: message.params.arguments,
            meta,
        })
    }
}

/// Whether rmcp accepts the protocol version in a request's headers and `_meta`, and whether the
/// headers meet the requirements of that version.
fn accepts_version(headers: &HeaderMap, meta: &RequestMetaObject, tool: &RegisteredTool) -> bool {
    let known = ProtocolVersion::KNOWN_VERSIONS.iter();
    let header_version = match headers.get(VERSION_HEADER) {
        Some(value) => known.clone().find(|version| value == version.as_str()),
        None => Some(&ProtocolVersion::V_2025_03_26),
    };
    match (header_version, meta.protocol_version()) {
        (None, _) => false,
        (Some(version), None) => version.has_initialize(),
        (Some(version), Some(meta_version)) => {
            meta_version == *version
                && !version.has_initialize()
                && meta.missing_required_keys(version).is_empty()
                && is_only_value(headers, METHOD_HEADER, TOOLS_CALL)
                && is_only_value(headers, NAME_HEADER, tool.name)
        }
    }
}

fn is_only_value(headers: &HeaderMap, name: &str, value: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    values.next().is_some_and(|only| only == value) && values.next().is_none()
}

impl FastPath {
    /// Must be called inside a tokio runtime.
    pub(super) fn new(handler: Handler) -> Self {
        // Nothing can be sent to this peer, as over HTTP without an event stream: its task ends at
        // once, because its input is empty and `service` is dropped.
        let transport = (tokio::io::empty(), tokio::io::sink());
        let service = serve_directly(handler.clone(), transport, None);
        let peer = service.peer().clone();
        Self { handler, peer }
    }

    /// Calls the tool.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the call.
    pub(super) async fn call(&self, call: PlainCall, parts: Parts) -> ServerJsonRpcMessage {
        let mut params = CallToolRequestParams::new(call.tool.name);
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

/// The HTTP response for a message. `rendered` is the text of its result, if the handler left one.
///
/// # Errors
/// When the message cannot be serialized.
pub(super) async fn response(
    message: &ServerJsonRpcMessage,
    rendered: Option<Bytes>,
) -> Result<Response, serde_json::Error> {
    let message = Bytes::from(serde_json::to_vec(message)?);
    let body = match rendered {
        None => Body::from(message),
        Some(result) => {
            let message = RenderedMessage::new(message, result).await;
            Body::new(RenderedBody::from(message))
        }
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

    fn parses_params(headers: &[(&'static str, &'static str)], params: &str) -> bool {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        parses_message(headers, &body)
    }

    fn parses_message(headers: &[(&'static str, &'static str)], body: &str) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        PlainCall::parse(&map, body).is_some()
    }

    /// The integration test `plain_calls` checks that both paths give equal responses.
    #[test]
    fn plain_calls_with_and_without_initialize_take_the_fast_path() {
        for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
            for params in [
                r#"{"name":"execute_sales_query","arguments":{"postgresql_query":"SELECT 1"}}"#,
                r#"{"arguments":null,"name":"get_current_utc_date","_meta":{"progressToken":1}}"#,
                r#"{"name":"get_multiple_table_schemas"}"#,
            ] {
                assert!(parses_params(&[], params), "{params}");
                assert!(
                    parses_params(&[(VERSION_HEADER, version)], params),
                    "{params}"
                );
            }
        }
        let params = format!(
            r#"{{"name":"semantic_search_products","arguments":{{}},"_meta":{STATELESS_META}}}"#
        );
        let version = (VERSION_HEADER, "2026-07-28");
        let method = (METHOD_HEADER, TOOLS_CALL);
        let name = (NAME_HEADER, "semantic_search_products");
        assert!(parses_params(&[version, method, name], &params));
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
            assert!(!parses_params(headers, &params), "{headers:?}");
        }
    }

    #[test]
    fn calls_that_rmcp_may_read_differently_do_not_take_the_fast_path() {
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
            assert!(!parses_params(&[], &params), "{params}");
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
            assert!(!parses_message(&[], &body), "{body}");
        }
        let params = format!("{{{name}}}");
        for version in ["2026-07-28", "2020-01-01", ""] {
            assert!(
                !parses_params(&[(VERSION_HEADER, version)], &params),
                "{version}"
            );
        }
    }
}
