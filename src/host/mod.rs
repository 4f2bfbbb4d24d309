//! The transports: HTTP with its connections, routes, health and shutdown; standard input and
//! output.
//!
//! Knows axum, hyper and rmcp's transports; must not know SQL or tools. The only module that maps
//! an error to an HTTP status.
//!
//! Invariants:
//! - a POST to `/mcp` is only handled with a [`Caller`](crate::identity::Caller), and every other
//!   method is rejected there;
//! - no tenant has more requests in flight than its limit.
mod address; //            the client's address, behind proxies
mod admission; //          the caller of a request, and its rate limits
mod authority; //          checks Host and Origin
mod body_budget; //        the memory of unfinished bodies
mod browser; //            security headers and CORS
mod connection_io; //      a connection's bytes, reported to the table of connections
mod connections; //        the table of connections: limits, timeouts, eviction
mod endpoint; //           /mcp: admission, body, rmcp
mod fast_path; //          a plain tool call without rmcp's transport
mod health; //             liveness, readiness, details for operators
mod http_error; //         the form of a response that rejects a request
mod in_flight; //          the limit of requests in flight per tenant
mod json_scan; //          what a body would cost to parse
mod json_text; //          the bytes of a JSON text
mod media_types; //        Content-Type, Content-Encoding, Accept
mod message_id; //         the id in an incomplete or invalid message
mod protected_resource; // OAuth metadata and challenges
mod rate_limits; //        rate limits per principal and address
mod rejection; //          every response that rejects a request, with its text
mod rendered_body; //      a response with a rendered result, copied while the client reads
mod request_body; //       reads a body within its limits
mod response_body; //      a response that holds an in-flight permit
mod server; //             the listener: accepts connections, shuts down gracefully
mod stdio; //              MCP over standard input and output
mod unread_body; //        the id of a request that is rejected before it is read

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Once};

use axum::Router;
use axum::routing::{any, get};

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::compute::Compute;
use crate::identity::Identity;
use crate::mcp::Handler;
use crate::settings::{PublicUrl, RateLimits};
use crate::telemetry::audit::AuditLog;

pub use health::Readiness;
pub use protected_resource::ProtectedResource;
pub use server::listen;
pub use stdio::{StdioError, StdioLimits, serve_stdio};

use address::Proxies;
use admission::Admission;
use authority::AllowedAuthorities;
use endpoint::Endpoint;
use health::{Details, SharedReadiness};
use rate_limits::RateLimiters;

/// What the routes work with.
pub struct Routes {
    /// Handles MCP messages.
    pub handler: Handler,
    /// Authenticates callers.
    pub identity: Arc<Identity>,
    /// Tells clients where to get tokens.
    pub resource: ProtectedResource,
    /// The URL that clients call; loopback hosts are allowed besides.
    pub public_url: PublicUrl,
    /// Records decisions.
    pub audit_log: Arc<AuditLog>,
    /// The rate limits, in requests per minute.
    pub rate_limits: RateLimits,
    /// The networks of the proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether every connection comes from the hosting platform's front end. If so,
    /// `trusted_proxies` is ignored.
    pub is_behind_platform: bool,
    /// The origins whose pages may call this server from a browser.
    pub allowed_origins: Vec<String>,
    /// Checks the database.
    pub readiness: Arc<dyn Readiness>,
    /// Runs work that would block the reactor.
    pub compute: Arc<Compute>,
    /// The maximum length of a request's body, in bytes.
    pub max_request_bytes: NonZeroUsize,
    /// How many requests each tenant may have in flight; a quarter more is reserved for callers
    /// that have none.
    pub tenant_requests: NonZeroUsize,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}

/// Builds the HTTP application: `/mcp`, `/health`, `/health/live`, `/health/ready`,
/// `/health/details` and the OAuth metadata, each also under the path of the public URL.
fn router(routes: Routes, proxies: Arc<Proxies>) -> Router {
    let Routes {
        handler,
        identity,
        resource,
        public_url,
        audit_log,
        rate_limits,
        trusted_proxies: _,
        is_behind_platform: _,
        allowed_origins,
        readiness,
        compute,
        max_request_bytes,
        tenant_requests,
    } = routes;
    let is_encrypted = resource.is_encrypted();
    let resource = Arc::new(resource);
    let admission = Arc::new(Admission {
        identity,
        resource: Arc::clone(&resource),
        rate_limiters: RateLimiters::new(rate_limits),
        proxies,
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
        max_request_bytes,
        tenant_requests,
        AllowedAuthorities::new(&public_url, &allowed_origins),
    ));
    let metadata = get(protected_resource::metadata).with_state(resource);
    let mcp = any(endpoint::mcp).with_state(endpoint);
    let mut router = Router::new().fallback(rejection::path_not_found);
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
    // The well-known path comes before the path of the URL. It is also served after it, for a proxy
    // that only forwards that path.
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
    browser::with_browser_headers(router, &allowed_origins, is_encrypted)
}

/// Serves the routes until `stop` is cancelled, then waits for requests in flight, for a limited
/// time. Requests that are not finished by then continue in their own tasks; the caller ends them
/// by closing what they use, such as the database pool.
///
/// # Errors
/// When the socket fails.
pub async fn serve_http(
    listener: TcpListener,
    routes: Routes,
    stop: CancellationToken,
) -> io::Result<()> {
    let proxies = Arc::new(if routes.is_behind_platform {
        Proxies::Platform
    } else {
        Proxies::Networks(routes.trusted_proxies.clone())
    });
    let router = router(routes, Arc::clone(&proxies));
    server::serve(listener, router, proxies, stop).await
}

/// Resolves when the process receives SIGINT, SIGTERM or SIGHUP. SIGHUP does not count if the
/// process was started with it ignored, as `nohup` does.
///
/// # Errors
/// When no signal handler can be installed.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A handler would undo the effect of nohup.
    let mut hangup = if is_hangup_ignored() {
        None
    } else {
        Some(signal(SignalKind::hangup())?)
    };
    let hangup = async move {
        match &mut hangup {
            Some(hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    };
    Ok(async move {
        // All arms are cancel-safe: a signal that is not received stays pending.
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup => {}
        }
    })
}

/// Whether the process was started with SIGHUP ignored. Only Linux tells; on other systems this is
/// `false`, and SIGHUP ends the process.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The lowest bit is signal 1, SIGHUP.
    ignored.is_some_and(|mask| mask & 1 == 1)
}
