//! The exporters' crates, behind one type.

use std::collections::HashMap;

use opentelemetry::InstrumentationScope;
use opentelemetry_application_insights as application_insights;
use opentelemetry_otlp::{
    LogExporter as OtlpLogs, MetricExporter as OtlpMetrics, Protocol, SpanExporter as OtlpSpans,
    WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter as _;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use secrecy::ExposeSecret as _;
use url::Url;

use super::client::ExportClient;
use crate::settings::{ApplicationInsights, Otlp};
use crate::telemetry::TelemetryError;

/// Sends everything to one destination.
#[derive(Debug)]
pub(super) enum Exporter {
    ApplicationInsights(application_insights::Exporter<ExportClient>),
    Otlp(Box<OtlpExporters>),
}

/// The exporters to a collector.
#[derive(Debug)]
pub(super) struct OtlpExporters {
    spans: OtlpSpans,
    records: OtlpLogs,
    metrics: OtlpMetrics,
}

impl Exporter {
    pub(super) fn application_insights(
        settings: &ApplicationInsights,
        resource: &Resource,
        client: ExportClient,
    ) -> Result<Self, TelemetryError> {
        // Written anew, because the crate's parser rejects forms that the portal produces.
        let connection = format!(
            "InstrumentationKey={};IngestionEndpoint={}",
            settings.instrumentation_key, settings.ingestion_endpoint,
        );
        let exporter =
            application_insights::Exporter::new_from_connection_string(connection, client)
                .map_err(TelemetryError::ApplicationInsights)?;
        let mut exporter = exporter.with_resource_attributes_in_events_and_logs(false);
        opentelemetry_sdk::trace::SpanExporter::set_resource(&mut exporter, resource);
        Ok(Self::ApplicationInsights(exporter))
    }

    pub(super) fn otlp(
        settings: &Otlp,
        resource: &Resource,
        client: &ExportClient,
    ) -> Result<Self, TelemetryError> {
        let headers: HashMap<String, String> = settings
            .headers
            .iter()
            // The crate decodes it.
            .map(|(name, value)| (name.clone(), value.expose_secret().replace('%', "%25")))
            .collect();
        let mut spans = OtlpSpans::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_shared_http_client(std::sync::Arc::new(client.clone()))
            .with_headers(headers.clone())
            .with_endpoint(signal_url(&settings.endpoint, "v1/traces"))
            .build()?;
        let mut records = OtlpLogs::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_shared_http_client(std::sync::Arc::new(client.clone()))
            .with_headers(headers.clone())
            .with_endpoint(signal_url(&settings.endpoint, "v1/logs"))
            .build()?;
        let metrics = OtlpMetrics::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_shared_http_client(std::sync::Arc::new(client.clone()))
            .with_headers(headers)
            .with_endpoint(signal_url(&settings.endpoint, "v1/metrics"))
            .with_temporality(Temporality::Cumulative)
            .build()?;
        spans.set_resource(resource);
        records.set_resource(resource);
        Ok(Self::Otlp(Box::new(OtlpExporters {
            spans,
            records,
            metrics,
        })))
    }

    /// How this destination wants counters.
    pub(super) fn temporality(&self) -> Temporality {
        match self {
            Self::ApplicationInsights(exporter) => exporter.temporality(),
            Self::Otlp(otlp) => otlp.metrics.temporality(),
        }
    }

    pub(super) async fn send_spans(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self {
            Self::ApplicationInsights(exporter) => {
                opentelemetry_sdk::trace::SpanExporter::export(exporter, batch).await
            }
            Self::Otlp(otlp) => otlp.spans.export(batch).await,
        }
    }

    pub(super) async fn send_records(
        &self,
        batch: &[SdkLogRecord],
        scope: &InstrumentationScope,
    ) -> OTelSdkResult {
        let batch: Vec<_> = batch.iter().map(|record| (record, scope)).collect();
        let batch = LogBatch::new(&batch);
        match self {
            Self::ApplicationInsights(exporter) => {
                opentelemetry_sdk::logs::LogExporter::export(exporter, batch).await
            }
            Self::Otlp(otlp) => otlp.records.export(batch).await,
        }
    }

    pub(super) async fn send_metrics(&self, batch: &ResourceMetrics) -> OTelSdkResult {
        match self {
            Self::ApplicationInsights(exporter) => {
                opentelemetry_sdk::metrics::exporter::PushMetricExporter::export(exporter, batch)
                    .await
            }
            Self::Otlp(otlp) => otlp.metrics.export(batch).await,
        }
    }
}

/// The URL of one signal: appended to the endpoint's path.
fn signal_url(endpoint: &Url, path: &str) -> String {
    format!("{}/{path}", endpoint.as_str().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_of_signals_follow_that_of_the_endpoint() {
        for (endpoint, expected) in [
            ("http://localhost:4318", "http://localhost:4318/v1/logs"),
            ("https://otel.test/a/", "https://otel.test/a/v1/logs"),
        ] {
            let endpoint = Url::parse(endpoint).expect("a URL");
            assert_eq!(signal_url(&endpoint, "v1/logs"), expected);
        }
    }
}
