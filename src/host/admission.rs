use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use ipnet::IpNet;

use super::address;
use super::protected_resource::ProtectedResource;
use super::rates::{Network, Rates, Standing, TooMany};
use super::refusal;
use crate::identity::{Caller, Given, Identity, LookUps, Presented, Refusal, TENANT_HEADER};
use crate::telemetry::TraceId;
use crate::telemetry::audit::{Event, Kind, Trail};

const TENANT: HeaderName = HeaderName::from_static(TENANT_HEADER);
const PRINCIPAL: HeaderName = HeaderName::from_static("x-ms-client-principal");
const PRINCIPAL_ID: HeaderName = HeaderName::from_static("x-ms-client-principal-id");
const PRINCIPAL_PROVIDER: HeaderName = HeaderName::from_static("x-ms-client-principal-idp");

/// Who may pass, and how often.
pub(super) struct Admission {
    pub(super) identity: Arc<Identity>,
    pub(super) resource: Arc<ProtectedResource>,
    pub(super) rates: Rates,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) trail: Arc<Trail>,
}

/// Somebody who may pass.
pub(super) struct Admitted {
    pub(super) caller: Caller,
    pub(super) standing: Standing,
    pub(super) trace_id: TraceId,
}

impl Admitted {
    /// What is noted when the caller may not do this.
    pub(super) fn refused(&self, reason: &'static str) -> Event {
        Event {
            principal: Some(self.caller.principal().clone()),
            tenant: Some(self.caller.tenant()),
            ..Event::refused(Kind::Request, reason, None, self.trace_id)
        }
    }
}

impl Admission {
    /// Puts the caller into the request, or says why there is none.
    pub(super) async fn admit(&self, request: &mut Request) -> Result<Admitted, Response> {
        let traceparent = request.headers().get("traceparent");
        let trace_id = TraceId::of_request(traceparent.and_then(|value| value.to_str().ok()));
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|peer| peer.0.ip());
        let address =
            peer.map(|peer| address::of_client(peer, request.headers(), &self.trusted_proxies));
        let refuse = |kind, reason, address| {
            self.trail
                .note(Event::refused(kind, reason, address, trace_id));
        };
        // A listener tells the peer of every connection.
        let network = Network::of(address.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)));
        if let Err(too_many) = self.rates.arrived(network) {
            refuse(
                Kind::Request,
                "too many requests from an address".into(),
                address,
            );
            return Err(refusal::too_fast(too_many));
        }
        let presented = presented(request.headers(), peer);
        let caller = match self.recognise(&presented, network).await {
            Ok(caller) => caller,
            Err(Denied::Caller(refused)) => {
                self.log(&refused);
                refuse(Kind::Authentication, refused.reason(), address);
                return Err(refusal::caller(&refused, &self.resource));
            }
            Err(Denied::TooMany(too_many)) => {
                refuse(
                    Kind::Authentication,
                    Refusal::NotRemembered.reason(),
                    address,
                );
                return Err(refusal::too_fast(too_many));
            }
        };
        let standing = self
            .rates
            .admitted(caller.principal())
            .map_err(|too_many| {
                self.trail.note(Event {
                    principal: Some(caller.principal().clone()),
                    tenant: Some(caller.tenant()),
                    ..Event::refused(
                        Kind::Request,
                        "too many requests of a principal",
                        address,
                        trace_id,
                    )
                });
                refusal::too_fast(too_many)
            })?;
        request.extensions_mut().insert(caller.clone());
        request.extensions_mut().insert(trace_id);
        Ok(Admitted {
            caller,
            standing,
            trace_id,
        })
    }

    /// The caller, who is looked up when their turn has come and the address has not failed too often.
    async fn recognise(
        &self,
        presented: &Presented<'_>,
        network: Network,
    ) -> Result<Caller, Denied> {
        let refused = match self.identity.caller(presented, LookUps::Remembered).await {
            Ok(caller) => return Ok(caller),
            Err(Refusal::NotRemembered) => {
                let lookups = self.rates.lookups(network);
                // The semaphore is never closed.
                let _turn = lookups.acquire().await;
                if let Some(too_many) = self.rates.slowed(network) {
                    return Err(Denied::TooMany(too_many));
                }
                match self.identity.caller(presented, LookUps::Allowed).await {
                    Ok(caller) => return Ok(caller),
                    Err(refused) => refused,
                }
            }
            Err(refused) => refused,
        };
        if refused.is_failed_attempt() {
            if let Some(too_many) = self.rates.slowed(network) {
                return Err(Denied::TooMany(too_many));
            }
            self.rates.failed(network);
        }
        Err(Denied::Caller(refused))
    }

    /// Logs what is an operator's matter, with its causes; the rest is in the audit trail.
    fn log(&self, refused: &Refusal) {
        match refused {
            Refusal::Missing(_)
            | Refusal::Proof(_)
            | Refusal::Malformed(_)
            | Refusal::NotChosen
            | Refusal::NotEntitled
            | Refusal::NotRemembered => {}
            Refusal::Unavailable(_) | Refusal::Issuer(_) => {
                tracing::warn!(error = refused as &dyn Error, "caller not verified");
            }
        }
    }
}

/// Why nobody was recognised.
enum Denied {
    Caller(Refusal),
    TooMany(TooMany),
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
