//! `/mcp`: admits a request, reads its message, and hands it to rmcp or the fast path.
//!
//! Knows HTTP, MCP's envelope and rmcp; must not know tools or SQL.
//! Invariants:
//! - rmcp and the fast path only see requests with a [`Caller`], an allowed `Host` and `Origin`,
//!   and a body within the limits;
//! - a rejected request is recorded in the audit log, and its response carries the request's id if
//!   that can be found.
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use http_body_util::{BodyExt as _, Collected, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;

use super::admission::{Admission, Admitted};
use super::authority::AllowedAuthorities;
use super::body_budget::BodyBudget;
use super::connections::Connection;
use super::fast_path::{FastPath, PlainCall};
use super::http_error::HttpError;
use super::in_flight::InFlightLimit;
use super::json_text::is_json;
use super::rendered_body::RenderedBody;
use super::response_body::ResponseBody;
use super::{fast_path, media_types, message_id, rejection, request_body, unread_body};
use crate::compute::Compute;
use crate::identity::{Caller, OAuthScope};
use crate::mcp::{
    CancellableCalls, Handler, InitializeSuccess, MessageHead, RenderedMessage, RenderedResult,
    SESSION_HEADER, SessionId, TenantBusy,
};
use crate::telemetry::TraceId;

/// A body up to this length is parsed on the reactor, which takes tens of microseconds. A longer
/// one is parsed in a compute job.
const MAX_INLINE_PARSE_BYTES: usize = 4 * 1024;

// Reasons in the audit log.
const UNREADABLE_BODY: &str = "unreadable body";
const INTERNAL_ERROR: &str = "internal error";

/// The state of `/mcp`.
///
/// It is one value in one `Arc`. In a stack of tower layers, each request cloned rmcp's
/// configuration, which cost a tenth of the requests per second.
pub(super) struct Endpoint {
    admission: Arc<Admission>,
    authorities: AllowedAuthorities,
    compute: Arc<Compute>,
    max_request_bytes: NonZeroUsize,
    body_budget: BodyBudget,
    in_flight: InFlightLimit,
    calls: CancellableCalls,
    fast_path: FastPath,
    service: StreamableHttpService<Handler, NeverSessionManager>,
}

impl Endpoint {
    pub(super) fn new(
        handler: Handler,
        admission: Arc<Admission>,
        compute: Arc<Compute>,
        max_request_bytes: NonZeroUsize,
        tenant_requests: NonZeroUsize,
        authorities: AllowedAuthorities,
    ) -> Self {
        // Stateless in all protocol versions, with plain JSON responses. The endpoint checks Host
        // and Origin more strictly than rmcp does. rmcp's cancellation token stays uncancelled, so
        // that requests in flight finish when the listener stops.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(max_request_bytes.get())
            .disable_allowed_origins()
            .disable_allowed_hosts();
        let calls = handler.cancellable_calls();
        let fast_path = FastPath::new(handler.clone());
        let sessions = Arc::new(NeverSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(handler.clone()), sessions, config);
        Self {
            admission,
            authorities,
            compute,
            max_request_bytes,
            body_budget: BodyBudget::new(max_request_bytes.get()),
            in_flight: InFlightLimit::new(tenant_requests),
            calls,
            fast_path,
            service,
        }
    }

    async fn handle(self: &Arc<Self>, mut request: Request) -> Response {
        if request.method() != Method::POST {
            // The same for everybody, so the caller is not authenticated.
            return rejection::method_not_allowed().into_response(None);
        }
        let admitted = match self.admission.admit(&mut request).await {
            Ok(admitted) => admitted,
            Err(error) => {
                let (parts, body) = request.into_parts();
                return error.into_response(unread_body::read_id(&parts.headers, body).await);
            }
        };
        let mut response = match self.handle_admitted(&admitted, request).await {
            Ok(response) => {
                // rmcp rejected the message, for example for its headers.
                let status = response.status();
                if status.is_client_error() {
                    let reason = format!("HTTP {}", status.as_u16());
                    self.admission.audit_log.record(admitted.rejected(reason));
                }
                response
            }
            Err(error) => {
                let event = admitted.rejected(error.audit_reason);
                self.admission.audit_log.record(event);
                error.response.into_response(error.request_id)
            }
        };
        rejection::add_rate_limit_headers(&mut response, admitted.quota);
        response
    }

    /// The checks that need only the header section of a request.
    fn check_head(&self, request: &mut Request) -> Result<(), (&'static str, HttpError)> {
        let checked = self.authorities.check(request.uri(), request.headers());
        checked.map_err(|error| (error.audit_reason(), rejection::invalid_authority(error)))?;
        let headers = request.headers_mut();
        if !media_types::has_json_content_type(headers) {
            return Err(("media type", rejection::unsupported_media_type()));
        }
        if media_types::has_content_coding(headers) {
            return Err(("content coding", rejection::unsupported_content_coding()));
        }
        if !media_types::accepts_json(headers) {
            return Err(("not acceptable", rejection::not_acceptable()));
        }
        // rmcp requires that a client accepts both types, as MCP's specification does.
        headers.insert(header::ACCEPT, media_types::ACCEPT_BOTH);
        Ok(())
    }

    /// Handles the request of an admitted caller.
    async fn handle_admitted(
        self: &Arc<Self>,
        admitted: &Admitted,
        mut request: Request,
    ) -> Result<Response, RequestError> {
        if let Err((audit_reason, response)) = self.check_head(&mut request) {
            let (parts, body) = request.into_parts();
            let request_id = unread_body::read_id(&parts.headers, body).await;
            return Err(RequestError::new(audit_reason, response, request_id));
        }
        let caller = &admitted.caller;
        let max_bytes = self.max_request_bytes.get();
        let (mut parts, body) =
            request_body::read(request, max_bytes, &self.body_budget, caller.principal())
                .await
                .map_err(|error| {
                    RequestError::new(UNREADABLE_BODY, error.response, error.request_id)
                })?;
        // The permit is taken once the body has arrived, so that a body that is announced and not
        // sent holds none.
        let permit = self
            .in_flight
            .try_acquire(caller.tenant(), caller.principal());
        let connection = parts.extensions.remove::<Arc<Connection>>();
        if permit.is_none() {
            // A tool call gets a tool error; other methods need no permit.
            parts.extensions.insert(TenantBusy);
        } else if let Some(connection) = connection {
            connection.record_permit();
        }
        let is_long = body.len() > MAX_INLINE_PARSE_BYTES;
        let trace_id = admitted.trace_id;
        let handling = Arc::clone(self).handle_message(caller.clone(), trace_id, parts, body);
        let response = if is_long {
            self.start_in_job(caller, trace_id, handling).await?
        } else {
            handling.await
        };
        let response = response?;
        Ok(match permit {
            Some(permit) => ResponseBody::with_permit(response, permit),
            None => response,
        })
    }

    /// Handles one message. The first poll parses it.
    async fn handle_message(
        self: Arc<Self>,
        caller: Caller,
        trace_id: TraceId,
        mut parts: Parts,
        body: Bytes,
    ) -> Result<Response, RequestError> {
        let rejected = |audit_reason, response| {
            RequestError::new(audit_reason, response, message_id::extract(&body))
        };
        // UTF-8 is checked first, because skipping a JSON string does not check it.
        let Ok(text) = std::str::from_utf8(&body) else {
            return Err(rejected(UNREADABLE_BODY, rejection::invalid_json()));
        };
        // A longer body is parsed in a compute job, and a call must not start there.
        if text.len() <= MAX_INLINE_PARSE_BYTES
            && let Some(call) = PlainCall::parse(&parts.headers, text)
        {
            self.check_scope(&caller, call.tool.required_scope, &body)?;
            return self.handle_plain_call(call, trace_id, parts).await;
        }
        let head = MessageHead::parse(text);
        // rmcp would respond to invalid JSON with 415, as if a header were wrong.
        if head.is_none() && !is_json(text) {
            return Err(rejected(UNREADABLE_BODY, rejection::invalid_json()));
        }
        let needed = head.as_ref().and_then(MessageHead::required_scope);
        self.check_scope(&caller, needed, &body)?;
        let session = SessionId::from_headers(&parts.headers);
        let is_initialize = head.as_ref().is_some_and(MessageHead::is_initialize);
        let begun = is_initialize.then(InitializeSuccess::default);
        if let Some(begun) = &begun {
            parts.extensions.insert(begun.clone());
        }
        let rendered = RenderedResult::default();
        parts.extensions.insert(rendered.clone());
        let request = Request::from_parts(parts, Full::new(body.clone()));
        // On the heap: this future is moved before it is polled, and rmcp's is large.
        let handled = Box::pin(self.service.handle(request)).await;
        let (response_parts, message) = handled.into_parts();
        let message = match rendered.take() {
            None => Body::new(message),
            Some(result) => {
                let Ok(message) = message.collect().await;
                let message = RenderedMessage::new(message.to_bytes(), result).await;
                Body::new(RenderedBody::from(message))
            }
        };
        let mut response = Response::from_parts(response_parts, message);
        // rmcp's responses to the errors below are plain text, not JSON-RPC.
        let is_json = media_types::has_json_content_type(response.headers());
        match response.status() {
            // The content type is right and the body is JSON, so rmcp could not read the message.
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                return Err(rejected("invalid message", rejection::invalid_message()));
            }
            StatusCode::BAD_REQUEST if !is_json => {
                let response = rejection::unsupported_protocol_version();
                return Err(rejected("protocol version", response));
            }
            StatusCode::INTERNAL_SERVER_ERROR if !is_json => {
                // rmcp's text says which of its steps failed.
                let text = response.into_body().collect().await;
                let text = text.map(Collected::to_bytes).unwrap_or_default();
                let reason = String::from_utf8_lossy(&text);
                tracing::error!(%reason, %trace_id, "rmcp failed to answer a request");
                return Err(rejected(
                    INTERNAL_ERROR,
                    rejection::internal_error(trace_id),
                ));
            }
            StatusCode::OK if begun.as_ref().is_some_and(InitializeSuccess::is_reported) => {
                if let Ok(id) = HeaderValue::from_str(SessionId::random().as_str()) {
                    response.headers_mut().insert(SESSION_HEADER, id);
                }
            }
            StatusCode::ACCEPTED => {
                let cancelled = head.as_ref().and_then(MessageHead::cancelled_request);
                if let (Some(request), Some(session)) = (cancelled, session) {
                    self.calls.cancel(&caller, session, request);
                }
            }
            _ => {}
        }
        Ok(response)
    }

    /// Handles a call on the fast path.
    async fn handle_plain_call(
        &self,
        call: PlainCall,
        trace_id: TraceId,
        mut parts: Parts,
    ) -> Result<Response, RequestError> {
        let rendered = RenderedResult::default();
        parts.extensions.insert(rendered.clone());
        // On the heap: the handler's future is large.
        let message = Box::pin(self.fast_path.call(call, parts)).await;
        let response = fast_path::response(&message, rendered.take()).await;
        response.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, %trace_id, "response cannot be serialized");
            RequestError::new(INTERNAL_ERROR, rejection::internal_error(trace_id), None)
        })
    }

    /// Checks that the caller's token has the scope that a message needs.
    fn check_scope(
        &self,
        caller: &Caller,
        needed: Option<OAuthScope>,
        body: &[u8],
    ) -> Result<(), RequestError> {
        let Some(needed) = needed.filter(|needed| !caller.scopes().has(*needed)) else {
            return Ok(());
        };
        let response = rejection::insufficient_scope(needed, &self.admission.resource);
        let request_id = message_id::extract(body);
        Err(RequestError::new("scope missing", response, request_id))
    }

    /// Polls a future in a compute job for the first time, and then on the reactor.
    async fn start_in_job<F>(
        &self,
        caller: &Caller,
        trace_id: TraceId,
        future: F,
    ) -> Result<F::Output, RequestError>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let started = self.compute.start(caller.principal(), future).await;
        started.map_err(|error| {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, %trace_id, "request panicked");
            RequestError::new(INTERNAL_ERROR, rejection::internal_error(trace_id), None)
        })
    }
}

/// Why the request of an admitted caller is rejected.
struct RequestError {
    audit_reason: &'static str,
    response: HttpError,
    request_id: Option<Value>,
}

impl RequestError {
    fn new(audit_reason: &'static str, response: HttpError, request_id: Option<Value>) -> Self {
        Self {
            audit_reason,
            response,
            request_id,
        }
    }
}

/// The handler of `/mcp`.
pub(super) async fn mcp(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    // On the heap: rmcp's future is large, and moving it cost more than the allocation.
    Box::pin(endpoint.handle(request)).await
}
