use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use http_body_util::Full;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::admission::{Admission, Admitted};
use super::authority::AllowedAuthorities;
use super::body_budget::BodyBudget;
use super::in_flight::InFlight;
use super::response_body::ResponseBody;
use super::{envelope, media_types, message_id, refusal};
use crate::compute::Compute;
use crate::identity::Caller;
use crate::mcp::{Handler, MessageHead};

/// A body up to this long is parsed on the reactor, in some tens of microseconds; a longer one is parsed in a job.
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
        // Stateless in both protocol eras, plain JSON answers. Host and Origin are checked here, more strictly than rmcp does. Its
        // own token stays uncancelled: requests under way finish when the listener stops.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(request_bytes.get())
            .disable_allowed_origins()
            .disable_allowed_hosts();
        let sessions = Arc::new(NeverSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(handler.clone()), sessions, config);
        Self {
            admission,
            authorities,
            compute,
            request_bytes,
            bodies: BodyBudget::new(request_bytes.get()),
            in_flight: InFlight::new(tenant_requests),
            service,
        }
    }

    async fn answer(self: &Arc<Self>, mut request: Request) -> Result<Response, Response> {
        if request.method() != Method::POST {
            // Whoever asks.
            return Err(refusal::method_not_allowed());
        }
        let admitted = self.admission.admit(&mut request).await?;
        let (mut response, reason) = match self.answer_to(&admitted, request).await {
            Ok(response) => {
                // Refused by rmcp: a foreign Host or Origin, what is no message of a version it knows.
                let status = response.status();
                let reason = status
                    .is_client_error()
                    .then(|| format!("HTTP {}", status.as_u16()));
                (response, reason.map(Cow::from))
            }
            Err(Refused { response, reason }) => (response, Some(reason)),
        };
        if let Some(reason) = reason {
            self.admission.trail.note(admitted.refused(reason));
        }
        refusal::standing(&mut response, admitted.standing, None);
        Ok(response)
    }

    /// What is told of a request by its head alone.
    fn check_head(&self, request: &mut Request) -> Result<(), Box<Refused>> {
        let checked = self.authorities.check(request.uri(), request.headers());
        checked.map_err(|error| Box::new(refused(error.reason(), refusal::authority(error))))?;
        let headers = request.headers_mut();
        if !media_types::sends_json(headers) {
            return Err(Box::new(refused(
                "media type",
                refusal::not_declared_json(),
            )));
        }
        if media_types::is_encoded(headers) {
            return Err(Box::new(refused("content coding", refusal::encoded())));
        }
        if !media_types::accepts_json(headers) {
            return Err(Box::new(refused(
                "not acceptable",
                refusal::not_acceptable(),
            )));
        }
        // rmcp wants to read both types, which the specification asks clients to send.
        headers.insert(header::ACCEPT, media_types::ACCEPT_BOTH);
        Ok(())
    }

    async fn answer_to(
        self: &Arc<Self>,
        admitted: &Admitted,
        mut request: Request,
    ) -> Result<Response, Refused> {
        self.check_head(&mut request).map_err(|refused| *refused)?;
        let caller = &admitted.caller;
        let max_bytes = self.request_bytes.get();
        let (parts, body) = envelope::read(request, max_bytes, &self.bodies, caller.principal())
            .await
            .map_err(|response| refused("unreadable body", response))?;
        // Once the body is there: whoever announces one and does not send it keeps nobody out.
        let Some(permit) = self.in_flight.acquire(caller.tenant(), caller.principal()) else {
            let reason = "too many requests of a tenant under way";
            return Err(refused(reason, refusal::too_many()));
        };
        let response = if body.len() <= MAX_INLINE_PARSE_BYTES {
            self.answer_message(caller, parts, body).await
        } else {
            let (endpoint, who) = (Arc::clone(self), caller.clone());
            let answering = async move { endpoint.answer_message(&who, parts, body).await };
            match self.compute.start(caller.principal(), answering).await {
                Ok(answered) => answered,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "request panicked");
                    Err(refused("internal error", refusal::internal_error()))
                }
            }
        };
        Ok(ResponseBody::holding(response?, permit))
    }

    /// Parses a message at its first poll, and answers it.
    async fn answer_message(
        &self,
        caller: &Caller,
        parts: Parts,
        body: Bytes,
    ) -> Result<Response, Refused> {
        if !envelope::is_json(&body) {
            return Err(refused("unreadable body", refusal::not_json()));
        }
        // Nothing is read of a message whose sender may do everything.
        if !caller.scopes().are_all()
            && let Some(needed) = MessageHead::parse(&body).and_then(|head| head.needed_scope())
            && !caller.scopes().has(needed)
        {
            let resource = &self.admission.resource;
            let id = message_id::read(&body).unwrap_or_default();
            let response = refusal::insufficient_scope(needed, &id, resource);
            return Err(refused("scope missing", response));
        }
        let request = Request::from_parts(parts, Full::new(body));
        let response = self.service.handle(request).await;
        // The content type was right and the body is JSON, so what rmcp could not read is the message.
        if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            return Err(refused("no message", refusal::not_a_message()));
        }
        // rmcp's own word for it is one line of text.
        let is_json = media_types::sends_json(response.headers());
        if response.status() == StatusCode::BAD_REQUEST && !is_json {
            return Err(refused("protocol version", refusal::unknown_version()));
        }
        Ok(response.map(Body::new))
    }
}

fn refused(reason: &'static str, response: Response) -> Refused {
    Refused {
        reason: reason.into(),
        response,
    }
}

/// An answer that refuses, and why.
struct Refused {
    reason: Cow<'static, str>,
    response: Response,
}

/// Answers a request to `/mcp`.
pub(super) async fn mcp(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    // On the heap: rmcp's future is large, and moving it about cost more than the allocation.
    Box::pin(endpoint.answer(request))
        .await
        .unwrap_or_else(|refused| refused)
}
