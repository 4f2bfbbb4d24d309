use std::borrow::Cow;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Once};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::timeout;

use super::address::Proxies;
use super::http_error::HttpError;
use super::protected_resource::ProtectedResource;
use super::rates::{QuotaStatus, RateExceeded, Rates, Source};
use super::refusal;
use crate::identity::{
    AuthError, AuthFailure, Caller, Credentials, Identity, Lookup, Principal, SingleHeader,
    TENANT_HEADER,
};
use crate::telemetry::TraceId;
use crate::telemetry::audit::{AuditLog, Event, EventKind};

const TENANT: HeaderName = HeaderName::from_static(TENANT_HEADER);
const PRINCIPAL: HeaderName = HeaderName::from_static("x-ms-client-principal");
const PRINCIPAL_ID: HeaderName = HeaderName::from_static("x-ms-client-principal-id");
const PRINCIPAL_PROVIDER: HeaderName = HeaderName::from_static("x-ms-client-principal-idp");

/// How long a request waits until it may be looked up, behind others from its address.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Who may pass, and how often.
pub(super) struct Admission {
    pub(super) identity: Arc<Identity>,
    pub(super) resource: Arc<ProtectedResource>,
    pub(super) rates: Rates,
    pub(super) proxies: Arc<Proxies>,
    pub(super) audit_log: Arc<AuditLog>,
    /// Logs the missing setting once, not with each request.
    pub(super) proxy_is_missing: Once,
}

/// Somebody who may pass.
pub(super) struct Admitted {
    pub(super) caller: Caller,
    pub(super) standing: QuotaStatus,
    pub(super) trace_id: TraceId,
}

impl Admitted {
    /// What is noted when the caller may not do this.
    pub(super) fn refused(&self, reason: impl Into<Cow<'static, str>>) -> Event {
        Event {
            principal: Some(self.caller.principal().clone()),
            tenant: Some(self.caller.tenant()),
            ..Event::refused(EventKind::Request, reason, None, self.trace_id)
        }
    }
}

impl Admission {
    /// Puts the caller into the request, or says why there is none.
    pub(super) async fn admit(&self, request: &mut Request) -> Result<Admitted, HttpError> {
        let presented = presented(request.headers(), peer(request));
        let origin = self.origin(request, &presented);
        // A recently authenticated caller is charged to their principal, so that others at the same
        // address cannot lock them out.
        let is_remembered = self.identity.is_known_good(&presented);
        if !is_remembered && let Err(too_many) = self.rates.check_address(origin.source) {
            let reason = "too many requests from an address";
            self.audit_log
                .record(origin.refused(EventKind::Request, reason));
            return Err(refusal::too_fast(too_many));
        }
        let caller = match self.recognise(&presented, &origin).await {
            Ok(caller) => caller,
            Err(Denied::Caller(refused)) => {
                if is_remembered && let Err(too_many) = self.charge(&refused, &origin) {
                    return Err(refusal::too_fast(too_many));
                }
                self.note(&refused, &origin);
                return Err(refusal::caller(&refused.error, &self.resource));
            }
            Err(Denied::RateExceeded(too_many, who)) => {
                self.audit_log.record(Event {
                    principal: who,
                    ..origin.refused(EventKind::Authentication, "too many failures")
                });
                return Err(refusal::too_fast(too_many));
            }
            Err(Denied::Busy) => {
                let reason = "too many look-ups of an address";
                self.audit_log
                    .record(origin.refused(EventKind::Request, reason));
                return Err(refusal::busy());
            }
        };
        let trace_id = origin.trace_id;
        let standing = self
            .rates
            .check_principal(caller.principal())
            .map_err(|too_many| {
                self.audit_log.record(Event {
                    principal: Some(caller.principal().clone()),
                    tenant: Some(caller.tenant()),
                    ..origin.refused(EventKind::Request, "too many requests of a principal")
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

    fn origin(&self, request: &Request, presented: &Credentials<'_>) -> Origin {
        let headers = request.headers();
        let client = presented.peer.and_then(|peer| {
            if self.proxies.has_unnamed_proxy(peer, headers) {
                self.proxy_is_missing.call_once(|| {
                    tracing::warn!("X-Forwarded-For comes from a proxy that ZAVA_TRUSTED_PROXY does not name; all clients behind it share one address");
                });
            }
            self.proxies.client(peer, headers)
        });
        let traceparent = headers.get("traceparent");
        Origin {
            source: Source::new(client, presented.credential()),
            trace_id: TraceId::of_request(traceparent.and_then(|value| value.to_str().ok())),
        }
    }

    /// Charges a refused request that was not charged to its source.
    fn charge(&self, refused: &AuthFailure, origin: &Origin) -> Result<(), RateExceeded> {
        let (charged, reason) = match &refused.principal {
            Some(principal) => (
                self.rates.check_principal(principal).map(drop),
                "too many requests of a principal",
            ),
            None => (
                self.rates.check_address(origin.source),
                "too many requests from an address",
            ),
        };
        charged.inspect_err(|_| {
            self.audit_log.record(Event {
                principal: refused.principal.clone(),
                ..origin.refused(EventKind::Request, reason)
            });
        })
    }

    /// The caller, who is looked up when there is a permit and the address has not failed too often.
    async fn recognise(
        &self,
        presented: &Credentials<'_>,
        origin: &Origin,
    ) -> Result<Caller, Denied> {
        let source = origin.source;
        let refused = match self
            .identity
            .authenticate(presented, Lookup::CacheOnly)
            .await
        {
            Ok(caller) => return Ok(caller),
            Err(AuthFailure {
                error: AuthError::NotCached,
                ..
            }) => {
                let lookups = self.rates.lookups(source);
                // The semaphore is never closed.
                let Ok(_permit) = timeout(LONGEST_WAIT, lookups.acquire()).await else {
                    return Err(Denied::Busy);
                };
                if let Some(too_many) = self.rates.throttled(source) {
                    return Err(Denied::RateExceeded(too_many, None));
                }
                let attempt = Attempt {
                    admission: self,
                    origin,
                    is_over: false,
                };
                let looked_up = self.identity.authenticate(presented, Lookup::Query).await;
                attempt.end();
                match looked_up {
                    Ok(caller) => return Ok(caller),
                    Err(refused) => refused,
                }
            }
            Err(refused) => refused,
        };
        if refused.error.is_failed_attempt() {
            if let Some(too_many) = self.rates.throttled(source) {
                return Err(Denied::RateExceeded(too_many, refused.principal));
            }
            self.rates.record_failure(source);
        }
        Err(Denied::Caller(refused))
    }

    /// Notes a refusal; logs what is an operator's matter, with its causes.
    fn note(&self, refused: &AuthFailure, origin: &Origin) {
        let AuthFailure { error, principal } = refused;
        if error.is_outage() {
            tracing::warn!(error = error as &dyn Error, "caller not verified");
        }
        let event = Event {
            principal: principal.clone(),
            ..origin.refused(EventKind::Authentication, error.reason())
        };
        self.audit_log.record(event.failed_if(error.is_outage()));
    }
}

/// Where a request comes from.
struct Origin {
    source: Source,
    trace_id: TraceId,
}

impl Origin {
    fn refused(&self, kind: EventKind, reason: impl Into<Cow<'static, str>>) -> Event {
        Event::refused(kind, reason, self.source.address(), self.trace_id)
    }
}

/// A look-up under way. Whoever hangs up before its end has failed: otherwise nobody who does could be slowed down.
struct Attempt<'a> {
    admission: &'a Admission,
    origin: &'a Origin,
    is_over: bool,
}

impl Attempt<'_> {
    fn end(mut self) {
        self.is_over = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.admission.rates.record_failure(self.origin.source);
        self.admission
            .audit_log
            .record(self.origin.refused(EventKind::Authentication, "given up"));
    }
}

/// Why nobody was recognised.
enum Denied {
    Caller(AuthFailure),
    /// The address has failed too often; who it was, where that is proved.
    RateExceeded(RateExceeded, Option<Principal>),
    /// Too many of the address wait to be looked up.
    Busy,
}

fn peer(request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map(|peer| peer.0.ip())
}

fn presented(headers: &HeaderMap, peer: Option<IpAddr>) -> Credentials<'_> {
    let given =
        |name| SingleHeader::from_values(headers.get_all(name).iter().map(HeaderValue::as_bytes));
    Credentials {
        authorization: given(header::AUTHORIZATION),
        tenant: given(TENANT),
        easyauth_principal: given(PRINCIPAL),
        easyauth_provider: given(PRINCIPAL_PROVIDER),
        easyauth_id: given(PRINCIPAL_ID),
        peer,
    }
}
