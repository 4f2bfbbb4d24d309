//! Where we run: HTTP routes, health, shutdown, standard input and output.
//!
//! Knows axum and the outside world's ways; must not know SQL or tools. The one place that turns a refused caller or a broken
//! envelope into an HTTP status.
//! Invariants: no POST to `/mcp` goes on without a `Caller`, and nothing but a POST does anything there; no tenant has more
//! of them under way than it may.
mod address; // where a request comes from
mod admission; // who may pass to /mcp, and how often
mod authority; // whose names a request may use: Host and Origin
mod body_budget; // how much of unfinished bodies is in memory
mod browser; // what browsers may do with answers
mod connection_io; // a connection's bytes, watched
mod connections; // how many connections, whose, and for how long
mod endpoint; // /mcp: admission, envelope, rmcp
mod envelope; // a request's body, within bounds
mod fast_path; // a plain call of a tool, without rmcp's transport
mod health; // is the process up, does the database answer
mod http_error; // an HTTP response that refuses a request
mod in_flight; // how many requests of one tenant are in flight
mod json_scan; // what a body would cost to parse
mod media_types; // what a client sends and takes
mod message_id; // which request an answer is for
mod protected_resource; // where callers get tokens
mod rates; // how many requests may come
mod refusal; // every refusal, and its text
mod rendered_body; // a response whose result is rendered, written while the client reads
mod response_body; // a response on its way to the client
mod server; // connections, and their end
mod stdio; // MCP over standard input and output
mod unread_body; // the id of a request that is refused before it is read

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
use crate::settings::{PublicUrl, RateLimits as RateSettings};
use crate::telemetry::audit::AuditLog;

pub use health::Readiness;
pub use protected_resource::ProtectedResource;
pub use server::listen;

use address::Proxies;
use admission::Admission;
use authority::AllowedAuthorities;
use endpoint::Endpoint;
use health::{Details, SharedReadiness};
use rates::Rates;
pub use stdio::{StdioError, StdioLimits, serve_stdio};

/// What the routes need.
pub struct Routes {
    /// Answers MCP.
    pub handler: Handler,
    /// Tells who calls.
    pub identity: Arc<Identity>,
    /// Tells where callers get tokens.
    pub resource: ProtectedResource,
    /// What clients call this server, beside the names of this machine.
    pub public_url: PublicUrl,
    /// Notes what is decided.
    pub audit_log: Arc<AuditLog>,
    /// How many requests may come.
    pub rates: RateSettings,
    /// The proxies in front, which tell where requests come from.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether the platform's front end is in front, and none of them.
    pub is_behind_platform: bool,
    /// Whose pages may call this server from a browser.
    pub allowed_origins: Vec<String>,
    /// Tells whether the database answers.
    pub readiness: Arc<dyn Readiness>,
    /// Runs what would hold the reactor.
    pub compute: Arc<Compute>,
    /// The largest request body, in bytes.
    pub request_bytes: NonZeroUsize,
    /// The most requests of one tenant under way.
    pub tenant_requests: NonZeroUsize,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}

/// The HTTP application: `/mcp`, `/health`, `/health/live`, `/health/ready`, `/health/details`, and
/// OAuth's metadata; each also under the path of the public URL.
fn router(routes: Routes, proxies: Arc<Proxies>) -> Router {
    let Routes {
        handler,
        identity,
        resource,
        public_url,
        audit_log,
        rates,
        trusted_proxies: _,
        is_behind_platform: _,
        allowed_origins,
        readiness,
        compute,
        request_bytes,
        tenant_requests,
    } = routes;
    let is_encrypted = resource.is_encrypted();
    let resource = Arc::new(resource);
    let admission = Arc::new(Admission {
        identity,
        resource: Arc::clone(&resource),
        rates: Rates::new(rates),
        proxies,
        audit_log,
        proxy_is_missing: Once::new(),
    });
    let details = Arc::new(Details {
        admission: Arc::clone(&admission),
        readiness: Arc::clone(&readiness),
    });
    let endpoint = Arc::new(Endpoint::new(
        handler,
        admission,
        compute,
        request_bytes,
        tenant_requests,
        AllowedAuthorities::new(&public_url, &allowed_origins),
    ));
    let metadata = get(protected_resource::metadata).with_state(resource);
    let mcp = any(endpoint::mcp).with_state(endpoint);
    let mut router = Router::new().fallback(refusal::no_such_path);
    // A proxy with a path may take it away before it hands a request on, or not.
    let mut prefixes = vec![""];
    if !public_url.path().is_empty() {
        prefixes.push(public_url.path());
    }
    let well_known = protected_resource::METADATA;
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
    // At the root of the host before the path, or after the path where only that reaches this
    // server.
    let mut places = vec![well_known.to_owned(), format!("{well_known}/mcp")];
    if let [_, prefix] = prefixes[..] {
        places.push(format!("{well_known}{prefix}"));
        places.push(format!("{well_known}{prefix}/mcp"));
        places.push(format!("{prefix}{well_known}"));
        places.push(format!("{prefix}{well_known}/mcp"));
    }
    for place in places {
        router = router.route(&place, metadata.clone());
    }
    browser::guarded(router, &allowed_origins, is_encrypted)
}

/// Serves the routes until `stop` is cancelled, then lets requests under way finish, for a while.
/// Those that have not finished then go on in tasks of their own; closing what they work with ends
/// them.
///
/// # Errors
/// When the socket cannot be used any more.
pub async fn serve_http(
    listener: TcpListener,
    routes: Routes,
    stop: CancellationToken,
) -> io::Result<()> {
    let proxies = Arc::new(if routes.is_behind_platform {
        Proxies::Platform
    } else {
        Proxies::Named(routes.trusted_proxies.clone())
    });
    let router = router(routes, Arc::clone(&proxies));
    server::serve(listener, router, proxies, stop).await
}

/// Resolves when the process is asked to end (SIGINT, SIGTERM, SIGHUP).
///
/// # Errors
/// When signals cannot be received.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Listening would undo what nohup has done.
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
        // All arms are cancel-safe: a signal is delivered to the next wait.
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup => {}
        }
    })
}

/// Whether whoever started the process has it ignore SIGHUP. Linux tells; elsewhere it is not
/// known, and SIGHUP ends the process as it does by default.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signals count from 1, and SIGHUP is the first.
    ignored.is_some_and(|mask| mask & 1 == 1)
}
