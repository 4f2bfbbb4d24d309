//! Authentication and authorization: tokens, API keys, Easy Auth headers, and entitlements.
mod commands; // the operators' commands for grants and API keys
mod easy_auth; // the headers of App Service authentication (Easy Auth)
mod issuer; // a token issuer
mod oauth_client; // the OAuth flow of a third-party client
mod outgoing_proxy; // token keys through an HTTP proxy
mod rate_limits; // per principal, per address, and for failed authentications
mod roles; // readers, analysts, operators
mod signing_key; // the issuer's private keys
mod tenants; // `tenant add`, `rename`, `remove` and `list`
mod tokens; // valid tokens, and every way in which one can be invalid

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};
use zava_mcp_server::database::{create_key, grant, revoke_key};
use zava_mcp_server::identity::{NewApiKey, Role};
use zava_mcp_server::settings::{AuthSettings, CredentialSettings, EntraSettings, ServeSettings};

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, TestServer};
use issuer::{AUDIENCE, DIRECTORY, Issuer, USER};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// A server that accepts an issuer's tokens, API keys and Easy Auth headers, for tests that change
/// no data.
async fn server(issuer: &Issuer) -> TestServer {
    let change = |settings: &mut ServeSettings| settings.auth = auth(issuer, &[DIRECTORY]);
    TestServer::over_shared_database(change).await
}

/// The same for these Entra tenants, the first of which is the home tenant, with a database of its
/// own.
async fn server_with_database(issuer: &Issuer, directories: &[&str]) -> TestServer {
    TestServer::start_with(|settings| settings.auth = auth(issuer, directories)).await
}

/// Settings of a server that accepts API keys only.
pub(crate) fn keys_only(settings: &mut ServeSettings) {
    settings.auth = AuthSettings::Credentials(CredentialSettings {
        api_keys: true,
        ..CredentialSettings::default()
    });
}

fn auth(issuer: &Issuer, directories: &[&str]) -> AuthSettings {
    let directories = directories.iter().map(|id| id.parse().expect("a UUID"));
    let directories: Vec<uuid::Uuid> = directories.collect();
    AuthSettings::Credentials(CredentialSettings {
        entra: Some(Box::new(EntraSettings {
            authority: issuer.authority(),
            directories: directories.clone(),
            audiences: vec![
                AUDIENCE.to_owned(),
                "https://zava.example.com/mcp".to_owned(),
            ],
        })),
        easyauth: Some(directories),
        api_keys: true,
    })
}

/// Another server over the same database, with an empty cache.
async fn second_server(server: &TestServer, issuer: &Issuer, directories: &[&str]) -> TestServer {
    let mut settings = crate::support::settings(&server.database().name);
    settings.auth = auth(issuer, directories);
    TestServer::with_settings(&settings).await
}

/// Calls a tool (the SQL tool counts orders); returns the status, the text and the challenge.
async fn ask(request: reqwest::RequestBuilder, tool: &str) -> (StatusCode, String, Option<String>) {
    let arguments = match tool {
        "execute_sales_query" => json!({"postgresql_query": ORDERS}),
        "semantic_search_products" => json!({"query_description": "a drill"}),
        "find_related_products" => json!({"product": "HTHM000100"}),
        _ => json!({}),
    };
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    let response = request.json(&body).send().await.expect("an answer");
    let status = response.status();
    let challenge = response
        .headers()
        .get("www-authenticate")
        .map(|value| value.to_str().expect("text").to_owned());
    let body: Value = response.json().await.expect("JSON");
    let text = match &body["result"] {
        Value::Null => body["error"]["message"].as_str().expect("a message"),
        result => result["content"][0]["text"].as_str().expect("a text"),
    };
    (status, text.to_owned(), challenge)
}

async fn orders(server: &TestServer, tenant: &str) -> i64 {
    let scope = crate::support::scope(&crate::support::settings(&server.database().name));
    let caller = crate::support::caller(tenant).await;
    let rows = crate::support::run_unguarded(&scope, &caller, ORDERS)
        .await
        .expect("rows");
    serde_json::from_str::<Value>(&rows).expect("JSON")[0][0]
        .as_i64()
        .expect("a number")
}

/// Authorization in one table: claims of the token, grants in the database, and the selecting
/// header.
#[tokio::test]
async fn tenant_header_selects_among_the_callers_entitlements() {
    let issuer = Issuer::start().await;
    let server = server_with_database(&issuer, &[DIRECTORY]).await;
    let mut owner = server.database().owner().await;
    let group = "3b9ac9fa-cd5e-4b92-a7f2-b8c1d0e9f2a3";
    let principal = format!("group:{DIRECTORY}:{group}")
        .parse()
        .expect("a principal");
    grant(&mut owner, &principal, "Zava Retail Redmond", Role::Reader)
        .await
        .expect("a grant");
    let counts = [
        (SEATTLE, orders(&server, SEATTLE).await),
        (REDMOND, orders(&server, REDMOND).await),
        (HEAD_OFFICE, orders(&server, HEAD_OFFICE).await),
    ];
    let seattle = json!({"roles": ["store.zava-retail-seattle"]});
    let redmond = json!({"roles": null, "groups": [group]});
    let both = json!({"roles": ["store.zava-retail-seattle"], "groups": [group]});
    let all = json!({"roles": ["store.all"]});
    let none = json!({"roles": ["store.nowhere", "store.", "all"], "groups": ["not a UUID"]});
    let unknown = "11111111-1111-4111-8111-111111111111";
    let table = [
        // claims, header, the tenant whose rows are seen
        (&seattle, None, Some(SEATTLE)),
        (&seattle, Some(SEATTLE), Some(SEATTLE)),
        (&seattle, Some(REDMOND), None),
        (&seattle, Some(HEAD_OFFICE), None),
        (&seattle, Some(unknown), None),
        (&redmond, None, Some(REDMOND)),
        (&redmond, Some(SEATTLE), None),
        (&both, None, None),
        (&both, Some(SEATTLE), Some(SEATTLE)),
        (&both, Some(REDMOND), Some(REDMOND)),
        (&both, Some(HEAD_OFFICE), None),
        (&all, None, Some(HEAD_OFFICE)),
        (&all, Some(SEATTLE), None),
        (&none, None, None),
        (&none, Some(SEATTLE), None),
    ];
    let mut refusals = Vec::new();
    for (claims, header, seen) in table {
        let mut request = server.post().bearer_auth(issuer.token(claims.clone()));
        if let Some(tenant) = header {
            request = request.header("x-rls-user-id", tenant);
        }
        let (status, text, _) = ask(request, "execute_sales_query").await;
        match seen {
            Some(tenant) => {
                let count = counts
                    .iter()
                    .find(|(one, _)| *one == tenant)
                    .expect("known")
                    .1;
                assert!(
                    text.contains(&format!("[[{count}]]")),
                    "{claims} {header:?}: {text}"
                );
            }
            None => {
                assert_eq!(status, StatusCode::FORBIDDEN, "{claims} {header:?}: {text}");
                refusals.push((claims, header, text));
            }
        }
    }
    // An existing foreign store and an unknown one cannot be told apart.
    let refusal_for = |wanted| {
        &refusals
            .iter()
            .find(|(_, header, _)| *header == Some(wanted))
            .expect("refused")
            .2
    };
    assert_eq!(refusal_for(REDMOND), refusal_for(unknown));
    let malformed = server
        .post()
        .bearer_auth(issuer.token(seattle))
        .header("x-rls-user-id", "seattle");
    assert_eq!(
        ask(malformed, "execute_sales_query").await.0,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn api_key_is_valid_until_revoked_or_expired() {
    let issuer = Issuer::start().await;
    let server = server_with_database(&issuer, &[DIRECTORY]).await;
    let mut owner = server.database().owner().await;
    let mut random = rand::rng();
    let later = chrono::DateTime::from_timestamp(4_000_000_000, 0).expect("a time");
    let past = chrono::DateTime::from_timestamp(1_000_000_000, 0).expect("a time");
    let mut keys = Vec::new();
    for (name, expires) in [("till", later), ("old till", past), ("lost till", later)] {
        let new = NewApiKey::generate(&mut random);
        create_key(
            &mut owner,
            &new,
            name,
            expires,
            &["Zava Retail Seattle".to_owned()],
            Role::Reader,
        )
        .await
        .expect("a key");
        keys.push(secrecy::ExposeSecret::expose_secret(&new.text).to_owned());
    }
    assert!(revoke_key(&mut owner, "lost till").await.expect("revoked"));
    let asked = async |key: &str| ask(server.post().bearer_auth(key), "execute_sales_query").await;
    let count = orders(&server, SEATTLE).await;
    assert!(asked(&keys[0]).await.1.contains(&format!("[[{count}]]")));
    // The first server may still cache the key; another server must look it up.
    assert!(revoke_key(&mut owner, "till").await.expect("revoked"));
    let other = second_server(&server, &issuer, &[DIRECTORY]).await;
    let (status, text, _) = ask(other.post().bearer_auth(&keys[0]), "execute_sales_query").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{text}");
    assert!(text.contains("revoked"), "{text}");
    let (other, _) = keys[0].split_at(keys[0].len() - 43);
    let forged = format!("{other}{}", "A".repeat(43));
    for (key, why) in [
        (keys[1].as_str(), "expired"),
        (&keys[2], "revoked"),
        (&forged, "unknown"),
        ("zava_abcdefghijkl_x", "malformed"),
    ] {
        let (status, text, challenge) = asked(key).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{text}");
        assert!(text.contains(why), "{text}");
        assert!(
            challenge
                .expect("a challenge")
                .contains("error=\"invalid_token\"")
        );
        assert!(!text.contains(key), "{text}");
    }
}

/// App roles are assigned by the administrators of the user's Entra tenant, so those of a foreign
/// tenant do not count; only grants do.
#[tokio::test]
async fn app_roles_of_a_foreign_entra_tenant_grant_nothing() {
    let issuer = Issuer::start().await;
    let directories = [DIRECTORY, issuer::FOREIGN_DIRECTORY];
    let server = server_with_database(&issuer, &directories).await;
    let asked = async |server: &TestServer, roles: Value| {
        let token = issuer.token(json!({
            "tid": issuer::FOREIGN_DIRECTORY,
            "iss": format!("{}/{}/v2.0", issuer.authority(), issuer::FOREIGN_DIRECTORY),
            "roles": roles,
        }));
        ask(server.post().bearer_auth(token), "execute_sales_query").await
    };
    // One at a time: a token with two stores would select neither.
    for role in ["store.all", "store.zava-retail-seattle"] {
        let (status, text, _) = asked(&server, json!([role, "operator"])).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{role}: {text}");
    }
    let principal_header = json!({"auth_typ": "aad", "claims": [
        {"typ": "oid", "val": USER},
        {"typ": "tid", "val": issuer::FOREIGN_DIRECTORY},
        {"typ": "scp", "val": "mcp.query"},
        {"typ": "roles", "val": "store.zava-retail-seattle"},
    ]});
    let request = server
        .post()
        .header(
            "x-ms-client-principal",
            STANDARD.encode(principal_header.to_string()),
        )
        .header("x-ms-client-principal-id", USER)
        .header("x-ms-client-principal-idp", "aad");
    let (status, text, _) = ask(request, "execute_sales_query").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "by Easy Auth: {text}");
    let principal = format!("entra:{}:{USER}", issuer::FOREIGN_DIRECTORY);
    let principal = principal.parse().expect("a principal");
    let mut owner = server.database().owner().await;
    grant(&mut owner, &principal, "Zava Retail Redmond", Role::Reader)
        .await
        .expect("a grant");
    let other = second_server(&server, &issuer, &directories).await;
    let (_, text, _) = asked(&other, json!(["store.all"])).await;
    let count = orders(&server, REDMOND).await;
    assert!(text.contains(&format!("[[{count}]]")), "{text}");
}

/// A client without a token learns where to get one; a client whose token is too narrow learns the
/// missing scope.
#[tokio::test]
async fn challenges_and_metadata_name_the_issuer_and_scopes() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let (status, text, challenge) = ask(server.post(), "execute_sales_query").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{text}");
    let url = format!(
        "http://{}/.well-known/oauth-protected-resource/mcp",
        server.address
    );
    let expected = format!(
        "Bearer resource_metadata=\"{url}\", scope=\"https://zava.example.com/mcp/mcp.query https://zava.example.com/mcp/mcp.search\""
    );
    assert_eq!(challenge.as_deref(), Some(expected.as_str()));
    for place in [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
    ] {
        let metadata: Value = server
            .client
            .get(server.url(place))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        assert_eq!(
            metadata["resource"],
            format!("http://{}/mcp", server.address)
        );
        assert_eq!(
            metadata["authorization_servers"],
            json!([format!("{}/{DIRECTORY}/v2.0", issuer.authority())])
        );
        assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
    }
    for (scopes, tool, status) in [
        ("mcp.query", "execute_sales_query", 200),
        ("mcp.query", "semantic_search_products", 403),
        ("mcp.search", "semantic_search_products", 200),
        ("mcp.search", "execute_sales_query", 403),
        ("mcp.search", "get_multiple_table_schemas", 403),
        ("mcp.query", "find_related_products", 200),
        ("mcp.search", "find_related_products", 403),
        ("openid profile", "execute_sales_query", 403),
        ("openid profile", "get_current_utc_date", 200),
    ] {
        let token = issuer.token(json!({"scp": scopes}));
        let (given, text, challenge) = ask(server.post().bearer_auth(token), tool).await;
        assert_eq!(given, status, "{scopes} {tool}: {text}");
        if status == 403 {
            let challenge = challenge.expect("a challenge");
            assert!(
                challenge.contains("error=\"insufficient_scope\""),
                "{challenge}"
            );
        }
    }
}
