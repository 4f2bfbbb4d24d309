use std::error::Error;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;

use super::refusal;
use crate::identity::{Caller, Identity, Refusal, TENANT_HEADER};

/// Puts the caller into the request, or says why there is none.
pub(super) async fn admit(identity: &Identity, request: &mut Request) -> Result<Caller, Response> {
    let named = request
        .headers()
        .get_all(TENANT_HEADER)
        .iter()
        .map(HeaderValue::as_bytes);
    match identity.by_header(named).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            Ok(caller)
        }
        Err(refused) => {
            let error = &refused as &dyn Error;
            match &refused {
                Refusal::Missing | Refusal::Malformed(_) | Refusal::Unknown => {
                    tracing::info!(error, "caller refused");
                }
                Refusal::Unavailable(_) => tracing::warn!(error, "caller not verified"),
            }
            Err(refusal::caller(&refused))
        }
    }
}
