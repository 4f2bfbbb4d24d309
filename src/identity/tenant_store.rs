//! What the rest of the module needs of the database.

use futures_util::future::BoxFuture;

use super::error::{AuthError, StoreUnavailable};
use super::{ApiKey, ApiKeyState, Claims, Entitlement, TenantId};

/// What the database knows about tenants and callers.
pub trait TenantStore: Send + Sync {
    /// Whether a tenant exists.
    fn tenant_exists(&self, tenant: TenantId) -> BoxFuture<'_, Result<bool, StoreUnavailable>>;

    /// The tenants that a caller with these claims may query.
    fn entitlements<'a>(
        &'a self,
        claims: &'a Claims,
    ) -> BoxFuture<'a, Result<Vec<Entitlement>, StoreUnavailable>>;

    /// The state of a key; `None` if no key has its id and secret.
    fn api_key<'a>(
        &'a self,
        key: &'a ApiKey,
    ) -> BoxFuture<'a, Result<Option<ApiKeyState>, StoreUnavailable>>;
}

/// Whether the tenant store may be queried about values that anybody can invent: an API key, or a
/// tenant that a sender only names. Known good values may always be looked up, and so may the
/// entitlements of an authenticated sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The store may be queried.
    Query,
    /// Only cached answers may be used.
    CacheOnly,
}

impl Lookup {
    /// Fails unless the store may be queried.
    pub(super) fn require_query(self) -> Result<(), AuthError> {
        match self {
            Self::Query => Ok(()),
            Self::CacheOnly => Err(AuthError::NotCached),
        }
    }
}
