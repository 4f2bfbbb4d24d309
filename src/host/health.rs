use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use serde_json::json;

/// Tells whether requests can be answered.
pub trait Readiness: Send + Sync {
    /// Whether the database answers now. Logs why not.
    fn database_answers(&self) -> BoxFuture<'_, bool>;
}

/// The process is up; says nothing about what it depends on.
pub(super) async fn live() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Requests can be answered: 200, or 503 with what is missing.
pub(super) async fn ready(State(readiness): State<Arc<dyn Readiness>>) -> Response {
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
