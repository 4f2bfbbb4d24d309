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
use crate::samples::{CpuClock, Samples, Summary};
use crate::server;

const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const AUDIENCE: &str = "11111111-2222-3333-4444-555555555555";

/// The issuer's key, taken from the tests; it protects nothing.
const SIGNING_KEY: &[u8] = include_bytes!("../../tests/it/identity/rsa_1.pem");
const KEY_ID: &str = "bench";

/// The same request with a tenant header, and with a token that is verified.
pub(crate) struct Tokens {
    pub(crate) unverified: Summary,
    pub(crate) verified: Summary,
}

impl Tokens {
    /// The cost of verification per request in CPU time, which neither waiting nor other programs
    /// change.
    pub(crate) fn cost(&self) -> Duration {
        self.verified
            .program_cpu
            .saturating_sub(self.unverified.program_cpu)
    }
}

/// Measures the smallest request over one connection, alternating between two servers that differ
/// only in authentication.
pub(crate) async fn measure(plan: &Plan) -> Fallible<Tokens> {
    progress::report("verifying tokens");
    let mut serving = JoinSet::new();
    let (authority, token) = issuer(&mut serving).await?;
    let settings = [
        ("ZAVA_AUTH", "entra"),
        ("ZAVA_ENTRA_AUTHORITY", authority.as_str()),
        ("ZAVA_ENTRA_TENANT_ID", DIRECTORY),
        ("ZAVA_ENTRA_AUDIENCE", AUDIENCE),
    ];
    let (unverified_server, verifying_server) =
        (server::start(plan)?, server::start_with(plan, &settings)?);
    let mut runs = [
        (
            &unverified_server,
            mcp::ping(&mcp::tenant_header(mcp::SEATTLE)),
        ),
        (
            &verifying_server,
            mcp::ping(&format!("authorization: Bearer {token}\r\n")),
        ),
    ]
    .map(|(server, request)| (server, Arc::from(request), Samples::default()));
    for (server, request, _) in &runs {
        drop(server.connect().await?); // waits until it listens
        run_once(plan, server, request, &mut Samples::default()).await?; // warms up
    }
    for _ in 0..plan.rounds {
        for (server, request, samples) in &mut runs {
            run_once(plan, server, request, samples).await?;
        }
    }
    let [unverified, verified] = runs.map(|(_, _, samples)| samples.finish(plan));
    unverified_server.stop().await?;
    verifying_server.stop().await?;
    Ok(Tokens {
        unverified,
        verified,
    })
}

async fn run_once(
    plan: &Plan,
    server: &Process,
    request: &Arc<[u8]>,
    samples: &mut Samples,
) -> Fallible<()> {
    let clock = CpuClock::start(plan, Some(server))?;
    let load = load::run(server.address(), plan.interval, vec![Arc::clone(request)]).await?;
    samples.add_load(load, &clock)
}

/// Serves an issuer's documents with one 2,048-bit RSA key, as Entra does; returns its address, and
/// a token of Seattle's manager.
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
