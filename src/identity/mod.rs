//! Authentication and authorization: who sent a request, and for which tenant it may run.
//!
//! A request is authenticated by an access token of Entra ID, by an API key, or by a
//! platform-asserted identity (Easy Auth). What its sender may query is an entitlement; the header
//! `x-rls-user-id` chooses among several. Only in the mode `header`, for development and behind
//! trusted gateways, is that header trusted without authentication.
//! Must not know HTTP statuses, MCP or SQL.
//!
//! Invariants:
//! - a [`Caller`] speaks for a tenant that the database knows and that the caller is entitled to;
//! - the default is to reject: without a credential there is no caller, without an entitlement
//!   there is no tenant;
//! - of several credentials one takes precedence, and if it is invalid, no other one is tried.
mod api_key; // credentials of machines
mod authenticator; // credentials, and what is cached about them
mod caller; // an authorized sender: principal, tenant, role, scopes
mod credentials; // the unverified headers that identify a request's sender
mod easyauth; // the identity that App Service's authentication asserts
mod entitlement; // which tenants a sender may query
mod entra; // access tokens
mod error; // why a request is rejected
mod tenant; // a tenant's id
mod tenant_store; // what the rest needs of the database

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::http_client::HttpClientError;
use crate::settings::{AuthSettings, HttpsSettings, TrustedPeers};

pub use api_key::{ApiKey, ApiKeyError, ApiKeyState, NewApiKey};
pub use caller::{Caller, OAuthScope, OAuthScopes, ParsePrincipalError, Principal, Role};
pub use credentials::{Credentials, SingleHeader};
pub use easyauth::EasyAuthError;
pub use entitlement::{Claims, Entitlement};
pub use entra::{IssuerError, TokenError};
pub use error::{AuthError, AuthFailure, InvalidCredential, RequiredCredential, StoreUnavailable};
pub use tenant::{ParseTenantIdError, TenantId};
pub use tenant_store::{Lookup, TenantStore};

use authenticator::Authenticator;

/// The header that names the tenant.
pub const TENANT_HEADER: &str = "x-rls-user-id";

/// How long the tenant store's answers about tenants, keys and entitlements are cached. A
/// revocation takes effect within this time.
const CACHE_TTL: Duration = Duration::from_secs(15);

/// How long an accepted token, key or tenant counts as known good. Meanwhile other clients at the
/// same address cannot lock its holder out.
const KNOWN_GOOD_TTL: Duration = Duration::from_secs(3600);

/// The maximum number of entries in each cache of tenants, keys or tokens.
const MAX_CACHE_ENTRIES: u32 = 10_000;

/// Turns a request's [`Credentials`] into a [`Caller`].
pub struct Identity {
    store: Arc<dyn TenantStore>,
    mode: AuthMode,
    /// The existing tenants that senders have named, with the principals for them.
    asserted_tenants: Cache<TenantId, Principal>,
    known_good_tenants: Cache<TenantId, ()>,
}

/// How requests are authenticated, with everything that takes.
enum AuthMode {
    /// By the peer's address alone: a trusted peer names the tenant in a header.
    TrustedHeader(TrustedPeers),
    Credential(Box<Authenticator>),
}

impl Identity {
    /// Authentication as the settings configure it. Connects to nothing.
    ///
    /// # Errors
    /// When the HTTP client that fetches an issuer's keys cannot be created.
    pub fn new(
        store: Arc<dyn TenantStore>,
        auth: AuthSettings,
        https: &HttpsSettings,
    ) -> Result<Self, HttpClientError> {
        let mode = match auth {
            AuthSettings::Header(peers) => AuthMode::TrustedHeader(peers),
            AuthSettings::Credentials(settings) => {
                let authenticator = Authenticator::new(Arc::clone(&store), settings, https)?;
                AuthMode::Credential(Box::new(authenticator))
            }
        };
        Ok(Self {
            store,
            mode,
            asserted_tenants: Cache::with_entries(MAX_CACHE_ENTRIES).expiring_after(CACHE_TTL),
            known_good_tenants: Cache::with_entries(MAX_CACHE_ENTRIES)
                .expiring_after(KNOWN_GOOD_TTL),
        })
    }

    /// Authenticates the sender of a request and authorizes them for one tenant.
    ///
    /// # Errors
    /// [`AuthFailure`]; with [`AuthError::NotCached`] only for [`Lookup::CacheOnly`].
    ///
    /// # Cancel safety
    /// Safe: a dropped call leaves the caches consistent. A fetch of an issuer's keys that it has
    /// started goes on.
    pub async fn authenticate(
        &self,
        credentials: &Credentials<'_>,
        lookup: Lookup,
    ) -> Result<Caller, AuthFailure> {
        match &self.mode {
            AuthMode::TrustedHeader(peers) => {
                if !credentials.peer.is_some_and(|peer| peers.contains(peer)) {
                    return Err(AuthError::Missing(RequiredCredential::Gateway).into());
                }
                let tenant = parse_tenant(credentials.tenant)?;
                let tenant = tenant.ok_or(AuthError::Missing(RequiredCredential::Tenant))?;
                Ok(self.authorize_asserted_tenant(tenant, lookup).await?)
            }
            AuthMode::Credential(authenticator) => {
                let authenticated = authenticator.authenticate(credentials, lookup).await?;
                let requested = parse_tenant(credentials.tenant)?;
                let claims = &authenticated.claims;
                let entitlements = authenticator.entitlements(claims).await?;
                let principal = authenticated.principal.clone();
                authenticated
                    .into_caller(&entitlements, requested)
                    .map_err(|error| AuthFailure {
                        error: error.into(),
                        principal: Some(principal),
                    })
            }
        }
    }

    /// Whether the sender was authenticated within the last hour, or is asserted by the platform.
    /// Answered from memory, without verification: [`Self::authenticate`] decides whether the
    /// sender is still valid.
    #[must_use]
    pub fn is_known_good(&self, credentials: &Credentials<'_>) -> bool {
        match &self.mode {
            AuthMode::TrustedHeader(peers) => {
                credentials.peer.is_some_and(|peer| peers.contains(peer))
                    && parse_tenant(credentials.tenant).is_ok_and(|tenant| {
                        tenant.is_some_and(|tenant| self.known_good_tenants.contains(&tenant))
                    })
            }
            AuthMode::Credential(authenticator) => authenticator.is_known_good(credentials),
        }
    }

    /// The caller for a tenant that is named by the server's own settings or by a trusted peer,
    /// without authentication.
    ///
    /// # Errors
    /// [`AuthError::NotEntitled`] and [`AuthError::Unavailable`].
    pub async fn caller_for_tenant(&self, tenant: TenantId) -> Result<Caller, AuthError> {
        self.authorize_asserted_tenant(tenant, Lookup::Query).await
    }

    /// Removes a tenant from the caches, so that the store is queried when it is named again.
    pub fn invalidate_tenant(&self, tenant: TenantId) {
        self.asserted_tenants.remove(&tenant);
        self.known_good_tenants.remove(&tenant);
    }

    async fn authorize_asserted_tenant(
        &self,
        tenant: TenantId,
        lookup: Lookup,
    ) -> Result<Caller, AuthError> {
        if let Some(principal) = self.asserted_tenants.get(&tenant) {
            return Ok(Caller::from_asserted_tenant(principal, tenant));
        }
        if !self.known_good_tenants.contains(&tenant) {
            lookup.require_query()?;
        }
        if !self.store.tenant_exists(tenant).await? {
            return Err(AuthError::NotEntitled);
        }
        let principal = Principal::from_asserted_tenant(tenant);
        self.asserted_tenants.insert(tenant, principal.clone());
        self.known_good_tenants.insert(tenant, ());
        Ok(Caller::from_asserted_tenant(principal, tenant))
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// The tenant that the header names; `None` without the header.
fn parse_tenant(header: SingleHeader<'_>) -> Result<Option<TenantId>, ParseTenantIdError> {
    match header {
        SingleHeader::Missing => Ok(None),
        SingleHeader::One(value) => TenantId::try_from(value).map(Some),
        SingleHeader::Duplicate => Err(ParseTenantIdError),
    }
}

#[cfg(test)]
mod tests;
