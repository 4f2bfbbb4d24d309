//! The OAuth flow of a third-party client, the Python SDK's, which knows only the server's URL and
//! its own client registration.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::{Url, form_urlencoded};
use zava_mcp_server::app::App;
use zava_mcp_server::settings::{AuthSettings, CredentialSettings, EntraSettings};

use super::issuer::{AUDIENCE, CLIENT, DIRECTORY, Issuer, REDIRECT_URI};
use super::{ORDERS, orders};
use crate::clients::report;
use crate::support::{SEATTLE, TestDatabase, TestServer, http, settings};

/// A server whose application id URI equals its URL, as `docs/identity.md` requires. So the address
/// must be known before the settings.
#[expect(
    clippy::disallowed_methods,
    reason = "the test hands the clock in and owns the task"
)]
async fn server(issuer: &Issuer) -> TestServer {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let database = TestDatabase::shared();
    let mut settings = settings(&database.name);
    settings.auth = AuthSettings::Credentials(CredentialSettings {
        entra: Some(Box::new(EntraSettings {
            authority: issuer.authority(),
            directories: vec![DIRECTORY.parse().expect("a UUID")],
            audiences: vec![AUDIENCE.to_owned(), format!("http://{address}/mcp")],
        })),
        ..CredentialSettings::default()
    });
    let app = App::new(&settings, SystemTime::now).expect("the settings make a server");
    let stop = CancellationToken::new();
    TestServer {
        address,
        client: http(),
        serving: Some(tokio::spawn(app.serve_http(listener, stop.clone()))),
        stop,
        database: Some(database),
    }
}

/// Runs the client with further arguments; returns the results of its calls.
async fn results(server: &TestServer, arguments: &[&str], calls: &Value) -> Vec<Value> {
    let arguments = [&["--sign-in", CLIENT, REDIRECT_URI], arguments].concat();
    let mut report = report("python", &arguments, server, calls).await;
    serde_json::from_value(report["results"].take()).expect("results")
}

/// Resource and scopes of each sign-in at the issuer.
fn sign_ins(issuer: &Issuer) -> Vec<(String, String)> {
    let sign_ins = issuer.sign_ins().into_iter();
    sign_ins
        .map(|sign_in| (sign_in.resource, sign_in.scope))
        .collect()
}

/// From the 401 through both metadata documents to a code, a token, and rows. One sign-in serves
/// all later calls.
#[tokio::test]
async fn client_without_a_token_signs_in_and_reads_its_rows() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let count = orders(&server, SEATTLE).await;
    let query = json!({"tool": "execute_sales_query", "arguments": {"postgresql_query": ORDERS}});
    let mcp = server.url("/mcp");
    // The SDK adds `offline_access` if the issuer supports it.
    let sign_in = (
        mcp.clone(),
        format!("{mcp}/mcp.query {mcp}/mcp.search offline_access"),
    );
    let mut expected = Vec::new();
    for era in ["legacy", "modern"] {
        let results = results(&server, &["--era", era], &json!([query, query])).await;
        for result in results {
            assert_eq!(
                result["structured"]["r"],
                json!([[count]]),
                "{era} {result}"
            );
        }
        expected.push(sign_in.clone());
        assert_eq!(sign_ins(&issuer), expected, "{era}");
    }
}

/// The 403 names the missing scope only. The client then requests a token with it and the scopes it
/// had.
#[tokio::test]
async fn client_requests_the_missing_scope_after_a_403() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let count = orders(&server, SEATTLE).await;
    let token = issuer.token(json!({"scp": "openid"}));
    let calls = json!([
        {"tool": "get_current_utc_date"},
        {"tool": "semantic_search_products", "arguments": {"query_description": "a drill"}},
        {"tool": "execute_sales_query", "arguments": {"postgresql_query": ORDERS}},
    ]);
    let results = results(&server, &["--token", &token], &calls).await;
    for result in &results {
        assert_eq!(result["isError"], false, "{result}");
    }
    assert_eq!(results[2]["structured"]["r"], json!([[count]]));
    let mcp = server.url("/mcp");
    let search = format!("{mcp}/mcp.search offline_access");
    let both = format!("{search} {mcp}/mcp.query");
    assert_eq!(sign_ins(&issuer), [(mcp.clone(), search), (mcp, both)]);
}

/// Otherwise the tests above would not show that the client sends valid parameters.
#[tokio::test]
async fn test_issuer_validates_the_code_exchange() {
    let issuer = Issuer::start().await;
    drop(http()); // sets TLS up, which no client is made without
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    let endpoint = format!("{}/{DIRECTORY}/oauth2/v2.0", issuer.authority());
    let resource = "https://zava.example.com/mcp";
    let scope = format!("{resource}/mcp.query");
    let verifier = "v".repeat(43);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let authorize = Url::parse_with_params(
        &format!("{endpoint}/authorize"),
        [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT_URI),
            ("resource", resource),
            ("scope", scope.as_str()),
            ("state", "x"),
            ("code_challenge_method", "S256"),
            ("code_challenge", challenge.as_str()),
        ],
    )
    .expect("a URL");
    let exchange = async |code: &str, wrong: &str| {
        let right = [
            ("grant_type", "authorization_code"),
            ("client_id", CLIENT),
            ("redirect_uri", REDIRECT_URI),
            ("resource", resource),
            ("code", code),
            ("code_verifier", verifier.as_str()),
        ];
        let fields = right.map(|(name, value)| (name, if name == wrong { "other" } else { value }));
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = client
            .post(format!("{endpoint}/token"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let body: Value = response.json().await.expect("JSON");
        (status, body["access_token"].is_string())
    };
    for (wrong, status) in [
        ("", StatusCode::OK),
        ("code_verifier", StatusCode::BAD_REQUEST),
        ("client_id", StatusCode::BAD_REQUEST),
        ("redirect_uri", StatusCode::BAD_REQUEST),
        ("resource", StatusCode::BAD_REQUEST),
    ] {
        let request = client.get(authorize.clone());
        let response = request.send().await.expect("an answer");
        let location = response.headers()[LOCATION].to_str().expect("text");
        let location = Url::parse(location).expect("a URL");
        let (_, code) = location.query_pairs().next().expect("a code");
        let is_given = status == StatusCode::OK;
        assert_eq!(exchange(&code, wrong).await, (status, is_given), "{wrong}");
        // Each code can be used once, whatever the outcome.
        let again = exchange(&code, "").await;
        assert_eq!(again, (StatusCode::BAD_REQUEST, false), "{wrong}");
    }
}
