//! An endpoint that fails: requests are answered as ever, and telemetry arrives when it can.

use std::time::{Duration, Instant};

use super::{Endpoint, named};
use crate::support::{IngestionMode, SEATTLE, TestServer};

const CALL: &str = "tools/call execute_sales_query";

/// What fails, and with which status the endpoint answers until then, if it does.
#[tokio::test]
async fn telemetry_arrives_after_each_failure() {
    for (mode, status) in [
        (IngestionMode::Status(429), Some(429)),
        (IngestionMode::Status(439), Some(439)),
        (IngestionMode::Status(500), Some(500)),
        (IngestionMode::Status(502), Some(502)),
        (IngestionMode::Status(503), Some(503)),
        (IngestionMode::Status(504), Some(504)),
        (IngestionMode::Blocked, None),
        (IngestionMode::Cut, None),
    ] {
        let endpoint = Endpoint::start().await;
        let server = TestServer::over_shared_database(|settings| endpoint.connect(settings)).await;
        endpoint.ingestion.set(mode);
        server.number(SEATTLE, "SELECT 1").await;
        if let Some(status) = status {
            endpoint
                .ingestion
                .wait_until("a failed attempt", |ingestion| {
                    ingestion.statuses().contains(&status)
                })
                .await;
        }
        // The endpoint's state is not the requests'.
        server.number(SEATTLE, "SELECT 2").await;
        endpoint.ingestion.set(IngestionMode::Healthy);
        endpoint
            .ingestion
            .wait_for("both calls", |items| named(items, CALL).len() == 2)
            .await;
    }
}

#[tokio::test]
async fn refused_telemetry_is_lost_and_the_next_is_sent_once_it_is_allowed() {
    let endpoint = Endpoint::start().await;
    let server = TestServer::over_shared_database(|settings| endpoint.connect(settings)).await;
    endpoint.ingestion.set(IngestionMode::Status(403));
    server.number(SEATTLE, "SELECT 1").await;
    endpoint
        .ingestion
        .wait_until("a refusal", |ingestion| ingestion.statuses().contains(&403))
        .await;
    endpoint.ingestion.set(IngestionMode::Healthy);
    server.number(SEATTLE, "SELECT 2").await;
    let items = endpoint
        .ingestion
        .wait_for("the second call", |items| !named(items, CALL).is_empty())
        .await;
    assert_eq!(named(&items, CALL).len(), 1);
}

#[expect(clippy::disallowed_methods, reason = "the test measures real time")]
#[tokio::test]
async fn a_dead_endpoint_delays_neither_calls_nor_the_shutdown() {
    let endpoint = Endpoint::start().await;
    let mut server = TestServer::over_shared_database(|settings| endpoint.connect(settings)).await;
    endpoint.ingestion.set(IngestionMode::Blocked);
    server.number(SEATTLE, "SELECT 1").await;
    let began = Instant::now();
    for _ in 0..200 {
        server.number(SEATTLE, "SELECT 1").await;
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    let began = Instant::now();
    server.stop().await;
    // Two seconds for the last telemetry, and what the shutdown takes anyway.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(endpoint.ingestion.items().len(), 0);
}

#[tokio::test]
async fn the_last_telemetry_is_sent_when_the_server_stops() {
    let endpoint = Endpoint::start().await;
    let mut server = TestServer::over_shared_database(|settings| endpoint.connect(settings)).await;
    server.number(SEATTLE, "SELECT 1").await;
    server.stop().await;
    let items = endpoint.ingestion.items();
    assert_eq!(named(&items, CALL).len(), 1, "{items:#?}");
    let metrics: Vec<&str> = items
        .iter()
        .filter_map(|item| item["data"]["baseData"]["metrics"][0]["name"].as_str())
        .collect();
    for metric in [
        "http.server.request.duration",
        "mcp.server.operation.duration",
        "db.client.operation.duration",
        "db.client.connection.count",
        "zava.wait.duration",
        "zava.decisions",
        "zava.audit.pending",
        "zava.audit.append.failures",
        "zava.posture.findings",
        "zava.log.dropped_lines",
        "zava.telemetry.dropped",
        "process.memory.usage",
    ] {
        assert!(metrics.contains(&metric), "{metric} in {metrics:?}");
    }
    // A tenant would multiply the series of a metric.
    let is_metric = |item: &&serde_json::Value| item["data"]["baseType"] == "MetricData";
    for item in items.iter().filter(is_metric) {
        assert!(!item.to_string().contains(SEATTLE), "{item}");
    }
}
