//! Who is calling, and for which tenant.
//!
//! A request proves who sent it by an access token of Entra ID, by an API key, or by the word of the platform in front; what they
//! may ask for is an entitlement, and the `x-rls-user-id` header chooses among several. Only in the mode `header`, for
//! development and behind trusted gateways, is the header believed as it stands.
//! Refuse by default: no proof, no caller; no entitlement, no tenant. Of several proofs one counts, and if it is wrong, no other
//! is looked at. Must not know HTTP statuses, MCP or SQL. Invariant: a [`Caller`] speaks for a tenant that the database knows and
//! that the caller may ask for.
mod api_key; // keys of machines
mod caller; // who asks, for whom, and what they may
mod credentials; // what a request says about its sender
mod easyauth; // the word of App Service's authentication
mod entitlement; // which tenants somebody may ask for
mod entra; // access tokens
mod error; // why there is no caller
mod tenant; // a tenant's id

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::cache::Cache;
use crate::settings::{AuthSettings, ProofSettings, TrustedPeers};

pub use api_key::{ApiKey, ApiKeyError, ApiKeyState, NewApiKey};
pub use caller::{Caller, MalformedPrincipal, OAuthScope, OAuthScopes, Principal, Role};
pub use credentials::{Credentials, SingleHeader};
pub use easyauth::EasyAuthError;
pub use entitlement::{Claims, Entitlement};
pub use entra::{IssuerError, TokenError};
pub use error::{AuthError, AuthFailure, InvalidCredential, RequiredCredential, StoreUnavailable};
pub use tenant::{MalformedTenant, TenantId};

use entitlement::Authenticated;
use entra::Entra;

/// The header that names the tenant.
pub const TENANT_HEADER: &str = "x-rls-user-id";

/// How long what the database says of a tenant, of a key and of somebody's entitlements is believed. Revoking takes as long.
const BELIEVED_FOR: Duration = Duration::from_secs(15);

/// How long it is remembered that a key or a tenant was good: so long its holder is not kept out by what others do.
const GOOD_FOR: Duration = Duration::from_secs(3600);

/// The most answers about tenants and keys that are remembered at once, and the most bytes of claims.
const MOST_REMEMBERED: u32 = 10_000;
const MOST_BYTES_REMEMBERED: u64 = 4 << 20;

/// What the database knows of tenants and callers.
pub trait TenantStore: Send + Sync {
    /// Whether a tenant exists.
    fn tenant_exists(&self, tenant: TenantId) -> BoxFuture<'_, Result<bool, StoreUnavailable>>;

    /// The tenants that somebody may ask for.
    fn entitlements<'a>(
        &'a self,
        claims: &'a Claims,
    ) -> BoxFuture<'a, Result<Vec<Entitlement>, StoreUnavailable>>;

    /// What stands of a key; `None` if there is none of its id and secret.
    fn api_key<'a>(
        &'a self,
        key: &'a ApiKey,
    ) -> BoxFuture<'a, Result<Option<ApiKeyState>, StoreUnavailable>>;
}

/// Whether the database may be asked about what anybody can make up: a key, or a tenant that is only named. What was good within
/// the last hour may always be asked about, and so may what somebody is entitled to who has proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The database may be queried.
    Query,
    /// Only what is cached counts.
    CacheOnly,
}

/// Turns what a request says about itself into a [`Caller`].
pub struct Identity {
    directory: Arc<dyn TenantStore>,
    modes: Modes,
    known: Cache<TenantId, Principal>,
    good_tenants: Cache<TenantId, ()>,
}

/// The modes, ready to be used.
enum Modes {
    Header(TrustedPeers),
    Proof(Box<Proofs>),
}

struct Proofs {
    entra: Option<Entra>,
    easyauth: Option<Vec<Uuid>>,
    api_keys: bool,
    keys: Cache<ApiKey, ApiKeyState>,
    good_keys: Cache<ApiKey, ()>,
    /// By their SHA-256.
    good_tokens: Cache<[u8; 32], ()>,
    entitlements: Cache<Claims, Arc<[Entitlement]>>,
}

impl Proofs {
    fn new(settings: ProofSettings) -> Result<Self, reqwest::Error> {
        // Somebody with many groups has long claims.
        let weight = |claims: &Claims, entitlements: &Arc<[Entitlement]>| {
            (claims.bytes() + size_of_val(&**entitlements)) as u64
        };
        Ok(Self {
            entra: settings.entra.as_ref().map(Entra::new).transpose()?,
            easyauth: settings.easyauth,
            api_keys: settings.api_keys,
            keys: Cache::with_entries(MOST_REMEMBERED).expiring_after(BELIEVED_FOR),
            good_keys: Cache::with_entries(MOST_REMEMBERED).expiring_after(GOOD_FOR),
            good_tokens: Cache::with_entries(MOST_REMEMBERED).expiring_after(GOOD_FOR),
            entitlements: Cache::with_bytes(MOST_BYTES_REMEMBERED, weight)
                .expiring_after(BELIEVED_FOR),
        })
    }
}

impl Identity {
    /// An identity check in the modes of the settings. Connects to nothing.
    ///
    /// # Errors
    /// When the HTTP client that fetches an issuer's keys cannot be made.
    pub fn new(
        directory: Arc<dyn TenantStore>,
        auth: AuthSettings,
    ) -> Result<Self, reqwest::Error> {
        let modes = match auth {
            AuthSettings::Header(peers) => Modes::Header(peers),
            AuthSettings::Proof(settings) => Modes::Proof(Box::new(Proofs::new(settings)?)),
        };
        Ok(Self {
            directory,
            modes,
            known: Cache::with_entries(MOST_REMEMBERED).expiring_after(BELIEVED_FOR),
            good_tenants: Cache::with_entries(MOST_REMEMBERED).expiring_after(GOOD_FOR),
        })
    }

    /// The caller behind a request.
    ///
    /// # Errors
    /// [`AuthFailure`]; with [`AuthError::NotCached`] only where look-ups are not allowed.
    ///
    /// # Cancel safety
    /// Nothing is kept of a call that is dropped.
    pub async fn caller(
        &self,
        presented: &Credentials<'_>,
        lookup: Lookup,
    ) -> Result<Caller, AuthFailure> {
        match &self.modes {
            Modes::Header(peers) => {
                if !presented.peer.is_some_and(|peer| peers.include(peer)) {
                    return Err(AuthError::Missing(RequiredCredential::Gateway).into());
                }
                let named = chosen(presented.tenant)?;
                let named = named.ok_or(AuthError::Missing(RequiredCredential::Tenant))?;
                Ok(self.named(named, lookup).await?)
            }
            Modes::Proof(proofs) => {
                let proven = self.proven(presented, proofs, lookup).await?;
                let chosen = chosen(presented.tenant)?;
                let entitlements = self.entitlements(&proven.claims, proofs).await?;
                let who = proven.principal.clone();
                proven
                    .choose(&entitlements, chosen)
                    .map_err(|why| AuthFailure {
                        why,
                        who: Some(who),
                    })
            }
        }
    }

    /// Whether the sender was authenticated within the last hour, or is asserted by the platform.
    /// Answered from memory, without verification: [`Self::caller`] decides whether the sender is
    /// still valid.
    #[must_use]
    pub fn remembers(&self, presented: &Credentials<'_>) -> bool {
        match &self.modes {
            Modes::Header(peers) => {
                presented.peer.is_some_and(|peer| peers.include(peer))
                    && chosen(presented.tenant).is_ok_and(|tenant| {
                        tenant.is_some_and(|tenant| self.good_tenants.contains(&tenant))
                    })
            }
            Modes::Proof(proofs) => match bearer(presented.authorization) {
                Ok(Some(token)) if proofs.entra.is_some() || proofs.api_keys => {
                    match ApiKey::read(token) {
                        Some(key) if proofs.api_keys => {
                            key.is_ok_and(|key| proofs.good_keys.contains(&key))
                        }
                        _ => proofs.good_tokens.contains(&digest(token)),
                    }
                }
                Ok(_) => {
                    proofs.easyauth.is_some()
                        && presented.easyauth_principal != SingleHeader::Missing
                }
                Err(_) => false,
            },
        }
    }

    /// The caller who speaks for a tenant that is named and not proved.
    ///
    /// # Errors
    /// [`AuthError::NotEntitled`] and [`AuthError::Unavailable`].
    pub async fn of_tenant(&self, tenant: TenantId) -> Result<Caller, AuthError> {
        self.named(tenant, Lookup::Query).await
    }

    /// Has the database asked about a tenant again when it is named the next time.
    pub fn forget_tenant(&self, tenant: TenantId) {
        self.known.remove(&tenant);
        self.good_tenants.remove(&tenant);
    }

    async fn named(&self, tenant: TenantId, lookup: Lookup) -> Result<Caller, AuthError> {
        if let Some(principal) = self.known.get(&tenant) {
            return Ok(Caller::named(principal, tenant));
        }
        if !self.good_tenants.contains(&tenant) {
            lookup.must_be_allowed()?;
        }
        if !self.directory.tenant_exists(tenant).await? {
            return Err(AuthError::NotEntitled);
        }
        let principal = Principal::of_tenant(tenant);
        self.known.insert(tenant, principal.clone());
        self.good_tenants.insert(tenant, ());
        Ok(Caller::named(principal, tenant))
    }

    /// Who sent the request. What is in `Authorization` counts before what the platform says: it is proved here.
    async fn proven(
        &self,
        presented: &Credentials<'_>,
        proofs: &Proofs,
        lookup: Lookup,
    ) -> Result<Authenticated, AuthFailure> {
        if (proofs.entra.is_some() || proofs.api_keys)
            && let Some(token) = bearer(presented.authorization)?
        {
            match (ApiKey::read(token), &proofs.entra) {
                (Some(key), _) if proofs.api_keys => {
                    let key = key.map_err(InvalidCredential::from)?;
                    return self.of_key(key, proofs, lookup).await;
                }
                (_, Some(entra)) => {
                    let proven = entra.prove(token).await?;
                    let digest = digest(token);
                    if !proofs.good_tokens.contains(&digest) {
                        proofs.good_tokens.insert(digest, ());
                    }
                    return Ok(proven);
                }
                // App Service's authentication leaves the token that it has verified where it was.
                (_, None) if presented.easyauth_principal != SingleHeader::Missing => {}
                (_, None) => return Err(bad(ApiKeyError::Malformed).into()),
            }
        }
        let platform = proofs.easyauth.as_deref();
        let word = platform.map(|directories| easyauth::prove(presented, directories));
        word.transpose()
            .map_err(InvalidCredential::from)?
            .flatten()
            .ok_or(AuthError::Missing(RequiredCredential::Bearer).into())
    }

    async fn of_key(
        &self,
        key: ApiKey,
        proofs: &Proofs,
        lookup: Lookup,
    ) -> Result<Authenticated, AuthFailure> {
        let state = match proofs.keys.get(&key) {
            Some(state) => state,
            None => {
                if !proofs.good_keys.contains(&key) {
                    lookup.must_be_allowed()?;
                }
                let state = self.directory.api_key(&key).await?;
                let state = state.ok_or_else(|| bad(ApiKeyError::Unknown))?;
                proofs.keys.insert(key.clone(), state);
                if state == ApiKeyState::Valid {
                    proofs.good_keys.insert(key.clone(), ());
                }
                state
            }
        };
        let refused = |fault| AuthFailure {
            why: bad(fault),
            who: Some(Principal::of_key(&key)),
        };
        match state {
            ApiKeyState::Valid => Ok(Authenticated::by_key(&key)),
            ApiKeyState::Expired => Err(refused(ApiKeyError::Expired)),
            ApiKeyState::Revoked => Err(refused(ApiKeyError::Revoked)),
        }
    }

    async fn entitlements(
        &self,
        claims: &Claims,
        proofs: &Proofs,
    ) -> Result<Arc<[Entitlement]>, AuthError> {
        if let Some(entitlements) = proofs.entitlements.get(claims) {
            return Ok(entitlements);
        }
        let entitlements: Arc<[Entitlement]> = self.directory.entitlements(claims).await?.into();
        proofs
            .entitlements
            .insert(claims.clone(), Arc::clone(&entitlements));
        Ok(entitlements)
    }
}

impl Lookup {
    fn must_be_allowed(self) -> Result<(), AuthError> {
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

fn bad(proof: impl Into<InvalidCredential>) -> AuthError {
    AuthError::Proof(proof.into())
}

/// The tenant that the header chooses, if it is there.
fn chosen(header: SingleHeader<'_>) -> Result<Option<TenantId>, MalformedTenant> {
    match header {
        SingleHeader::Missing => Ok(None),
        SingleHeader::One(value) => TenantId::try_from(value).map(Some),
        SingleHeader::Duplicate => Err(MalformedTenant),
    }
}

/// The token of `Authorization: Bearer`, if the header is there (RFC 6750, section 2.1).
fn bearer(header: SingleHeader<'_>) -> Result<Option<&str>, InvalidCredential> {
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
    let is_one = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("Bearer") && is_one)
        .then_some(Some(token))
        .ok_or(InvalidCredential::Authorization)
}

#[cfg(test)]
mod tests;
