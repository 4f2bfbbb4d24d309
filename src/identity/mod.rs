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
//!   there
//!   is no tenant;
//! - of several credentials one takes precedence, and if it is invalid, no other one is tried.
mod api_key; //     credentials of machines
mod caller; //      an authorized sender: principal, tenant, role, scopes
mod credentials; // the unverified headers that identify a request's sender
mod easyauth; //    the identity that App Service's authentication asserts
mod entitlement; // which tenants a sender may query
mod entra; //       access tokens
mod error; //       why a request is rejected
mod tenant; //      a tenant's id

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::cache::Cache;
use crate::settings::{AuthSettings, ProofSettings, TrustedPeers};

pub use api_key::{ApiKey, ApiKeyError, ApiKeyState, NewApiKey};
pub use caller::{Caller, OAuthScope, OAuthScopes, ParsePrincipalError, Principal, Role};
pub use credentials::{Credentials, SingleHeader};
pub use easyauth::EasyAuthError;
pub use entitlement::{Claims, Entitlement};
pub use entra::{IssuerError, TokenError};
pub use error::{AuthError, AuthFailure, InvalidCredential, RequiredCredential, StoreUnavailable};
pub use tenant::{ParseTenantIdError, TenantId};

use entitlement::Authenticated;
use entra::Entra;

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

/// The maximum size of the cached claims and their entitlements, in bytes.
const MAX_ENTITLEMENT_CACHE_BYTES: u64 = 4 << 20;

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

/// The accepted kinds of credentials, and what is cached about them.
struct Authenticator {
    entra: Option<Entra>,
    /// The Entra tenants whose callers Easy Auth may assert; `None` where it is off.
    easyauth: Option<Vec<Uuid>>,
    accepts_api_keys: bool,
    key_states: Cache<ApiKey, ApiKeyState>,
    known_good_keys: Cache<ApiKey, ()>,
    /// By the tokens' SHA-256.
    known_good_tokens: Cache<[u8; 32], ()>,
    entitlements: Cache<Claims, Arc<[Entitlement]>>,
}

impl Authenticator {
    fn new(settings: ProofSettings) -> Result<Self, reqwest::Error> {
        // Bounded by bytes, because the claims of a caller with many groups are long.
        let weight = |claims: &Claims, entitlements: &Arc<[Entitlement]>| {
            (claims.bytes() + size_of_val(&**entitlements)) as u64
        };
        Ok(Self {
            entra: settings.entra.as_ref().map(Entra::new).transpose()?,
            easyauth: settings.easyauth,
            accepts_api_keys: settings.api_keys,
            key_states: Cache::with_entries(MAX_CACHE_ENTRIES).expiring_after(CACHE_TTL),
            known_good_keys: Cache::with_entries(MAX_CACHE_ENTRIES).expiring_after(KNOWN_GOOD_TTL),
            known_good_tokens: Cache::with_entries(MAX_CACHE_ENTRIES)
                .expiring_after(KNOWN_GOOD_TTL),
            entitlements: Cache::with_bytes(MAX_ENTITLEMENT_CACHE_BYTES, weight)
                .expiring_after(CACHE_TTL),
        })
    }

    /// Whether `Authorization` may carry a credential.
    fn accepts_bearer(&self) -> bool {
        self.entra.is_some() || self.accepts_api_keys
    }
}

impl Identity {
    /// Authentication as the settings configure it. Connects to nothing.
    ///
    /// # Errors
    /// When the HTTP client that fetches an issuer's keys cannot be created.
    pub fn new(store: Arc<dyn TenantStore>, auth: AuthSettings) -> Result<Self, reqwest::Error> {
        let mode = match auth {
            AuthSettings::Header(peers) => AuthMode::TrustedHeader(peers),
            AuthSettings::Proof(settings) => {
                AuthMode::Credential(Box::new(Authenticator::new(settings)?))
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
                if !credentials.peer.is_some_and(|peer| peers.include(peer)) {
                    return Err(AuthError::Missing(RequiredCredential::Gateway).into());
                }
                let tenant = parse_tenant(credentials.tenant)?;
                let tenant = tenant.ok_or(AuthError::Missing(RequiredCredential::Tenant))?;
                Ok(self.authorize_asserted_tenant(tenant, lookup).await?)
            }
            AuthMode::Credential(authenticator) => {
                let authenticated = self
                    .authenticate_sender(credentials, authenticator, lookup)
                    .await?;
                let requested = parse_tenant(credentials.tenant)?;
                let claims = &authenticated.claims;
                let entitlements = self.entitlements(claims, authenticator).await?;
                let principal = authenticated.principal.clone();
                authenticated
                    .into_caller(&entitlements, requested)
                    .map_err(|error| AuthFailure {
                        error,
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
                credentials.peer.is_some_and(|peer| peers.include(peer))
                    && parse_tenant(credentials.tenant).is_ok_and(|tenant| {
                        tenant.is_some_and(|tenant| self.known_good_tenants.contains(&tenant))
                    })
            }
            AuthMode::Credential(authenticator) => match parse_bearer(credentials.authorization) {
                Ok(Some(token)) if authenticator.accepts_bearer() => match ApiKey::parse(token) {
                    Some(key) if authenticator.accepts_api_keys => {
                        key.is_ok_and(|key| authenticator.known_good_keys.contains(&key))
                    }
                    _ => authenticator.known_good_tokens.contains(&digest(token)),
                },
                Ok(_) => {
                    authenticator.easyauth.is_some()
                        && credentials.easyauth_principal != SingleHeader::Missing
                }
                Err(_) => false,
            },
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

    /// Authenticates the sender of a request. `Authorization` takes precedence over the
    /// platform-asserted identity, because it is verified here.
    async fn authenticate_sender(
        &self,
        credentials: &Credentials<'_>,
        authenticator: &Authenticator,
        lookup: Lookup,
    ) -> Result<Authenticated, AuthFailure> {
        if authenticator.accepts_bearer()
            && let Some(token) = parse_bearer(credentials.authorization)?
        {
            match (ApiKey::parse(token), &authenticator.entra) {
                (Some(key), _) if authenticator.accepts_api_keys => {
                    let key = key.map_err(InvalidCredential::from)?;
                    return self.authenticate_key(key, authenticator, lookup).await;
                }
                (_, Some(entra)) => {
                    let authenticated = entra.authenticate(token).await?;
                    let digest = digest(token);
                    if !authenticator.known_good_tokens.contains(&digest) {
                        authenticator.known_good_tokens.insert(digest, ());
                    }
                    return Ok(authenticated);
                }
                // App Service's authentication leaves the token that it has verified in the
                // request.
                (_, None) if credentials.easyauth_principal != SingleHeader::Missing => {}
                (_, None) => return Err(invalid(ApiKeyError::Malformed).into()),
            }
        }
        let directories = authenticator.easyauth.as_deref();
        directories
            .map(|directories| easyauth::authenticate(credentials, directories))
            .transpose()
            .map_err(InvalidCredential::from)?
            .flatten()
            .ok_or(AuthError::Missing(RequiredCredential::Bearer).into())
    }

    async fn authenticate_key(
        &self,
        key: ApiKey,
        authenticator: &Authenticator,
        lookup: Lookup,
    ) -> Result<Authenticated, AuthFailure> {
        let state = match authenticator.key_states.get(&key) {
            Some(state) => state,
            None => {
                if !authenticator.known_good_keys.contains(&key) {
                    lookup.require_query()?;
                }
                let state = self.store.api_key(&key).await?;
                let state = state.ok_or_else(|| invalid(ApiKeyError::Unknown))?;
                authenticator.key_states.insert(key.clone(), state);
                if state == ApiKeyState::Valid {
                    authenticator.known_good_keys.insert(key.clone(), ());
                }
                state
            }
        };
        let rejected = |error| AuthFailure {
            error: invalid(error),
            principal: Some(Principal::from_api_key(&key)),
        };
        match state {
            ApiKeyState::Valid => Ok(Authenticated::from_api_key(&key)),
            ApiKeyState::Expired => Err(rejected(ApiKeyError::Expired)),
            ApiKeyState::Revoked => Err(rejected(ApiKeyError::Revoked)),
        }
    }

    async fn entitlements(
        &self,
        claims: &Claims,
        authenticator: &Authenticator,
    ) -> Result<Arc<[Entitlement]>, AuthError> {
        if let Some(entitlements) = authenticator.entitlements.get(claims) {
            return Ok(entitlements);
        }
        let entitlements: Arc<[Entitlement]> = self.store.entitlements(claims).await?.into();
        authenticator
            .entitlements
            .insert(claims.clone(), Arc::clone(&entitlements));
        Ok(entitlements)
    }
}

impl Lookup {
    /// Fails unless the store may be queried.
    fn require_query(self) -> Result<(), AuthError> {
        match self {
            Self::Query => Ok(()),
            Self::CacheOnly => Err(AuthError::NotCached),
        }
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn invalid(error: impl Into<InvalidCredential>) -> AuthError {
    AuthError::InvalidCredential(error.into())
}

/// The tenant that the header names; `None` without the header.
fn parse_tenant(header: SingleHeader<'_>) -> Result<Option<TenantId>, ParseTenantIdError> {
    match header {
        SingleHeader::Missing => Ok(None),
        SingleHeader::One(value) => TenantId::try_from(value).map(Some),
        SingleHeader::Duplicate => Err(ParseTenantIdError),
    }
}

/// The token of `Authorization: Bearer` (RFC 6750, section 2.1); `None` without the header.
fn parse_bearer(header: SingleHeader<'_>) -> Result<Option<&str>, InvalidCredential> {
    let value = match header {
        SingleHeader::Missing => return Ok(None),
        SingleHeader::One(value) => {
            std::str::from_utf8(value).map_err(|_| InvalidCredential::Authorization)?
        }
        SingleHeader::Duplicate => return Err(InvalidCredential::Authorization),
    };
    let (scheme, token) = value
        .split_once(' ')
        .ok_or(InvalidCredential::Authorization)?;
    let token = token.trim_start_matches(' ');
    let is_one_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("Bearer") && is_one_token)
        .then_some(Some(token))
        .ok_or(InvalidCredential::Authorization)
}

#[cfg(test)]
mod tests;
