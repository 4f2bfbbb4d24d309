//! A stand-in for Entra ID and for the endpoint of managed identities. It issues tokens over a
//! socket, and can fail like them.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Path, RawForm, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use url::form_urlencoded;

use crate::support::serve_http;

/// The services that have tokens.
pub(super) const DATABASE: &str = "https://ossrdbms-aad.database.windows.net";
pub(super) const VAULT: &str = "https://vault.azure.net";
/// Azure OpenAI, by the scope that is not the default.
pub(super) const EMBEDDINGS: &str = "https://ai.azure.com";
/// Application Insights; the scope ends with `//.default`.
pub(super) const MONITOR: &str = "https://monitor.azure.com/";
const RESOURCES: [&str; 4] = [DATABASE, VAULT, EMBEDDINGS, MONITOR];

/// The scope of tokens for PostgreSQL.
pub(super) const DATABASE_SCOPE: &str = "https://ossrdbms-aad.database.windows.net/.default";

pub(super) const DIRECTORY: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
/// An application, and an identity that is assigned to the app.
pub(super) const CLIENT: &str = "9f0d8a52-6f0e-4c55-8f6b-3a1d2c4b5e60";
pub(super) const CLIENT_SECRET: &str = "the-secret-of-the-application";

/// The value of `IDENTITY_HEADER`.
pub(super) const IDENTITY_HEADER: &str = "the-header-of-the-platform";

/// How the stand-in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Healthy,
    /// With this status and a text.
    Status(u16),
    /// With 200 and something else than a token.
    Malformed,
    /// With 200 and a token in a form that its client does not know.
    Quoted,
    /// With 200, a lifetime and an empty token.
    Empty,
    /// With 200 and a lifetime that no clock can hold.
    Endless,
    /// With a token that has expired.
    Expired,
    /// Not before the mode changes.
    Blocked,
    /// After a delay, in milliseconds.
    Slow(u64),
}

/// The stand-in on two ports: plain HTTP, as Azure's hosting platforms have it on the same machine,
/// and HTTPS, as Entra ID has it.
pub(super) struct Entra {
    shared: Arc<Shared>,
    plain: SocketAddr,
    tls_port: u16,
    _serving: JoinSet<()>,
}

struct Shared {
    mode: watch::Sender<Mode>,
    lifetime: Mutex<Duration>,
    /// The tokens that are accepted, each with its resource and its end.
    accepted: Mutex<HashMap<String, (String, SystemTime)>>,
    /// The client ids of the identities of the app; the system-assigned one is the empty text.
    identities: Mutex<HashSet<String>>,
    requests: Mutex<usize>,
}

impl Entra {
    /// Starts it with a certificate for `localhost`.
    pub(super) async fn start(acceptor: TlsAcceptor) -> Self {
        let shared = Arc::new(Shared {
            mode: watch::Sender::new(Mode::Healthy),
            lifetime: Mutex::new(Duration::from_secs(3600)),
            accepted: Mutex::default(),
            identities: Mutex::new(HashSet::from([String::new(), CLIENT.to_owned()])),
            requests: Mutex::default(),
        });
        let router = Router::new()
            .route("/msi/token", get(managed_identity))
            .route("/{directory}/oauth2/v2.0/token", post(client_credentials))
            .with_state(Arc::clone(&shared));
        let (plain, tls) = (listener().await, listener().await);
        let address = plain.local_addr().expect("its address");
        let tls_port = tls.local_addr().expect("its address").port();
        let mut serving = JoinSet::new();
        serving.spawn(serve_http(plain, None, router.clone()));
        serving.spawn(serve_http(tls, Some(acceptor), router));
        Self {
            shared,
            plain: address,
            tls_port,
            _serving: serving,
        }
    }

    pub(super) fn authority(&self) -> String {
        format!("https://localhost:{}", self.tls_port)
    }

    /// The value of `IDENTITY_ENDPOINT`.
    pub(super) fn identity_endpoint(&self) -> String {
        format!("http://{}/msi/token", self.plain)
    }

    pub(super) fn set(&self, mode: Mode) {
        self.shared.mode.send_replace(mode);
    }

    /// The lifetime of tokens from now on, in whole seconds.
    pub(super) fn set_lifetime(&self, lifetime: Duration) {
        *self.shared.lifetime.lock().expect("the lifetime") = lifetime;
    }

    /// Removes the system-assigned identity of the app.
    pub(super) fn remove_system_identity(&self) {
        let mut identities = self.shared.identities.lock().expect("the identities");
        identities.remove("");
    }

    /// How many tokens were requested.
    pub(super) fn request_count(&self) -> usize {
        *self.shared.requests.lock().expect("the count")
    }

    /// Makes every token issued so far invalid.
    pub(super) fn revoke_all(&self) {
        self.shared.accepted.lock().expect("the tokens").clear();
    }

    /// Whether a resource would accept a token now.
    #[expect(clippy::disallowed_methods, reason = "tokens have wall clock times")]
    pub(super) fn accepts(&self, token: &str, resource: &str) -> bool {
        let accepted = self.shared.accepted.lock().expect("the tokens");
        let found = accepted.get(token);
        found.is_some_and(|(issued_for, end)| issued_for == resource && SystemTime::now() < *end)
    }
}

impl Shared {
    /// A new token for a resource, and the seconds for which it is valid.
    #[expect(clippy::disallowed_methods, reason = "tokens have wall clock times")]
    fn issue(&self, resource: &str) -> (String, u64) {
        let mut accepted = self.accepted.lock().expect("the tokens");
        // The log check recognizes the form of tokens.
        let number =
            URL_SAFE_NO_PAD.encode(format!("token {} of the stand-in", rand::random::<u64>()));
        let token = format!("eyJhbGciOiJub25lIn0.{number}.signature");
        let lifetime = *self.lifetime.lock().expect("the lifetime");
        let end = SystemTime::now() + lifetime;
        accepted.insert(token.clone(), (resource.to_owned(), end));
        (token, lifetime.as_secs())
    }

    /// Counts a request; returns the answer if it is not a token.
    async fn count_and_fail(&self) -> Option<Response> {
        *self.requests.lock().expect("the count") += 1;
        let mut mode = self.mode.subscribe();
        let mode = *mode
            .wait_for(|mode| *mode != Mode::Blocked)
            .await
            .expect("the stand-in lives");
        match mode {
            Mode::Healthy | Mode::Blocked | Mode::Expired => None,
            Mode::Slow(delay) => {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                None
            }
            Mode::Status(status) => {
                let status = StatusCode::from_u16(status).expect("a status");
                Some((status, "the stand-in fails").into_response())
            }
            Mode::Malformed => Some("<html>a login page</html>".into_response()),
            Mode::Endless => {
                let body = json!({"access_token": self.issue(DATABASE).0, "expires_in": i64::MAX});
                Some(Json(body).into_response())
            }
            Mode::Quoted => Some(Json(self.issue(DATABASE).0).into_response()),
            Mode::Empty => {
                let body = json!({
                    "access_token": "",
                    "expires_in": 3600,
                    "expires_on": "4102444800",
                    "resource": DATABASE,
                    "token_type": "Bearer",
                });
                Some(Json(body).into_response())
            }
        }
    }
}

/// <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
#[expect(clippy::disallowed_methods, reason = "tokens have wall clock times")]
async fn managed_identity(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Some(failure) = shared.count_and_fail().await {
        return failure;
    }
    let query = parameters(query.unwrap_or_default().as_bytes());
    let parameter = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    if headers
        .get("x-identity-header")
        .is_none_or(|header| header != IDENTITY_HEADER)
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let is_assigned = {
        let identities = shared.identities.lock().expect("the identities");
        identities.contains(parameter("client_id"))
    };
    let resource = parameter("resource");
    if !is_assigned || parameter("api-version") != "2019-08-01" || !RESOURCES.contains(&resource) {
        let message = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.";
        let body = Json(json!({"statusCode": 400, "message": message}));
        return (StatusCode::BAD_REQUEST, body).into_response();
    }
    let (token, seconds) = shared.issue(resource);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let is_expired = *shared.mode.borrow() == Mode::Expired;
    let expires_on = if is_expired {
        now.as_secs() - 60
    } else {
        now.as_secs() + seconds
    };
    Json(json!({
        "access_token": token,
        "expires_on": expires_on.to_string(),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": CLIENT,
    }))
    .into_response()
}

/// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#get-a-token>
async fn client_credentials(
    State(shared): State<Arc<Shared>>,
    Path(directory): Path<String>,
    RawForm(form): RawForm,
) -> Response {
    if let Some(failure) = shared.count_and_fail().await {
        return failure;
    }
    let form = parameters(&form);
    let parameter = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let is_authentic = parameter("client_secret") == CLIENT_SECRET
        || parameter("client_assertion") == SERVICE_ACCOUNT_TOKEN;
    let scope = parameter("scope");
    let resource = scope.strip_suffix("/.default").unwrap_or(scope);
    if directory != DIRECTORY
        || parameter("client_id") != CLIENT
        || parameter("grant_type") != "client_credentials"
        || !RESOURCES.contains(&resource)
        || !is_authentic
    {
        let description = "AADSTS7000215: Invalid client secret provided.";
        let body = json!({
            "error": "invalid_client",
            "error_description": description,
            "error_codes": [7_000_215],
        });
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    let (token, seconds) = shared.issue(resource);
    Json(json!({
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": token,
    }))
    .into_response()
}

fn parameters(encoded: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

/// The token of a Kubernetes service account that the application trusts.
pub(super) const SERVICE_ACCOUNT_TOKEN: &str = "the-token-of-the-service-account";

pub(super) async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}
