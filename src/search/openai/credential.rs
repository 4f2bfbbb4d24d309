//! What authenticates a request.

use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::{ErrorStatus, OpenAiError};
use crate::access_tokens::AccessTokens;
use crate::secret::SecretSource;

/// The header in which Azure OpenAI takes a key.
const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// What authenticates this server to an embedding service.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A key of the Azure OpenAI resource.
    AzureKey(Arc<dyn SecretSource>),
    /// A key of another service.
    BearerKey(Arc<dyn SecretSource>),
    /// Access tokens.
    Tokens {
        /// Where they come from.
        tokens: Arc<dyn AccessTokens>,
        /// Their scope.
        scope: String,
    },
}

impl Credential {
    /// The secret for a request that is sent now.
    pub(super) async fn secret(&self) -> Result<SecretString, OpenAiError> {
        match self {
            Self::AzureKey(key) | Self::BearerKey(key) => {
                key.secret().await.map_err(OpenAiError::NoKey)
            }
            Self::Tokens { tokens, scope } => {
                tokens.token(scope).await.map_err(OpenAiError::NoToken)
            }
        }
    }

    /// Reports that the service has rejected a secret.
    pub(super) fn report_rejected(&self, secret: &SecretString) {
        match self {
            Self::AzureKey(key) | Self::BearerKey(key) => key.report_rejected(secret),
            Self::Tokens { tokens, scope } => tokens.report_rejected(scope, secret),
        }
    }

    /// The header that carries a secret. It is marked as sensitive, so that no library prints it.
    pub(super) fn header(&self, secret: &SecretString) -> Option<(HeaderName, HeaderValue)> {
        let secret = secret.expose_secret();
        let (name, text) = match self {
            Self::AzureKey(_) => (API_KEY, secret.to_owned()),
            Self::BearerKey(_) | Self::Tokens { .. } => (AUTHORIZATION, format!("Bearer {secret}")),
        };
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }

    /// The error for a rejected secret.
    pub(super) fn rejected(&self, status: ErrorStatus) -> OpenAiError {
        match self {
            Self::AzureKey(_) | Self::BearerKey(_) => OpenAiError::KeyRejected(status),
            Self::Tokens { .. } => OpenAiError::TokenRejected(status),
        }
    }
}
