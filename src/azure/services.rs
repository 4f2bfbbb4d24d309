//! What the identity of this server gets from Azure.

use std::sync::Arc;

use azure_core::http::HttpClient;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use secrecy::SecretString;

use super::http::BoundedClient;
use super::token_source::TokenSource;
use super::vault::Vault;
use super::vault_secret::VaultSecret;
use crate::access_tokens::{AccessTokenError, AccessTokens, NoIdentity};
use crate::http_client::{self, HttpClientError};
use crate::password::{PasswordSource, SecretPassword, TokenPassword};
use crate::secret::{SecretError, SecretSource};
use crate::settings::{
    AzureCredential, HttpsSettings, KeyVaultReference, LoginMethod, Secret, SigningKeySetting,
};
use crate::signing_key::{SigningKeySource, SigningKeyText};

/// The services of Azure, for one identity. All share its tokens.
#[derive(Clone, Debug)]
pub struct AzureServices {
    tokens: Arc<dyn AccessTokens>,
    /// `None` without an identity.
    vault: Option<Arc<Vault>>,
}

impl AzureServices {
    /// The services for an identity; `None` is a server that needs none. Connects to nothing.
    ///
    /// # Errors
    /// [`HttpClientError`] if the client for requests to Azure cannot be built.
    pub fn new(
        credential: Option<&AzureCredential>,
        https: &HttpsSettings,
    ) -> Result<Self, HttpClientError> {
        let Some(credential) = credential else {
            return Ok(Self {
                tokens: Arc::new(NoIdentity),
                vault: None,
            });
        };
        let http = http_client::build(https)?;
        let http: Arc<dyn HttpClient> = Arc::new(BoundedClient::new(http));
        let tokens = TokenSource::new(credential.clone(), Arc::clone(&http));
        let tokens: Arc<dyn AccessTokens> = Arc::new(tokens);
        Ok(Self {
            vault: Some(Arc::new(Vault::new(Arc::clone(&tokens), http))),
            tokens,
        })
    }

    /// The identity's access tokens.
    #[must_use]
    pub fn tokens(&self) -> Arc<dyn AccessTokens> {
        Arc::clone(&self.tokens)
    }

    /// The value of a secret setting. One in a vault is read when it is first needed.
    #[must_use]
    pub fn secret(&self, secret: &Secret) -> Arc<dyn SecretSource> {
        match secret {
            Secret::Literal(text) => Arc::new(text.clone()),
            Secret::KeyVault(reference) => self.vault_secret(reference),
        }
    }

    /// The signing key. One in a vault is read when it is first needed.
    #[must_use]
    pub fn signing_key(&self, key: &SigningKeySetting) -> Arc<dyn SigningKeySource> {
        match key {
            SigningKeySetting::Literal(key) => Arc::new(key.clone()),
            SigningKeySetting::KeyVault(reference) => {
                let secret = self.vault_secret(reference);
                Arc::new(SigningKeyText::new(reference.setting, secret))
            }
        }
    }

    /// The password of a login.
    #[must_use]
    pub fn password(&self, method: &LoginMethod) -> Arc<dyn PasswordSource> {
        match method {
            LoginMethod::Password(secret) => Arc::new(SecretPassword(self.secret(secret))),
            LoginMethod::Entra { scope } => Arc::new(TokenPassword {
                tokens: self.tokens(),
                scope: scope.clone(),
            }),
        }
    }

    /// The vaults that the identity reads and writes; `None` without an identity.
    #[must_use]
    pub fn vault(&self) -> Option<&Vault> {
        self.vault.as_deref()
    }

    fn vault_secret(&self, reference: &KeyVaultReference) -> Arc<dyn SecretSource> {
        match &self.vault {
            Some(vault) => Arc::new(VaultSecret::new(Arc::clone(vault), reference.clone())),
            None => Arc::new(Unreadable),
        }
    }
}

/// A secret in a vault, for a server without an identity.
#[derive(Debug)]
struct Unreadable;

impl SecretSource for Unreadable {
    fn secret(&self) -> BoxFuture<'_, Result<SecretString, SecretError>> {
        ready(Err(SecretError(AccessTokenError::NoIdentity.into()))).boxed()
    }

    fn report_rejected(&self, _: &SecretString) {}
}
