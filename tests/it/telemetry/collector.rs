//! An OpenTelemetry collector: OTLP over HTTP.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use secrecy::SecretString;
use zava_mcp_server::settings::{Otlp, TelemetrySettings};

use super::Endpoint;
use crate::support::{Ingestion, SEATTLE, TestServer};

fn spans(ingestion: &Ingestion) -> Vec<Span> {
    let requests = ingestion.otlp("traces").into_iter();
    let requests = requests.map(|(_, body)| ExportTraceServiceRequest::decode(body));
    requests
        .flat_map(|request| request.expect("a request").resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect()
}

#[tokio::test]
async fn a_collector_receives_traces_and_metrics() {
    let endpoint = Endpoint::start().await;
    let ingestion = &endpoint.ingestion;
    let mut server = TestServer::over_shared_database(|settings| {
        settings.telemetry = TelemetrySettings {
            otlp: Some(Otlp {
                endpoint: ingestion.otlp_endpoint(),
                headers: vec![("api-key".to_owned(), SecretString::from("a-secret"))],
            }),
            service_name: "zava-test".to_owned(),
            ..TelemetrySettings::disabled()
        };
    })
    .await;
    server
        .number(SEATTLE, "SELECT count(*) FROM retail.orders")
        .await;
    ingestion
        .wait_until("the spans", |ingestion| !spans(ingestion).is_empty())
        .await;
    server.stop().await;
    let spans = spans(ingestion);
    let find = |name: &str| {
        let span = spans.iter().find(|span| span.name == name);
        span.unwrap_or_else(|| panic!("{name} in {spans:#?}"))
    };
    let (http, mcp) = (find("POST /mcp"), find("tools/call execute_sales_query"));
    let query = find("SELECT retail.orders");
    assert_eq!(mcp.parent_span_id, http.span_id);
    assert_eq!(query.parent_span_id, mcp.span_id);
    assert_eq!(query.kind(), SpanKind::Client);
    assert_eq!(mcp.kind(), SpanKind::Server);
    assert!(http.end_time_unix_nano > http.start_time_unix_nano);
    let metrics = ingestion.otlp("metrics").pop().expect("metrics");
    let (headers, body) = metrics;
    assert_eq!(headers["api-key"], "a-secret");
    let request = ExportMetricsServiceRequest::decode(body).expect("a request");
    let resource = request.resource_metrics[0].resource.clone();
    let resource = format!("{resource:?}");
    assert!(resource.contains("zava-test"), "{resource}");
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    let duration = metrics
        .iter()
        .find(|metric| metric.name == "mcp.server.operation.duration");
    assert_eq!(duration.expect("the durations of calls").unit, "s");
}
