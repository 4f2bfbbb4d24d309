use std::future::ready;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use zava_mcp_server::azure::AzureServices;
use zava_mcp_server::identity::{
    ApiKey, ApiKeyState, Caller, Claims, Entitlement, Identity, StoreUnavailable, TenantId,
    TenantStore,
};
use zava_mcp_server::query::guard::CheckedQuery;
use zava_mcp_server::query::rows::{Collector, RowLimits};
use zava_mcp_server::query::scope::{DatabaseSettings, Scope, ScopeError};
use zava_mcp_server::settings::{AuthSettings, HttpsSettings, ServeSettings, TrustedPeers};

/// A scope that runs statements without the guard.
#[expect(clippy::disallowed_methods, reason = "the tests hand the clock in")]
pub(crate) fn scope(settings: &ServeSettings) -> Scope {
    scope_with_clock(settings, SystemTime::now)
}

/// The same with another clock.
pub(crate) fn scope_with_clock(settings: &ServeSettings, clock: fn() -> SystemTime) -> Scope {
    let azure = AzureServices::new(settings.azure.as_ref(), &settings.https).expect("a client");
    Scope::new(
        DatabaseSettings {
            primary: settings.database.clone(),
            replicas: settings.replicas.clone(),
            user: settings.login.user.clone(),
            accepted_findings: settings.accepted_findings.clone(),
        },
        azure.password(&settings.login.method),
        azure.signing_key(&settings.signing_key),
        &settings.limits,
        clock,
    )
    .expect("a scope")
}

/// Runs a statement that the guard has not checked; returns the rows in JSON.
pub(crate) async fn run_unguarded(
    scope: &Scope,
    caller: &Caller,
    sql: &'static str,
) -> Result<String, ScopeError> {
    let mut rows = Collector::new(RowLimits {
        rows: 10.try_into().expect("not zero"),
        bytes: 1000.try_into().expect("not zero"),
        cell_bytes: 1000.try_into().expect("not zero"),
        counted_rows: 0,
    });
    let max_rows = 10.try_into().expect("not zero");
    scope
        .run(
            caller,
            &CheckedQuery::literal(sql),
            &[],
            max_rows,
            &mut rows,
        )
        .await?;
    Ok(rows.finish().expect("few columns").rows)
}

/// A caller as the identity check creates it, from a tenant store that knows every tenant.
pub(crate) async fn caller(tenant: &str) -> Caller {
    struct AnyTenant;
    impl TenantStore for AnyTenant {
        fn tenant_exists(&self, _: TenantId) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
            Box::pin(ready(Ok(true)))
        }

        fn entitlements<'a>(
            &'a self,
            _: &'a Claims,
        ) -> BoxFuture<'a, Result<Vec<Entitlement>, StoreUnavailable>> {
            Box::pin(ready(Ok(Vec::new())))
        }

        fn api_key<'a>(
            &'a self,
            _: &'a ApiKey,
        ) -> BoxFuture<'a, Result<Option<ApiKeyState>, StoreUnavailable>> {
            Box::pin(ready(Ok(None)))
        }
    }
    let tenant = TenantId::try_from(tenant.as_bytes()).expect("a tenant id");
    Identity::new(
        Arc::new(AnyTenant),
        AuthSettings::Header(TrustedPeers::Loopback),
        &HttpsSettings::default(),
    )
    .expect("an identity check")
    .caller_for_tenant(tenant)
    .await
    .expect("a caller")
}
