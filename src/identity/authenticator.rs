//! Authenticates senders by tokens, API keys and platform-asserted identities.
//!
//! Knows the kinds of credentials and their order of precedence; must not know which tenant a
//! request chooses.
//! Invariant: of several credentials one takes precedence, and if it is invalid, no other one is
//! tried.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::api_key::{ApiKey, ApiKeyError, ApiKeyState};
use super::caller::Principal;
use super::credentials::{Credentials, SingleHeader};
use super::easyauth;
use super::entitlement::{Authenticated, Claims, Entitlement};
use super::entra::Entra;
use super::error::{AuthError, AuthFailure, InvalidCredential, RequiredCredential};
use super::tenant_store::{Lookup, TenantStore};
use super::{CACHE_TTL, KNOWN_GOOD_TTL, MAX_CACHE_ENTRIES};
use crate::cache::Cache;
use crate::http_client::HttpClientError;
use crate::settings::{CredentialSettings, HttpsSettings};

/// The maximum size of the cached claims and their entitlements, in bytes.
const MAX_ENTITLEMENT_CACHE_BYTES: u64 = 4 << 20;

/// The accepted kinds of credentials, and what is cached about them.
pub(super) struct Authenticator {
    store: Arc<dyn TenantStore>,
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
    /// # Errors
    /// When the HTTP client that fetches an issuer's keys cannot be created.
    pub(super) fn new(
        store: Arc<dyn TenantStore>,
        settings: CredentialSettings,
        https: &HttpsSettings,
    ) -> Result<Self, HttpClientError> {
        // Bounded by bytes, because the claims of a caller with many groups are long.
        let weight = |claims: &Claims, entitlements: &Arc<[Entitlement]>| {
            (claims.bytes() + size_of_val(&**entitlements)) as u64
        };
        Ok(Self {
            store,
            entra: settings
                .entra
                .as_deref()
                .map(|entra| Entra::new(entra, https))
                .transpose()?,
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

    /// Authenticates the sender of a request. `Authorization` takes precedence over the
    /// platform-asserted identity, because it is verified here.
    pub(super) async fn authenticate(
        &self,
        credentials: &Credentials<'_>,
        lookup: Lookup,
    ) -> Result<Authenticated, AuthFailure> {
        if self.accepts_bearer()
            && let Some(token) = parse_bearer(credentials.authorization)?
        {
            match (ApiKey::parse(token), &self.entra) {
                (Some(key), _) if self.accepts_api_keys => {
                    let key = key.map_err(InvalidCredential::from)?;
                    return self.authenticate_key(key, lookup).await;
                }
                (_, Some(entra)) => {
                    let authenticated = entra.authenticate(token).await?;
                    let digest = digest(token);
                    if !self.known_good_tokens.contains(&digest) {
                        self.known_good_tokens.insert(digest, ());
                    }
                    return Ok(authenticated);
                }
                // App Service's authentication leaves the token that it has verified in the
                // request.
                (_, None) if credentials.easyauth_principal != SingleHeader::Missing => {}
                (_, None) => return Err(invalid(ApiKeyError::Malformed).into()),
            }
        }
        let directories = self.easyauth.as_deref();
        directories
            .map(|directories| easyauth::authenticate(credentials, directories))
            .transpose()
            .map_err(InvalidCredential::from)?
            .flatten()
            .ok_or(AuthError::Missing(RequiredCredential::Bearer).into())
    }

    /// The tenants that a sender may query. Queries the store every [`CACHE_TTL`].
    pub(super) async fn entitlements(
        &self,
        claims: &Claims,
    ) -> Result<Arc<[Entitlement]>, AuthError> {
        if let Some(entitlements) = self.entitlements.get(claims) {
            return Ok(entitlements);
        }
        let entitlements: Arc<[Entitlement]> = self.store.entitlements(claims).await?.into();
        self.entitlements
            .insert(claims.clone(), Arc::clone(&entitlements));
        Ok(entitlements)
    }

    /// Whether the sender was authenticated within the last hour, or is asserted by the platform.
    pub(super) fn is_known_good(&self, credentials: &Credentials<'_>) -> bool {
        match parse_bearer(credentials.authorization) {
            Ok(Some(token)) if self.accepts_bearer() => match ApiKey::parse(token) {
                Some(key) if self.accepts_api_keys => {
                    key.is_ok_and(|key| self.known_good_keys.contains(&key))
                }
                _ => self.known_good_tokens.contains(&digest(token)),
            },
            Ok(_) => {
                self.easyauth.is_some() && credentials.easyauth_principal != SingleHeader::Missing
            }
            Err(_) => false,
        }
    }

    async fn authenticate_key(
        &self,
        key: ApiKey,
        lookup: Lookup,
    ) -> Result<Authenticated, AuthFailure> {
        let state = match self.key_states.get(&key) {
            Some(state) => state,
            None => {
                if !self.known_good_keys.contains(&key) {
                    lookup.require_query()?;
                }
                let state = self.store.api_key(&key).await?;
                let state = state.ok_or_else(|| invalid(ApiKeyError::Unknown))?;
                self.key_states.insert(key.clone(), state);
                if state == ApiKeyState::Valid {
                    self.known_good_keys.insert(key.clone(), ());
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

    /// Whether `Authorization` may carry a credential.
    fn accepts_bearer(&self) -> bool {
        self.entra.is_some() || self.accepts_api_keys
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn invalid(error: impl Into<InvalidCredential>) -> AuthError {
    AuthError::InvalidCredential(error.into())
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
