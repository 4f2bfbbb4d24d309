//! A stand-in for Azure OpenAI and for other services with its protocol: it checks each request,
//! answers over a socket with vectors of the static model, and can fail like such a service.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use url::Url;
use zava_mcp_server::search::embedding::StaticModel;

use super::http_server::serve_http;
use super::server::model_folder;

/// The model of the stand-in: with this name and its 256 dimensions, its vectors compare with those
/// of the sample data.
pub(crate) const MODEL: &str = "wordllama-l2-supercat-256-lowercase";
pub(crate) const DIMENSIONS: usize = 256;

/// The key that the stand-in accepts; the log check knows it.
pub(crate) const SERVICE_KEY: &str = "the-key-of-the-embedding-service";

/// How the stand-in answers a request that is in order.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// With vectors.
    Vectors,
    /// With a status, the code of an error, and a further header.
    Status(u16, &'static str, Option<(&'static str, &'static str)>),
    /// With 200 and this text.
    Text(&'static str),
    /// With one vector too many.
    OneVectorMore,
    /// With vectors that are one number longer than was asked for.
    OneNumberMore,
    /// With vectors whose last number is not one.
    NotANumber,
    /// With 200 and a text without an end.
    Endless,
    /// With half of the vectors, and then a closed connection.
    Cut,
    /// Not before it is set to another answer.
    Blocked,
}

/// A request as the stand-in has received it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Path and query.
    pub(crate) path: String,
    pub(crate) body: Value,
}

/// What a request must be authenticated with.
type Accepts = dyn Fn(&HeaderMap) -> bool + Send + Sync;

/// The stand-in. It ends when it is dropped.
pub(crate) struct EmbeddingService {
    shared: Arc<Shared>,
    scheme: &'static str,
    port: u16,
    _serving: JoinSet<()>,
}

struct Shared {
    model: StaticModel,
    accepts: Box<Accepts>,
    /// The answers to the next requests, and the one to all after them.
    next: Mutex<VecDeque<Answer>>,
    answer: watch::Sender<Answer>,
    received: Mutex<Vec<Received>>,
    /// How many requests wait for their answer.
    open: AtomicUsize,
}

/// A request that waits for its answer, until it is dropped.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl EmbeddingService {
    /// A service for requests with the header `api-key: SERVICE_KEY`.
    pub(crate) async fn start() -> Self {
        Self::start_with(None, |headers| {
            headers.get("api-key").is_some_and(|key| key == SERVICE_KEY)
        })
        .await
    }

    /// A service for requests with a bearer token that `accepts` accepts; over TLS if there is an
    /// acceptor, which must be for `localhost`.
    pub(crate) async fn with_tokens(
        acceptor: Option<TlsAcceptor>,
        accepts: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(acceptor, move |headers| {
            let header = headers.get(AUTHORIZATION);
            header
                .and_then(|header| header.to_str().ok()?.strip_prefix("Bearer "))
                .is_some_and(&accepts)
        })
        .await
    }

    async fn start_with(
        acceptor: Option<TlsAcceptor>,
        accepts: impl Fn(&HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            model: StaticModel::open(&model_folder()).expect("the embedding model"),
            accepts: Box::new(accepts),
            next: Mutex::default(),
            answer: watch::Sender::new(Answer::Vectors),
            received: Mutex::default(),
            open: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let router = Router::new()
            .fallback(respond)
            .with_state(Arc::clone(&shared));
        let mut serving = JoinSet::new();
        serving.spawn(serve_http(listener, acceptor, router));
        Self {
            shared,
            scheme,
            port,
            _serving: serving,
        }
    }

    /// Its port on this machine.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The value of `AZURE_OPENAI_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.port)
    }

    /// The same with a path.
    pub(crate) fn url(&self, path: &str) -> Url {
        let url = format!("{}{path}", self.endpoint());
        Url::parse(&url).expect("a URL")
    }

    /// How requests are answered from now on.
    pub(crate) fn set(&self, answer: Answer) {
        self.shared.answer.send_replace(answer);
    }

    /// How the next requests are answered, before those after them.
    pub(crate) fn set_next(&self, answers: impl IntoIterator<Item = Answer>) {
        let mut next = self.shared.next.lock().expect("the next answers");
        next.extend(answers);
    }

    /// All requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().expect("the requests").clone()
    }

    /// How many requests wait for their answer. hyper drops those whose client has gone.
    pub(crate) fn open_requests(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// How many requests have come so far.
    pub(crate) fn request_count(&self) -> usize {
        self.shared.received.lock().expect("the requests").len()
    }
}

/// <https://learn.microsoft.com/azure/ai-foundry/openai/reference#embeddings>
async fn respond(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    shared.open.fetch_add(1, Ordering::Relaxed);
    let _open = Open(Arc::clone(&shared));
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().expect("a path").to_string();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let body: Value = serde_json::from_slice(&body).expect("a JSON body");
    shared
        .received
        .lock()
        .expect("the requests")
        .push(Received {
            path,
            body: body.clone(),
        });
    if !(shared.accepts)(&head.headers) {
        return error(StatusCode::UNAUTHORIZED, "PermissionDenied", None);
    }
    let next = shared.next.lock().expect("the next answers").pop_front();
    let answer = match next {
        Some(answer) => answer,
        None => {
            let mut answer = shared.answer.subscribe();
            let answer = answer.wait_for(|answer| !matches!(answer, Answer::Blocked));
            answer.await.expect("the stand-in lives").clone()
        }
    };
    shared.answer(answer, &body)
}

impl Shared {
    fn answer(&self, answer: Answer, body: &Value) -> Response {
        match answer {
            Answer::Vectors | Answer::Blocked => self.vectors(body, 0, |_| {}).into_response(),
            Answer::Status(status, code, header) => {
                let status = StatusCode::from_u16(status).expect("a status");
                error(status, code, header)
            }
            Answer::Text(text) => text.into_response(),
            Answer::OneVectorMore => {
                let mut body = body.clone();
                let texts = body["input"].as_array_mut().expect("texts");
                texts.push("another".into());
                self.vectors(&body, 0, |_| {}).into_response()
            }
            Answer::OneNumberMore => self.vectors(body, 1, |_| {}).into_response(),
            Answer::NotANumber => {
                let spoil = |vector: &mut Vec<f32>| vector[DIMENSIONS - 1] = f32::NAN;
                self.vectors(body, 0, spoil).into_response()
            }
            Answer::Endless => {
                let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 16 * 1024]));
                let chunks = futures_util::stream::iter(std::iter::repeat_with(chunk));
                Body::from_stream(chunks).into_response()
            }
            Answer::Cut => {
                let text = self.vectors(body, 0, |_| {});
                let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
                let chunks = [Ok(half), Err(std::io::Error::other("cut"))];
                Body::from_stream(futures_util::stream::iter(chunks)).into_response()
            }
        }
    }

    /// The vectors of the texts in a request, the last text first. The numbers beyond those of the
    /// static model are zero.
    fn vectors(&self, body: &Value, more: usize, change: impl Fn(&mut Vec<f32>)) -> String {
        assert_eq!(body["encoding_format"], "base64", "{body}");
        let dimensions = body["dimensions"].as_u64().expect("a number") as usize;
        let texts = body["input"].as_array().expect("texts");
        let item = |(index, text): (usize, &Value)| {
            let text = text.as_str().expect("a text");
            let mut vector = self
                .model
                .embed(&text.to_lowercase())
                .expect("words")
                .as_slice()
                .to_vec();
            vector.resize(dimensions + more, 0.0);
            change(&mut vector);
            let bytes: Vec<u8> = vector
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect();
            json!({"object": "embedding", "index": index, "embedding": STANDARD.encode(bytes)})
        };
        let data: Vec<Value> = texts.iter().enumerate().rev().map(item).collect();
        let usage = json!({"prompt_tokens": 3, "total_tokens": 3});
        json!({"object": "list", "data": data, "model": body["model"], "usage": usage}).to_string()
    }
}

fn error(status: StatusCode, code: &str, header: Option<(&'static str, &'static str)>) -> Response {
    // Real services quote requests and secrets in their messages.
    let message = format!("failed for {SERVICE_KEY}: a quoted text");
    let body = json!({"error": {"code": code, "message": message}}).to_string();
    let mut response = (status, body).into_response();
    if let Some((name, value)) = header {
        let value = value.parse().expect("a header's value");
        response.headers_mut().insert(name, value);
    }
    response
}
