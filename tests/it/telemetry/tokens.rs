//! Access tokens for Application Insights.

use secrecy::SecretString;
use uuid::Uuid;
use zava_mcp_server::settings::{Application, AzureCredential, ServeSettings};

use super::{Endpoint, named};
use crate::support::{SEATTLE, TestServer};

const CALL: &str = "tools/call execute_sales_query";

/// Sends telemetry with tokens of an application, which the stand-in issues.
fn connect_with_tokens(endpoint: &Endpoint, settings: &mut ServeSettings) {
    endpoint.connect(settings);
    let target = settings.telemetry.application_insights.as_mut();
    target.expect("a destination").token_scope =
        Some("https://monitor.azure.com//.default".to_owned());
    let authority = endpoint.ingestion.endpoint();
    settings.azure = Some(AzureCredential::ClientSecret {
        application: Application {
            directory: Uuid::nil(),
            client_id: Uuid::nil(),
            authority: authority.as_str().trim_end_matches('/').to_owned(),
        },
        secret: SecretString::from("the-secret-of-the-application"),
    });
}

#[tokio::test]
async fn a_rejected_token_is_replaced() {
    let endpoint = Endpoint::start().await;
    let ingestion = &endpoint.ingestion;
    ingestion.require_tokens();
    let server =
        TestServer::over_shared_database(|settings| connect_with_tokens(&endpoint, settings)).await;
    server.number(SEATTLE, "SELECT 1").await;
    ingestion
        .wait_for("the first call", |items| named(items, CALL).len() == 1)
        .await;
    assert_eq!(ingestion.issued_tokens(), 1);
    // A token is replaced only if it is older than a second, so the first requests may fail.
    ingestion.require_tokens();
    let mut calls = 1;
    while ingestion.issued_tokens() == 1 {
        let before = ingestion.statuses().len();
        server.number(SEATTLE, "SELECT 1").await;
        calls += 1;
        ingestion
            .wait_until("an attempt", |ingestion| {
                ingestion.statuses().len() > before
            })
            .await;
        assert!(calls < 100, "the token is replaced");
    }
    server.number(SEATTLE, "SELECT 2").await;
    ingestion
        .wait_for("the last call", |items| named(items, CALL).len() >= 2)
        .await;
    assert_eq!(ingestion.issued_tokens(), 2);
    assert!(ingestion.statuses().contains(&401));
}
