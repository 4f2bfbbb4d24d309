//! Calls an embedding service.

use std::time::Duration;

use super::call_policy::CallPolicy;
use super::endpoint::Endpoint;
use super::outage_log::OutageLog;
use crate::search::EmbedderError;
use crate::search::embedding::Embedding;

/// Calls an embedding service.
#[derive(Debug)]
pub(super) struct Client {
    endpoint: Endpoint,
    policy: CallPolicy,
    outages: OutageLog,
}

impl Client {
    pub(super) fn new(endpoint: Endpoint, timeout: Duration) -> Self {
        Self {
            endpoint,
            policy: CallPolicy::new(timeout),
            outages: OutageLog::default(),
        }
    }

    pub(super) fn model(&self) -> &str {
        &self.endpoint.model
    }

    pub(super) fn dimensions(&self) -> usize {
        self.endpoint.dimensions
    }

    /// The embeddings of some texts, in their order.
    pub(super) async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedderError> {
        let result = self.policy.call(|| self.endpoint.request(texts)).await;
        let host = self.endpoint.url.host_str().unwrap_or_default();
        self.outages
            .observe(result.as_ref().err(), host, self.model());
        Ok(result?)
    }
}
