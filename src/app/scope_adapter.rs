//! Implements by means of [`Scope`] what other modules need of the database, so that they need not
//! know it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::host::{DatabaseServerStatus, Readiness};
use crate::identity::{
    ApiKey, ApiKeyState, Claims, Entitlement, StoreUnavailable, TenantId, TenantStore,
};
use crate::query::scope::{Finding, PostureReport, Scope, ScopeError, ServerStatus};
use crate::telemetry::ServerMetrics;
use crate::telemetry::audit::{AuditStore, AuditUnavailable, ChainHead};

/// A larger clock skew between this server and the database is reported. Beyond 30 s no signed
/// context is valid.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Checks that the database answers this server and accepts its signatures. Returns a lower bound
/// of their clock skew.
pub(super) async fn check_database(scope: &Scope) -> Result<Duration, ScopeError> {
    // Any tenant shows whether the database accepts this server's signature.
    scope.tenant_exists(TenantId::HEAD_OFFICE).await?;
    scope.clock_skew().await
}

/// The database, as other modules see it.
#[derive(Clone)]
pub(super) struct ScopeAdapter(pub(super) Arc<Scope>);

impl TenantStore for ScopeAdapter {
    fn tenant_exists(&self, tenant: TenantId) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        async move {
            self.0
                .tenant_exists(tenant)
                .await
                .map_err(store_unavailable)
        }
        .boxed()
    }

    fn entitlements<'a>(
        &'a self,
        claims: &'a Claims,
    ) -> BoxFuture<'a, Result<Vec<Entitlement>, StoreUnavailable>> {
        async move { self.0.entitlements(claims).await.map_err(store_unavailable) }.boxed()
    }

    fn api_key<'a>(
        &'a self,
        key: &'a ApiKey,
    ) -> BoxFuture<'a, Result<Option<ApiKeyState>, StoreUnavailable>> {
        async move { self.0.api_key(key).await.map_err(store_unavailable) }.boxed()
    }
}

fn store_unavailable(error: ScopeError) -> StoreUnavailable {
    tracing::warn!(
        error = &error as &dyn std::error::Error,
        "caller lookup failed"
    );
    match error {
        ScopeError::Misconfigured(_) | ScopeError::Posture(_) => StoreUnavailable::Misconfigured,
        ScopeError::Database(_)
        | ScopeError::ErrorTooLong
        | ScopeError::VersionTooOld { .. }
        | ScopeError::TimedOut(_)
        | ScopeError::UnknownTenant
        | ScopeError::PlanRefused
        | ScopeError::Busy
        | ScopeError::Stopping
        | ScopeError::Unavailable(_) => StoreUnavailable::Unreachable,
    }
}

impl AuditStore for ScopeAdapter {
    fn append<'a>(
        &'a self,
        records: &'a str,
    ) -> BoxFuture<'a, Result<ChainHead, AuditUnavailable>> {
        async move {
            self.0.record(records).await.map_err(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "audit append failed; will retry");
                AuditUnavailable
            })
        }
        .boxed()
    }
}

impl Readiness for ScopeAdapter {
    fn posture_findings(&self) -> BoxFuture<'_, Option<Vec<String>>> {
        async move {
            match self.0.examine().await {
                Ok(PostureReport { findings, .. }) => {
                    let describe =
                        |finding: &Finding| format!("{} {}", finding.object, finding.problem);
                    Some(findings.iter().map(describe).collect())
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "posture examination failed");
                    None
                }
            }
        }
        .boxed()
    }

    fn connection_counts(&self) -> (usize, usize) {
        self.0.connections()
    }

    fn database_servers(&self) -> BoxFuture<'_, Vec<DatabaseServerStatus>> {
        async move {
            let statuses = self.0.server_statuses().await.into_iter();
            statuses.map(database_server_status).collect()
        }
        .boxed()
    }

    fn is_database_ready(&self) -> BoxFuture<'_, bool> {
        async move {
            match check_database(&self.0).await {
                Ok(skew) => {
                    if skew > MAX_CLOCK_SKEW {
                        tracing::warn!(
                            seconds = skew.as_secs_f32(),
                            "clock skew between this server and the database; synchronize both"
                        );
                    }
                    true
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "database does not answer"
                    );
                    false
                }
            }
        }
        .boxed()
    }
}

/// What metrics show of the database, as long as the server serves.
pub(super) struct ObservedScope(pub(super) Weak<Scope>);

impl ServerMetrics for ObservedScope {
    fn connection_counts(&self) -> (usize, usize) {
        self.0.upgrade().map_or((0, 0), |scope| scope.connections())
    }

    fn posture_findings(&self) -> usize {
        self.0.upgrade().map_or(0, |scope| scope.finding_count())
    }
}

fn database_server_status(status: ServerStatus) -> DatabaseServerStatus {
    DatabaseServerStatus {
        role: if status.is_primary {
            "primary"
        } else {
            "replica"
        },
        state: status.state.as_str(),
        lag_seconds: status.lag.map(|lag| lag.as_secs_f64()),
        clock_skew_seconds: status.clock_skew.map(|skew| skew.as_secs_f64()),
        open: status.open,
        idle: status.idle,
        server: status.name,
    }
}
