//! How the host forwards a request to its handler: through its streaming proxy (YARP), or rebuilt
//! and buffered in the older mode. Azure's front end is in front of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    USER_AGENT,
};
use axum::http::uri::PathAndQuery;
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tower::util::{ServiceFn, service_fn};
use url::form_urlencoded;
use uuid::Uuid;

use super::app::TIMER_FUNCTION;
use super::host::Worker;

/// Marks the stand-in's own responses.
pub(super) const ANSWERED_BY_HOST: HeaderName = HeaderName::from_static("x-answered-by-host");

/// The version that the host names.
const HOST_VERSION: HeaderValue = HeaderValue::from_static("4.1054.100.1");

const HOST_USER_AGENT: &str = "Azure-Functions-Host/4.1054.100.1";

const HOST_VERSION_HEADER: HeaderName = HeaderName::from_static("x-azure-functions-hostversion");
const INVOCATION_ID: HeaderName = HeaderName::from_static("x-azure-functions-invocationid");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");

/// Headers of one connection, which no proxy forwards.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-connection"),
];

/// Attempts to connect to the handler, and the delays between them (`RetryProxyHandler`).
const MAX_ATTEMPTS: usize = 10;
const FIRST_DELAY: Duration = Duration::from_millis(50);
const MAX_DELAY: Duration = Duration::from_millis(250);

/// Serves one request of a client.
pub(super) async fn forward(
    State(worker): State<Arc<Worker>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    pass_front_end(&mut request, client);
    if !worker.app.accepts(request.method()) {
        return own_response(StatusCode::NOT_FOUND);
    }
    let invocation = Uuid::new_v4();
    worker
        .invocations
        .lock()
        .expect("invocations")
        .push(invocation);
    let invocation = HeaderValue::from_str(&invocation.to_string()).expect("a header value");
    // An invocation waits until the handler has answered once.
    let mut is_ready = worker.is_ready.subscribe();
    drop(is_ready.wait_for(|is_ready| *is_ready).await);
    let forwarded = if worker.app.host.custom_handler.enable_proxying_http_request {
        stream(&worker, client, invocation, request).await
    } else {
        rebuild(&worker, invocation, request).await
    };
    forwarded.unwrap_or_else(|error| {
        let mut response = own_response(StatusCode::BAD_GATEWAY);
        *response.body_mut() = Body::from(error);
        response
    })
}

/// What Azure's front end adds to a client's request.
fn pass_front_end(request: &mut Request, client: SocketAddr) {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    let target = HeaderValue::from_str(target).expect("a header value");
    let headers = request.headers_mut();
    let client = HeaderValue::from_str(&client.to_string()).expect("a header value");
    headers.append(FORWARDED_FOR, client);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    headers.insert(ORIGINAL_URL, target);
}

/// Calls the timer's function as the host does: with an envelope of its own, past the proxy.
/// Returns the status and the body, which a success must have in the host's form.
pub(super) async fn call_timer(worker: &Worker) -> Result<(StatusCode, Value), Error> {
    let now = "2026-11-30T12:15:00.0000000+00:00";
    let state = json!({
        "Schedule": {"AdjustForDST": true},
        "ScheduleStatus": {"Last": now, "LastUpdated": now, "Next": "2026-11-30T12:30:00+00:00"},
        "IsPastDue": false,
    });
    let id = Uuid::new_v4();
    let system = json!({"MethodName": TIMER_FUNCTION, "UtcNow": now, "RandGuid": id});
    let envelope = json!({"Data": {&worker.app.timer.name: state}, "Metadata": {"sys": system}});
    let invocation = HeaderValue::from_str(&id.to_string()).expect("a header value");
    worker.invocations.lock().expect("invocations").push(id);
    let target = PathAndQuery::try_from(format!("/{TIMER_FUNCTION}")).expect("a path");
    let request = Request::builder()
        .method("POST")
        .uri(worker.uri(Some(target)).expect("a URI"))
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header(USER_AGENT, HOST_USER_AGENT)
        .header(HOST_VERSION_HEADER, HOST_VERSION)
        .header(INVOCATION_ID, invocation)
        .body(Body::from(envelope.to_string()))
        .expect("a request");
    let response = worker.send(request).await?;
    let status = response.status();
    let body = to_bytes(Body::new(response.into_body()), usize::MAX).await;
    let body: Value = serde_json::from_slice(&body.expect("a body")).unwrap_or_default();
    if status.is_success() {
        let has_form = body["Outputs"].is_object()
            && body["Logs"]
                .as_array()
                .is_some_and(|logs| logs.iter().all(Value::is_string))
            && body.get("ReturnValue").is_some();
        assert!(has_form, "Invalid HttpResponseMessage: {body}");
    }
    Ok((status, body))
}

/// The streaming proxy: headers, path, query and both bodies pass as they are, except that the host
/// sets its own headers and omits `Host`.
async fn stream(
    worker: &Worker,
    client: SocketAddr,
    invocation: HeaderValue,
    request: Request,
) -> Result<Response, String> {
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().cloned();
    let headers = &mut parts.headers;
    remove_hop_by_hop(headers);
    let host = headers.remove(HOST).unwrap_or(HeaderValue::from_static(""));
    headers.insert(FORWARDED_HOST, host);
    let client = HeaderValue::from_str(&client.ip().to_string()).expect("a header value");
    headers.insert(FORWARDED_FOR, client);
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
    headers.insert(HOST_VERSION_HEADER, HOST_VERSION);
    headers.insert(INVOCATION_ID, invocation);
    parts.uri = worker.uri(target)?;
    let mut response = worker
        .send(Request::from_parts(parts, body))
        .await
        .map_err(|error| error.to_string())?
        .map(Body::new);
    remove_hop_by_hop(response.headers_mut());
    Ok(response)
}

/// The older mode: a new request with all headers, also `Host`, to which the host's own are
/// appended; the query is parsed and written again; a body needs a length; the response is read as
/// a whole.
async fn rebuild(
    worker: &Worker,
    invocation: HeaderValue,
    request: Request,
) -> Result<Response, String> {
    let (mut parts, body) = request.into_parts();
    let mut target = parts.uri.path().to_owned();
    if let Some(query) = parts.uri.query() {
        let pairs = form_urlencoded::parse(query.as_bytes());
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        target = format!("{target}?{query}");
    }
    let target = target
        .parse()
        .map_err(|_| "a target that cannot be parsed")?;
    let headers = &mut parts.headers;
    remove_hop_by_hop(headers);
    for (name, value) in [
        (HOST_VERSION_HEADER, HOST_VERSION),
        (INVOCATION_ID, invocation),
        (USER_AGENT, HeaderValue::from_static(HOST_USER_AGENT)),
    ] {
        let separator = if name == USER_AGENT { " " } else { ", " };
        append_to_line(headers, &name, &value, separator);
    }
    let body = if headers.contains_key(CONTENT_LENGTH) {
        to_bytes(body, usize::MAX)
            .await
            .map_err(|error| error.to_string())?
    } else {
        Bytes::new()
    };
    parts.uri = worker.uri(Some(target))?;
    let response = worker
        .send(Request::from_parts(parts, Body::from(body)))
        .await
        .map_err(|error| error.to_string())?;
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await;
    remove_hop_by_hop(&mut parts.headers);
    Ok(Response::from_parts(
        parts,
        Body::from(body.map_err(|error| error.to_string())?),
    ))
}

/// .NET's client sends all values of a header in one line.
fn append_to_line(
    headers: &mut HeaderMap,
    name: &HeaderName,
    value: &HeaderValue,
    separator: &str,
) {
    let values = headers.get_all(name).iter().chain([value]);
    let line: Vec<&[u8]> = values.map(HeaderValue::as_bytes).collect();
    let line = HeaderValue::from_bytes(&line.join(separator.as_bytes())).expect("a header value");
    headers.insert(name, line);
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn own_response(status: StatusCode) -> Response {
    let mut response = status.into_response();
    let mark = HeaderValue::from_static("true");
    response.headers_mut().insert(ANSWERED_BY_HOST, mark);
    response
}

impl Worker {
    fn uri(&self, target: Option<PathAndQuery>) -> Result<Uri, String> {
        Uri::builder()
            .scheme("http")
            .authority(format!("127.0.0.1:{}", self.port))
            .path_and_query(target.unwrap_or(PathAndQuery::from_static("/")))
            .build()
            .map_err(|error| error.to_string())
    }

    async fn send(&self, request: Request) -> Result<http::Response<Incoming>, Error> {
        self.client.request(request).await
    }
}

/// Connections from the host to its handler.
pub(super) type HandlerClient = Client<ServiceFn<fn(Uri) -> Connecting>, Body>;
type Connecting = BoxFuture<'static, io::Result<TokioIo<TcpStream>>>;

/// A client that connects again while the handler refuses connections.
pub(super) fn client() -> HandlerClient {
    Client::builder(TokioExecutor::new()).build(service_fn(connect as fn(Uri) -> Connecting))
}

fn connect(uri: Uri) -> Connecting {
    Box::pin(async move {
        let host = uri.host().unwrap_or_default().to_owned();
        let address = (host, uri.port_u16().unwrap_or_default());
        let mut delay = FIRST_DELAY;
        for _ in 1..MAX_ATTEMPTS {
            if let Ok(stream) = TcpStream::connect(&address).await {
                return stream.set_nodelay(true).map(|()| TokioIo::new(stream));
            }
            sleep(delay).await;
            delay = (delay * 2).min(MAX_DELAY);
        }
        TcpStream::connect(&address).await.map(TokioIo::new)
    })
}
