use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use zava_mcp_server::settings::{AuthSettings, CredentialSettings};

use super::issuer::{self, DIRECTORY, Issuer, USER};
use super::{ask, orders, server};
use crate::support::{SEATTLE, TestServer};

/// Easy Auth headers are trusted if they are complete and consistent. `Authorization` is verified
/// by the server and takes precedence.
#[tokio::test]
async fn easy_auth_headers_are_validated_strictly() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let object = "http://schemas.microsoft.com/identity/claims/objectidentifier";
    let tenant = "http://schemas.microsoft.com/identity/claims/tenantid";
    let claim = |typ: &str, val: &str| json!({"typ": typ, "val": val});
    let good = vec![
        claim(object, USER),
        claim(tenant, DIRECTORY),
        claim("scp", "mcp.query"),
        claim("roles", "store.zava-retail-seattle"),
    ];
    let principal = |kind: &str, claims: &[Value]| {
        let principal =
            json!({"auth_typ": kind, "name_typ": "name", "role_typ": "roles", "claims": claims});
        STANDARD.encode(principal.to_string())
    };
    let request_with = |principal: &str, id: &str, provider: &str| {
        server
            .post()
            .header("x-ms-client-principal", principal)
            .header("x-ms-client-principal-id", id)
            .header("x-ms-client-principal-idp", provider)
    };
    let count = orders(&server, SEATTLE).await;
    let (status, text, _) = ask(
        request_with(&principal("aad", &good), USER, "aad"),
        "execute_sales_query",
    )
    .await;
    assert_eq!(status, 200, "{text}");
    assert!(text.contains(&format!("[[{count}]]")), "{text}");
    let without = |name: &str| {
        good.iter()
            .filter(|claim| claim["typ"] != name)
            .cloned()
            .collect::<Vec<_>>()
    };
    let with = |more: Value| good.iter().cloned().chain([more]).collect::<Vec<_>>();
    let foreign = [
        without(tenant),
        vec![claim(tenant, issuer::FOREIGN_DIRECTORY)],
    ]
    .concat();
    let whole = principal("aad", &good);
    for (request, why) in [
        (request_with("not base64!", USER, "aad"), "malformed"),
        (request_with("bm90IEpTT04=", USER, "aad"), "malformed"),
        (
            request_with(&principal("google", &good), USER, "google"),
            "provider",
        ),
        (request_with(&whole, USER, "google"), "provider"),
        (request_with(&whole, DIRECTORY, "aad"), "contradict"),
        (
            request_with(&principal("aad", &without(object)), USER, "aad"),
            "oid",
        ),
        (
            request_with(
                &principal("aad", &with(claim("oid", DIRECTORY))),
                USER,
                "aad",
            ),
            "oid",
        ),
        (
            request_with(&principal("aad", &without(tenant)), USER, "aad"),
            "tid",
        ),
        (
            request_with(&principal("aad", &foreign), USER, "aad"),
            "tid",
        ),
        (
            request_with(&whole, USER, "aad").header("x-ms-client-principal", &whole),
            "malformed",
        ),
        (
            request_with(&whole, USER, "aad").bearer_auth("e30.e30.e30"),
            "signed JWT",
        ),
    ] {
        let (status, text, _) = ask(request, "execute_sales_query").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{why}: {text}");
        assert!(text.contains(why), "{why}: {text}");
    }
}

/// If the server verifies no tokens, App Service's verified token stays in `Authorization` and must
/// not be taken for an API key.
#[tokio::test]
async fn bearer_token_beside_easy_auth_is_not_taken_for_an_api_key() {
    let directory: uuid::Uuid = DIRECTORY.parse().expect("a UUID");
    let server = TestServer::over_shared_database(|settings| {
        settings.auth = AuthSettings::Credentials(CredentialSettings {
            entra: None,
            easyauth: Some(vec![directory]),
            api_keys: true,
        });
    })
    .await;
    let request_with = |scope: &[Value]| {
        let claims = [
            &[
                json!({"typ": "oid", "val": USER}),
                json!({"typ": "tid", "val": DIRECTORY}),
                json!({"typ": "roles", "val": "store.zava-retail-seattle"}),
                json!({"typ": "roles", "val": "mcp.query"}),
            ],
            scope,
        ]
        .concat();
        let principal = json!({"auth_typ": "aad", "claims": claims}).to_string();
        let principal = STANDARD.encode(principal);
        server
            .post()
            .header("x-ms-client-principal", principal)
            .header("x-ms-client-principal-id", USER)
            .header("x-ms-client-principal-idp", "aad")
            .bearer_auth("eyJhbGciOiJSUzI1NiJ9.e30.AA")
    };
    for (scope, status) in [
        (json!({"typ": "scp", "val": "mcp.query"}), 200),
        (json!({"typ": "idtyp", "val": "app"}), 200),
        // A browser sign-in, which requested no scope of the API.
        (json!({"typ": "name", "val": "x"}), 403),
    ] {
        let (given, text, _) = ask(
            request_with(std::slice::from_ref(&scope)),
            "execute_sales_query",
        )
        .await;
        assert_eq!(given, status, "{scope}: {text}");
    }
    let alone = server.post().bearer_auth("eyJhbGciOiJSUzI1NiJ9.e30.AA");
    assert_eq!(
        ask(alone, "execute_sales_query").await.0,
        StatusCode::UNAUTHORIZED
    );
}
