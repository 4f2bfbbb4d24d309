use jsonwebtoken::errors::{Error, ErrorKind};

/// Why a token is rejected: names the claim or header that is wrong, never the expected value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is not a signed JWT in compact form.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// Entra does not sign tokens with `alg`.
    #[error("alg is not one of RS256, PS256, ES256")]
    Algorithm,
    /// The header brings or names a key of its own, or names a critical extension.
    #[error("the header {0} is not accepted")]
    Header(&'static str),
    /// The header has no `kid`, or it names none of the issuer's keys.
    #[error("kid names no key of the issuer")]
    UnknownKey,
    /// The signature does not match the token and the key.
    #[error("the signature is invalid")]
    Signature,
    /// `tid` names a directory that this server does not accept.
    #[error("tid is not a directory that this server accepts")]
    Directory,
    /// `iss` is not the issuer of the directory that `tid` names.
    #[error("iss is not the issuer of its directory")]
    Issuer,
    /// `aud` does not name this server.
    #[error("aud is not this server")]
    Audience,
    /// `exp` has passed.
    #[error("exp is in the past")]
    Expired,
    /// `nbf` has not been reached.
    #[error("nbf is in the future")]
    NotYetValid,
    /// A claim is missing or has the wrong type.
    #[error("{0} is missing or malformed")]
    Missing(&'static str),
    /// A claim that is deserialized after verification is missing or has the wrong type.
    #[error("tid, oid, sub, iss, scp, roles or groups is missing or has the wrong type")]
    Claims,
    /// The token is not an access token of a user or an application, but an id token, for example.
    #[error("scp is missing; send an access token")]
    NotAnAccessToken,
}

impl TokenError {
    /// Maps an error of `jsonwebtoken` for a token whose header has been decoded: an error in JSON
    /// is then one of the claims.
    pub(super) fn from_verification(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Json(_) => Self::Claims,
            _ => Self::from_jwt_error(error),
        }
    }

    /// Maps an error of `jsonwebtoken`.
    pub(super) fn from_jwt_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::InvalidAlgorithm
            | ErrorKind::InvalidAlgorithmName
            | ErrorKind::UnsupportedAlgorithm => Self::Algorithm,
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYetValid,
            ErrorKind::InvalidIssuer => Self::Issuer,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::MissingRequiredClaim(claim) | ErrorKind::InvalidClaimFormat(claim) => {
                let known = ["exp", "nbf", "iss", "aud"];
                let claim = known.into_iter().find(|known| known == claim);
                claim.map_or(Self::Malformed, Self::Missing)
            }
            // The crate reports an unknown `alg` as an error of JSON, like any other invalid
            // header.
            _ => Self::Malformed,
        }
    }
}
