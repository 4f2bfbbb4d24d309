//! An MCP request, by the [semantic
//! conventions](https://opentelemetry.io/docs/specs/semconv/gen-ai/mcp/), which are in development.

use std::fmt;
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;

use super::ActiveSpan;
use super::open_span::{OpenSpan, SpanGuard};
use crate::telemetry::Telemetry;
use crate::telemetry::names;
use crate::telemetry::trace::TraceParent;

/// An MCP request in progress. It ends when this is dropped.
pub struct McpRequest {
    span: SpanGuard,
    /// The attributes of the metric.
    attributes: Vec<KeyValue>,
    outcome: McpOutcome,
}

/// How an MCP request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum McpOutcome {
    /// It was answered.
    Answered,
    /// The tool's result is an error.
    ToolError,
    /// It was answered with an error of JSON-RPC, of this code.
    Error(i32),
    /// It was dropped before there was an answer.
    Cancelled,
}

impl Telemetry {
    /// Begins a request of MCP; `None` if telemetry is not sent anywhere. `method` and `tool` must
    /// be known names, never what a client has sent. `http` is the span of the HTTP request, `None`
    /// over standard input and output. `traceparent` is that of the request's `_meta`.
    #[must_use]
    pub fn begin_mcp_request(
        &self,
        method: &'static str,
        tool: Option<&'static str>,
        http: Option<&ActiveSpan>,
        traceparent: Option<&str>,
    ) -> Option<McpRequest> {
        let recorder = self.recorder()?;
        let name = match tool {
            Some(tool) => format!("{method} {tool}").into(),
            None => method.into(),
        };
        let client = traceparent.and_then(TraceParent::parse);
        let span = match (http, client) {
            (Some(http), None) => http.0.child(name, SpanKind::Server),
            (Some(http), Some(client)) => http.0.child_of_client(name, SpanKind::Server, client),
            (None, client) => OpenSpan::root(recorder, name, SpanKind::Server, client),
        };
        let transport = if http.is_some() { "tcp" } else { "pipe" };
        let mut attributes = vec![
            KeyValue::new(names::MCP_METHOD_NAME, method),
            KeyValue::new(names::NETWORK_TRANSPORT, transport),
        ];
        attributes.extend(tool.into_iter().flat_map(|tool| {
            [
                KeyValue::new(names::GEN_AI_TOOL_NAME, tool),
                KeyValue::new(names::GEN_AI_OPERATION_NAME, "execute_tool"),
            ]
        }));
        for attribute in &attributes {
            span.set(attribute.clone());
        }
        Some(McpRequest {
            span,
            attributes,
            outcome: McpOutcome::Cancelled,
        })
    }
}

impl McpRequest {
    /// The request's span.
    #[must_use]
    pub fn span(&self) -> ActiveSpan {
        ActiveSpan(Arc::clone(&self.span))
    }

    /// Sets the request's id. An id that is a text is left out, because a client may write anything
    /// there.
    pub fn set_request_id(&self, id: i64) {
        self.span
            .set(KeyValue::new(names::JSONRPC_REQUEST_ID, id.to_string()));
    }

    /// Sets the protocol version, one that this server knows.
    pub fn set_protocol_version(&self, version: &'static str) {
        self.span
            .set(KeyValue::new(names::MCP_PROTOCOL_VERSION, version));
    }

    /// Ends the request.
    pub fn finish(mut self, outcome: McpOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for McpRequest {
    fn drop(&mut self) {
        let error_type = match self.outcome {
            McpOutcome::Answered => None,
            McpOutcome::ToolError => Some("tool_error".to_owned()),
            McpOutcome::Cancelled => Some("cancelled".to_owned()),
            McpOutcome::Error(code) => {
                let code = code.to_string();
                let status = KeyValue::new(names::RPC_RESPONSE_STATUS_CODE, code.clone());
                self.span.set(status.clone());
                self.attributes.push(status);
                Some(code)
            }
        };
        if let Some(error_type) = error_type {
            self.span.fail(error_type.clone());
            self.attributes
                .push(KeyValue::new(names::ERROR_TYPE, error_type));
        }
        let elapsed = self.span.elapsed();
        self.span
            .recorder()
            .record_mcp_request(elapsed, &self.attributes);
    }
}

impl fmt::Debug for McpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpRequest").finish_non_exhaustive()
    }
}
