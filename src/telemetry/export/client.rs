//! The HTTP client of the exporters.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::Handle;
use tokio::time::timeout;
use url::Url;

use super::health::Health;
use crate::access_tokens::AccessTokens;
use crate::http_client;
use crate::settings::HttpsSettings;

/// How long one request may take, with its answer and a token.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read. One about a rejected batch has some kilobytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// Sends requests on the server's runtime, from any thread.
#[derive(Clone, Debug)]
pub(super) struct ExportClient(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    runtime: Handle,
    /// Built by the first request, because it takes milliseconds that the server's start need not
    /// wait for.
    http: OnceLock<reqwest::Client>,
    https: HttpsSettings,
    authorization: Option<Authorization>,
    health: Health,
    /// Has everything fail at once, so that retries end.
    is_stopped: AtomicBool,
}

/// The access tokens that requests to one server carry.
#[derive(Debug)]
pub(super) struct Authorization {
    pub(super) tokens: Arc<dyn AccessTokens>,
    pub(super) scope: String,
    /// Where tokens may be sent: scheme, host and port.
    pub(super) endpoint: Url,
}

impl Authorization {
    fn covers(&self, url: &Url) -> bool {
        url.scheme() == "https" && url.origin() == self.endpoint.origin()
    }

    async fn token(&self) -> Result<SecretString, ExportError> {
        let token = self.tokens.token(&self.scope).await;
        token.map_err(ExportError::Token)
    }

    fn report_rejected(&self, token: &SecretString) {
        self.tokens.report_rejected(&self.scope, token);
    }
}

/// Why there is no answer. None of the texts holds a URL or a secret.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("ZAVA_HTTPS_ROOTCERT cannot be used")]
    Client(#[source] http_client::HttpClientError),
    #[error("the URL is invalid")]
    Url,
    #[error("there is no access token: {0}")]
    Token(#[source] crate::access_tokens::AccessTokenError),
    #[error("the request failed: {}", causes(.0))]
    Request(#[source] reqwest::Error),
    #[error("the answer is longer than {MAX_ANSWER_BYTES} bytes")]
    AnswerTooLong,
    #[error("there was no answer within {} s", REQUEST_TIMEOUT.as_secs())]
    TimedOut,
    #[error("the server is stopping")]
    Stopped,
}

/// The messages of an error and its causes; reqwest's own says little.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl ExportClient {
    /// A client that sends on the running runtime.
    pub(super) fn new(
        destination: &'static str,
        https: HttpsSettings,
        authorization: Option<Authorization>,
    ) -> Self {
        Self(Arc::new(Shared {
            runtime: Handle::current(),
            http: OnceLock::new(),
            https,
            authorization,
            health: Health::new(destination),
            is_stopped: AtomicBool::new(false),
        }))
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.0.runtime
    }

    pub(super) fn health(&self) -> &Health {
        &self.0.health
    }

    /// Has all further requests fail at once.
    pub(super) fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.0.is_stopped.load(Ordering::Relaxed)
    }

    fn http(&self) -> Result<&reqwest::Client, ExportError> {
        if let Some(http) = self.0.http.get() {
            return Ok(http);
        }
        let http = http_client::build(&self.0.https);
        let http = http.map_err(ExportError::Client)?;
        Ok(self.0.http.get_or_init(|| http))
    }

    /// Sends a request, with a token if it goes to the endpoint that needs one. A rejected token is
    /// replaced once.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ExportError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| ExportError::Url)?;
        let request = || -> Result<_, ExportError> {
            let request = self.http()?.post(url.clone());
            Ok(request.headers(parts.headers.clone()).body(body.clone()))
        };
        let authorization = self.0.authorization.as_ref();
        let Some(authorization) = authorization.filter(|one| one.covers(&url)) else {
            return attempt(request()?).await;
        };
        let token = authorization.token().await?;
        let answer = attempt(request()?.header(AUTHORIZATION, bearer(&token))).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        authorization.report_rejected(&token);
        let next = authorization.token().await?;
        if next.expose_secret() == token.expose_secret() {
            return Ok(answer);
        }
        attempt(request()?.header(AUTHORIZATION, bearer(&next))).await
    }
}

/// Sends a request and reads the answer.
async fn attempt(request: reqwest::RequestBuilder) -> Result<Response<Bytes>, ExportError> {
    let sent = request.send().await;
    read(sent.map_err(|error| ExportError::Request(error.without_url()))?).await
}

fn bearer(token: &SecretString) -> HeaderValue {
    let text = format!("Bearer {}", token.expose_secret());
    // A token that is no header value is rejected by the endpoint as a missing one.
    let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Reads an answer. A status of a gateway becomes one that the exporters retry: Application
/// Insights' does not retry 502 and 504.
async fn read(mut response: reqwest::Response) -> Result<Response<Bytes>, ExportError> {
    let status = match response.status() {
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => StatusCode::SERVICE_UNAVAILABLE,
        status => status,
    };
    let retry_after = response.headers().get(RETRY_AFTER).cloned();
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| ExportError::Request(error.without_url()))?
    {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(ExportError::AnswerTooLong);
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    if let Some(retry_after) = retry_after {
        answer.headers_mut().insert(RETRY_AFTER, retry_after);
    }
    Ok(answer)
}

/// As `#[async_trait]` writes it.
impl HttpClient for ExportClient {
    fn send_bytes<'client, 'both>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'both>>
    where
        'client: 'both,
        Self: 'both,
    {
        Box::pin(async move {
            if self.is_stopped() {
                // Neither exporter retries this status.
                let mut answer = Response::new(Bytes::new());
                *answer.status_mut() = StatusCode::GONE;
                return Ok(answer);
            }
            let client = self.clone();
            // The thread of the destination has no runtime. The task ends at its timeout.
            let sending = self.0.runtime.spawn(async move {
                let sent = timeout(REQUEST_TIMEOUT, client.send(request)).await;
                sent.unwrap_or(Err(ExportError::TimedOut))
            });
            let sent = sending.await.unwrap_or(Err(ExportError::Stopped));
            match &sent {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => self
                    .health()
                    .record_failure(&format_args!("HTTP {}", answer.status().as_u16())),
                // Not the destination's fault.
                Err(ExportError::Stopped) => {}
                Err(error) => self.health().record_failure(error),
            }
            sent.map_err(Into::into)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_tokens::NoIdentity;

    #[test]
    fn tokens_are_sent_to_the_ingestion_endpoint_over_https_only() {
        let url = |text| Url::parse(text).expect("a URL");
        let authorization = Authorization {
            tokens: Arc::new(NoIdentity),
            scope: String::new(),
            endpoint: url("https://ingestion.test/"),
        };
        for (to, expected) in [
            ("https://ingestion.test/v2/track", true),
            ("https://ingestion.test:443/v2/track", true),
            ("http://ingestion.test/v2/track", false),
            ("https://ingestion.test:8443/v2/track", false),
            ("https://ingestion.test.other.test/v2/track", false),
            ("https://other.test/https://ingestion.test/", false),
        ] {
            assert_eq!(authorization.covers(&url(to)), expected, "{to}");
        }
    }
}
