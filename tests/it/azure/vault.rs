//! A stand-in for Azure Key Vault. It challenges each request without a token, keeps versions of
//! secrets, and can fail like the real one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::entra::{Entra, VAULT, listener};
use crate::support::serve_http;

/// The host of the vault named `zava`.
pub(super) const VAULT_HOST: &str = "zava.vault.azure.net";

/// How the stand-in answers requests with a valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VaultMode {
    Healthy,
    /// With this status, without a body that means something.
    Status(u16),
    /// With 403: the identity has no role.
    Forbidden,
    /// With 403 to writers only: the identity may only read.
    ReadOnly,
    /// With 403: the secret is disabled.
    Disabled,
    /// With 200 and something else than a secret.
    Malformed,
    /// Not before the mode changes.
    Blocked,
    /// Asks for a token for somebody else.
    ForeignChallenge,
    /// After a delay, in milliseconds.
    Slow(u64),
}

/// The stand-in on a port of this machine.
pub(super) struct Vault {
    pub(super) port: u16,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

struct Shared {
    entra: Arc<Entra>,
    mode: watch::Sender<VaultMode>,
    /// The versions of each secret.
    secrets: Mutex<HashMap<String, Vec<String>>>,
    /// The end of the secret that was written last, in seconds since 1970.
    last_expiry: Mutex<Option<i64>>,
    /// How many requests with a valid token have arrived.
    requests: Mutex<usize>,
}

impl Vault {
    /// Starts it with a certificate for [`VAULT_HOST`].
    pub(super) async fn start(acceptor: TlsAcceptor, entra: &Arc<Entra>) -> Self {
        let shared = Arc::new(Shared {
            entra: Arc::clone(entra),
            mode: watch::Sender::new(VaultMode::Healthy),
            secrets: Mutex::default(),
            last_expiry: Mutex::default(),
            requests: Mutex::default(),
        });
        let router = Router::new()
            .route("/secrets/{name}", get(read_current).put(write))
            .route("/secrets/{name}/", get(read_current))
            .route("/secrets/{name}/{version}", get(read))
            .with_state(Arc::clone(&shared));
        let listener = listener().await;
        let port = listener.local_addr().expect("its address").port();
        let mut serving = JoinSet::new();
        serving.spawn(serve_http(listener, Some(acceptor), router));
        Self {
            port,
            shared,
            _serving: serving,
        }
    }

    pub(super) fn set_mode(&self, mode: VaultMode) {
        self.shared.mode.send_replace(mode);
    }

    /// Adds a version of a secret.
    pub(super) fn set(&self, name: &str, value: &str) {
        self.shared.set(name, value);
    }

    /// The current version of a secret.
    pub(super) fn current(&self, name: &str) -> Option<String> {
        let secrets = self.shared.secrets.lock().expect("the secrets");
        secrets.get(name)?.last().cloned()
    }

    /// The end of the secret that was written last, in seconds since 1970.
    pub(super) fn last_expiry(&self) -> Option<i64> {
        *self.shared.last_expiry.lock().expect("the expiry")
    }

    /// How many requests with a valid token have arrived.
    pub(super) fn request_count(&self) -> usize {
        *self.shared.requests.lock().expect("the count")
    }
}

impl Shared {
    fn set(&self, name: &str, value: &str) {
        let mut secrets = self.secrets.lock().expect("the secrets");
        let versions = secrets.entry(name.to_owned()).or_default();
        versions.push(value.to_owned());
    }

    /// The answer to a request that is not served.
    async fn refuse(&self, headers: &HeaderMap, writes: bool) -> Option<Response> {
        let authorization = headers.get(AUTHORIZATION);
        let token = authorization.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let mut mode = self.mode.subscribe();
        let delay = match *mode.borrow() {
            VaultMode::Slow(delay) => Duration::from_millis(delay),
            _ => Duration::ZERO,
        };
        tokio::time::sleep(delay).await;
        let is_foreign = *mode.borrow() == VaultMode::ForeignChallenge;
        if is_foreign || !token.is_some_and(|token| self.entra.accepts(token, VAULT)) {
            let resource = if is_foreign {
                "https://vault.example.com"
            } else {
                VAULT
            };
            let challenge = format!(
                r#"Bearer authorization="https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47", resource="{resource}""#
            );
            let body = error(
                "Unauthorized",
                "AKV10000: Request is missing a Bearer token",
                "",
            );
            return Some(
                (
                    StatusCode::UNAUTHORIZED,
                    [(WWW_AUTHENTICATE, challenge)],
                    body,
                )
                    .into_response(),
            );
        }
        *self.requests.lock().expect("the count") += 1;
        let mode = *mode
            .wait_for(|mode| *mode != VaultMode::Blocked)
            .await
            .expect("the stand-in lives");
        let forbidden = |inner| {
            let body = error(
                "Forbidden",
                "Caller is not authorized to perform action.",
                inner,
            );
            Some((StatusCode::FORBIDDEN, body).into_response())
        };
        match mode {
            VaultMode::Healthy
            | VaultMode::Blocked
            | VaultMode::ForeignChallenge
            | VaultMode::Slow(_) => None,
            VaultMode::Status(status) => {
                let status = StatusCode::from_u16(status).expect("a status");
                Some((status, "the stand-in fails").into_response())
            }
            VaultMode::Forbidden => forbidden("ForbiddenByRbac"),
            VaultMode::ReadOnly if writes => forbidden("ForbiddenByRbac"),
            VaultMode::ReadOnly => None,
            VaultMode::Disabled => forbidden("SecretDisabled"),
            VaultMode::Malformed => Some("<html>a login page</html>".into_response()),
        }
    }

    /// A secret, whose versions are numbered from 1; `None` is the current one.
    fn answer(&self, name: &str, version: Option<&str>) -> Response {
        let secrets = self.secrets.lock().expect("the secrets");
        let versions = secrets.get(name).map(Vec::as_slice).unwrap_or_default();
        let number = match version {
            None => versions.len(),
            Some(version) => version.parse().unwrap_or(usize::MAX),
        };
        match number.checked_sub(1).and_then(|index| versions.get(index)) {
            Some(value) => Json(json!({
                "value": value,
                "id": format!("https://{VAULT_HOST}/secrets/{name}/{number}"),
                "attributes": {"enabled": true, "created": 1_790_000_000, "updated": 1_790_000_000},
            }))
            .into_response(),
            None => {
                let message = format!("A secret with (name/id) {name} was not found");
                let body = error("SecretNotFound", &message, "");
                (StatusCode::NOT_FOUND, body).into_response()
            }
        }
    }
}

fn error(code: &str, message: &str, inner: &str) -> Json<Value> {
    let mut error = json!({"code": code, "message": message});
    if !inner.is_empty() {
        error["innererror"] = json!({"code": inner});
    }
    Json(json!({"error": error}))
}

/// <https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret>
async fn read(
    State(shared): State<Arc<Shared>>,
    Path((name, version)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match shared.refuse(&headers, false).await {
        Some(refusal) => refusal,
        None => shared.answer(&name, Some(&version)),
    }
}

async fn read_current(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    match shared.refuse(&headers, false).await {
        Some(refusal) => refusal,
        None => shared.answer(&name, None),
    }
}

/// <https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret>
async fn write(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(refusal) = shared.refuse(&headers, true).await {
        return refusal;
    }
    let body: Value = serde_json::from_str(&body).expect("a JSON body");
    shared.set(&name, body["value"].as_str().expect("a value"));
    let expires_at = body["attributes"]["exp"].as_i64();
    *shared.last_expiry.lock().expect("the expiry") = expires_at;
    shared.answer(&name, None)
}
