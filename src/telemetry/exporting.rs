//! The front door: starts sending telemetry, and ends it with a deadline.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::Resource;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::audit::AuditLog;
use super::export::{Destination, Outbox, RunningDestination};
use super::metrics::{Metrics, Observed, ServerMetrics};
use super::recorder::Recorder;
use super::{LOG_SPAN_TARGET, log_export, spans};
use crate::access_tokens::AccessTokens;
use crate::settings::{HttpsSettings, TelemetrySettings};

/// How long the end of the process waits until the last telemetry is sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Why telemetry cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The exporter rejects the connection string.
    #[error("APPLICATIONINSIGHTS_CONNECTION_STRING cannot be used")]
    ApplicationInsights(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The exporter rejects the endpoint.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used")]
    Otlp(#[from] ExporterBuildError),
    /// The system refuses another thread.
    #[error("the thread that sends telemetry cannot be started")]
    Thread(#[source] std::io::Error),
}

/// Traces, metrics and logs of one server. Does nothing, at no cost, if the settings name no
/// destination. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Telemetry(Option<Arc<Sender>>);

#[derive(Debug)]
struct Sender {
    recorder: Arc<Recorder>,
    settings: TelemetrySettings,
    https: HttpsSettings,
    /// The running threads, from the start to the shutdown.
    running: Mutex<Vec<RunningDestination>>,
}

impl Telemetry {
    /// Queues spans and log events from now on. Nothing is sent before [`start`](Self::start).
    #[must_use]
    pub fn new(
        settings: &TelemetrySettings,
        https: &HttpsSettings,
        clock: fn() -> SystemTime,
    ) -> Self {
        if !settings.is_enabled() {
            return Self(None);
        }
        let destinations = usize::from(settings.application_insights.is_some())
            + usize::from(settings.otlp.is_some());
        let outboxes = (0..destinations)
            .map(|_| Arc::<Outbox>::default())
            .collect();
        let recorder = Arc::new(Recorder::new(outboxes, settings.sample_ratio, clock));
        log_export::connect(&recorder);
        Self(Some(Arc::new(Sender {
            recorder,
            settings: settings.clone(),
            https: https.clone(),
            running: Mutex::default(),
        })))
    }

    /// Starts the threads that send, and the metrics. Connects to nothing yet. Must be called
    /// within the runtime that will send; the server should listen already.
    ///
    /// # Errors
    /// [`TelemetryError`] if an exporter rejects its settings.
    pub fn start(
        &self,
        database: &str,
        state: Arc<dyn ServerMetrics>,
        audit_log: Weak<AuditLog>,
        tokens: &Arc<dyn AccessTokens>,
    ) -> Result<(), TelemetryError> {
        let Some(sender) = &self.0 else {
            return Ok(());
        };
        let (settings, https, recorder) = (&sender.settings, &sender.https, &sender.recorder);
        let resource = resource(&settings.service_name);
        let mut outboxes = recorder.outboxes().iter().map(Arc::clone);
        // There is one for each destination.
        let mut next_outbox = || outboxes.next().unwrap_or_default();
        let mut destinations = Vec::new();
        if let Some(target) = &settings.application_insights {
            destinations.push(Destination::application_insights(
                target,
                &resource,
                tokens,
                https,
                settings.metric_interval,
                next_outbox(),
            )?);
        }
        if let Some(target) = &settings.otlp {
            destinations.push(Destination::otlp(
                target,
                &resource,
                https,
                settings.metric_interval,
                next_outbox(),
            )?);
        }
        recorder.set_metrics(Metrics::new(
            resource,
            destinations.iter().map(Destination::metric_source),
            recorder.outboxes(),
            Observed {
                state,
                audit_log,
                database: database.to_owned(),
            },
        ));
        let running: Result<Vec<_>, _> = destinations.into_iter().map(Destination::start).collect();
        *sender.running() = running?;
        Ok(())
    }

    /// Sends what is queued, for at most two seconds. What is recorded afterwards is lost.
    pub async fn shutdown(&self) {
        let Some(sender) = &self.0 else {
            return;
        };
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        for outbox in sender.recorder.outboxes() {
            outbox.close();
        }
        let running = std::mem::take(&mut *sender.running());
        let mut is_complete = true;
        for destination in running {
            is_complete &= destination.wait(deadline).await;
        }
        if !is_complete {
            tracing::warn!("telemetry flush timed out; unsent items are lost");
        }
    }

    /// Whether telemetry is sent anywhere.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Runs work that belongs to no request: only its metrics are recorded, and each of its log
    /// lines carries `task`, its name.
    pub async fn in_background<T>(&self, task: &'static str, work: impl Future<Output = T>) -> T {
        // At level ERROR, so that a filter that drops most events does not drop the names of the
        // others.
        let span = tracing::error_span!(target: LOG_SPAN_TARGET, "background", task);
        let work = work.instrument(span);
        match self.recorder() {
            Some(recorder) => spans::in_background(Arc::clone(recorder), work).await,
            None => work.await,
        }
    }

    pub(super) fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.0.as_ref().map(|sender| &sender.recorder)
    }
}

impl Sender {
    /// A std mutex, because it is held for a few instructions and never across an await.
    fn running(&self) -> std::sync::MutexGuard<'_, Vec<RunningDestination>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What sends the telemetry.
fn resource(service_name: &str) -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", service_name.to_owned()),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", instance_id()),
            KeyValue::new("telemetry.sdk.language", "rust"),
            KeyValue::new("telemetry.sdk.name", "opentelemetry"),
        ])
        .build()
}

/// Tells processes apart, as the conventions recommend: a random UUID.
fn instance_id() -> String {
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    id.hyphenated().to_string()
}
