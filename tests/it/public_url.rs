//! Behind a reverse proxy with a path prefix, which the proxy strips or forwards.

use reqwest::StatusCode;
use serde_json::{Value, json};
use zava_mcp_server::settings::{
    AuthSettings, CredentialSettings, EntraSettings, PublicUrl, ServeSettings,
};

use crate::support::TestServer;

fn set_public_url(settings: &mut ServeSettings, public_url: &str) {
    settings.http.public_url = Some(PublicUrl::parse(public_url).expect("a public URL"));
    settings.auth = AuthSettings::Credentials(CredentialSettings {
        entra: Some(Box::new(EntraSettings {
            authority: "https://login.example.com".to_owned(),
            directories: vec![uuid::Uuid::max()],
            audiences: vec!["https://zava.example.com/zava/mcp".to_owned()],
        })),
        api_keys: true,
        ..CredentialSettings::default()
    });
}

#[tokio::test]
async fn public_url_path_is_served_and_advertised() {
    let server = TestServer::start_with(|settings| {
        set_public_url(settings, "https://zava.example.com/zava/");
    })
    .await;
    let role = zava_mcp_server::identity::Role::Reader;
    let key = server
        .database()
        .key("key", "Zava Retail Seattle", role)
        .await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    for (path, status) in [
        ("/mcp", StatusCode::OK),
        ("/mcp/", StatusCode::OK),
        ("/zava/mcp", StatusCode::OK),
        ("/zava/mcp/", StatusCode::OK),
        ("/zava", StatusCode::NOT_FOUND),
        ("/zava/zava/mcp", StatusCode::NOT_FOUND),
        ("/other/mcp", StatusCode::NOT_FOUND),
    ] {
        let request = server.client.post(server.url(path)).json(&ping);
        let request = request.header("host", "zava.example.com").bearer_auth(&key);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status, "{path}");
    }
    for path in [
        "/health/live",
        "/zava/health/live",
        "/zava/health/ready",
        "/zava/health",
    ] {
        let response = server.client.get(server.url(path)).send().await;
        assert_eq!(
            response.expect("an answer").status(),
            StatusCode::OK,
            "{path}"
        );
    }

    // RFC 9728, section 3.1: the path follows the well-known part, at the root of the host.
    let well_known = "/.well-known/oauth-protected-resource";
    let metadata = format!("https://zava.example.com{well_known}/zava/mcp");
    let request = server.client.post(server.url("/zava/mcp")).json(&ping);
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let challenge = response.headers()["www-authenticate"]
        .to_str()
        .expect("text");
    let named = format!("resource_metadata=\"{metadata}\"");
    assert!(challenge.contains(&named), "{challenge}");
    for path in [
        format!("{well_known}/zava/mcp"),
        format!("{well_known}/zava"),
        format!("{well_known}/mcp"),
        well_known.to_owned(),
        format!("/zava{well_known}/mcp"),
        format!("/zava{well_known}"),
    ] {
        let response = server
            .client
            .get(server.url(&path))
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let document: Value = response.json().await.expect("JSON");
        assert_eq!(
            document["resource"], "https://zava.example.com/zava/mcp",
            "{path}"
        );
    }
}

#[tokio::test]
async fn public_url_without_a_path_serves_no_prefix() {
    let server = TestServer::over_shared_database(|settings| {
        set_public_url(settings, "https://zava.example.com");
    })
    .await;
    let metadata = "/.well-known/oauth-protected-resource/mcp";
    let response = server
        .client
        .get(server.url(metadata))
        .send()
        .await
        .expect("an answer");
    let document: Value = response.json().await.expect("JSON");
    assert_eq!(document["resource"], "https://zava.example.com/mcp");
    for path in ["/zava/mcp", "//mcp", "/mcp//"] {
        let response = server
            .client
            .post(server.url(path))
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
