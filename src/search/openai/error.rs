//! Why a call failed.

use std::time::Duration;

use super::answer::AnswerError;
use crate::access_tokens::AccessTokenError;
use crate::search::EmbedderError;
use crate::secret::SecretError;

/// Why a service has returned no embeddings. The texts are for operators: they name the setting or
/// the place in Azure that fixes it, and contain nothing that the service has sent but its code.
#[derive(Debug, thiserror::Error)]
pub enum OpenAiError {
    /// There is no connection: the name does not resolve, nobody listens, or TLS failed.
    #[error("the embedding service cannot be reached")]
    NotConnected(#[source] reqwest::Error),
    /// The connection ended before the answer did.
    #[error("the embedding service cut the connection")]
    Cut(#[source] reqwest::Error),
    /// The deadline has passed.
    #[error("the embedding service did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The service has failed (408, 5xx).
    #[error("the embedding service failed (status {})", .0)]
    Failing(ErrorStatus, Option<Duration>),
    /// The rate limit is reached (429). The value is the delay that the service asks for.
    #[error(
        "the embedding service limits the rate of requests; raise the quota of the deployment if \
         this persists (`az cognitiveservices account deployment create --sku-capacity`)"
    )]
    RateLimited(Option<Duration>),
    /// The access token is rejected (401).
    #[error(
        "the embedding service rejects the access token (status {0}); assign the role Cognitive \
         Services OpenAI User on the resource to this server's identity (`az role assignment \
         create`), and check AZURE_OPENAI_SCOPE"
    )]
    TokenRejected(ErrorStatus),
    /// The key is rejected (401).
    #[error("the embedding service rejects the key (status {0}); check ZAVA_EMBEDDING_API_KEY")]
    KeyRejected(ErrorStatus),
    /// This server may not use the service (403).
    #[error(
        "the embedding service refuses this server (status {0}); check the resource's network \
         rules (portal: Networking) and the roles of this server's identity"
    )]
    Forbidden(ErrorStatus),
    /// There is no such deployment, model or version (404).
    #[error(
        "the embedding service knows no such deployment (status {0}); check \
         AZURE_OPENAI_ENDPOINT or ZAVA_EMBEDDING_URL, EMBEDDING_MODEL_DEPLOYMENT_NAME (`az \
         cognitiveservices account deployment list`) and AZURE_OPENAI_API_VERSION"
    )]
    NotFound(ErrorStatus),
    /// The request is not accepted (another status).
    #[error(
        "the embedding service does not accept the request (status {0}); check that the model \
         supports ZAVA_EMBEDDING_DIMENSIONS, and AZURE_OPENAI_API_VERSION"
    )]
    NotAccepted(ErrorStatus),
    /// The service's content filter rejects a text.
    #[error("the embedding service does not accept the text")]
    TextRejected,
    /// The answer is not usable.
    #[error("the embedding service sent an unusable answer")]
    Answer(#[from] AnswerError),
    /// There is no access token.
    #[error("there is no access token for the embedding service")]
    NoToken(#[source] AccessTokenError),
    /// The key cannot be read.
    #[error("there is no key for the embedding service")]
    NoKey(#[source] SecretError),
    /// Requests have failed a moment ago, so none was sent.
    #[error("the embedding service is not asked, because it has failed a moment ago")]
    CircuitOpen,
    /// Other requests have taken all connections until the deadline.
    #[error("too many embedding requests are in flight")]
    Busy,
}

/// The status of a response, and the code of its error if that is a plain word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorStatus {
    /// The HTTP status.
    pub status: u16,
    /// The error's code, such as `DeploymentNotFound`.
    pub code: Option<String>,
}

impl std::fmt::Display for ErrorStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status)?;
        match &self.code {
            Some(code) => write!(f, ", {code}"),
            None => Ok(()),
        }
    }
}

impl OpenAiError {
    /// Whether the same request may succeed a moment later.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::NotConnected(_) | Self::Cut(_) | Self::Failing(..) | Self::RateLimited(_) => true,
            Self::TimedOut(_)
            | Self::TokenRejected(_)
            | Self::KeyRejected(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::NotAccepted(_)
            | Self::TextRejected
            | Self::Answer(_)
            | Self::NoToken(_)
            | Self::NoKey(_)
            | Self::CircuitOpen
            | Self::Busy => false,
        }
    }

    /// What this error of a request tells about the service.
    pub(super) fn outcome(&self) -> RequestOutcome {
        match self {
            Self::NotConnected(_)
            | Self::Cut(_)
            | Self::TimedOut(_)
            | Self::Failing(..)
            | Self::TokenRejected(_)
            | Self::KeyRejected(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Answer(_) => RequestOutcome::Failing,
            // A caller's text may have caused it, which must not cut off the others.
            Self::NotAccepted(_) | Self::TextRejected | Self::RateLimited(_) => {
                RequestOutcome::Working
            }
            Self::NoToken(_) | Self::NoKey(_) | Self::CircuitOpen | Self::Busy => {
                RequestOutcome::Unknown
            }
        }
    }

    /// The delay that the service asks for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failing(_, retry_after) | Self::RateLimited(retry_after) => *retry_after,
            Self::NotConnected(_)
            | Self::Cut(_)
            | Self::TimedOut(_)
            | Self::TokenRejected(_)
            | Self::KeyRejected(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::NotAccepted(_)
            | Self::TextRejected
            | Self::Answer(_)
            | Self::NoToken(_)
            | Self::NoKey(_)
            | Self::CircuitOpen
            | Self::Busy => None,
        }
    }
}

impl From<OpenAiError> for EmbedderError {
    fn from(error: OpenAiError) -> Self {
        match error {
            OpenAiError::TextRejected => Self::TextRejected,
            error @ OpenAiError::NotAccepted(_) => {
                Self::RequestRejected(std::sync::Arc::new(error))
            }
            other => Self::Unavailable(std::sync::Arc::new(other)),
        }
    }
}

/// What a request tells about the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestOutcome {
    Working,
    Failing,
    /// Nothing: it was not asked.
    Unknown,
}
