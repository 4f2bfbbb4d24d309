//! Asks Azure for one token.

use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, HttpClient};
use azure_core::time::OffsetDateTime;
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::error_text::{loggable, text_with_cause};
use super::http::client_options;
use super::token::IssuedToken;
use crate::access_tokens::AccessTokenError;
use crate::settings::{Application, AzureCredential};

/// How long a fetch may take, with its retries. The Azure CLI takes seconds.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// What Azure's library says when the identity does not exist on this machine (status 400).
const NOT_ASSIGNED: &str = "has not been assigned";

/// The error for an answer of that kind.
const NO_TOKEN: &str = "the answer contains no token";

/// Fetches tokens, without a cache.
#[derive(Debug)]
pub(super) struct Fetcher {
    credential: AzureCredential,
    http: Arc<dyn HttpClient>,
}

impl Fetcher {
    pub(super) fn new(credential: AzureCredential, http: Arc<dyn HttpClient>) -> Self {
        Self { credential, http }
    }

    /// Fetches a token for a scope.
    pub(super) async fn fetch(&self, scope: &str) -> Result<IssuedToken, AccessTokenError> {
        let fetching = async {
            // A credential for each fetch: its cache would return the token that is to be replaced.
            let credential = self.credential()?;
            credential.get_token(&[scope], None).await
        };
        let token = timeout(FETCH_TIMEOUT, fetching)
            .await
            .map_err(|_| AccessTokenError::TimedOut(FETCH_TIMEOUT))?
            .map_err(|error| token_error(&text_with_cause(&error)))?;
        let text = token.token.secret();
        // The library takes an answer without a token for an empty one.
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AccessTokenError::Refused(NO_TOKEN.to_owned()));
        }
        // The library's clock, because it has added the lifetime of most tokens to it.
        let valid_for = token.expires_on - OffsetDateTime::now_utc();
        Ok(IssuedToken {
            text: SecretString::from(text),
            valid_for: valid_for
                .try_into()
                .map_err(|_| AccessTokenError::Expired)?,
        })
    }

    fn credential(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        Ok(match &self.credential {
            AzureCredential::ManagedIdentity { client_id } => {
                let client_id = client_id.map(|id| UserAssignedId::ClientId(id.to_string()));
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id,
                    client_options: self.client_options(None),
                }))?
            }
            AzureCredential::WorkloadIdentity {
                application,
                token_file,
            } => WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions {
                    client_options: self.client_options(Some(application)),
                },
                client_id: Some(application.client_id.to_string()),
                tenant_id: Some(application.directory.to_string()),
                token_file_path: Some(token_file.clone()),
            }))?,
            AzureCredential::ClientSecret {
                application,
                secret,
            } => ClientSecretCredential::new(
                &application.directory.to_string(),
                application.client_id.to_string(),
                Secret::new(secret.expose_secret().to_owned()),
                Some(ClientSecretCredentialOptions {
                    client_options: self.client_options(Some(application)),
                }),
            )?,
            AzureCredential::DeveloperTools => DeveloperToolsCredential::new(None)?,
        })
    }

    fn client_options(&self, application: Option<&Application>) -> ClientOptions {
        let cloud = application.map(|application| {
            let mut cloud = CustomConfiguration::default();
            cloud.authority_host.clone_from(&application.authority);
            Arc::new(CloudConfiguration::Custom(cloud))
        });
        ClientOptions {
            cloud,
            ..client_options(&self.http)
        }
    }
}

/// The error for a text of Azure's library.
fn token_error(text: &str) -> AccessTokenError {
    if text.contains(NOT_ASSIGNED) {
        AccessTokenError::NotAssigned
    } else {
        AccessTokenError::Refused(loggable(text))
    }
}
