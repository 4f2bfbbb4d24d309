use std::borrow::Cow;

use super::api_key::ApiKeyError;
use super::entitlement::EntitlementError;
use super::{EasyAuthError, IssuerError, ParseTenantIdError, Principal, TokenError};

/// The credential that a request without one should have carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredCredential {
    /// The tenant header.
    Tenant,
    /// A token or key in `Authorization: Bearer`.
    Bearer,
    /// A trusted gateway as the TCP peer.
    Gateway,
}

/// The tenant store cannot answer now. The cause has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUnavailable {
    /// The database cannot be reached; a retry may succeed.
    #[error("the database cannot be reached")]
    Unreachable,
    /// The database answers, but an operator has to correct its configuration first.
    #[error("the database is misconfigured")]
    Misconfigured,
}

/// What is wrong with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredential {
    /// `Authorization` is repeated, or is not `Bearer` and one token.
    #[error("Authorization is not Bearer and one token")]
    Authorization,
    /// An access token of Entra ID is invalid.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// An API key is invalid.
    #[error(transparent)]
    ApiKey(#[from] ApiKeyError),
    /// The identity that Easy Auth asserts is invalid.
    #[error(transparent)]
    EasyAuth(#[from] EasyAuthError),
}

/// A request could not be authenticated, or is not authorized for a tenant.
#[derive(Debug)]
pub struct AuthFailure {
    /// Why the request is rejected.
    pub error: AuthError,
    /// The sender if they were authenticated, or the holder of the key that expired or was
    /// revoked.
    pub principal: Option<Principal>,
}

impl<E: Into<AuthError>> From<E> for AuthFailure {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            principal: None,
        }
    }
}

/// Why a request could not be authenticated, or is not authorized for a tenant.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The request carries no credential.
    #[error("authentication required")]
    Missing(RequiredCredential),
    /// The request carries an invalid credential.
    #[error("invalid credential")]
    InvalidCredential(#[from] InvalidCredential),
    /// The tenant header is repeated or is not a tenant id.
    #[error("malformed tenant id")]
    MalformedTenantId(#[from] ParseTenantIdError),
    /// The caller is entitled to several tenants, and the request names none of them.
    #[error("the caller has several tenants and chose none")]
    AmbiguousTenant,
    /// The tenant does not exist, the caller is not entitled to it, or the caller is entitled to
    /// no tenant at all.
    #[error("the caller is not entitled to this tenant")]
    NotEntitled,
    /// The answer is not cached, and the lookup was restricted to the cache.
    #[error("the caller is not cached")]
    NotCached,
    /// The tenant store cannot answer now.
    #[error("the caller lookup failed")]
    Unavailable(#[from] StoreUnavailable),
    /// The issuer's keys, which the token's signature is verified with, are not available now.
    #[error("the token cannot be verified")]
    Issuer(#[from] IssuerError),
}

impl From<EntitlementError> for AuthError {
    fn from(error: EntitlementError) -> Self {
        match error {
            EntitlementError::AmbiguousTenant => Self::AmbiguousTenant,
            EntitlementError::NotEntitled => Self::NotEntitled,
        }
    }
}

impl AuthError {
    /// The reason that the audit log records: what is wrong with which credential, never a value
    /// from it.
    #[must_use]
    pub fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::Missing(RequiredCredential::Tenant) => "no tenant".into(),
            Self::Missing(RequiredCredential::Bearer) => "no credential".into(),
            Self::Missing(RequiredCredential::Gateway) => "not from a trusted gateway".into(),
            Self::InvalidCredential(error) => error.to_string().into(),
            Self::MalformedTenantId(_) => "malformed tenant id".into(),
            Self::AmbiguousTenant => "no tenant chosen".into(),
            Self::NotEntitled => "unknown or foreign tenant".into(),
            Self::NotCached => "not cached".into(),
            Self::Unavailable(_) => "database unavailable".into(),
            Self::Issuer(_) => "issuer unavailable".into(),
        }
    }

    /// Whether a dependency is unavailable, so that the request could be neither accepted nor
    /// refused: its credential may be valid.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Issuer(_) => true,
            Self::Missing(_)
            | Self::InvalidCredential(_)
            | Self::MalformedTenantId(_)
            | Self::AmbiguousTenant
            | Self::NotEntitled
            | Self::NotCached => false,
        }
    }

    /// Whether the request counts as a failed attempt: a client that guesses credentials or tenants
    /// gets these errors repeatedly.
    #[must_use]
    pub fn is_failed_attempt(&self) -> bool {
        match self {
            Self::InvalidCredential(_) | Self::NotEntitled => true,
            // A request without a credential is how a client discovers the authorization server.
            Self::Missing(_)
            | Self::MalformedTenantId(_)
            | Self::AmbiguousTenant
            | Self::NotCached
            | Self::Unavailable(_)
            | Self::Issuer(_) => false,
        }
    }
}
