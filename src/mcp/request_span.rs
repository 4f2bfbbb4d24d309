//! Measures an MCP request for telemetry, over both transports.

use rmcp::RoleServer;
use rmcp::model::{self, CallToolResponse, ErrorData, ProtocolVersion, RequestId};
use rmcp::service::RequestContext;

use super::request_extensions::{http_extension, http_parts};
use crate::telemetry::{ActiveSpan, McpOutcome, McpRequest, Telemetry};

/// The header with the protocol version of an HTTP request.
const VERSION_HEADER: &str = "mcp-protocol-version";

/// The methods that this server has.
const METHODS: [&str; 5] = [
    "initialize",
    "server/discover",
    "ping",
    "tools/list",
    "tools/call",
];

/// Stands for every other method, as the conventions want it.
const OTHER_METHOD: &str = "_OTHER";

/// The result of a request, as far as it tells whether the request succeeded.
pub(super) trait Outcome {
    /// How a request with this result has ended.
    fn outcome(&self) -> McpOutcome {
        McpOutcome::Answered
    }
}

impl Outcome for () {}
impl Outcome for model::InitializeResult {}
impl Outcome for model::DiscoverResult {}
impl Outcome for model::ListToolsResult {}
impl Outcome for model::CustomResult {}

impl Outcome for CallToolResponse {
    fn outcome(&self) -> McpOutcome {
        match self {
            Self::Complete(result) if result.is_error == Some(true) => McpOutcome::ToolError,
            _ => McpOutcome::Answered,
        }
    }
}

/// Handles a request within a span of its own. `method` and `tool` are names that this server
/// knows.
pub(super) async fn measure<T: Outcome>(
    telemetry: &Telemetry,
    (method, tool): (&'static str, Option<&'static str>),
    mut context: RequestContext<RoleServer>,
    handle: impl AsyncFnOnce(RequestContext<RoleServer>) -> Result<T, ErrorData>,
) -> Result<T, ErrorData> {
    let Some(measured) = begin(telemetry, method, tool, &context) else {
        return handle(context).await;
    };
    let span = measured.span();
    context.extensions.insert(span.trace_id());
    // On the heap: the future is large, and the scope would move it.
    let result = span.scope(Box::pin(handle(context))).await;
    measured.finish(match &result {
        Ok(result) => result.outcome(),
        Err(error) => McpOutcome::Error(error.code.0),
    });
    result
}

fn begin(
    telemetry: &Telemetry,
    method: &'static str,
    tool: Option<&'static str>,
    context: &RequestContext<RoleServer>,
) -> Option<McpRequest> {
    if !telemetry.is_enabled() {
        return None;
    }
    let http = http_extension::<ActiveSpan>(context);
    let traceparent = context.meta.get_traceparent();
    let measured = telemetry.begin_mcp_request(method, tool, http, traceparent)?;
    if let RequestId::Number(id) = context.id {
        measured.set_request_id(id);
    }
    if let Some(version) = protocol_version(context) {
        measured.set_protocol_version(version);
    }
    Some(measured)
}

/// The name of a method that a client has sent.
pub(super) fn method_name(method: &str) -> &'static str {
    let mut known = METHODS.into_iter();
    known.find(|known| *known == method).unwrap_or(OTHER_METHOD)
}

/// The protocol version that a request names, if this server knows it.
fn protocol_version(context: &RequestContext<RoleServer>) -> Option<&'static str> {
    let header = http_parts(context).and_then(|parts| parts.headers.get(VERSION_HEADER));
    let meta = context.meta.protocol_version();
    let mut known = ProtocolVersion::KNOWN_VERSIONS.iter();
    let version = known.find(|known| match &meta {
        Some(meta) => meta == *known,
        None => header.is_some_and(|header| header == known.as_str()),
    });
    version.map(ProtocolVersion::as_str)
}
