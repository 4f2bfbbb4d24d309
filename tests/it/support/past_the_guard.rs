use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use zava_mcp_server::identity::{
    Caller, DirectoryUnavailable, Identity, TenantDirectory, TenantId,
};
use zava_mcp_server::query::scope::Scope;
use zava_mcp_server::settings::ServeSettings;

/// A caller as the identity check makes it, over a directory that knows everybody.
pub(crate) async fn caller(tenant: &str) -> Caller {
    struct Everybody;
    impl TenantDirectory for Everybody {
        fn knows(&self, _: TenantId) -> BoxFuture<'_, Result<bool, DirectoryUnavailable>> {
            Box::pin(std::future::ready(Ok(true)))
        }
    }
    Identity::new(Arc::new(Everybody))
        .by_header([tenant.as_bytes()])
        .await
        .expect("a caller")
}

/// The way to the rows, for statements that no guard has seen.
pub(crate) fn scope(settings: &ServeSettings) -> Scope {
    #[expect(clippy::disallowed_methods, reason = "the tests hand the clock in")]
    let clock = SystemTime::now;
    Scope::new(
        settings.database.clone(),
        settings.login.clone(),
        settings.signing_key.clone(),
        &settings.limits,
        clock,
    )
    .expect("a scope")
}
