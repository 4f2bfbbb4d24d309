//! Access tokens of Microsoft Entra ID, verified here.
//!
//! Knows the shape of its tokens (<https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>) and where
//! its keys are; must not know tenants or HTTP requests. Signature, times, issuer and audience are `jsonwebtoken`'s to check.
//! Invariant: nothing that a token says is believed before its signature is, except which directory's keys to check it with.
mod claims; // what a token says, as a caller
mod directory; // one Entra tenant: where its keys are
mod keys; // the keys themselves, and what they verify
mod signature;
mod token_error; // what is wrong with a token // how a signature is verified

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, dangerous, decode_header};
use reqwest::{NoProxy, Proxy};
use uuid::Uuid;

use super::entitlement::Authenticated;
use super::{AuthError, InvalidCredential};
use crate::settings::{EntraSettings, HttpsProxy};

pub use directory::IssuerError;
pub use token_error::TokenError;

pub(super) use claims::Identified;

use claims::Peeked;
use directory::Directory;
use keys::checked_algorithm;

/// The longest token that is looked at; Entra's have a few thousand bytes, with many groups.
const LONGEST_TOKEN: usize = 16 * 1024;

/// How long an issuer may take to answer; a caller waits for it where there are no keys yet.
const LONGEST_FETCH: Duration = Duration::from_secs(5);

/// Verifies the tokens of the directories that are allowed.
pub(super) struct Entra {
    directories: HashMap<Uuid, Arc<Directory>>,
    /// The one whose app roles count.
    home: Option<Uuid>,
}

impl Entra {
    /// Connects to nothing: the first token of a directory fetches its keys.
    pub(super) fn new(settings: &EntraSettings) -> Result<Self, reqwest::Error> {
        signature::install_provider();
        let http = http_client(settings.proxy.as_ref())?;
        let directory = |id: &Uuid| (*id, Arc::new(Directory::new(*id, settings, http.clone())));
        Ok(Self {
            directories: settings.directories.iter().map(directory).collect(),
            home: settings.directories.first().copied(),
        })
    }

    /// Who the bearer of a token is.
    ///
    /// # Cancel safety
    /// A call that is dropped leaves the keys as they were.
    pub(super) async fn prove(&self, token: &str) -> Result<Authenticated, AuthError> {
        let (key_id, algorithm, directory) = self.read(token).map_err(InvalidCredential::from)?;
        let key = directory.key(&key_id).await?;
        let proven = key
            .ok_or(TokenError::Key)
            .and_then(|key| key.verify(token, algorithm))
            .and_then(|claims| {
                let id = directory.id();
                claims.prove(id, self.home == Some(id))
            });
        Ok(proven.map_err(InvalidCredential::from)?)
    }

    /// What is read of a token before its signature is checked: which key is to check it.
    fn read(&self, token: &str) -> Result<(String, Algorithm, &Arc<Directory>), TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::Malformed);
        }
        let header = decode_header(token).map_err(|error| TokenError::of(&error))?;
        let algorithm = checked_algorithm(&header)?;
        let key_id = header.kid.ok_or(TokenError::Key)?;
        let peeked: Peeked =
            dangerous::insecure_decode_claims(token).map_err(|_| TokenError::Missing("tid"))?;
        let directory = self.directories.get(&peeked.tid);
        Ok((key_id, algorithm, directory.ok_or(TokenError::Directory)?))
    }
}

/// For the documents of issuers: little, seldom, and never from where they did not come from.
fn http_client(proxy: Option<&HttpsProxy>) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(crate::tls::web_client_config())
        .timeout(LONGEST_FETCH)
        .redirect(reqwest::redirect::Policy::none())
        // The process's own environment counts only where the settings say so.
        .no_proxy();
    if let Some(proxy) = proxy {
        let no_proxy = proxy.no_proxy().and_then(NoProxy::from_string);
        builder = builder.proxy(Proxy::https(proxy.url_with_password())?.no_proxy(no_proxy));
    }
    builder.build()
}
