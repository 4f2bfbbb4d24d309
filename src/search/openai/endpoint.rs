//! One request.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::answer::{self, AnswerError};
use super::credential::Credential;
use super::error::{ErrorStatus, OpenAiError};
use super::retry_after::retry_after;
use crate::search::embedding::Embedding;

/// How much of a response with an error is read, in bytes.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// The longest code of an error that is shown.
const MAX_CODE_BYTES: usize = 64;

/// The code of the error for a text that the content filter rejects.
const CONTENT_FILTER: &str = "content_filter";

/// Where embeddings come from.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) http: Client,
    pub(super) url: Url,
    pub(super) credential: Credential,
    pub(super) model: String,
    pub(super) dimensions: usize,
}

impl Endpoint {
    /// The embeddings of some texts, in their order. A secret that is rejected is replaced once, if
    /// there is another one.
    pub(super) async fn request(&self, texts: &[String]) -> Result<Vec<Embedding>, OpenAiError> {
        let secret = self.credential.secret().await?;
        let rejected = match self.send(texts, &secret).await {
            Err(error @ (OpenAiError::TokenRejected(_) | OpenAiError::KeyRejected(_))) => error,
            other => return other,
        };
        self.credential.report_rejected(&secret);
        let renewed = self.credential.secret().await?;
        if renewed.expose_secret() == secret.expose_secret() {
            return Err(rejected);
        }
        self.send(texts, &renewed).await
    }

    async fn send(
        &self,
        texts: &[String],
        secret: &SecretString,
    ) -> Result<Vec<Embedding>, OpenAiError> {
        // A secret that fits no header cannot be the right one.
        let unsendable = || self.credential.rejected(ErrorStatus::without_code(401));
        let (name, value) = self.credential.header(secret).ok_or_else(unsendable)?;
        let body = json!({
            "input": texts,
            "model": self.model,
            "dimensions": self.dimensions,
            "encoding_format": "base64",
        });
        let mut response = self
            .http
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(name, value)
            .body(body.to_string())
            .send()
            .await
            .map_err(connection_error)?;
        if response.status() != StatusCode::OK {
            return Err(self.status_error(response).await);
        }
        let max_bytes = answer::max_answer_bytes(texts.len(), self.dimensions);
        let answer = read(&mut response, max_bytes).await?;
        let answer = answer.ok_or(AnswerError::TooLong(max_bytes))?;
        Ok(answer::parse(&answer, texts.len(), self.dimensions)?)
    }

    /// The error for a status other than 200.
    async fn status_error(&self, mut response: Response) -> OpenAiError {
        let status = response.status();
        let retry_after = retry_after(response.headers());
        // A body that is too long or cut says nothing.
        let body = read(&mut response, MAX_ERROR_BYTES).await.ok().flatten();
        let code = body.as_deref().and_then(error_code);
        if status.is_client_error() && code.as_deref() == Some(CONTENT_FILTER) {
            return OpenAiError::TextRejected;
        }
        let status = ErrorStatus {
            status: status.as_u16(),
            code,
        };
        match status.status {
            401 => self.credential.rejected(status),
            403 => OpenAiError::Forbidden(status),
            404 => OpenAiError::NotFound(status),
            429 => OpenAiError::RateLimited(retry_after),
            408 | 500.. => OpenAiError::Failing(status, retry_after),
            _ => OpenAiError::NotAccepted(status),
        }
    }
}

impl ErrorStatus {
    fn without_code(status: u16) -> Self {
        Self { status, code: None }
    }
}

/// A response's body; `None` if it is longer than `max_bytes`.
async fn read(response: &mut Response, max_bytes: usize) -> Result<Option<Vec<u8>>, OpenAiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(connection_error)? {
        if body.len() + chunk.len() > max_bytes {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn connection_error(error: reqwest::Error) -> OpenAiError {
    // The log has the host already.
    let error = error.without_url();
    if error.is_connect() {
        OpenAiError::NotConnected(error)
    } else {
        OpenAiError::Cut(error)
    }
}

/// The code of an error, if it is a plain word: anything else could quote the request.
fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Detail,
    }
    #[derive(Deserialize)]
    struct Detail {
        code: String,
    }
    let Body { error } = serde_json::from_slice(body).ok()?;
    let is_word = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_code =
        (1..=MAX_CODE_BYTES).contains(&error.code.len()) && error.code.bytes().all(is_word);
    is_code.then_some(error.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_that_is_a_word_is_shown() {
        for (body, code) in [
            (
                r#"{"error":{"code":"DeploymentNotFound","message":"m"}}"#,
                Some("DeploymentNotFound"),
            ),
            (
                r#"{"error":{"code":"content_filter"}}"#,
                Some("content_filter"),
            ),
            (r#"{"error":{"code":"401"}}"#, None),
            (r#"{"error":{"code":"key 12345 is wrong"}}"#, None),
            (r#"{"error":{"code":""}}"#, None),
            (r#"{"error":{"code":null}}"#, None),
            (r#"{"error":"failed"}"#, None),
            ("<html>", None),
        ] {
            assert_eq!(error_code(body.as_bytes()).as_deref(), code, "{body}");
        }
    }
}
