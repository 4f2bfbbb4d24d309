use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use http_body_util::Full;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use url::Url;

use super::admission::{Admission, Admitted};
use super::places::Places;
use super::{envelope, refusal};
use crate::mcp::{Handler, needed_scope};

/// The origins of a browser on this machine.
const LOCAL_ORIGINS: [&str; 3] = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];

/// What a client on this machine, or a proxy on it, calls the server.
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// `/mcp`: who may pass, what is a message, and rmcp behind it.
///
/// One value behind one `Arc`: as a stack of layers each request cloned rmcp's configuration, which cost a tenth of the
/// requests per second.
pub(super) struct Endpoint {
    admission: Arc<Admission>,
    request_bytes: NonZeroUsize,
    places: Places,
    service: StreamableHttpService<Handler, NeverSessionManager>,
}

impl Endpoint {
    pub(super) fn new(
        handler: Handler,
        admission: Arc<Admission>,
        request_bytes: NonZeroUsize,
        tenant_requests: NonZeroUsize,
        public_host: Option<String>,
        allowed_origins: &[String],
    ) -> Self {
        // Stateless in both protocol eras, plain JSON answers; Host and Origin must be this machine's, or Host what clients call
        // the server, against DNS rebinding. rmcp's own token stays uncancelled: requests under way finish when the listener stops.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(request_bytes.get())
            .with_allowed_origins(
                LOCAL_ORIGINS
                    .map(str::to_owned)
                    .into_iter()
                    // To rmcp an origin without a port is that of any port.
                    .chain(allowed_origins.iter().map(|origin| with_port(origin))),
            )
            .with_allowed_hosts(
                LOCAL_HOSTS
                    .map(str::to_owned)
                    .into_iter()
                    .chain(public_host),
            );
        let sessions = Arc::new(NeverSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(handler.clone()), sessions, config);
        Self {
            admission,
            request_bytes,
            places: Places::new(tenant_requests),
            service,
        }
    }

    async fn answer(&self, mut request: Request) -> Result<Response, Response> {
        if request.method() != Method::POST {
            // 405, whoever asks.
            return Ok(self.service.handle(request).await.map(Body::new));
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

    async fn answer_to(&self, admitted: &Admitted, request: Request) -> Result<Response, Refused> {
        let caller = &admitted.caller;
        let refused = |reason: &'static str, response| Refused {
            reason: reason.into(),
            response,
        };
        let Some(_place) = self.places.take(caller.tenant()) else {
            let reason = "too many requests of a tenant under way";
            return Err(refused(reason, refusal::too_many()));
        };
        if !envelope::says_json(&request) {
            return Ok(self.service.handle(request).await.map(Body::new));
        }
        let (parts, body) = envelope::read(request, self.request_bytes)
            .await
            .map_err(|response| refused("unreadable body", response))?;
        // Nothing is read of a message whose sender may do everything.
        if !caller.scopes().are_all()
            && let Some((needed, id)) = needed_scope(&body)
            && !caller.scopes().has(needed)
        {
            let resource = &self.admission.resource;
            let response = refusal::insufficient_scope(needed, &id, resource);
            return Err(refused("scope missing", response));
        }
        let request = Request::from_parts(parts, Full::new(body));
        let response = self.service.handle(request).await;
        // The content type was right and the body is JSON, so what rmcp could not read is the message.
        if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            return Err(refused("no message", refusal::not_a_message()));
        }
        Ok(response.map(Body::new))
    }
}

/// An origin as the settings have checked it, with the port that its scheme means.
fn with_port(origin: &str) -> String {
    let port = Url::parse(origin).map(|url| (url.port(), url.port_or_known_default()));
    match port {
        Ok((None, Some(port))) => format!("{origin}:{port}"),
        _ => origin.to_owned(),
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
