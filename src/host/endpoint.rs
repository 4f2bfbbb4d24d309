use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use http_body_util::{BodyExt as _, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;

use super::admission::{Admission, Admitted};
use super::authority::AllowedAuthorities;
use super::body_budget::BodyBudget;
use super::connections::Connection;
use super::fast_path::{FastPath, PlainCall};
use super::http_error::HttpError;
use super::in_flight::InFlight;
use super::rendered_body::RenderedBody;
use super::response_body::ResponseBody;
use super::{envelope, fast_path, media_types, message_id, refusal, unread_body};
use crate::compute::Compute;
use crate::identity::{Caller, OAuthScope};
use crate::mcp::{
    CancellableCalls, Handler, InitializeSuccess, MessageHead, RenderedMessage, RenderedResult,
    SESSION_HEADER, SessionId, TenantBusy,
};

/// A body up to this long is parsed on the reactor, in some tens of microseconds; a longer one is
/// parsed in a job.
const MAX_INLINE_PARSE_BYTES: usize = 4 * 1024;

/// `/mcp`: who may pass, what is a message, and rmcp behind it.
///
/// One value behind one `Arc`: as a stack of layers each request cloned rmcp's configuration, which cost a tenth of the
/// requests per second.
pub(super) struct Endpoint {
    admission: Arc<Admission>,
    authorities: AllowedAuthorities,
    compute: Arc<Compute>,
    request_bytes: NonZeroUsize,
    bodies: BodyBudget,
    in_flight: InFlight,
    calls: CancellableCalls,
    fast_path: FastPath,
    service: StreamableHttpService<Handler, NeverSessionManager>,
}

impl Endpoint {
    pub(super) fn new(
        handler: Handler,
        admission: Arc<Admission>,
        compute: Arc<Compute>,
        request_bytes: NonZeroUsize,
        tenant_requests: NonZeroUsize,
        authorities: AllowedAuthorities,
    ) -> Self {
        // Stateless in both protocol eras, plain JSON answers. Host and Origin are checked here,
        // more strictly than rmcp does. Its own token stays uncancelled: requests under way finish
        // when the listener stops.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(request_bytes.get())
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
            request_bytes,
            bodies: BodyBudget::new(request_bytes.get()),
            in_flight: InFlight::new(tenant_requests),
            calls,
            fast_path,
            service,
        }
    }

    async fn answer(self: &Arc<Self>, mut request: Request) -> Response {
        if request.method() != Method::POST {
            // Whoever calls: no identity is checked.
            return refusal::method_not_allowed().into_response(None);
        }
        let admitted = match self.admission.admit(&mut request).await {
            Ok(admitted) => admitted,
            Err(error) => {
                let (parts, body) = request.into_parts();
                return error.into_response(unread_body::read_id(&parts.headers, body).await);
            }
        };
        let mut response = match self.answer_to(&admitted, request).await {
            Ok(response) => {
                // Rejected by rmcp: not a message, or of an unknown version.
                let status = response.status();
                if status.is_client_error() {
                    let reason = format!("HTTP {}", status.as_u16());
                    self.admission.audit_log.record(admitted.refused(reason));
                }
                response
            }
            Err(Rejected { error, reason, id }) => {
                self.admission.audit_log.record(admitted.refused(reason));
                error.into_response(id)
            }
        };
        refusal::standing(&mut response, admitted.standing);
        response
    }

    /// Checks that need the head of a request only.
    fn check_head(&self, request: &mut Request) -> Result<(), (&'static str, HttpError)> {
        let checked = self.authorities.check(request.uri(), request.headers());
        checked.map_err(|error| (error.reason(), refusal::authority(error)))?;
        let headers = request.headers_mut();
        if !media_types::sends_json(headers) {
            return Err(("media type", refusal::not_declared_json()));
        }
        if media_types::is_encoded(headers) {
            return Err(("content coding", refusal::encoded()));
        }
        if !media_types::accepts_json(headers) {
            return Err(("not acceptable", refusal::not_acceptable()));
        }
        // rmcp requires both types, as the specification does of clients.
        headers.insert(header::ACCEPT, media_types::ACCEPT_BOTH);
        Ok(())
    }

    async fn answer_to(
        self: &Arc<Self>,
        admitted: &Admitted,
        mut request: Request,
    ) -> Result<Response, Rejected> {
        if let Err((reason, error)) = self.check_head(&mut request) {
            let (parts, body) = request.into_parts();
            let id = unread_body::read_id(&parts.headers, body).await;
            return Err(refused(reason, error, id));
        }
        let caller = &admitted.caller;
        let max_bytes = self.request_bytes.get();
        let (mut parts, body) =
            envelope::read(request, max_bytes, &self.bodies, caller.principal())
                .await
                .map_err(|unread| refused("unreadable body", unread.error, unread.id))?;
        // Taken once the body has arrived, so that a body that is announced and not sent holds no
        // permit.
        let permit = self.in_flight.acquire(caller.tenant(), caller.principal());
        let connection = parts.extensions.remove::<Arc<Connection>>();
        if permit.is_none() {
            // A call of a tool gets a tool error; other methods need no permit.
            parts.extensions.insert(TenantBusy);
        } else if let Some(connection) = connection {
            connection.permit_request();
        }
        let is_long = body.len() > MAX_INLINE_PARSE_BYTES;
        let answering = Arc::clone(self).answer_message(caller.clone(), parts, body);
        let response = if is_long {
            self.in_a_job(caller, answering).await?
        } else {
            answering.await
        };
        let response = response?;
        Ok(match permit {
            Some(permit) => ResponseBody::holding(response, permit),
            None => response,
        })
    }

    /// Parses a message at its first poll, and answers it.
    async fn answer_message(
        self: Arc<Self>,
        caller: Caller,
        mut parts: Parts,
        body: Bytes,
    ) -> Result<Response, Rejected> {
        let refused = |reason, error| refused(reason, error, message_id::read(&body));
        // As text first: skipping over a JSON string does not look at its UTF-8.
        let Ok(text) = std::str::from_utf8(&body) else {
            return Err(refused("unreadable body", refusal::not_json()));
        };
        // A longer body is parsed in a job, which is no place to begin a call.
        if text.len() <= MAX_INLINE_PARSE_BYTES
            && let Some(call) = PlainCall::parse(&parts.headers, text)
        {
            self.check_scope(&caller, call.tool.required_scope(), &body)?;
            return self.answer_plain_call(call, parts).await;
        }
        let head = MessageHead::parse(text);
        // rmcp would answer 415 to what is no JSON, as if a header were wrong.
        if head.is_none() && !envelope::is_json(text) {
            return Err(refused("unreadable body", refusal::not_json()));
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
        let (of_response, message) = handled.into_parts();
        let message = match rendered.take() {
            None => Body::new(message),
            Some(result) => {
                let Ok(message) = message.collect().await;
                RenderedBody::of(RenderedMessage::new(message.to_bytes(), result).await)
            }
        };
        let mut response = Response::from_parts(of_response, message);
        // rmcp answers these with a line of text.
        let is_json = media_types::sends_json(response.headers());
        match response.status() {
            // The content type was right and the body is JSON, so what rmcp could not read is the
            // message.
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                return Err(refused("no message", refusal::not_a_message()));
            }
            StatusCode::BAD_REQUEST if !is_json => {
                return Err(refused("protocol version", refusal::unknown_version()));
            }
            StatusCode::INTERNAL_SERVER_ERROR if !is_json => {
                return Err(refused("internal error", refusal::internal_error()));
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

    /// Answers a call without rmcp's transport.
    async fn answer_plain_call(
        &self,
        call: PlainCall,
        mut parts: Parts,
    ) -> Result<Response, Rejected> {
        let rendered = RenderedResult::default();
        parts.extensions.insert(rendered.clone());
        // On the heap: the handler's future is large.
        let message = Box::pin(self.fast_path.call(call, parts)).await;
        let response = fast_path::response(&message, rendered.take()).await;
        response.map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "result is no JSON"
            );
            refused("internal error", refusal::internal_error(), None)
        })
    }

    /// Checks that the caller's token is good for a message.
    fn check_scope(
        &self,
        caller: &Caller,
        needed: Option<OAuthScope>,
        body: &[u8],
    ) -> Result<(), Rejected> {
        let Some(needed) = needed.filter(|needed| !caller.scopes().has(*needed)) else {
            return Ok(());
        };
        let error = refusal::insufficient_scope(needed, &self.admission.resource);
        Err(refused("scope missing", error, message_id::read(body)))
    }

    /// Polls a future for the first time in a job.
    async fn in_a_job<F>(&self, caller: &Caller, future: F) -> Result<F::Output, Rejected>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let started = self.compute.start(caller.principal(), future).await;
        started.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "request panicked");
            refused("internal error", refusal::internal_error(), None)
        })
    }
}

fn refused(reason: impl Into<Cow<'static, str>>, error: HttpError, id: Option<Value>) -> Rejected {
    Rejected {
        reason: reason.into(),
        error,
        id,
    }
}

/// What is refused, and why.
struct Rejected {
    reason: Cow<'static, str>,
    error: HttpError,
    id: Option<Value>,
}

/// Answers a request to `/mcp`.
pub(super) async fn mcp(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    // On the heap: rmcp's future is large, and moving it about cost more than the allocation.
    Box::pin(endpoint.answer(request)).await
}
