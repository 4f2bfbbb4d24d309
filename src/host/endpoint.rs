use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::places::Places;
use super::{admission, envelope, refusal};
use crate::identity::Identity;
use crate::mcp::Handler;

/// The origins of a browser on this machine.
const LOCAL_ORIGINS: [&str; 3] = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];

/// `/mcp`: who may pass, what is a message, and rmcp behind it.
///
/// One value behind one `Arc`: as a stack of layers each request cloned rmcp's configuration, which cost a tenth of the
/// requests per second.
pub(super) struct Endpoint {
    identity: Arc<Identity>,
    request_bytes: NonZeroUsize,
    places: Places,
    service: StreamableHttpService<Handler, NeverSessionManager>,
}

impl Endpoint {
    pub(super) fn new(
        handler: Handler,
        identity: Arc<Identity>,
        request_bytes: NonZeroUsize,
        tenant_requests: NonZeroUsize,
    ) -> Self {
        // Stateless in both protocol eras, plain JSON answers; Host and Origin must be this machine's, against DNS
        // rebinding. rmcp's own token stays uncancelled: requests under way finish when the listener stops.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(request_bytes.get())
            .with_allowed_origins(LOCAL_ORIGINS);
        let sessions = Arc::new(NeverSessionManager::default());
        let service = StreamableHttpService::new(move || Ok(handler.clone()), sessions, config);
        Self {
            identity,
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
        let caller = admission::admit(&self.identity, &mut request).await?;
        let Some(_place) = self.places.take(caller.tenant()) else {
            tracing::info!(tenant = %caller.tenant(), "too many requests of one tenant");
            return Err(refusal::too_many());
        };
        if !envelope::says_json(&request) {
            return Ok(self.service.handle(request).await.map(Body::new));
        }
        let request = envelope::read(request, self.request_bytes).await?;
        let response = self.service.handle(request).await;
        // The content type was right and the body is JSON, so what rmcp could not read is the message.
        if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            return Err(refusal::not_a_message());
        }
        Ok(response.map(Body::new))
    }
}

/// Answers a request to `/mcp`.
pub(super) async fn mcp(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    // On the heap: rmcp's future is large, and moving it about cost more than the allocation.
    Box::pin(endpoint.answer(request))
        .await
        .unwrap_or_else(|refused| refused)
}
