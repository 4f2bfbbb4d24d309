use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::extract::{Path, RawForm, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::{Url, form_urlencoded};

use super::signing_key::{SigningKey, base64url};

/// The Entra tenant whose tokens the server accepts, and one whose tokens it rejects.
pub(super) const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
pub(super) const FOREIGN_DIRECTORY: &str = "5a3c1e77-0b6d-4f0e-9d55-b1e8a0c5d2f4";

/// The registered OAuth client and the server's scopes that it may request. Nothing listens at its
/// redirect URI.
pub(super) const CLIENT: &str = "9f0d8a52-6f0e-4c55-8f6b-3a1d2c4b5e60";
pub(super) const REDIRECT_URI: &str = "http://127.0.0.1:33418/callback";
const SCOPES: [&str; 2] = ["mcp.query", "mcp.search"];
/// Requests a refresh token, which this issuer never issues.
const OFFLINE: &str = "offline_access";

/// How the issuer responds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IssuerMode {
    Healthy,
    Failing,
    InvalidBody,
    NotFound,
    /// Does not respond until the mode changes.
    Blocked,
}

/// The parameters of an authorization request.
#[derive(Clone, Debug)]
pub(super) struct SignIn {
    pub(super) resource: String,
    pub(super) scope: String,
    challenge: String,
}

/// A token issuer on a real socket: metadata, keys, and the authorization code flow.
pub(super) struct Issuer {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    address: SocketAddr,
    keys: Mutex<BTreeMap<String, SigningKey>>,
    /// Published keys without a private key.
    published: Mutex<Vec<Value>>,
    mode: watch::Sender<IssuerMode>,
    request_count: Mutex<usize>,
    sign_ins: Mutex<Vec<SignIn>>,
    /// Authorization codes that have not been redeemed yet.
    codes: Mutex<BTreeMap<String, SignIn>>,
}

impl Issuer {
    /// Starts an issuer with one RSA key, `rsa-1`.
    #[expect(clippy::disallowed_methods, reason = "the test owns the task")]
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            address,
            keys: Mutex::default(),
            published: Mutex::default(),
            mode: watch::Sender::new(IssuerMode::Healthy),
            request_count: Mutex::new(0),
            sign_ins: Mutex::default(),
            codes: Mutex::default(),
        });
        let router = Router::new()
            .route(
                "/{directory}/v2.0/.well-known/openid-configuration",
                get(metadata_v2),
            )
            .route(
                "/{directory}/.well-known/openid-configuration",
                get(metadata_v1),
            )
            .route("/keys", get(keys))
            .route("/{directory}/oauth2/v2.0/authorize", get(authorize))
            .route("/{directory}/oauth2/v2.0/token", post(token))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving");
        });
        let issuer = Self { shared, serving };
        issuer.add("rsa-1", SigningKey::first_rsa());
        issuer
    }

    pub(super) fn authority(&self) -> String {
        self.shared.authority()
    }

    /// Publishes a key.
    pub(super) fn add(&self, id: &str, key: SigningKey) {
        let mut keys = self.shared.keys.lock().expect("keys");
        keys.insert(id.to_owned(), key);
    }

    /// Publishes a key that signs no token.
    pub(super) fn publish(&self, key: Value) {
        self.shared.published.lock().expect("keys").push(key);
    }

    /// Withdraws a key.
    pub(super) fn remove(&self, id: &str) {
        self.shared.keys.lock().expect("keys").remove(id);
    }

    pub(super) fn key(&self, id: &str) -> SigningKey {
        self.shared.key(id)
    }

    pub(super) fn set(&self, mode: IssuerMode) {
        self.shared.mode.send_replace(mode);
    }

    /// How often its metadata was requested.
    pub(super) fn request_count(&self) -> usize {
        *self.shared.request_count.lock().expect("the count")
    }

    /// The sign-ins so far, in order.
    pub(super) fn sign_ins(&self) -> Vec<SignIn> {
        self.shared.sign_ins.lock().expect("sign-ins").clone()
    }

    /// The claims of a user's token that is valid for everything.
    pub(super) fn claims(&self) -> Value {
        self.shared.claims()
    }

    /// A token signed by `rsa-1`, with changed claims; NULL removes a claim.
    pub(super) fn token(&self, changes: Value) -> String {
        self.shared.token(changes)
    }

    pub(super) fn signed_by(&self, id: &str, algorithm: Algorithm, changes: Value) -> String {
        self.shared.signed_by(id, algorithm, changes)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The server's audience, and the user's object id.
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

async fn metadata_v2(State(shared): State<Arc<Shared>>, Path(directory): Path<String>) -> Response {
    *shared.request_count.lock().expect("the count") += 1;
    let base = shared.authority();
    // Like Entra's document, it advertises neither PKCE (`code_challenge_methods_supported`) nor
    // client registration.
    let document = json!({
        "issuer": format!("{base}/{directory}/v2.0"),
        "jwks_uri": format!("{base}/keys"),
        "authorization_endpoint": format!("{base}/{directory}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/{directory}/oauth2/v2.0/token"),
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "profile", "email", OFFLINE],
    });
    shared.answer(&document).await
}

async fn metadata_v1(State(shared): State<Arc<Shared>>, Path(directory): Path<String>) -> Response {
    let issuer = format!("https://sts.windows.net/{directory}/");
    let keys = format!("{}/keys", shared.authority());
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
        .map(|(id, key)| key.jwk(id))
        .chain(shared.published.lock().expect("keys").iter().cloned())
        .collect();
    shared.answer(&json!({"keys": keys})).await
}

/// The authorization endpoint (RFC 6749, section 4.1.1; RFC 7636; RFC 8707) for a user who is
/// signed in and consents.
async fn authorize(State(shared): State<Arc<Shared>>, RawForm(query): RawForm) -> Response {
    let form = Form::parse(&query);
    let resource = form.get("resource");
    // Entra rejects scopes of another application than the one whose id URI the resource is
    // (AADSTS9010010).
    let is_known = |scope: &str| {
        let name = scope.strip_prefix(resource);
        let name = name.and_then(|name| name.strip_prefix('/'));
        scope == OFFLINE || name.is_some_and(|name| SCOPES.contains(&name))
    };
    let checks = [
        ("response_type", form.get("response_type") == "code"),
        ("client_id", form.get("client_id") == CLIENT),
        ("redirect_uri", form.get("redirect_uri") == REDIRECT_URI),
        ("method", form.get("code_challenge_method") == "S256"),
        ("challenge", form.get("code_challenge").len() == 43),
        ("state", !form.get("state").is_empty()),
        ("scope", form.get("scope").split(' ').all(is_known)),
    ];
    if let Some((wrong, _)) = checks.iter().find(|(_, is_right)| !is_right) {
        return (StatusCode::BAD_REQUEST, format!("wrong {wrong}: {form:?}")).into_response();
    }
    let sign_in = SignIn {
        resource: resource.to_owned(),
        scope: form.get("scope").to_owned(),
        challenge: form.get("code_challenge").to_owned(),
    };
    let code = {
        let mut sign_ins = shared.sign_ins.lock().expect("sign-ins");
        sign_ins.push(sign_in.clone());
        format!("code-{}", sign_ins.len())
    };
    let answer = [("code", code.as_str()), ("state", form.get("state"))];
    let location = Url::parse_with_params(REDIRECT_URI, answer).expect("a URL");
    shared.codes.lock().expect("codes").insert(code, sign_in);
    Redirect::to(location.as_str()).into_response()
}

/// The token endpoint (RFC 6749, section 4.1.3). Each code can be redeemed once.
async fn token(State(shared): State<Arc<Shared>>, RawForm(body): RawForm) -> Response {
    let form = Form::parse(&body);
    let code = form.get("code");
    let sign_in = shared.codes.lock().expect("codes").remove(code);
    let challenge = base64url(Sha256::digest(form.get("code_verifier")));
    let Some(sign_in) = sign_in.filter(|sign_in| {
        form.get("grant_type") == "authorization_code"
            && form.get("client_id") == CLIENT
            && form.get("redirect_uri") == REDIRECT_URI
            && form.get("resource") == sign_in.resource
            && challenge == sign_in.challenge
    }) else {
        let error = json!({"error": "invalid_grant"});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    // Like Entra: full scope names in the response, short names in the token.
    let scopes = sign_in.scope.split(' ').filter(|scope| *scope != OFFLINE);
    let granted: Vec<&str> = scopes.collect();
    let names: Vec<&str> = granted
        .iter()
        .map(|scope| &scope[sign_in.resource.len() + 1..])
        .collect();
    Json(json!({
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": granted.join(" "),
        "access_token": shared.token(json!({"scp": names.join(" ")})),
    }))
    .into_response()
}

/// Form parameters; a missing one reads as empty.
#[derive(Debug)]
struct Form(BTreeMap<String, String>);

impl Form {
    fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl Shared {
    fn authority(&self) -> String {
        format!("http://{}", self.address)
    }

    fn key(&self, id: &str) -> SigningKey {
        self.keys.lock().expect("keys")[id].clone()
    }

    fn claims(&self) -> Value {
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

    fn token(&self, changes: Value) -> String {
        self.signed_by("rsa-1", Algorithm::RS256, changes)
    }

    fn signed_by(&self, id: &str, algorithm: Algorithm, changes: Value) -> String {
        let header = json!({"typ": "JWT", "alg": algorithm, "kid": id});
        let claims = changed(self.claims(), changes);
        self.key(id).token(algorithm, &header, &claims)
    }

    async fn answer(&self, document: &Value) -> Response {
        let mut mode = self.mode.subscribe();
        let mode = mode
            .wait_for(|mode| *mode != IssuerMode::Blocked)
            .await
            .map(|mode| *mode);
        match mode.expect("the issuer is there") {
            IssuerMode::Healthy => Json(document.clone()).into_response(),
            IssuerMode::Failing => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            IssuerMode::InvalidBody => "<html>".into_response(),
            IssuerMode::NotFound | IssuerMode::Blocked => StatusCode::NOT_FOUND.into_response(),
        }
    }
}
