//! Azure Key Vault: one secret in, one secret out, without a cache.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::{ErrorKind, ErrorResponse};
use azure_core::http::{HttpClient, RequestContent, StatusCode};
use azure_core::time::OffsetDateTime;
use azure_core::{Error, Result as AzureResult};
use azure_security_keyvault_secrets::models::{
    SecretAttributes, SecretClientGetSecretOptions, SetSecretParameters,
};
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::error_text::{loggable, text_with_cause};
use super::http::client_options;
use crate::access_tokens::{AccessTokenError, AccessTokens};
use crate::settings::KeyVaultReference;

/// How long a request may take, with its retries and the token for it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// What the library is told about the lifetime of a token. It keeps tokens for one request only.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// Reads and writes secrets of any vault.
///
/// A client of the library is made for each request. So each request is challenged by the vault,
/// and the library verifies each time that the vault asks for a token for itself.
#[derive(Debug)]
pub struct Vault {
    tokens: Arc<dyn AccessTokens>,
    http: Arc<dyn HttpClient>,
}

/// Why a secret cannot be read or written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{setting} refers to secret {name} of {vault}, {problem}")]
pub struct VaultError {
    setting: &'static str,
    name: String,
    vault: String,
    problem: VaultProblem,
}

/// What is wrong with a secret, as a clause about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VaultProblem {
    /// The vault has no such secret, or not this version of it.
    #[error("which does not exist; create it with `az keyvault secret set`")]
    Missing,
    /// The secret is disabled.
    #[error("which is disabled; enable it with `az keyvault secret set-attributes --enabled true`")]
    Disabled,
    /// The identity may not use the secret.
    #[error(
        "which this server's identity may not use; give it the role `Key Vault Secrets User` (`Key Vault Secrets Officer` to write) with `az role assignment create`, and let the vault's firewall admit this server"
    )]
    Forbidden,
    /// The identity has no token for the vault.
    #[error("and there is no access token for it: {0}")]
    NoToken(AccessTokenError),
    /// The vault rejects the identity's token.
    #[error(
        "which rejects the access token of this server's identity; the vault belongs to another Entra tenant, or the token was revoked"
    )]
    TokenRejected,
    /// The secret has no value.
    #[error("which is empty; set it with `az keyvault secret set`")]
    Empty,
    /// The vault cannot be reached, fails, or the host is not a vault.
    #[error("which cannot be used now: {0}")]
    Unavailable(String),
    /// There was no answer in time.
    #[error("which did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The request was interrupted: the server is stopping, or a library has panicked.
    #[error("and the request was interrupted")]
    Interrupted,
}

impl VaultError {
    pub(super) fn new(reference: &KeyVaultReference, problem: VaultProblem) -> Self {
        Self {
            setting: reference.setting,
            name: reference.name.clone(),
            vault: reference.vault.as_str().trim_end_matches('/').to_owned(),
            problem,
        }
    }

    /// Whether the secret does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.problem, VaultProblem::Missing)
    }
}

impl Vault {
    pub(super) fn new(tokens: Arc<dyn AccessTokens>, http: Arc<dyn HttpClient>) -> Self {
        Self { tokens, http }
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// [`VaultError`]; reading again may succeed.
    pub async fn read(&self, reference: &KeyVaultReference) -> Result<SecretString, VaultError> {
        let value = self
            .request(reference, async |client| {
                let options = SecretClientGetSecretOptions {
                    secret_version: reference.version.clone(),
                    ..SecretClientGetSecretOptions::default()
                };
                let secret = client.get_secret(&reference.name, Some(options)).await?;
                secret.into_model()
            })
            .await?
            .value;
        match value.filter(|value| !value.is_empty()) {
            Some(value) => Ok(SecretString::from(value)),
            None => Err(VaultError::new(reference, VaultProblem::Empty)),
        }
    }

    /// Writes a new version of a secret, which the vault reports when its lifetime is about to end.
    /// It can be read afterwards too
    /// (<https://learn.microsoft.com/azure/key-vault/secrets/about-secrets>).
    ///
    /// # Errors
    /// [`VaultError`]. The vault may have written the secret nevertheless.
    pub async fn write(
        &self,
        reference: &KeyVaultReference,
        value: &SecretString,
        lifetime: Duration,
    ) -> Result<(), VaultError> {
        let attributes = SecretAttributes {
            expires: Some(OffsetDateTime::now_utc() + lifetime),
            ..SecretAttributes::default()
        };
        self.request(reference, async |client| {
            let parameters = SetSecretParameters {
                secret_attributes: Some(attributes),
                value: Some(value.expose_secret().to_owned()),
                ..SetSecretParameters::default()
            };
            let parameters = RequestContent::try_from(parameters)?;
            client.set_secret(&reference.name, parameters, None).await
        })
        .await
        .map(|_| ())
    }

    async fn request<T>(
        &self,
        reference: &KeyVaultReference,
        send: impl AsyncFnOnce(SecretClient) -> AzureResult<T>,
    ) -> Result<T, VaultError> {
        let credential = Arc::new(VaultCredential {
            tokens: Arc::clone(&self.tokens),
            last: Mutex::default(),
        });
        let sending = async {
            let options = SecretClientOptions {
                client_options: client_options(&self.http),
                ..SecretClientOptions::default()
            };
            let credential: Arc<dyn TokenCredential> = Arc::clone(&credential) as _;
            send(SecretClient::new(
                reference.vault.as_str(),
                credential,
                Some(options),
            )?)
            .await
        };
        let problem = match timeout(REQUEST_TIMEOUT, sending).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => problem(&error),
            Err(_) => VaultProblem::TimedOut(REQUEST_TIMEOUT),
        };
        if matches!(problem, VaultProblem::TokenRejected) {
            credential.report_rejected();
        }
        Err(VaultError::new(reference, problem))
    }
}

/// What an error of the library means.
fn problem(error: &Error) -> VaultProblem {
    if let Some(error) = token_error(error) {
        return VaultProblem::NoToken(error);
    }
    let ErrorKind::HttpResponse {
        status,
        raw_response,
        ..
    } = error.kind()
    else {
        return VaultProblem::Unavailable(loggable(&text_with_cause(error)));
    };
    let body = raw_response.as_ref().map(|response| response.body());
    match status {
        StatusCode::NotFound => VaultProblem::Missing,
        StatusCode::Unauthorized => VaultProblem::TokenRejected,
        StatusCode::Forbidden if body.is_some_and(|body| is_disabled(body)) => {
            VaultProblem::Disabled
        }
        StatusCode::Forbidden => VaultProblem::Forbidden,
        status => VaultProblem::Unavailable(format!("it answers with status {status}")),
    }
}

/// Why there was no token for a request, if that is what has failed.
fn token_error(error: &Error) -> Option<AccessTokenError> {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<AccessTokenError>() {
            return Some(error.clone());
        }
        cause = error.source();
    }
    None
}

/// Whether the body of a refusal says that the secret is disabled
/// (<https://learn.microsoft.com/azure/key-vault/general/rest-error-codes>).
fn is_disabled(body: &[u8]) -> bool {
    let response = serde_json::from_slice::<ErrorResponse>(body).ok();
    let inner = response.and_then(|response| response.error?.inner_error?.code);
    inner.is_some_and(|code| code == "SecretDisabled")
}

/// The identity's tokens, as the library asks for them.
#[derive(Debug)]
struct VaultCredential {
    tokens: Arc<dyn AccessTokens>,
    /// The last token, with its scope. Held for a few instructions only.
    last: Mutex<Option<(String, SecretString)>>,
}

impl VaultCredential {
    async fn token(&self, scopes: &[&str]) -> AzureResult<AccessToken> {
        let scope = scopes.first().copied().unwrap_or_default();
        let token = self.tokens.token(scope).await;
        let token = token.map_err(|error| Error::new(ErrorKind::Credential, error))?;
        let text = token.expose_secret().to_owned();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((scope.to_owned(), token));
        let expires_on = OffsetDateTime::now_utc() + TOKEN_LIFETIME;
        Ok(AccessToken::new(Secret::new(text), expires_on))
    }

    fn report_rejected(&self) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((scope, token)) = last.as_ref() {
            self.tokens.report_rejected(scope, token);
        }
    }
}

/// As `#[async_trait]` writes it.
impl TokenCredential for VaultCredential {
    fn get_token<'credential, 'scopes, 'scope, 'options, 'all>(
        &'credential self,
        scopes: &'scopes [&'scope str],
        _: Option<TokenRequestOptions<'options>>,
    ) -> Pin<Box<dyn Future<Output = AzureResult<AccessToken>> + Send + 'all>>
    where
        'credential: 'all,
        'scopes: 'all,
        'scope: 'all,
        'options: 'all,
        Self: 'all,
    {
        Box::pin(self.token(scopes))
    }
}
