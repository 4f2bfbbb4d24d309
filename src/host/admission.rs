use std::error::Error;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use super::refusal;
use crate::identity::{Identity, Refusal, TENANT_HEADER};

/// Puts the caller into the request, or answers why there is none.
pub(super) async fn admit(
    State(identity): State<Arc<Identity>>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await; // answered 405 by every route here, whoever asks
    }
    let named = request
        .headers()
        .get_all(TENANT_HEADER)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect::<Vec<_>>();
    match identity.by_header(named).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refused) => {
            let error = &refused as &dyn Error;
            match &refused {
                Refusal::Missing | Refusal::Malformed(_) | Refusal::Unknown => {
                    tracing::info!(error, "caller refused")
                }
                Refusal::Unavailable(_) => tracing::warn!(error, "caller not verified"),
            }
            refusal::caller(&refused)
        }
    }
}
