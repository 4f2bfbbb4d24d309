//! Asks Azure for one token.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{
    ClientOptions, ExponentialRetryOptions, HttpClient, RetryOptions, Transport,
};
use azure_core::time::OffsetDateTime;
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::bounded_client::BoundedClient;
use super::token::{AccessTokenError, IssuedToken};
use crate::settings::{Application, AzureCredential};

/// How long a fetch may take, with its retries. The Azure CLI takes seconds.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15);

/// How many times one fetch repeats a request that was answered with 429 or 5xx: an endpoint that
/// has just started does so for a moment. The library has its own number for virtual machines.
const MAX_RETRIES: u32 = 2;

/// The first delay before such a repetition.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// How much of Azure's error text is kept, in characters.
const MAX_ERROR_CHARS: usize = 400;

/// What Azure's library says when the identity does not exist on this machine (status 400).
const NOT_ASSIGNED: &str = "has not been assigned";

/// The error for an answer of that kind.
const NO_TOKEN: &str = "the answer contains no token";

/// Where its advice begins, which is about the library and not about this server.
const ADVICE: &str = "\nTo troubleshoot";

/// How a token begins: `{"` in base64.
const TOKEN_START: &str = "eyJ";

/// Fetches tokens, without a cache.
#[derive(Debug)]
pub(super) struct Fetcher {
    credential: AzureCredential,
    http: Arc<dyn HttpClient>,
}

impl Fetcher {
    pub(super) fn new(credential: AzureCredential, http: reqwest::Client) -> Self {
        Self {
            credential,
            http: Arc::new(BoundedClient::new(http)),
        }
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

    /// Requests go through this server's HTTP client: the library has none of its own.
    fn client_options(&self, application: Option<&Application>) -> ClientOptions {
        let cloud = application.map(|application| {
            let mut cloud = CustomConfiguration::default();
            cloud.authority_host.clone_from(&application.authority);
            Arc::new(CloudConfiguration::Custom(cloud))
        });
        ClientOptions {
            transport: Some(Transport::new(Arc::clone(&self.http))),
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                initial_delay: azure_core::time::Duration::try_from(RETRY_DELAY)
                    .expect("a fraction of a second"),
                max_retries: MAX_RETRIES,
                ..ExponentialRetryOptions::default()
            }),
            cloud,
            ..ClientOptions::default()
        }
    }
}

/// The text of an error of Azure's library without its advice, and the cause at the end of the
/// chain: the text itself may only say that the library has stopped trying.
fn text_with_cause(error: &azure_core::Error) -> String {
    let text = error.to_string();
    let text = text.split(ADVICE).next().unwrap_or_default();
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let cause = cause.to_string();
    if text.contains(&cause) {
        text.to_owned()
    } else {
        format!("{text}: {cause}")
    }
}

/// The error for a text of Azure's library. The library quotes answers: those of failed requests,
/// and parts of those that it cannot parse. So the text ends where a token could begin, and has no
/// control characters, which could forge lines of the log.
fn token_error(text: &str) -> AccessTokenError {
    if text.contains(NOT_ASSIGNED) {
        return AccessTokenError::NotAssigned;
    }
    let text = text.split(TOKEN_START).next().unwrap_or_default().trim();
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    AccessTokenError::Refused(text.chars().map(printable).take(MAX_ERROR_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use azure_core::error::ErrorKind;

    use super::*;

    #[test]
    fn errors_are_short_and_say_what_to_do() {
        let unassigned = "ManagedIdentityCredential authentication failed. The requested identity has not been assigned to this resource";
        assert!(matches!(
            token_error(unassigned),
            AccessTokenError::NotAssigned
        ));
        let text = format!("AADSTS7000215: {}", "x".repeat(1000));
        match token_error(&text) {
            AccessTokenError::Refused(text) => assert_eq!(text.chars().count(), MAX_ERROR_CHARS),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_text_of_an_error_ends_with_its_cause() {
        let text = |cause: &'static str| {
            let cause = azure_core::Error::with_message(ErrorKind::Io, cause);
            let text = format!("gave up{ADVICE}, visit");
            text_with_cause(&azure_core::Error::with_error(ErrorKind::Io, cause, text))
        };
        assert_eq!(text("refused"), "gave up: refused");
        assert_eq!(text("gave up"), "gave up");
    }

    /// Azure's library quotes an answer that it cannot parse.
    #[test]
    fn errors_contain_no_token_and_no_control_characters() {
        let answer = r#""eyJhbGciOiJub25lIn0.e30.signature""#;
        let error = serde_json::from_str::<std::collections::HashMap<String, String>>(answer);
        let error = error.expect_err("no object").to_string();
        assert!(error.contains("e30.signature"), "{error}");
        match token_error(&format!("a\r\nb\u{1b}[31m {error}")) {
            AccessTokenError::Refused(text) => {
                assert_eq!(text, "a  b [31m invalid type: string \"");
            }
            other => panic!("{other:?}"),
        }
    }
}
