//! How Azure's library sends requests: through this server's HTTP client, because it has none of
//! its own.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use azure_core::error::ErrorKind;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, ExponentialRetryOptions, HttpClient, Request, RetryOptions,
    Transport,
};
use azure_core::{Error, Result};
use futures_util::TryStreamExt as _;

/// The longest answer that is read, in bytes. One with a token has a few thousand.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// How many times a request is repeated that was answered with 429 or 5xx: an endpoint that has
/// just started does so for a moment. The library has its own number for virtual machines.
const MAX_RETRIES: u32 = 2;

/// The first delay before such a repetition.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// The options of a client of Azure's library. A delay that an answer asks for may be longer than
/// any deadline, so each use has a timeout.
pub(super) fn client_options(http: &Arc<dyn HttpClient>) -> ClientOptions {
    ClientOptions {
        transport: Some(Transport::new(Arc::clone(http))),
        retry: RetryOptions::exponential(ExponentialRetryOptions {
            initial_delay: azure_core::time::Duration::try_from(RETRY_DELAY)
                .expect("a fraction of a second"),
            max_retries: MAX_RETRIES,
            ..ExponentialRetryOptions::default()
        }),
        ..ClientOptions::default()
    }
}

/// Sends requests through this server's HTTP client, and reads answers up to a limit.
#[derive(Debug)]
pub(super) struct BoundedClient(reqwest::Client);

impl BoundedClient {
    pub(super) fn new(http: reqwest::Client) -> Self {
        Self(http)
    }

    async fn execute(&self, request: &Request) -> Result<AsyncRawResponse> {
        let response = HttpClient::execute_request(&self.0, request).await?;
        let (status, headers, mut chunks) = response.deconstruct();
        let mut body = Vec::new();
        while let Some(chunk) = chunks.try_next().await? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                // Not `Io`, which the library would retry.
                return Err(Error::with_message(
                    ErrorKind::Other,
                    format!("the answer is longer than {MAX_ANSWER_BYTES} bytes"),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(AsyncRawResponse::from_bytes(status, headers, body))
    }
}

/// As `#[async_trait]` writes it.
impl HttpClient for BoundedClient {
    fn execute_request<'client, 'request, 'both>(
        &'client self,
        request: &'request Request,
    ) -> Pin<Box<dyn Future<Output = Result<AsyncRawResponse>> + Send + 'both>>
    where
        'client: 'both,
        'request: 'both,
        Self: 'both,
    {
        Box::pin(self.execute(request))
    }
}

#[cfg(test)]
mod tests {
    use azure_core::http::{Method, Url};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::http_client;
    use crate::settings::HttpsSettings;

    /// The answer of an endpoint that sends so many bytes, and then nothing.
    async fn answer(bytes: usize) -> Result<AsyncRawResponse> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let url = Url::parse(&format!("http://{address}/")).expect("a URL");
        let client =
            BoundedClient::new(http_client::build(&HttpsSettings::default()).expect("a client"));
        let serving = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.expect("a request");
            assert!(length > 0, "the client asks");
            let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            // A client that has read enough hangs up.
            let _ = stream.write_all(head).await;
            let _ = stream.write_all(&vec![b' '; bytes]).await;
        };
        let request = Request::new(url, Method::Get);
        let ((), answer) = tokio::join!(serving, client.execute_request(&request));
        answer
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_is_an_error() {
        let body = answer(MAX_ANSWER_BYTES).await.expect("an answer");
        let body = body.into_body().collect().await.expect("its body");
        assert_eq!(body.len(), MAX_ANSWER_BYTES);
        let error = answer(MAX_ANSWER_BYTES + 1).await.expect_err("too long");
        assert_eq!(error.to_string(), "the answer is longer than 1048576 bytes");
    }
}
