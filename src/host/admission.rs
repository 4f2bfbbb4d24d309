//! Admits a request: finds its caller and enforces the rate limits.
//!
//! Knows HTTP headers, proxies and rate limits; must not know tools or SQL.
//! Invariants:
//! - an admitted request has a [`Caller`] and has been charged to that caller's rate limit;
//! - every request that is not admitted is recorded in the audit log;
//! - a source address with too many failures causes no lookup in the database.
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
use super::rate_limits::{QuotaStatus, RateExceeded, RateLimiters, Source};
use super::rejection;
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

/// How long a request waits for a lookup permit, behind others from its address.
const LOOKUP_QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

// Reasons in the audit log.
const ADDRESS_RATE_EXCEEDED: &str = "too many requests from an address";
const PRINCIPAL_RATE_EXCEEDED: &str = "too many requests of a principal";

/// Decides which requests to `/mcp` and `/health/details` are admitted.
pub(super) struct Admission {
    pub(super) identity: Arc<Identity>,
    pub(super) resource: Arc<ProtectedResource>,
    pub(super) rate_limiters: RateLimiters,
    pub(super) proxies: Arc<Proxies>,
    pub(super) audit_log: Arc<AuditLog>,
    /// Logs the warning about a missing setting once, not with each request.
    pub(super) unconfigured_proxy_warning: Once,
}

/// The caller of an admitted request.
pub(super) struct Admitted {
    pub(super) caller: Caller,
    pub(super) quota: QuotaStatus,
    pub(super) trace_id: TraceId,
}

impl Admitted {
    /// The audit event for rejecting this caller's request.
    pub(super) fn rejected(&self, reason: impl Into<Cow<'static, str>>) -> Event {
        Event {
            principal: Some(self.caller.principal().clone()),
            tenant: Some(self.caller.tenant()),
            ..Event::refused(EventKind::Request, reason, None, self.trace_id)
        }
    }
}

impl Admission {
    /// Finds the caller, inserts it with the trace id into the request's extensions, and charges
    /// the request.
    ///
    /// # Errors
    /// The response, when there is no caller or a limit is exceeded. The audit log has recorded it.
    pub(super) async fn admit(&self, request: &mut Request) -> Result<Admitted, HttpError> {
        let credentials = credentials(request.headers(), peer_address(request));
        let context = self.request_context(request, &credentials);
        // A recently authenticated caller is charged to their principal, so that others at the same
        // address cannot lock them out.
        let is_known_good = self.identity.is_known_good(&credentials);
        if !is_known_good && let Err(exceeded) = self.rate_limiters.check_address(context.source) {
            self.audit_log
                .record(context.rejected(EventKind::Request, ADDRESS_RATE_EXCEEDED));
            return Err(rejection::rate_exceeded(exceeded));
        }
        let caller = match self.authenticate(&credentials, &context).await {
            Ok(caller) => caller,
            Err(AdmissionError::Auth(failure)) => {
                if is_known_good && let Err(exceeded) = self.charge(&failure, &context) {
                    return Err(rejection::rate_exceeded(exceeded));
                }
                self.record_auth_failure(&failure, &context);
                return Err(rejection::auth_error(&failure.error, &self.resource));
            }
            Err(AdmissionError::Throttled(exceeded, principal)) => {
                self.audit_log.record(Event {
                    principal,
                    ..context.rejected(EventKind::Authentication, "too many failures")
                });
                return Err(rejection::rate_exceeded(exceeded));
            }
            Err(AdmissionError::TooManyLookups) => {
                let reason = "too many lookups from an address";
                self.audit_log
                    .record(context.rejected(EventKind::Request, reason));
                return Err(rejection::too_many_lookups());
            }
        };
        let trace_id = context.trace_id;
        let quota = self
            .rate_limiters
            .check_principal(caller.principal())
            .map_err(|exceeded| {
                self.audit_log.record(Event {
                    principal: Some(caller.principal().clone()),
                    tenant: Some(caller.tenant()),
                    ..context.rejected(EventKind::Request, PRINCIPAL_RATE_EXCEEDED)
                });
                rejection::rate_exceeded(exceeded)
            })?;
        request.extensions_mut().insert(caller.clone());
        request.extensions_mut().insert(trace_id);
        Ok(Admitted {
            caller,
            quota,
            trace_id,
        })
    }

    fn request_context(&self, request: &Request, credentials: &Credentials<'_>) -> RequestContext {
        let headers = request.headers();
        let client = credentials.peer.and_then(|peer| {
            if self.proxies.has_unconfigured_proxy(peer, headers) {
                self.unconfigured_proxy_warning.call_once(|| {
                    tracing::warn!("X-Forwarded-For ignored: the proxy is not in ZAVA_TRUSTED_PROXY, so all clients behind it share one address");
                });
            }
            self.proxies.client_address(peer, headers)
        });
        // The trace of the request's span, if there is one.
        let trace_id = request.extensions().get().copied();
        let trace_id = trace_id.unwrap_or_else(|| {
            let traceparent = headers.get("traceparent");
            TraceId::from_traceparent(traceparent.and_then(|value| value.to_str().ok()))
        });
        RequestContext {
            source: Source::new(client, credentials.credential()),
            trace_id,
        }
    }

    /// Charges a rejected request that was not charged to its source when it arrived.
    fn charge(&self, failure: &AuthFailure, context: &RequestContext) -> Result<(), RateExceeded> {
        let (charged, reason) = match &failure.principal {
            Some(principal) => (
                self.rate_limiters.check_principal(principal).map(drop),
                PRINCIPAL_RATE_EXCEEDED,
            ),
            None => (
                self.rate_limiters.check_address(context.source),
                ADDRESS_RATE_EXCEEDED,
            ),
        };
        charged.inspect_err(|_| {
            self.audit_log.record(Event {
                principal: failure.principal.clone(),
                ..context.rejected(EventKind::Request, reason)
            });
        })
    }

    /// Authenticates the caller: from the cache if possible, else by a lookup, which needs a permit
    /// and a source without too many failures.
    async fn authenticate(
        &self,
        credentials: &Credentials<'_>,
        context: &RequestContext,
    ) -> Result<Caller, AdmissionError> {
        let source = context.source;
        let failure = match self
            .identity
            .authenticate(credentials, Lookup::CacheOnly)
            .await
        {
            Ok(caller) => return Ok(caller),
            Err(AuthFailure {
                error: AuthError::NotCached,
                ..
            }) => {
                let permits = self.rate_limiters.lookup_permits(source);
                // The semaphore is never closed.
                let Ok(_permit) = timeout(LOOKUP_QUEUE_TIMEOUT, permits.acquire()).await else {
                    return Err(AdmissionError::TooManyLookups);
                };
                if let Some(exceeded) = self.rate_limiters.throttled(source) {
                    return Err(AdmissionError::Throttled(exceeded, None));
                }
                let attempt = LookupAttempt {
                    admission: self,
                    context,
                    is_finished: false,
                };
                let looked_up = self.identity.authenticate(credentials, Lookup::Query).await;
                attempt.finish();
                match looked_up {
                    Ok(caller) => return Ok(caller),
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        if failure.error.is_failed_attempt() {
            if let Some(exceeded) = self.rate_limiters.throttled(source) {
                return Err(AdmissionError::Throttled(exceeded, failure.principal));
            }
            self.rate_limiters.record_failure(source);
        }
        Err(AdmissionError::Auth(failure))
    }

    /// Records a failure in the audit log. An outage is also logged with its causes, for the
    /// operator.
    fn record_auth_failure(&self, failure: &AuthFailure, context: &RequestContext) {
        let AuthFailure { error, principal } = failure;
        if error.is_outage() {
            tracing::warn!(error = error as &dyn Error, "caller verification failed");
        }
        let event = Event {
            principal: principal.clone(),
            ..context.rejected(EventKind::Authentication, error.reason())
        };
        self.audit_log.record(event.failed_if(error.is_outage()));
    }
}

/// Where a request comes from, and the trace that it belongs to.
struct RequestContext {
    source: Source,
    trace_id: TraceId,
}

impl RequestContext {
    /// The audit event for rejecting the request.
    fn rejected(&self, kind: EventKind, reason: impl Into<Cow<'static, str>>) -> Event {
        Event::refused(kind, reason, self.source.address(), self.trace_id)
    }
}

/// A lookup in progress. A client that disconnects before its end counts as failed; otherwise
/// disconnecting early would avoid throttling.
struct LookupAttempt<'a> {
    admission: &'a Admission,
    context: &'a RequestContext,
    is_finished: bool,
}

impl LookupAttempt<'_> {
    fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for LookupAttempt<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        self.admission
            .rate_limiters
            .record_failure(self.context.source);
        self.admission.audit_log.record(
            self.context
                .rejected(EventKind::Authentication, "client disconnected"),
        );
    }
}

/// Why a request has no caller.
enum AdmissionError {
    Auth(AuthFailure),
    /// The source has failed too often. The principal, if the credential proved one.
    Throttled(RateExceeded, Option<Principal>),
    /// Too many requests of the source wait for a lookup.
    TooManyLookups,
}

fn peer_address(request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map(|peer| peer.0.ip())
}

fn credentials(headers: &HeaderMap, peer: Option<IpAddr>) -> Credentials<'_> {
    let single =
        |name| SingleHeader::from_values(headers.get_all(name).iter().map(HeaderValue::as_bytes));
    Credentials {
        authorization: single(header::AUTHORIZATION),
        tenant: single(TENANT),
        easyauth_principal: single(PRINCIPAL),
        easyauth_provider: single(PRINCIPAL_PROVIDER),
        easyauth_id: single(PRINCIPAL_ID),
        peer,
    }
}
