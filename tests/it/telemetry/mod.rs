//! Traces, metrics and logs, as Application Insights and an OpenTelemetry collector receive them:
//! stand-ins on real sockets.
mod collector; // an OpenTelemetry collector
mod failures; // an endpoint that fails
mod processes; // servers in processes of their own
mod tokens; // access tokens for Application Insights
mod traces; // the spans of a call

use serde_json::Value;
use tempfile::TempDir;
use zava_mcp_server::settings::{ServeSettings, TelemetrySettings};

use crate::support::{Ingestion, certificate};

/// The stand-in, and the folder with its root certificate.
struct Endpoint {
    ingestion: Ingestion,
    folder: TempDir,
}

impl Endpoint {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ingestion = Ingestion::start(certificate("localhost", folder.path())).await;
        Self { ingestion, folder }
    }

    /// Sends a server's telemetry to the stand-in for Application Insights.
    fn connect(&self, settings: &mut ServeSettings) {
        settings.telemetry = TelemetrySettings {
            application_insights: Some(self.ingestion.application_insights()),
            service_name: "zava-test".to_owned(),
            ..TelemetrySettings::disabled()
        };
        settings.https.root_cert = Some(self.folder.path().join("root.pem"));
    }
}

/// A text among the data of an item, such as `["name"]` or `["properties", "zava.tenant"]`.
fn data<'a>(item: &'a Value, path: &[&str]) -> &'a str {
    let data = &item["data"]["baseData"];
    let value = path.iter().fold(data, |value, key| &value[*key]);
    value.as_str().unwrap_or_default()
}

/// A tag of an item, such as `ai.operation.id`.
fn tag<'a>(item: &'a Value, name: &str) -> &'a str {
    item["tags"][name].as_str().unwrap_or_default()
}

/// The items with this name.
fn named<'a>(items: &'a [Value], name: &str) -> Vec<&'a Value> {
    let named = items.iter().filter(|item| data(item, &["name"]) == name);
    named.collect()
}
