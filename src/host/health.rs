use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::admission::Admission;
use super::refusal;
use crate::identity::{OAuthScope, Role};
use crate::telemetry;

/// Tells whether requests can be answered.
pub trait Readiness: Send + Sync {
    /// Whether the database answers now. Logs why not.
    fn database_answers(&self) -> BoxFuture<'_, bool>;

    /// What keeps the database from being fit to serve from, examined now; `None` when that cannot be told. Logs why not.
    fn findings(&self) -> BoxFuture<'_, Option<Vec<String>>>;

    /// The connections that are open, and those of them that nobody uses now.
    fn connections(&self) -> (usize, usize);
}

/// How long a successful check of the database is cached.
const READY_TTL: Duration = Duration::from_secs(1);

/// One check of the database for all concurrent requests, because they need no credential.
pub(super) struct SharedReadiness {
    readiness: Arc<dyn Readiness>,
    /// When the last check began, and its result. Held across an await, hence not a std mutex.
    last: Mutex<Option<(Instant, bool)>>,
}

impl SharedReadiness {
    pub(super) fn new(readiness: Arc<dyn Readiness>) -> Self {
        Self {
            readiness,
            last: Mutex::new(None),
        }
    }

    /// # Cancel safety
    /// If a call is dropped, the next waiting one checks instead.
    async fn database_answers(&self) -> bool {
        let arrived = Instant::now();
        let mut last = self.last.lock().await;
        match *last {
            // The check began while this caller waited, or it succeeded within the TTL.
            Some((asked, answers))
                if asked >= arrived || answers && arrived.duration_since(asked) < READY_TTL =>
            {
                answers
            }
            _ => {
                let asked = Instant::now();
                let answers = self.readiness.database_answers().await;
                *last = Some((asked, answers));
                answers
            }
        }
    }
}

/// Whether a path is a health endpoint, with or without a prefix; these are answered on connections
/// beyond the limits too.
pub(super) fn is_path(path: &str) -> bool {
    ["/health", "/health/live", "/health/ready"]
        .iter()
        .any(|health| path.ends_with(health))
}

/// The process is up; says nothing about what it depends on.
pub(super) async fn live() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Requests can be answered: 200, or 503 with what is missing.
pub(super) async fn ready(State(readiness): State<Arc<SharedReadiness>>) -> Response {
    if readiness.database_answers().await {
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

/// What an operator is told beside that.
pub(super) struct Details {
    pub(super) admission: Arc<Admission>,
    pub(super) readiness: Arc<dyn Readiness>,
}

/// How the server is, and what it has decided since it started: for operators alone.
pub(super) async fn details(State(details): State<Arc<Details>>, mut request: Request) -> Response {
    let Details {
        admission,
        readiness,
    } = &*details;
    let standing = match admission.admit(&mut request).await {
        Err(refused) => return refused.into_response(None),
        Ok(admitted) if admitted.caller.role() < Role::Operator => {
            let reason = "operator's role missing";
            admission.audit_log.record(admitted.refused(reason));
            return refusal::operators_only().into_response(None);
        }
        Ok(admitted) if !admitted.caller.scopes().has(OAuthScope::Query) => {
            admission
                .audit_log
                .record(admitted.refused("scope missing"));
            return refusal::details_need_scope(&admission.resource).into_response(None);
        }
        Ok(admitted) => admitted.standing,
    };
    let answers = readiness.database_answers().await;
    let findings = if answers {
        readiness.findings().await
    } else {
        None
    };
    let (open, idle) = readiness.connections();
    let mut response = Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "database": if answers { "ok" } else { "not answering" },
        "findings": findings,
        "connections": {"open": open, "idle": idle},
        "decisions": admission.audit_log.counts(),
        "audit": {"waiting": admission.audit_log.pending_records(), "end": admission.audit_log.chain_head().map(|head| head.to_string())},
        "log": {"dropped_lines": telemetry::dropped_lines()},
    }))
    .into_response();
    refusal::standing(&mut response, standing);
    response
}
