use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The Entra tenant whose tokens the server accepts, and one whose tokens it does not.
pub(super) const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
pub(super) const FOREIGN: &str = "5a3c1e77-0b6d-4f0e-9d55-b1e8a0c5d2f4";

/// How the issuer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Well,
    Failing,
    Gibberish,
    Gone,
    /// Not, until it is told to answer in another way.
    Held,
}

/// Whoever signs tokens: documents and keys over a real socket.
pub(super) struct Issuer {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    address: SocketAddr,
    keys: Mutex<BTreeMap<String, (Algorithm, EncodingKey)>>,
    /// Public keys without a private one.
    published: Mutex<Vec<Value>>,
    mode: watch::Sender<Mode>,
    asked: Mutex<usize>,
}

impl Issuer {
    /// With one RSA key, `rsa-1`.
    #[expect(clippy::disallowed_methods, reason = "the test owns the task")]
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            address,
            keys: Mutex::default(),
            published: Mutex::default(),
            mode: watch::Sender::new(Mode::Well),
            asked: Mutex::new(0),
        });
        let router = Router::new()
            .route(
                "/{directory}/v2.0/.well-known/openid-configuration",
                get(newer),
            )
            .route("/{directory}/.well-known/openid-configuration", get(older))
            .route("/keys", get(keys))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving");
        });
        let issuer = Self {
            address,
            shared,
            serving,
        };
        issuer.add("rsa-1", Algorithm::RS256, rsa(KeySize::Rsa2048));
        issuer
    }

    pub(super) fn authority(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Publishes a key.
    pub(super) fn add(&self, id: &str, algorithm: Algorithm, key: EncodingKey) {
        let mut keys = self.shared.keys.lock().expect("keys");
        keys.insert(id.to_owned(), (algorithm, key));
    }

    /// Publishes a key that signs nothing.
    pub(super) fn publish(&self, key: Value) {
        self.shared.published.lock().expect("keys").push(key);
    }

    /// Withdraws a key.
    pub(super) fn remove(&self, id: &str) {
        self.shared.keys.lock().expect("keys").remove(id);
    }

    pub(super) fn key(&self, id: &str) -> EncodingKey {
        self.shared.keys.lock().expect("keys")[id].1.clone()
    }

    pub(super) fn set(&self, mode: Mode) {
        self.shared.mode.send_replace(mode);
    }

    /// How often it was asked for its keys.
    pub(super) fn asked(&self) -> usize {
        *self.shared.asked.lock().expect("the count")
    }

    /// What a user's token says, good for everything.
    pub(super) fn claims(&self) -> Value {
        json!({
            "aud": AUDIENCE,
            "iss": format!("{}/{DIRECTORY}/v2.0", self.authority()),
            "tid": DIRECTORY,
            "oid": USER,
            "sub": "a pseudonym",
            "scp": "mcp.query mcp.search",
            "roles": ["store.zava-retail-seattle"],
            "nbf": jsonwebtoken::get_current_timestamp() - 10,
            "exp": jsonwebtoken::get_current_timestamp() + 600,
        })
    }

    /// A token signed by the key `rsa-1`, with other claims than usual: NULL takes one away.
    pub(super) fn token(&self, changes: Value) -> String {
        self.signed_by("rsa-1", Algorithm::RS256, changes)
    }

    pub(super) fn signed_by(&self, id: &str, algorithm: Algorithm, changes: Value) -> String {
        let mut header = Header::new(algorithm);
        header.kid = Some(id.to_owned());
        encode(&header, &changed(self.claims(), changes), &self.key(id)).expect("a token")
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What the server is called in tokens, and who calls.
pub(super) const AUDIENCE: &str = "11111111-2222-3333-4444-555555555555";
pub(super) const USER: &str = "0e0f1c1d-aaaa-4bbb-8ccc-0123456789ab";

pub(super) fn changed(mut claims: Value, changes: Value) -> Value {
    if let (Some(claims), Value::Object(changes)) = (claims.as_object_mut(), changes) {
        for (name, value) in changes {
            if value.is_null() {
                claims.remove(&name);
            } else {
                claims.insert(name, value);
            }
        }
    }
    claims
}

/// A new RSA key.
pub(super) fn rsa(size: KeySize) -> EncodingKey {
    let pair = KeyPair::generate(size).expect("a key");
    let pkcs8 = pair.as_der().expect("its encoding");
    // PKCS #8 wraps PKCS #1 in 26 bytes.
    EncodingKey::from_rsa_der(&pkcs8.as_ref()[26..])
}

/// A new P-256 key.
pub(super) fn ec() -> EncodingKey {
    let pair = rcgen::KeyPair::generate().expect("a key");
    EncodingKey::from_ec_der(&pair.serialize_der())
}

async fn newer(State(shared): State<Arc<Shared>>, Path(directory): Path<String>) -> Response {
    *shared.asked.lock().expect("the count") += 1;
    let base = format!("http://{}", shared.address);
    let issuer = format!("{base}/{directory}/v2.0");
    let document = json!({"issuer": issuer, "jwks_uri": format!("{base}/keys")});
    shared.answer(&document).await
}

async fn older(State(shared): State<Arc<Shared>>, Path(directory): Path<String>) -> Response {
    let issuer = format!("https://sts.windows.net/{directory}/");
    let keys = format!("http://{}/keys", shared.address);
    shared
        .answer(&json!({"issuer": issuer, "jwks_uri": keys}))
        .await
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    let keys: Vec<Value> = shared
        .keys
        .lock()
        .expect("keys")
        .iter()
        .map(|(id, (algorithm, key))| {
            let mut jwk = Jwk::from_encoding_key(key, *algorithm).expect("a public key");
            jwk.common.key_id = Some(id.clone());
            // As Entra publishes them: the algorithm is told by the token.
            jwk.common.key_algorithm = None;
            serde_json::to_value(jwk).expect("JSON")
        })
        .chain(shared.published.lock().expect("keys").iter().cloned())
        .collect();
    shared.answer(&json!({"keys": keys})).await
}

impl Shared {
    async fn answer(&self, document: &Value) -> Response {
        let mut mode = self.mode.subscribe();
        let mode = mode
            .wait_for(|mode| *mode != Mode::Held)
            .await
            .map(|mode| *mode);
        match mode.expect("the issuer is there") {
            Mode::Well => Json(document.clone()).into_response(),
            Mode::Failing => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Mode::Gibberish => "<html>".into_response(),
            Mode::Gone | Mode::Held => StatusCode::NOT_FOUND.into_response(),
        }
    }
}
