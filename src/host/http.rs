//! The HTTP server: its routes, and what they work with.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Once};

use axum::Router;
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::address::Proxies;
use super::admission::Admission;
use super::authority::AllowedAuthorities;
use super::endpoint::Endpoint;
use super::health::{Details, Readiness, SharedReadiness};
use super::protected_resource::{self, AuthScheme, ProtectedResource};
use super::rate_limits::RateLimiters;
use super::timer::{self, IndexRefresher};
use super::{browser, endpoint, health, http_span, invocation, rejection, server};
use crate::compute::Compute;
use crate::identity::Identity;
use crate::mcp::Handler;
use crate::settings::{AuthSettings, HttpSettings, Limits, NetworkSettings, PublicUrl, RateLimits};
use crate::telemetry::Telemetry;
use crate::telemetry::audit::AuditLog;

/// An HTTP server that does not listen yet.
pub struct HttpServer {
    /// `None` if the URL is that of the listener.
    public_url: Option<PublicUrl>,
    /// The origins whose pages may call this server from a browser.
    allowed_origins: Vec<String>,
    auth_scheme: AuthScheme,
    proxies: Arc<Proxies>,
    /// Whether requests carry the invocation id of the Functions host.
    has_invocation_ids: bool,
    rate_limiters: RateLimiters,
    max_request_bytes: NonZeroUsize,
    /// How many requests each tenant may have in flight; a quarter more is reserved for callers
    /// that have none.
    max_tenant_requests: NonZeroUsize,
}

/// What the routes call.
pub struct HttpServices {
    /// Handles MCP messages.
    pub handler: Handler,
    /// Authenticates callers.
    pub identity: Arc<Identity>,
    /// Records decisions.
    pub audit_log: Arc<AuditLog>,
    /// Checks the database.
    pub readiness: Arc<dyn Readiness>,
    /// Refreshes the search index for the timer of Azure Functions; `None` without its endpoint.
    pub refresher: Option<Arc<dyn IndexRefresher>>,
    /// Runs work that would block the reactor.
    pub compute: Arc<Compute>,
    /// Measures requests.
    pub telemetry: Telemetry,
}

impl HttpServer {
    /// The server that the settings describe.
    #[must_use]
    pub fn new(
        network: &NetworkSettings,
        http: &HttpSettings,
        auth: &AuthSettings,
        rates: RateLimits,
        limits: &Limits,
    ) -> Self {
        let proxies = if network.is_behind_platform {
            Proxies::Platform
        } else {
            Proxies::Networks(network.trusted_proxies.clone())
        };
        Self {
            public_url: http.public_url.clone(),
            allowed_origins: http.allowed_origins.clone(),
            auth_scheme: AuthScheme::from(auth),
            proxies: Arc::new(proxies),
            has_invocation_ids: network.is_functions_handler,
            rate_limiters: RateLimiters::new(rates),
            max_request_bytes: limits.request_bytes,
            max_tenant_requests: limits.tenant_requests(),
        }
    }

    /// The URL by which clients reach a server that listens on `address`.
    ///
    /// # Errors
    /// None for the address of a listener; see [`PublicUrl::from_listener`].
    pub fn url(&self, address: SocketAddr) -> Result<PublicUrl, url::ParseError> {
        match &self.public_url {
            Some(url) => Ok(url.clone()),
            None => PublicUrl::from_listener(address),
        }
    }

    /// Serves the routes until `stop` is cancelled, then waits for requests in flight, for a
    /// limited time. Requests that are not finished by then continue in their own tasks; the caller
    /// ends them by closing what they use, such as the database pool. `url` is the server's
    /// [`url`](Self::url); loopback hosts are allowed besides.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        url: PublicUrl,
        services: HttpServices,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let proxies = Arc::clone(&self.proxies);
        let router = self.router(&url, services);
        server::serve(listener, router, proxies, stop).await
    }

    /// Builds the HTTP application: `/mcp`, `/health`, `/health/live`, `/health/ready`,
    /// `/health/details` and the OAuth metadata, each also under the path of the public URL. On
    /// Azure Functions, also the endpoint of its timer.
    fn router(self, public_url: &PublicUrl, services: HttpServices) -> Router {
        let HttpServices {
            handler,
            identity,
            audit_log,
            readiness,
            refresher,
            compute,
            telemetry,
        } = services;
        let resource = Arc::new(ProtectedResource::new(self.auth_scheme, public_url));
        let admission = Arc::new(Admission {
            identity,
            resource: Arc::clone(&resource),
            rate_limiters: self.rate_limiters,
            proxies: self.proxies,
            audit_log,
            unconfigured_proxy_warning: Once::new(),
        });
        let details = Arc::new(Details {
            admission: Arc::clone(&admission),
            readiness: Arc::clone(&readiness),
        });
        let endpoint = Arc::new(Endpoint::new(
            handler,
            admission,
            compute,
            self.max_request_bytes,
            self.max_tenant_requests,
            AllowedAuthorities::new(public_url, &self.allowed_origins),
        ));
        let metadata = get(protected_resource::metadata).with_state(resource);
        let mcp = any(endpoint::mcp).with_state(endpoint);
        let mut router = Router::new().fallback(rejection::path_not_found);
        if let Some(refresher) = refresher {
            router = router.route(timer::PATH, any(timer::refresh).with_state(refresher));
        }
        // A proxy that serves a path may strip it before it forwards a request, or keep it.
        let mut prefixes = vec![""];
        if !public_url.path().is_empty() {
            prefixes.push(public_url.path());
        }
        let well_known = protected_resource::METADATA_PATH;
        let readiness = Arc::new(SharedReadiness::new(readiness));
        for prefix in &prefixes {
            for path in ["/health", "/health/ready"] {
                let ready = get(health::ready).with_state(Arc::clone(&readiness));
                router = router.route(&format!("{prefix}{path}"), ready);
            }
            router = router
                .route(&format!("{prefix}/health/live"), get(health::live))
                .route(
                    &format!("{prefix}/health/details"),
                    get(health::details).with_state(Arc::clone(&details)),
                )
                .route(&format!("{prefix}/mcp"), mcp.clone())
                .route(&format!("{prefix}/mcp/"), mcp.clone());
        }
        // The well-known path comes before the path of the URL. It is also served after it, for a
        // proxy that only forwards that path.
        let mut metadata_paths = vec![well_known.to_owned(), format!("{well_known}/mcp")];
        if let [_, prefix] = prefixes[..] {
            metadata_paths.push(format!("{well_known}{prefix}"));
            metadata_paths.push(format!("{well_known}{prefix}/mcp"));
            metadata_paths.push(format!("{prefix}{well_known}"));
            metadata_paths.push(format!("{prefix}{well_known}/mcp"));
        }
        for path in metadata_paths {
            router = router.route(&path, metadata.clone());
        }
        let router =
            browser::with_browser_headers(router, &self.allowed_origins, public_url.is_encrypted());
        let router = if self.has_invocation_ids {
            invocation::with_invocation_spans(router)
        } else {
            router
        };
        http_span::with_http_spans(router, telemetry, public_url.path())
    }
}

impl std::fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpServer").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for HttpServices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpServices").finish_non_exhaustive()
    }
}
