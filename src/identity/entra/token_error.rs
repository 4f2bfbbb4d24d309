use jsonwebtoken::errors::{Error, ErrorKind};

/// What is wrong with a token: which claim or header, never what it should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no signed token in compact form.
    #[error("it is not a signed JWT")]
    Malformed,
    /// `alg` is none that an Entra token is signed with.
    #[error("alg is not one of RS256, PS256, ES256")]
    Algorithm,
    /// The header names a key of the sender's own, or an extension that must be understood.
    #[error("the header {0} is not accepted")]
    Header(&'static str),
    /// `kid` names no key of the issuer's.
    #[error("kid names no key of the issuer")]
    Key,
    /// The signature does not fit.
    #[error("the signature is wrong")]
    Signature,
    /// `tid` names a directory that is not served here.
    #[error("tid is not a directory of this server")]
    Directory,
    /// `iss` is not that directory's.
    #[error("iss is not the issuer of its directory")]
    Issuer,
    /// `aud` is another server.
    #[error("aud is not this server")]
    Audience,
    /// `exp` is past.
    #[error("exp is past")]
    Expired,
    /// `nbf` is to come.
    #[error("nbf is in the future")]
    NotYet,
    /// A claim is missing or has the wrong type.
    #[error("{0} is missing or malformed")]
    Missing(&'static str),
    /// A claim that is read as it stands is missing or has the wrong type.
    #[error("tid, oid, sub, iss, scp, roles or groups is missing or has the wrong type")]
    Claims,
    /// Neither a user's access token nor an application's: an id token, for example.
    #[error("scp is missing; send an access token")]
    NotAccess,
}

impl TokenError {
    /// What `jsonwebtoken` found in a token whose header and signature could be read.
    pub(super) fn of_claims(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Json(_) => Self::Claims,
            _ => Self::of(error),
        }
    }

    /// What `jsonwebtoken` found.
    pub(super) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::InvalidAlgorithm
            | ErrorKind::InvalidAlgorithmName
            | ErrorKind::UnsupportedAlgorithm => Self::Algorithm,
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYet,
            ErrorKind::InvalidIssuer => Self::Issuer,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::MissingRequiredClaim(claim) | ErrorKind::InvalidClaimFormat(claim) => {
                let known = ["exp", "nbf", "iss", "aud"];
                let claim = known.into_iter().find(|known| known == claim);
                claim.map_or(Self::Malformed, Self::Missing)
            }
            // An `alg` that the crate does not know is an error of JSON, as is everything else that is no header.
            _ => Self::Malformed,
        }
    }
}
