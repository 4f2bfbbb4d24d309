//! Verifies access tokens of Microsoft Entra ID.
//!
//! Knows the claims of its tokens
//! (<https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>) and where
//! its keys are published; must not know tenants or HTTP requests. `jsonwebtoken` checks signature,
//! times, issuer and audience.
//!
//! Invariant: no part of a token is trusted before its signature has been verified, except `tid`,
//! which chooses the directory whose keys verify it.
mod claims; //      a token's claims, and the sender that they identify
mod directory; //   one Entra tenant as an issuer: fetches and caches its keys
mod keys; //        an issuer's signing keys, and the rules for the tokens they sign
mod signature; //   signature verification with `ring`
mod token_error; // why a token is rejected

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, dangerous, decode_header};
use uuid::Uuid;

use super::entitlement::Authenticated;
use super::{AuthError, InvalidCredential};
use crate::http_client::{self, HttpClientError};
use crate::settings::{EntraSettings, HttpsSettings};

pub use directory::IssuerError;
pub use token_error::TokenError;

pub(super) use claims::EntraIdentity;

use claims::UnverifiedClaims;
use directory::Directory;
use keys::check_algorithm;

/// The longest token that is decoded, in bytes. Entra's have a few thousand, with many groups.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Verifies the tokens of the allowed directories.
pub(super) struct Entra {
    directories: HashMap<Uuid, Arc<Directory>>,
    /// The directory whose app roles count.
    home: Option<Uuid>,
}

impl Entra {
    /// Connects to nothing: the first token of a directory fetches its keys.
    pub(super) fn new(
        settings: &EntraSettings,
        https: &HttpsSettings,
    ) -> Result<Self, HttpClientError> {
        signature::install_provider();
        let http = http_client::build(https)?;
        let directory = |id: &Uuid| (*id, Arc::new(Directory::new(*id, settings, http.clone())));
        Ok(Self {
            directories: settings.directories.iter().map(directory).collect(),
            home: settings.directories.first().copied(),
        })
    }

    /// Verifies a token and returns its sender.
    ///
    /// # Cancel safety
    /// Safe: a dropped call changes nothing. A fetch of the directory's keys that it has started
    /// goes on.
    pub(super) async fn authenticate(&self, token: &str) -> Result<Authenticated, AuthError> {
        let (key_id, algorithm, directory) = self
            .decode_unverified(token)
            .map_err(InvalidCredential::from)?;
        let key = directory.key(&key_id).await?;
        let authenticated = key
            .ok_or(TokenError::UnknownKey)
            .and_then(|key| key.verify(token, algorithm))
            .and_then(|claims| {
                let id = directory.id();
                claims.into_authenticated(id, self.home == Some(id))
            });
        Ok(authenticated.map_err(InvalidCredential::from)?)
    }

    /// Decodes what is needed of a token before its signature is verified: which key verifies it,
    /// with which algorithm.
    fn decode_unverified(
        &self,
        token: &str,
    ) -> Result<(String, Algorithm, &Arc<Directory>), TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let header = decode_header(token).map_err(|error| TokenError::from_jwt_error(&error))?;
        let algorithm = check_algorithm(&header)?;
        let key_id = header.kid.ok_or(TokenError::UnknownKey)?;
        let claims: UnverifiedClaims =
            dangerous::insecure_decode_claims(token).map_err(|_| TokenError::Missing("tid"))?;
        let directory = self.directories.get(&claims.tid);
        Ok((key_id, algorithm, directory.ok_or(TokenError::Directory)?))
    }
}
