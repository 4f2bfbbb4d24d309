//! A stand-in for the ingestion endpoint of Application Insights, for Entra ID's tokens for it, and
//! for an OpenTelemetry collector. It records what it accepts, and can fail like them.
//!
//! ```ignore
//! let ingestion = Ingestion::start(certificate("localhost", folder.path())).await;
//! let settings = ingestion.application_insights();  // or `.env("APPLICATIONINSIGHTS_CONNECTION_STRING",
//!                                                   //           ingestion.connection_string())`
//! let items = ingestion.wait_for("a request", |items| items.len() > 1).await;
//! ```

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::read::GzDecoder;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use url::Url;
use uuid::Uuid;
use zava_mcp_server::settings::ApplicationInsights;

use super::server::keep_log;

const INSTRUMENTATION_KEY: &str = "11111111-2222-3333-4444-555555555555";

/// How the stand-in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IngestionMode {
    Healthy,
    /// With this status.
    Status(u16),
    /// Not before the mode changes.
    Blocked,
    /// By closing the connection.
    Cut,
}

/// The stand-in: HTTPS for Application Insights and Entra ID, plain HTTP for the collector.
pub(crate) struct Ingestion {
    shared: Arc<Shared>,
    tls_port: u16,
    plain: SocketAddr,
    _serving: JoinSet<()>,
}

struct Shared {
    mode: watch::Sender<IngestionMode>,
    recorded: Mutex<Recorded>,
    /// Wakes those who wait for telemetry.
    arrived: watch::Sender<usize>,
}

#[derive(Default)]
struct Recorded {
    /// The items that Application Insights has accepted.
    items: Vec<Value>,
    /// What the collector has accepted: the path, the headers and the body of each request.
    otlp: Vec<(String, HeaderMap, Bytes)>,
    /// The statuses of the answers to all requests with telemetry.
    statuses: Vec<u16>,
    /// The only token that is accepted; `None` if requests need none.
    token: Option<String>,
    issued_tokens: usize,
}

impl Ingestion {
    /// Starts it with a certificate for `localhost`.
    pub(crate) async fn start(acceptor: TlsAcceptor) -> Self {
        let shared = Arc::new(Shared {
            mode: watch::Sender::new(IngestionMode::Healthy),
            recorded: Mutex::default(),
            arrived: watch::Sender::new(0),
        });
        let router = Router::new()
            .route("/v2/track", post(track))
            .route("/v1/{signal}", post(collect))
            .route("/{directory}/oauth2/v2.0/token", post(issue_token))
            .with_state(Arc::clone(&shared));
        let (plain, tls) = (listener().await, listener().await);
        let plain_address = plain.local_addr().expect("its address");
        let tls_port = tls.local_addr().expect("its address").port();
        let mut serving = JoinSet::new();
        let mode = shared.mode.subscribe();
        serving.spawn(serve(plain, None, router.clone(), mode.clone()));
        serving.spawn(serve(tls, Some(acceptor), router, mode));
        Self {
            shared,
            tls_port,
            plain: plain_address,
            _serving: serving,
        }
    }

    /// As the portal shows it.
    pub(crate) fn connection_string(&self) -> String {
        format!(
            "InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={}",
            self.endpoint()
        )
    }

    /// The same as settings.
    pub(crate) fn application_insights(&self) -> ApplicationInsights {
        ApplicationInsights {
            instrumentation_key: Uuid::try_parse(INSTRUMENTATION_KEY).expect("a UUID"),
            ingestion_endpoint: self.endpoint(),
            token_scope: None,
        }
    }

    /// The URL for Application Insights; also the authority that issues tokens.
    pub(crate) fn endpoint(&self) -> Url {
        let url = format!("https://localhost:{}/", self.tls_port);
        Url::parse(&url).expect("a URL")
    }

    /// The URL of the collector.
    pub(crate) fn otlp_endpoint(&self) -> Url {
        Url::parse(&format!("http://{}", self.plain)).expect("a URL")
    }

    pub(crate) fn set(&self, mode: IngestionMode) {
        self.shared.mode.send_replace(mode);
    }

    /// Accepts only the token that is issued next.
    pub(crate) fn require_tokens(&self) {
        self.shared.lock().token = Some("one that nobody has".to_owned());
    }

    /// How many tokens were issued.
    pub(crate) fn issued_tokens(&self) -> usize {
        self.shared.lock().issued_tokens
    }

    /// The statuses of the answers to all requests so far.
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.shared.lock().statuses.clone()
    }

    /// What the collector has accepted for a signal: `traces`, `metrics` or `logs`.
    pub(crate) fn otlp(&self, signal: &str) -> Vec<(HeaderMap, Bytes)> {
        let path = format!("/v1/{signal}");
        let recorded = self.shared.lock();
        let matching = recorded.otlp.iter().filter(|(to, _, _)| *to == path);
        matching
            .map(|(_, headers, body)| (headers.clone(), body.clone()))
            .collect()
    }

    /// The items that Application Insights has accepted.
    pub(crate) fn items(&self) -> Vec<Value> {
        self.shared.lock().items.clone()
    }

    /// Waits until a condition on the accepted items holds; panics after 20 seconds.
    pub(crate) async fn wait_for(
        &self,
        what: &str,
        mut condition: impl FnMut(&[Value]) -> bool,
    ) -> Vec<Value> {
        self.wait_until(what, |ingestion| condition(&ingestion.items()))
            .await;
        self.items()
    }

    /// Waits until a condition holds, which is checked whenever telemetry arrives.
    pub(crate) async fn wait_until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let mut arrived = self.shared.arrived.subscribe();
        let waiting = async {
            while !condition(self) {
                arrived.changed().await.expect("the stand-in lives");
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), waiting)
            .await
            .is_err()
        {
            panic!("{what}: {:#?} {:?}", self.items(), self.statuses());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().expect("what was recorded")
    }

    /// Waits while the stand-in is blocked. Returns the status with which it fails.
    async fn failure(&self) -> Option<StatusCode> {
        let mut mode = self.mode.subscribe();
        let mode = mode.wait_for(|mode| *mode != IngestionMode::Blocked).await;
        match *mode.expect("the stand-in lives") {
            IngestionMode::Status(status) => Some(StatusCode::from_u16(status).expect("a status")),
            IngestionMode::Healthy | IngestionMode::Blocked | IngestionMode::Cut => None,
        }
    }

    fn answer(&self, status: StatusCode, body: Value) -> Response {
        self.lock().statuses.push(status.as_u16());
        self.arrived.send_modify(|count| *count += 1);
        (status, Json(body)).into_response()
    }
}

/// <https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete>
async fn track(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(status) = shared.failure().await {
        return shared.answer(status, json!({}));
    }
    let token = headers.get(header::AUTHORIZATION);
    let token = token.map(|token| token.to_str().expect("text"));
    let accepted = shared
        .lock()
        .token
        .clone()
        .map(|token| format!("Bearer {token}"));
    if accepted.is_some() && token != accepted.as_deref() {
        return shared.answer(StatusCode::UNAUTHORIZED, json!({}));
    }
    assert_eq!(headers.get(header::CONTENT_ENCODING).expect("gzip"), "gzip");
    let mut text = String::new();
    let decoded = GzDecoder::new(&body[..]).read_to_string(&mut text);
    decoded.expect("a compressed body");
    keep_for_log_check(&text);
    let items: Vec<Value> = serde_json::from_str(&text).expect("JSON items");
    let count = items.len();
    assert!(items.iter().all(|item| item["iKey"] == INSTRUMENTATION_KEY));
    shared.lock().items.extend(items);
    let body = json!({"itemsReceived": count, "itemsAccepted": count, "errors": []});
    shared.answer(StatusCode::OK, body)
}

/// <https://opentelemetry.io/docs/specs/otlp/#otlphttp>
async fn collect(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(status) = shared.failure().await {
        return shared.answer(status, json!({}));
    }
    keep_for_log_check(&String::from_utf8_lossy(&body));
    let path = uri.path().to_owned();
    shared.lock().otlp.push((path, headers, body));
    shared.answer(StatusCode::OK, Value::Null);
    let protobuf = [(header::CONTENT_TYPE, "application/x-protobuf")];
    (protobuf, Bytes::new()).into_response()
}

/// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
async fn issue_token(State(shared): State<Arc<Shared>>, Path(_): Path<String>) -> Response {
    let mut recorded = shared.lock();
    // The log check recognizes the form of tokens.
    let number = recorded.issued_tokens;
    let claims = URL_SAFE_NO_PAD.encode(format!("token {number} for telemetry"));
    let token = format!("eyJhbGciOiJub25lIn0.{claims}.signature");
    recorded.issued_tokens += 1;
    recorded.token = Some(token.clone());
    Json(json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})).into_response()
}

/// Appends what was received to the file where `scripts/test` searches for secrets.
fn keep_for_log_check(text: &str) {
    let line = text.replace(|c: char| c.is_control(), " ");
    keep_log(&format!("received telemetry: {line}\n"));
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

async fn serve(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    mode: watch::Receiver<IngestionMode>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let (acceptor, mode) = (acceptor.clone(), mode.clone());
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            let is_cut = |mode: &IngestionMode| *mode == IngestionMode::Cut;
            let mut until_cut = mode;
            let serving = async {
                let http = http1::Builder::new();
                // A client may hang up at any time.
                match acceptor {
                    None => drop(http.serve_connection(TokioIo::new(stream), service).await),
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            drop(http.serve_connection(TokioIo::new(stream), service).await);
                        }
                    }
                }
            };
            tokio::select! {
                () = serving => {}
                _ = until_cut.wait_for(is_cut) => {}
            }
        });
    }
}
