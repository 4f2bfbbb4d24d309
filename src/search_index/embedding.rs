//! Embeds a batch of texts. A service that fails is asked again after a delay; a text that it does
//! not accept is left out.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::sleep;

use super::SearchIndexError;
use crate::search::embedding::Embedding;
use crate::search::{Embedder, EmbedderError};

/// The delays before a failed call is repeated. Together they are longer than the five seconds for
/// which an embedder sends nothing to a service that has failed.
const RETRY_DELAYS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// The embeddings of some texts, in their order; `None` for a text that the embedder does not
/// accept.
pub(super) async fn embed(
    embedder: &dyn Embedder,
    texts: &[String],
) -> Result<Vec<Option<Embedding>>, SearchIndexError> {
    embed_by(&|texts| embedder.embed(texts), texts).await
}

/// A call of an embedder.
type Call<'a, T> = dyn Fn(Vec<String>) -> BoxFuture<'a, Result<Vec<T>, EmbedderError>> + Sync + 'a;

async fn embed_by<T>(
    call: &Call<'_, T>,
    texts: &[String],
) -> Result<Vec<Option<T>>, SearchIndexError> {
    match call_with_retries(call, texts).await {
        // One text among many: find out which.
        Err(error) if is_about_a_text(&error) && texts.len() > 1 => {
            let mut embeddings = Vec::with_capacity(texts.len());
            for text in texts {
                embeddings.push(embed_one(call, text).await?);
            }
            match error {
                // No text is accepted, so it is a setting.
                EmbedderError::RequestRejected(_) if embeddings.iter().all(Option::is_none) => {
                    Err(SearchIndexError::Embedding(error))
                }
                _ => Ok(embeddings),
            }
        }
        Err(error) if is_about_a_text(&error) => Ok(texts.iter().map(|_| None).collect()),
        Err(error) => Err(SearchIndexError::Embedding(error)),
        Ok(embeddings) if embeddings.len() == texts.len() => {
            Ok(embeddings.into_iter().map(Some).collect())
        }
        Ok(embeddings) => Err(SearchIndexError::VectorCount {
            texts: texts.len(),
            vectors: embeddings.len(),
        }),
    }
}

async fn embed_one<T>(call: &Call<'_, T>, text: &String) -> Result<Option<T>, SearchIndexError> {
    match call_with_retries(call, std::slice::from_ref(text)).await {
        Ok(embeddings) => Ok(embeddings.into_iter().next()),
        Err(error) if is_about_a_text(&error) => Ok(None),
        Err(error) => Err(SearchIndexError::Embedding(error)),
    }
}

async fn call_with_retries<T>(
    call: &Call<'_, T>,
    texts: &[String],
) -> Result<Vec<T>, EmbedderError> {
    let mut delays = RETRY_DELAYS.iter();
    loop {
        match (call(texts.to_vec()).await, delays.next()) {
            (Err(EmbedderError::Unavailable(_)), Some(delay)) => sleep(*delay).await,
            (result, _) => return result,
        }
    }
}

fn is_about_a_text(error: &EmbedderError) -> bool {
    match error {
        EmbedderError::NothingToEmbed
        | EmbedderError::TextRejected
        | EmbedderError::RequestRejected(_) => true,
        EmbedderError::Unavailable(_) | EmbedderError::Unusable(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    /// Embeds texts by an embedder whose first calls fail, and that rejects one text. Returns the
    /// result and the number of calls.
    async fn embed(
        failures: usize,
        texts: &[&str],
    ) -> (Result<Vec<Option<usize>>, SearchIndexError>, usize) {
        let calls = AtomicUsize::new(0);
        let call = |texts: Vec<String>| {
            let is_failing = calls.fetch_add(1, Ordering::Relaxed) < failures;
            async move {
                if is_failing {
                    Err(EmbedderError::Unavailable(Arc::new(std::fmt::Error)))
                } else if texts.iter().any(|text| text == "rejected") {
                    Err(EmbedderError::TextRejected)
                } else if texts.iter().any(|text| text == "too long") {
                    Err(EmbedderError::RequestRejected(Arc::new(std::fmt::Error)))
                } else {
                    Ok(texts.iter().map(String::len).collect())
                }
            }
            .boxed()
        };
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        let embedded = embed_by(&call, &texts).await;
        (embedded, calls.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_service_is_asked_again_for_longer_than_its_breaker_is_open() {
        let begun = Instant::now();
        let (embedded, calls) = embed(RETRY_DELAYS.len(), &["a", "bb"]).await;
        assert_eq!(embedded.expect("two"), [Some(1), Some(2)]);
        assert_eq!(calls, RETRY_DELAYS.len() + 1);
        assert!(begun.elapsed() > Duration::from_secs(5));

        let (failed, calls) = embed(usize::MAX, &["a"]).await;
        assert!(matches!(
            failed,
            Err(SearchIndexError::Embedding(EmbedderError::Unavailable(_)))
        ));
        assert_eq!(calls, RETRY_DELAYS.len() + 1);
    }

    #[tokio::test]
    async fn a_rejected_text_costs_no_other_its_vector() {
        let (embedded, calls) = embed(0, &["a", "rejected", "bb"]).await;
        assert_eq!(embedded.expect("three"), [Some(1), None, Some(2)]);
        assert_eq!(calls, 4);
        let (embedded, _) = embed(0, &["a", "too long", "bb"]).await;
        assert_eq!(embedded.expect("three"), [Some(1), None, Some(2)]);
        let (embedded, _) = embed(0, &["rejected"]).await;
        assert_eq!(embedded.expect("one"), [None]);
    }

    /// A wrong number of dimensions, for example: every request is rejected, whatever its text.
    #[tokio::test]
    async fn a_service_that_rejects_every_text_fails_the_run() {
        let (embedded, calls) = embed(0, &["too long", "too long"]).await;
        assert!(matches!(
            embedded,
            Err(SearchIndexError::Embedding(EmbedderError::RequestRejected(
                _
            )))
        ));
        assert_eq!(calls, 3);
    }
}
