//! Health endpoints: is the process up, can it serve requests, and details for operators.
//!
//! Knows HTTP and [`Readiness`]; must not know SQL.
//! Invariant: endpoints without authentication cause at most one check of the database at a time.
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::admission::Admission;
use super::rejection;
use crate::identity::{OAuthScope, Role};
use crate::telemetry;

/// Tells whether the server can serve requests.
pub trait Readiness: Send + Sync {
    /// Checks whether the database can serve queries now. Logs the reason if it cannot.
    fn is_database_ready(&self) -> BoxFuture<'_, bool>;

    /// Runs the posture check now, and returns its findings, one text each. `None` if the check
    /// cannot be run; the reason is logged.
    fn posture_findings(&self) -> BoxFuture<'_, Option<Vec<String>>>;

    /// The open database connections, and how many of them are idle.
    fn connection_counts(&self) -> (usize, usize);

    /// The primary and its replicas, as they are now; empty without replicas.
    fn database_servers(&self) -> BoxFuture<'_, Vec<DatabaseServerStatus>>;
}

/// A database server as an operator sees it.
#[derive(Debug, Serialize)]
pub struct DatabaseServerStatus {
    /// Host and port.
    pub server: String,
    /// `primary` or `replica`.
    pub role: &'static str,
    /// `ok`, or why it is not used.
    pub state: &'static str,
    /// How old a replica's data is at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_seconds: Option<f64>,
    /// A lower bound of the difference of its clock and this server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_skew_seconds: Option<f64>,
    /// Open connections.
    pub open: usize,
    /// Idle connections.
    pub idle: usize,
}

/// How long a successful check of the database is cached.
const READY_TTL: Duration = Duration::from_secs(1);

/// Shares one check of the database among all concurrent requests. Anybody may send them, because
/// they need no credential.
pub(super) struct SharedReadiness {
    readiness: Arc<dyn Readiness>,
    /// When the last check started, and its result. The lock is held across an await, so it is not
    /// a std mutex.
    last_check: Mutex<Option<(Instant, bool)>>,
}

impl SharedReadiness {
    pub(super) fn new(readiness: Arc<dyn Readiness>) -> Self {
        Self {
            readiness,
            last_check: Mutex::new(None),
        }
    }

    /// # Cancel safety
    /// If a call is dropped during the check, the next waiting call checks instead.
    async fn is_database_ready(&self) -> bool {
        let arrived = Instant::now();
        let mut last_check = self.last_check.lock().await;
        match *last_check {
            // The check started while this call waited, or it succeeded within the TTL.
            Some((started, is_ready))
                if started >= arrived
                    || is_ready && arrived.duration_since(started) < READY_TTL =>
            {
                is_ready
            }
            _ => {
                let started = Instant::now();
                let is_ready = self.readiness.is_database_ready().await;
                *last_check = Some((started, is_ready));
                is_ready
            }
        }
    }
}

/// Whether a path is a health endpoint, with or without a prefix. These are also answered on
/// connections beyond the limits.
pub(super) fn is_health_path(path: &str) -> bool {
    ["/health", "/health/live", "/health/ready"]
        .iter()
        .any(|health| path.ends_with(health))
}

/// Liveness: the process is up. Does not check any dependency.
pub(super) async fn live() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Readiness: 200 if the server can serve requests, otherwise 503 and the dependency that fails.
pub(super) async fn ready(State(readiness): State<Arc<SharedReadiness>>) -> Response {
    if readiness.is_database_ready().await {
        Json(json!({"status": "ok", "database": "ok"})).into_response()
    } else {
        let body = json!({"status": "unavailable", "database": "not answering"});
        (
            StatusCode::SERVICE_UNAVAILABLE,
            [("retry-after", "2")],
            Json(body),
        )
            .into_response()
    }
}

/// The state of the endpoint for operators.
pub(super) struct Details {
    pub(super) admission: Arc<Admission>,
    pub(super) readiness: Arc<dyn Readiness>,
}

/// The state of the server, and its decisions since it started; only for operators.
pub(super) async fn details(State(details): State<Arc<Details>>, mut request: Request) -> Response {
    let Details {
        admission,
        readiness,
    } = &*details;
    let quota = match admission.admit(&mut request).await {
        Err(error) => return error.into_response(None),
        Ok(admitted) if admitted.caller.role() < Role::Operator => {
            let reason = "operator role missing";
            admission.audit_log.record(admitted.rejected(reason));
            return rejection::operator_role_required().into_response(None);
        }
        Ok(admitted) if !admitted.caller.scopes().has(OAuthScope::Query) => {
            admission
                .audit_log
                .record(admitted.rejected("scope missing"));
            return rejection::details_scope_required(&admission.resource).into_response(None);
        }
        Ok(admitted) => admitted.quota,
    };
    let is_ready = readiness.is_database_ready().await;
    let findings = if is_ready {
        readiness.posture_findings().await
    } else {
        None
    };
    let servers = readiness.database_servers().await;
    let (open, idle) = readiness.connection_counts();
    let mut response = Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "database": if is_ready { "ok" } else { "not answering" },
        "findings": findings,
        "connections": {"open": open, "idle": idle},
        "database_servers": servers,
        "decisions": admission.audit_log.counts(),
        "audit": {"waiting": admission.audit_log.pending_records(), "end": admission.audit_log.chain_head().map(|head| head.to_string())},
        "log": {"dropped_lines": telemetry::dropped_lines()},
    }))
    .into_response();
    rejection::add_rate_limit_headers(&mut response, quota);
    response
}
