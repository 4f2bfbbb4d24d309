//! The thread of one destination.

use std::fmt;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, Temporality};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::client::{Authorization, ExportClient};
use super::exporter::Exporter;
use super::outbox::{Batch, Outbox};
use crate::access_tokens::AccessTokens;
use crate::settings::{ApplicationInsights, HttpsSettings, Otlp};
use crate::telemetry::{TelemetryError, spans};

/// Collects all metrics for one destination.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct MetricSource(Arc<ManualReader>);

impl MetricReader for MetricSource {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

/// A destination whose thread has not started.
pub(in crate::telemetry) struct Destination {
    exporter: Exporter,
    client: ExportClient,
    outbox: Arc<Outbox>,
    metrics: MetricSource,
    metric_interval: Duration,
    scope: InstrumentationScope,
}

impl Destination {
    /// The Application Insights resource of the settings. Must be called within the runtime that
    /// will send.
    ///
    /// # Errors
    /// [`TelemetryError`] if the exporter rejects the settings.
    pub(in crate::telemetry) fn application_insights(
        resource: &ApplicationInsights,
        attributes: &Resource,
        tokens: &Arc<dyn AccessTokens>,
        https: &HttpsSettings,
        metric_interval: Duration,
        outbox: Arc<Outbox>,
    ) -> Result<Self, TelemetryError> {
        let authorization = resource.token_scope.as_ref().map(|scope| Authorization {
            tokens: Arc::clone(tokens),
            scope: scope.clone(),
            endpoint: resource.ingestion_endpoint.clone(),
        });
        let client = ExportClient::new("Application Insights", https.clone(), authorization);
        let exporter = Exporter::application_insights(resource, attributes, client.clone())?;
        Ok(Self::new(metric_interval, exporter, client, outbox))
    }

    /// The collector of the settings. Must be called within the runtime that will send.
    ///
    /// # Errors
    /// [`TelemetryError`] if the exporter rejects the settings.
    pub(in crate::telemetry) fn otlp(
        collector: &Otlp,
        attributes: &Resource,
        https: &HttpsSettings,
        metric_interval: Duration,
        outbox: Arc<Outbox>,
    ) -> Result<Self, TelemetryError> {
        let client = ExportClient::new("OTLP", https.clone(), None);
        let exporter = Exporter::otlp(collector, attributes, &client)?;
        Ok(Self::new(metric_interval, exporter, client, outbox))
    }

    fn new(
        metric_interval: Duration,
        exporter: Exporter,
        client: ExportClient,
        outbox: Arc<Outbox>,
    ) -> Self {
        let reader = ManualReader::builder()
            .with_temporality(exporter.temporality())
            .build();
        Self {
            exporter,
            client,
            outbox,
            metrics: MetricSource(Arc::new(reader)),
            metric_interval,
            scope: spans::instrumentation_scope(),
        }
    }

    pub(in crate::telemetry) fn metric_source(&self) -> MetricSource {
        self.metrics.clone()
    }

    /// Starts the thread, which ends once the outbox is closed and empty.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(in crate::telemetry) fn start(self) -> Result<RunningDestination, TelemetryError> {
        let client = self.client.clone();
        let (ended, has_ended) = oneshot::channel();
        let runtime = client.runtime().clone();
        thread::Builder::new()
            .name("telemetry".to_owned())
            .spawn(move || {
                // Drives nothing but the exporters' futures; the requests run on the runtime.
                runtime.block_on(self.run());
                // An error means that nobody waits.
                let _ = ended.send(());
            })
            .map_err(TelemetryError::Thread)?;
        Ok(RunningDestination { client, has_ended })
    }

    async fn run(self) {
        let mut metrics_due = Instant::now() + self.metric_interval;
        loop {
            let batch = self.outbox.next_batch(metrics_due);
            let is_last = batch.is_last;
            self.send(batch).await;
            if is_last || Instant::now() >= metrics_due {
                self.send_metrics().await;
                metrics_due = Instant::now() + self.metric_interval;
            }
            if is_last {
                return;
            }
        }
    }

    async fn send(&self, batch: Batch) {
        let Batch { spans, records, .. } = batch;
        let span_count = spans.len();
        if span_count > 0 {
            let sent = self.exporter.send_spans(spans).await;
            self.record(sent, span_count, 0);
        }
        if !records.is_empty() {
            let sent = self.exporter.send_records(&records, &self.scope).await;
            self.record(sent, 0, records.len());
        }
    }

    async fn send_metrics(&self) {
        let mut metrics = ResourceMetrics::default();
        // Fails only once the instruments are gone.
        if self.metrics.collect(&mut metrics).is_ok() {
            let sent = self.exporter.send_metrics(&metrics).await;
            self.record(sent, 0, 0);
        }
    }

    fn record(&self, sent: OTelSdkResult, spans: usize, records: usize) {
        match sent {
            Ok(()) => {
                let dropped = self.outbox.dropped();
                let health = self.client.health();
                health.record_success(dropped.spans + dropped.records);
            }
            Err(error) => {
                self.outbox.count_lost(spans, records);
                self.client.health().record_failure(&error);
            }
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination").finish_non_exhaustive()
    }
}

/// A destination whose thread runs.
#[derive(Debug)]
pub(in crate::telemetry) struct RunningDestination {
    client: ExportClient,
    has_ended: oneshot::Receiver<()>,
}

impl RunningDestination {
    /// Waits until the thread has ended, at most until `deadline`; then has its attempts end.
    /// Returns whether everything was sent in time. The outbox must be closed.
    pub(in crate::telemetry) async fn wait(self, deadline: Instant) -> bool {
        let ended = tokio::time::timeout_at(deadline, self.has_ended).await;
        self.client.stop();
        ended.is_ok()
    }
}
