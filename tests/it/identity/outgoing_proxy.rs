//! Fetching the issuer's documents where outgoing traffic must use a proxy.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;
use zava_mcp_server::settings::{Environment, ServeSettings};

use super::issuer::{AUDIENCE, DIRECTORY, Issuer};
use crate::support::{TestServer, signing_key_text};

/// The first bytes at an address that serves as both issuer and proxy: a CONNECT request, or the
/// beginning of TLS.
async fn first_bytes(setting: &str, no_proxy: &str) -> Vec<u8> {
    let issuer = Issuer::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let (proxy, authority) = (
        format!("http://me:hunter2@{address}"),
        format!("https://{address}"),
    );
    let key = signing_key_text();
    let environment = Environment::from([
        ("POSTGRES_PASSWORD", "x"),
        ("ZAVA_SIGNING_KEY", key.as_str()),
        ("ZAVA_AUTH", "entra"),
        ("ZAVA_ENTRA_TENANT_ID", DIRECTORY),
        ("ZAVA_ENTRA_AUDIENCE", AUDIENCE),
        ("ZAVA_ENTRA_AUTHORITY", authority.as_str()),
        ("ZAVA_HTTPS_PROXY", setting),
        ("HTTPS_PROXY", proxy.as_str()),
        ("NO_PROXY", no_proxy),
    ]);
    let read = ServeSettings::from_environment(&environment).expect("the settings are good");
    let server = TestServer::over_shared_database(|settings| {
        settings.auth = read.auth;
        settings.https = read.https;
    })
    .await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let request = server
        .post()
        .bearer_auth(issuer.token(json!({})))
        .json(&ping)
        .send();
    let arrival = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut bytes = vec![0; 1024];
        let length = stream.read(&mut bytes).await.expect("bytes");
        bytes.truncate(length);
        // A connection closed without a response would be retried.
        let _ = stream
            .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            .await;
        drop(listener);
        bytes
    };
    let both = async { tokio::join!(request, arrival) };
    let (answer, bytes) = timeout(Duration::from_secs(20), both)
        .await
        .expect("in time");
    assert_eq!(
        answer.expect("an answer").status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
    bytes
}

#[tokio::test]
async fn token_keys_are_fetched_through_the_configured_proxy() {
    let through = first_bytes("environment", "localhost").await;
    let head = String::from_utf8(through).expect("text").to_lowercase();
    assert!(head.starts_with("connect 127.0.0.1:"), "{head}");
    assert!(head.contains("proxy-authorization: basic "), "{head}");
    // 22 is a TLS handshake record.
    assert_eq!(first_bytes("none", "localhost").await.first(), Some(&22));
    assert_eq!(
        first_bytes("environment", "127.0.0.1").await.first(),
        Some(&22)
    );
}
