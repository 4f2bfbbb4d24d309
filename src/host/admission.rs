use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

use super::protected_resource::ProtectedResource;
use super::refusal;
use crate::identity::{Caller, Given, Identity, Presented, Refusal, TENANT_HEADER};

const TENANT: HeaderName = HeaderName::from_static(TENANT_HEADER);
const PRINCIPAL: HeaderName = HeaderName::from_static("x-ms-client-principal");
const PRINCIPAL_ID: HeaderName = HeaderName::from_static("x-ms-client-principal-id");
const PRINCIPAL_PROVIDER: HeaderName = HeaderName::from_static("x-ms-client-principal-idp");

/// Puts the caller into the request, or says why there is none.
pub(super) async fn admit(
    identity: &Identity,
    resource: &ProtectedResource,
    request: &mut Request,
) -> Result<Caller, Response> {
    let admitted = {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|peer| peer.0.ip());
        identity.caller(&presented(request.headers(), peer)).await
    };
    match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller.clone());
            Ok(caller)
        }
        Err(refused) => {
            let error = &refused as &dyn Error;
            match &refused {
                Refusal::Missing(_)
                | Refusal::Proof(_)
                | Refusal::Malformed(_)
                | Refusal::NotChosen
                | Refusal::NotEntitled => tracing::info!(error, "caller refused"),
                Refusal::Unavailable(_) | Refusal::Issuer(_) => {
                    tracing::warn!(error, "caller not verified");
                }
            }
            Err(refusal::caller(&refused, resource))
        }
    }
}

fn presented(headers: &HeaderMap, peer: Option<IpAddr>) -> Presented<'_> {
    let given = |name| Given::of(headers.get_all(name).iter().map(HeaderValue::as_bytes));
    Presented {
        authorization: given(header::AUTHORIZATION),
        tenant: given(TENANT),
        easyauth_principal: given(PRINCIPAL),
        easyauth_provider: given(PRINCIPAL_PROVIDER),
        easyauth_id: given(PRINCIPAL_ID),
        peer,
    }
}
