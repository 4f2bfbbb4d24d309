use std::borrow::Cow;

use super::api_key::ApiKeyError;
use super::{EasyAuthError, IssuerError, MalformedTenant, Principal, TokenError};

/// What a request without a proof should have brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredCredential {
    /// The tenant header.
    Tenant,
    /// A token or key in `Authorization: Bearer`.
    Bearer,
    /// To come through a gateway that is trusted.
    Gateway,
}

/// The database cannot tell now. The cause has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreUnavailable {
    /// It may in a moment.
    #[error("the database cannot be reached")]
    Unreachable,
    /// It will when an operator has acted.
    #[error("the database does not serve")]
    Misconfigured,
}

/// What is wrong with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredential {
    /// `Authorization` is repeated, or is something else than `Bearer` and one token.
    #[error("Authorization is not Bearer and one token")]
    Authorization,
    /// A token of Entra ID.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// An API key.
    #[error(transparent)]
    ApiKey(#[from] ApiKeyError),
    /// The platform's word.
    #[error(transparent)]
    Platform(#[from] EasyAuthError),
}

/// A request that has no caller.
#[derive(Debug)]
pub struct AuthFailure {
    /// Why.
    pub why: AuthError,
    /// Who sent it, where that is proved, or whose key it was.
    pub who: Option<Principal>,
}

impl<R: Into<AuthError>> From<R> for AuthFailure {
    fn from(why: R) -> Self {
        Self {
            why: why.into(),
            who: None,
        }
    }
}

/// Why a request has no caller.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It proves nothing.
    #[error("nobody is named")]
    Missing(RequiredCredential),
    /// It proves something, and wrongly.
    #[error("the proof is refused")]
    Proof(#[from] InvalidCredential),
    /// What should name the tenant is no tenant id.
    #[error("the tenant id is malformed")]
    Malformed(#[from] MalformedTenant),
    /// The caller may ask for several tenants and has chosen none.
    #[error("no tenant was chosen")]
    NotChosen,
    /// There is no such tenant, or not for this caller; or the caller may ask for none at all.
    #[error("the caller may not ask for this tenant")]
    NotEntitled,
    /// The caller would have to be looked up, and may not be now.
    #[error("the caller is not remembered")]
    NotCached,
    /// It cannot be told now.
    #[error("the caller cannot be looked up")]
    Unavailable(#[from] StoreUnavailable),
    /// The keys to check the token with are not to be had now.
    #[error("the token cannot be checked")]
    Issuer(#[from] IssuerError),
}

impl AuthError {
    /// What the audit trail calls it: which part of which proof, never a value of it.
    #[must_use]
    pub fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::Missing(RequiredCredential::Tenant) => "no tenant".into(),
            Self::Missing(RequiredCredential::Bearer) => "no proof".into(),
            Self::Missing(RequiredCredential::Gateway) => "not through the gateway".into(),
            Self::Proof(proof) => proof.to_string().into(),
            Self::Malformed(_) => "malformed tenant".into(),
            Self::NotChosen => "no tenant chosen".into(),
            Self::NotEntitled => "unknown or foreign tenant".into(),
            Self::NotCached => "not looked up".into(),
            Self::Unavailable(_) => "database unavailable".into(),
            Self::Issuer(_) => "issuer unavailable".into(),
        }
    }

    /// Whether it is not the sender's doing: it may be good, and cannot be told now.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Issuer(_) => true,
            Self::Missing(_)
            | Self::Proof(_)
            | Self::Malformed(_)
            | Self::NotChosen
            | Self::NotEntitled
            | Self::NotCached => false,
        }
    }

    /// Whether somebody who is trying out proofs or tenants gets this, and again and again.
    #[must_use]
    pub fn is_failed_attempt(&self) -> bool {
        match self {
            Self::Proof(_) | Self::NotEntitled => true,
            // To ask without anything is how a client learns where to sign in.
            Self::Missing(_)
            | Self::Malformed(_)
            | Self::NotChosen
            | Self::NotCached
            | Self::Unavailable(_)
            | Self::Issuer(_) => false,
        }
    }
}
