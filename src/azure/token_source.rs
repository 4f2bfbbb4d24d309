//! The tokens of all scopes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use azure_core::http::HttpClient;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use secrecy::SecretString;

use super::fetcher::Fetcher;
use super::refreshed::{Fetch, Refreshed};
use super::slot::Fetched;
use crate::access_tokens::{AccessTokenError, AccessTokens};
use crate::settings::AzureCredential;

/// The access tokens of this server's identity.
///
/// A token is fetched when it is first needed, and again, in the background, when one that is old
/// is used. `azure_identity` has a cache too, which is bypassed: it holds one lock for all scopes
/// during a fetch, fetches in the caller's future, and does not fall back on a token that is still
/// valid.
#[derive(Debug)]
pub(super) struct TokenSource {
    fetcher: Arc<Fetcher>,
    /// As many as there are scopes in the settings and in this program.
    scopes: Mutex<HashMap<String, Arc<Refreshed<TokenFetch>>>>,
}

/// The fetch of a token for one scope.
#[derive(Debug)]
struct TokenFetch {
    fetcher: Arc<Fetcher>,
    scope: String,
}

impl TokenSource {
    /// A source of tokens for this identity. Connects to nothing.
    pub(super) fn new(credential: AzureCredential, http: Arc<dyn HttpClient>) -> Self {
        Self {
            fetcher: Arc::new(Fetcher::new(credential, http)),
            scopes: Mutex::default(),
        }
    }

    fn scope(&self, scope: &str) -> Arc<Refreshed<TokenFetch>> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        let token = scopes.entry(scope.to_owned()).or_insert_with(|| {
            let fetcher = Arc::clone(&self.fetcher);
            let scope = scope.to_owned();
            Arc::new(Refreshed::new(TokenFetch { fetcher, scope }))
        });
        Arc::clone(token)
    }
}

impl AccessTokens for TokenSource {
    fn token<'call>(
        &'call self,
        scope: &'call str,
    ) -> BoxFuture<'call, Result<SecretString, AccessTokenError>> {
        async { self.scope(scope).get().await }.boxed()
    }

    fn report_rejected(&self, scope: &str, token: &SecretString) {
        self.scope(scope).report_rejected(token);
    }
}

impl Fetch for TokenFetch {
    type Error = AccessTokenError;

    async fn fetch(&self) -> Result<Fetched, AccessTokenError> {
        let issued = self.fetcher.fetch(&self.scope).await?;
        tracing::debug!(scope = self.scope, "access token fetched");
        Ok(issued.into_fetched(rand::random()))
    }

    fn interrupted(&self) -> AccessTokenError {
        AccessTokenError::Interrupted
    }

    fn log_failure(&self, error: &AccessTokenError) {
        tracing::warn!(
            scope = self.scope,
            error = error as &dyn std::error::Error,
            "access token fetch failed; will retry"
        );
    }
}
