use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, get_current_timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::issuer::{AUDIENCE, DIRECTORY, FOREIGN_DIRECTORY, Issuer, IssuerMode, USER, changed};
use super::signing_key::{SigningKey, base64url, signing_input};
use super::{ask, server};

const TOOL: &str = "execute_sales_query";

/// Each is rejected with a reason that the client can act on, without revealing the expected value.
#[tokio::test]
async fn invalid_tokens_are_rejected_with_the_reason() {
    let issuer = Issuer::start().await;
    // 1,024 bits, which is considered insecure.
    let short = base64url([0xc7; 128]);
    issuer
        .publish(json!({"kty": "RSA", "kid": "rsa-short", "use": "sig", "n": short, "e": "AQAB"}));
    // A key for encryption, not for signatures.
    let modulus = public_key(&issuer).await;
    issuer
        .publish(json!({"kty": "RSA", "kid": "rsa-enc", "use": "enc", "n": modulus, "e": "AQAB"}));
    issuer.publish(json!({"kty": "oct", "kid": "secret", "k": "c2VjcmV0"}));
    // A key for the tokens of another Entra tenant, as in Entra's shared key sets, and a malformed
    // key.
    let others = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
    issuer.publish(
        json!({"kty": "RSA", "kid": "rsa-other", "issuer": others, "n": modulus, "e": "AQAB"}),
    );
    issuer.publish(json!({"kty": 7, "kid": ["x"]}));
    issuer.add("ec-1", SigningKey::new_ec());
    let server = server(&issuer).await;
    let now = get_current_timestamp();
    let claims = issuer.claims();
    let good = issuer.token(json!({}));
    let parts: Vec<&str> = good.split('.').collect();
    let header = |more: Value| changed(json!({"typ": "JWT", "alg": "RS256", "kid": "rsa-1"}), more);
    let with_header = |more: Value| {
        let key = issuer.key("rsa-1");
        key.token(Algorithm::RS256, &header(more), &claims)
    };
    let hmac = {
        let message = signing_input(&header(json!({"alg": "HS256"})), &claims);
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, modulus.as_bytes());
        let signature = ring::hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", base64url(signature))
    };
    let signed_by_another_key =
        SigningKey::second_rsa().token(Algorithm::RS256, &header(json!({})), &claims);
    let other_payload = {
        let payload = changed(claims.clone(), json!({"roles": ["store.all"]})).to_string();
        format!("{}.{}.{}", parts[0], base64url(payload), parts[2])
    };
    let issuer_of = |directory: &str| format!("{}/{directory}/v2.0", issuer.authority());
    let cases = [
        // Not a token
        ("", "Authorization"),
        ("x", "signed JWT"),
        ("a.b", "signed JWT"),
        ("a.b.c", "signed JWT"),
        ("a.b.c.d.e", "signed JWT"),
        (&format!("{}.{}.", parts[0], parts[1]), "signature"),
        (&format!("{}.{}", parts[0], parts[1]), "signed JWT"),
        (&format!("{good}="), "signed JWT"),
        (
            &format!(
                "{}.{}.{}",
                parts[0],
                parts[1],
                // Five characters fewer: no base64url text has this length; four fewer might be
                // valid.
                &parts[2][..parts[2].len() - 5]
            ),
            "signed JWT",
        ),
        (&"e".repeat(20_000), "signed JWT"),
        // Algorithms
        (&with_header(json!({"alg": "none"})), "signed JWT"),
        (
            &format!(
                "{}.{}.",
                base64url("{\"alg\":\"none\",\"kid\":\"rsa-1\"}"),
                parts[1]
            ),
            "signed JWT",
        ),
        (&with_header(json!({"alg": "None"})), "signed JWT"),
        (&hmac, "alg"),
        (&with_header(json!({"alg": "HS256"})), "alg"),
        (&with_header(json!({"alg": "RS384"})), "alg"),
        (&with_header(json!({"alg": "RS512"})), "alg"),
        (&with_header(json!({"alg": "ES256"})), "alg"),
        (&with_header(json!({"alg": "EdDSA"})), "alg"),
        (&with_header(json!({"alg": "PS256"})), "signature"),
        (&with_header(json!({"alg": ["RS256"]})), "signed JWT"),
        // Keys
        (&with_header(json!({"kid": null})), "kid"),
        (&with_header(json!({"kid": "rsa-2"})), "kid"),
        (&with_header(json!({"kid": "../../keys"})), "kid"),
        (&with_header(json!({"kid": "rsa-1' OR '1'='1"})), "kid"),
        (&with_header(json!({"kid": 7})), "signed JWT"),
        (&with_header(json!({"kid": "ec-1"})), "alg"),
        (&with_header(json!({"kid": "rsa-short"})), "kid"),
        (&with_header(json!({"kid": "rsa-enc"})), "kid"),
        (&with_header(json!({"kid": "secret"})), "kid"),
        (&with_header(json!({"kid": "rsa-other"})), "kid"),
        (&signed_by_another_key, "signature"),
        (
            &SigningKey::second_rsa().token(
                Algorithm::PS256,
                &header(json!({"alg": "PS256"})),
                &claims,
            ),
            "signature",
        ),
        (
            &SigningKey::new_ec().token(
                Algorithm::ES256,
                &header(json!({"alg": "ES256", "kid": "ec-1"})),
                &claims,
            ),
            "signature",
        ),
        (&other_payload, "signature"),
        (
            &with_header(json!({"jku": "https://evil.example.com/keys"})),
            "jku",
        ),
        (
            &with_header(json!({"x5u": "https://evil.example.com/cert"})),
            "x5u",
        ),
        (&with_header(json!({"x5c": ["MIIB"]})), "x5c"),
        (
            &with_header(json!({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}})),
            "jwk",
        ),
        (&with_header(json!({"crit": ["exp"]})), "crit"),
        (&with_header(json!({"crit": []})), "crit"),
        // Issuer and directory
        (
            &issuer.token(json!({"iss": "https://evil.example.com"})),
            "iss",
        ),
        (
            &issuer.token(json!({"iss": issuer_of(FOREIGN_DIRECTORY)})),
            "iss",
        ),
        (
            &issuer.token(json!({"iss": format!("{}/", issuer_of(DIRECTORY))})),
            "iss",
        ),
        (&issuer.token(json!({"iss": null})), "iss"),
        (
            &issuer.token(json!({"iss": [issuer_of(DIRECTORY), "https://evil.example.com"]})),
            "wrong type",
        ),
        (
            &issuer.token(json!({"tid": FOREIGN_DIRECTORY, "iss": issuer_of(FOREIGN_DIRECTORY)})),
            "tid",
        ),
        (&issuer.token(json!({"tid": "common"})), "tid"),
        (&issuer.token(json!({"tid": null})), "tid"),
        // Audience
        (
            &issuer.token(json!({"aud": "00000003-0000-0000-c000-000000000000"})),
            "aud",
        ),
        (
            &issuer.token(json!({"aud": "https://zava.example.com/mcp/"})),
            "aud",
        ),
        (&issuer.token(json!({"aud": ["a", "b"]})), "aud"),
        (&issuer.token(json!({"aud": []})), "aud"),
        (&issuer.token(json!({"aud": null})), "aud"),
        (&issuer.token(json!({"aud": {"x": AUDIENCE}})), "aud"),
        // Times
        (&issuer.token(json!({"exp": now - 61})), "exp"),
        (&issuer.token(json!({"exp": 0})), "exp"),
        (&issuer.token(json!({"exp": null})), "exp"),
        (&issuer.token(json!({"exp": "tomorrow"})), "exp"),
        (&issuer.token(json!({"exp": -1})), "exp"),
        (&issuer.token(json!({"nbf": now + 120})), "nbf"),
        (&issuer.token(json!({"nbf": "yesterday"})), "nbf"),
        // Not an access token, or nobody's
        (&issuer.token(json!({"scp": null})), "scp"),
        (
            &issuer.token(json!({"scp": null, "roles": ["mcp.query", "store.all"]})),
            "scp",
        ),
        (&issuer.token(json!({"oid": null})), "wrong type"),
        (&issuer.token(json!({"oid": "root"})), "wrong type"),
        (&issuer.token(json!({"sub": null})), "wrong type"),
        (&issuer.token(json!({"roles": "store.all"})), "wrong type"),
    ];
    assert!(cases.len() >= 60);
    let mut wrong = Vec::new();
    for (token, reason) in cases {
        let request = server
            .post()
            .header("authorization", format!("Bearer {token}"));
        let (status, text, challenge) = ask(request, TOOL).await;
        let challenge = challenge.unwrap_or_default();
        let is_right = status == StatusCode::UNAUTHORIZED
            && text.contains(reason)
            && challenge.starts_with("Bearer error=\"invalid_token\"")
            && !text.contains(DIRECTORY)
            && !text.contains(AUDIENCE);
        if !is_right {
            wrong.push(format!(
                "{reason}: {status} {text}\n  {challenge}\n  {token:.200}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for value in [
        "Basic dXNlcjpwdw==",
        "Bearer",
        &format!("bearer\t{good}"),
        &format!("Bearer {good} {good}"),
        &good,
    ] {
        let (status, text, _) = ask(server.post().header("authorization", value), TOOL).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{value}: {text}");
    }
    let twice = server
        .post()
        .bearer_auth(&good)
        .header("authorization", format!("Bearer {good}"));
    assert_eq!(ask(twice, TOOL).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn every_valid_entra_token_form_is_accepted() {
    let issuer = Issuer::start().await;
    // With a leading zero byte as in ASN.1, which some issuers publish.
    let modulus = public_key(&issuer).await;
    let modulus = URL_SAFE_NO_PAD.decode(modulus).expect("base64url");
    let padded = base64url([&[0], modulus.as_slice()].concat());
    issuer.publish(json!({"kty": "RSA", "kid": "rsa-padded", "n": padded, "e": "AAEAAQ"}));
    issuer.add("ec-1", SigningKey::new_ec());
    let server = server(&issuer).await;
    let now = get_current_timestamp();
    let application =
        json!({"scp": null, "sub": USER, "roles": ["mcp.query", "store.zava-retail-seattle"]});
    for token in [
        issuer.token(json!({})),
        issuer.signed_by("rsa-1", Algorithm::PS256, json!({})),
        issuer.signed_by("ec-1", Algorithm::ES256, json!({})),
        issuer.key("rsa-1").token(
            Algorithm::RS256,
            &json!({"alg": "RS256", "kid": "rsa-padded"}),
            &issuer.claims(),
        ),
        issuer.token(json!({"aud": "https://zava.example.com/mcp"})),
        issuer.token(json!({"aud": ["other", AUDIENCE]})),
        issuer.token(json!({"iss": format!("https://sts.windows.net/{DIRECTORY}/")})),
        issuer.token(json!({"exp": now - 50, "nbf": null})),
        issuer.token(json!({"nbf": now + 50})),
        issuer.token(application.clone()),
        issuer.token(changed(application, json!({"sub": "x", "idtyp": "app"}))),
    ] {
        let (status, text, _) = ask(server.post().bearer_auth(&token), TOOL).await;
        assert_eq!(status, StatusCode::OK, "{token}: {text}");
    }
    // The keys are fetched once for all of them.
    assert_eq!(issuer.request_count(), 1);
}

/// Without keys nobody is authenticated, and no client is told that its token is invalid.
#[tokio::test]
async fn unreachable_issuer_at_start_is_a_503_until_it_recovers() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    for mode in [IssuerMode::Failing, IssuerMode::InvalidBody] {
        issuer.set(mode);
        let request = server.post().bearer_auth(issuer.token(json!({})));
        let (status, text, _) = ask(request, TOOL).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{mode:?}: {text}");
        assert!(text.contains("issuer does not respond"), "{text}");
    }
    issuer.set(IssuerMode::Healthy);
    let request = server.post().bearer_auth(issuer.token(json!({})));
    assert_eq!(ask(request, TOOL).await.0, StatusCode::OK);
}

/// Cached keys are used while the issuer is unreachable; unknown keys are rejected, and the issuer
/// is not flooded.
#[tokio::test]
async fn cached_keys_are_used_while_the_issuer_is_unreachable() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let status_of = async |token: String| ask(server.post().bearer_auth(token), TOOL).await.0;
    assert_eq!(status_of(issuer.token(json!({}))).await, StatusCode::OK);
    issuer.set(IssuerMode::NotFound);
    issuer.add("rsa-2", SigningKey::second_rsa());
    for round in 0..20 {
        let unknown = issuer.signed_by("rsa-2", Algorithm::RS256, json!({}));
        assert_eq!(
            status_of(unknown).await,
            StatusCode::UNAUTHORIZED,
            "{round}"
        );
        assert_eq!(
            status_of(issuer.token(json!({}))).await,
            StatusCode::OK,
            "{round}"
        );
    }
    let tries = issuer.request_count();
    assert!((2..=4).contains(&tries), "asked {tries} times");
}

/// A caller that disconnects during the key fetch does not cancel it for the others.
#[tokio::test]
async fn disconnected_callers_do_not_abort_the_key_fetch() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    issuer.set(IssuerMode::Blocked);
    let request = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-length: 0\r\n\r\n",
        issuer.token(json!({}))
    );
    for _ in 0..6 {
        let mut client = TcpStream::connect(server.address)
            .await
            .expect("a connection");
        client.write_all(request.as_bytes()).await.expect("sent");
        client.shutdown().await.expect("hung up");
        // The server closes its side when it has noticed the disconnect.
        client.read_to_end(&mut Vec::new()).await.expect("noticed");
    }
    issuer.set(IssuerMode::Healthy);
    let good = server.post().bearer_auth(issuer.token(json!({})));
    assert_eq!(ask(good, TOOL).await.0, StatusCode::OK);
    assert_eq!(issuer.request_count(), 1);
}

/// An unknown `kid` triggers a fetch at once, as long as such fetches are few.
#[tokio::test]
async fn unknown_key_id_triggers_a_key_refresh() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let status_of = async |token: String| ask(server.post().bearer_auth(token), TOOL).await.0;
    assert_eq!(status_of(issuer.token(json!({}))).await, StatusCode::OK);
    issuer.add("rsa-2", SigningKey::second_rsa());
    issuer.remove("rsa-1");
    let new = issuer.signed_by("rsa-2", Algorithm::RS256, json!({}));
    assert_eq!(status_of(new).await, StatusCode::OK);
    assert_eq!(issuer.request_count(), 2);
}

/// The modulus of the published key, as an attacker would read it to use as an HMAC secret.
async fn public_key(issuer: &Issuer) -> String {
    let keys = format!("{}/keys", issuer.authority());
    let keys: Value = crate::support::http()
        .get(keys)
        .send()
        .await
        .expect("keys")
        .json()
        .await
        .expect("JSON");
    keys["keys"][0]["n"].as_str().expect("a modulus").to_owned()
}
