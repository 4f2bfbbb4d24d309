use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::Fallible;
use crate::load;
use crate::mcp;
use crate::plan::Plan;
use crate::process::Process;
use crate::progress;
use crate::server;
use crate::tally::{Clock, Tally, Turns};

const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const AUDIENCE: &str = "11111111-2222-3333-4444-555555555555";

/// The issuer's key, of the tests; it protects nothing.
const SIGNING_KEY: &[u8] = include_bytes!("../../tests/it/identity/rsa_1.pem");
const KEY_ID: &str = "bench";

/// The same request of a caller who names a tenant, and of one whose token is verified.
pub(crate) struct Tokens {
    pub(crate) named: Turns,
    pub(crate) verified: Turns,
}

impl Tokens {
    /// What verifying costs a request: processor time, which waiting and other programs do not change.
    pub(crate) fn cost(&self) -> Duration {
        self.verified.program.saturating_sub(self.named.program)
    }
}

/// Measures the smallest request over one connection, in turns, of two servers that differ in how callers are known.
pub(crate) async fn measure(plan: &Plan) -> Fallible<Tokens> {
    progress::tell("verifying tokens");
    let mut serving = JoinSet::new();
    let (authority, token) = issuer(&mut serving).await?;
    let settings = [
        ("ZAVA_AUTH", "entra"),
        ("ZAVA_ENTRA_AUTHORITY", authority.as_str()),
        ("ZAVA_ENTRA_TENANT_ID", DIRECTORY),
        ("ZAVA_ENTRA_AUDIENCE", AUDIENCE),
    ];
    let (naming, verifying) = (server::start(plan)?, server::start_with(plan, &settings)?);
    let mut turns = [
        (&naming, mcp::ping(&mcp::named(mcp::SEATTLE))),
        (
            &verifying,
            mcp::ping(&format!("authorization: Bearer {token}\r\n")),
        ),
    ]
    .map(|(server, request)| (server, Arc::from(request), Tally::default()));
    for (server, request, _) in &turns {
        drop(server.connect().await?); // waits until it listens
        turn(plan, server, request, &mut Tally::default()).await?; // warms up
    }
    for _ in 0..plan.rounds {
        for (server, request, tally) in &mut turns {
            turn(plan, server, request, tally).await?;
        }
    }
    let [named, verified] = turns.map(|(_, _, tally)| tally.finish(plan));
    naming.stop().await?;
    verifying.stop().await?;
    Ok(Tokens { named, verified })
}

async fn turn(
    plan: &Plan,
    server: &Process,
    request: &Arc<[u8]>,
    tally: &mut Tally,
) -> Fallible<()> {
    let clock = Clock::start(plan, Some(server))?;
    let load = load::run(server.address(), plan.turn, vec![Arc::clone(request)]).await?;
    tally.add_load(load, &clock)
}

/// Serves the documents of a directory with one RSA key of 2,048 bits, as Entra's are; where, and a token of Seattle's manager.
async fn issuer(serving: &mut JoinSet<()>) -> Fallible<(String, String)> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(SIGNING_KEY)?;
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|error| error.to_string())?;
    let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
    let jwk = json!({
        "kty": "RSA", "kid": KEY_ID, "n": base64url(public.n), "e": base64url(public.e),
    });

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let authority = format!("http://{}", listener.local_addr()?);
    let issuer = format!("{authority}/{DIRECTORY}/v2.0");
    let document = json!({"issuer": issuer, "jwks_uri": format!("{authority}/keys")});
    let keys = json!({"keys": [jwk]});
    let answering = |value: Value| get(move || std::future::ready(Json(value)));
    let router = Router::new()
        .route(
            "/{directory}/v2.0/.well-known/openid-configuration",
            answering(document.clone()),
        )
        .route(
            "/{directory}/.well-known/openid-configuration",
            answering(document),
        )
        .route("/keys", answering(keys));
    serving.spawn(async move {
        // Ends with the run.
        let _ = axum::serve(listener, router).await;
    });

    #[expect(clippy::disallowed_methods, reason = "the token must be valid now")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = json!({
        "iss": issuer, "aud": AUDIENCE, "tid": DIRECTORY, "ver": "2.0",
        "oid": "0e0f1c1d-aaaa-4bbb-8ccc-0123456789ab", "sub": "bench",
        "iat": now, "nbf": now, "exp": now + 86_400,
        "scp": "mcp.query mcp.search", "roles": ["store.zava-retail-seattle"],
    });
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": KEY_ID});
    let part = |value: &Value| base64url(value.to_string());
    let message = format!("{}.{}", part(&header), part(&claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .map_err(|_| "the token cannot be signed")?;
    Ok((authority, format!("{message}.{}", base64url(signature))))
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
