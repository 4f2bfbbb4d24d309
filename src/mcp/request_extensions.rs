//! What a transport has put into a request for the handler.

use axum::http::request::Parts;
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};

use super::error_text::internal_error_text;
use super::rendered::RenderedResult;
use crate::identity::Caller;
use crate::telemetry::TraceId;

/// A request extension by which the HTTP layer marks a request of a tenant that has reached its
/// in-flight limit.
///
/// A tool call is then answered by a tool error. An HTTP error status would make some clients end
/// their session, with all its other calls.
#[derive(Clone, Copy, Debug)]
pub struct TenantBusy;

/// The header section of an HTTP request; `None` over standard input and output.
pub(super) fn http_parts(context: &RequestContext<RoleServer>) -> Option<&Parts> {
    context.extensions.get()
}

/// An extension of the HTTP request.
pub(super) fn http_extension<T: Send + Sync + 'static>(
    context: &RequestContext<RoleServer>,
) -> Option<&T> {
    http_parts(context)?.extensions.get()
}

/// The caller of an HTTP request.
pub(super) fn request_caller(context: &RequestContext<RoleServer>) -> Option<&Caller> {
    http_extension(context)
}

/// The trace that the request belongs to: that of its span, else the one that its `_meta` names,
/// else that of the HTTP request, else a new one.
pub(super) fn request_trace_id(context: &RequestContext<RoleServer>) -> TraceId {
    let from_meta = || {
        let traceparent = context.meta.get_traceparent()?;
        TraceId::parse_traceparent(traceparent)
    };
    let span_trace_id = context.extensions.get::<TraceId>().copied();
    span_trace_id
        .or_else(from_meta)
        .or_else(|| http_extension(context).copied())
        .unwrap_or_else(TraceId::random)
}

/// The extension that receives the result of a call. The HTTP and stdio transports put one into
/// each request.
pub(super) fn rendered_result(
    context: &RequestContext<RoleServer>,
    trace_id: TraceId,
) -> Result<&RenderedResult, ErrorData> {
    http_extension(context)
        .or_else(|| context.extensions.get())
        .ok_or_else(|| {
            tracing::error!(%trace_id, "request reached a tool without a `RenderedResult`");
            ErrorData::internal_error(internal_error_text(trace_id), None)
        })
}
