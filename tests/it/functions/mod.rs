//! Azure Functions: the deployed folder, behind a stand-in that keeps the host's contract.
mod app; // host.json and function.json, as the host reads them
mod credentials; // forged identities, function keys, invocation ids
mod files; // our two files, and damaged variants
mod host; // the stand-in: starts and restarts the server
mod package; // what is deployed
mod proxy; // the stand-in: forwards requests
mod timer; // calls of the timer, and forged ones

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use http_body_util::StreamBody;
use hyper::body::Frame;
use reqwest::header::{ALLOW, CONTENT_TYPE};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zava_mcp_server::identity::Role;

use crate::support::{
    ActivityMonitor, BLOCKED_QUERY, HEAD_OFFICE, REDMOND, SEATTLE, TableLock, TestDatabase,
    TestServer, assert_cancelled_promptly, query_password, settings, signing_key_text,
};
pub(crate) use host::FunctionsHost;
pub(crate) use package::packaged;

use host::StartError;
use proxy::ANSWERED_BY_HOST;

const PUBLIC_URL: &str = "https://zava.example.com";
const PAGE: &str = "https://chat.example.com";
const CROSS_JOIN: &str =
    "SELECT count(*) FROM retail.order_items a, retail.order_items b, retail.order_items c";

/// The app settings of a deployment whose callers have API keys.
fn app_settings(database: &str) -> Vec<(&'static str, String)> {
    let address = settings(database).database;
    vec![
        ("POSTGRES_DB_HOST", address.host),
        ("POSTGRES_DB_PORT", address.port.to_string()),
        ("POSTGRES_DB", address.database),
        ("POSTGRES_PASSWORD", query_password()),
        ("ZAVA_SIGNING_KEY", signing_key_text()),
        ("ZAVA_AUTH", "apikey".to_owned()),
        ("ZAVA_PUBLIC_URL", PUBLIC_URL.to_owned()),
        ("ZAVA_ALLOWED_ORIGINS", PAGE.to_owned()),
        ("ZAVA_LOG", "trace".to_owned()),
    ]
}

/// Starts the packaged server over a database, with further app settings.
async fn start(
    database: &TestDatabase,
    extra: &[(&'static str, &str)],
) -> Result<FunctionsHost, StartError> {
    let extra = extra
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let app_settings = app_settings(&database.name).into_iter().chain(extra);
    FunctionsHost::start(packaged(), app_settings).await
}

/// The package, changed to the older mode, in which the host rebuilds and buffers requests.
fn package_with_raw_forwarding() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |name: &str| {
        fs::copy(packaged().join(name), folder.path().join(name)).expect("copied");
    };
    for function in [app::HTTP_FUNCTION, app::TIMER_FUNCTION] {
        fs::create_dir(folder.path().join(function)).expect("a folder");
        copy(&format!("{function}/function.json"));
    }
    copy("zava-mcp-server");
    let host = fs::read_to_string(packaged().join("host.json")).expect("host.json");
    let changed = host.replace("enableProxyingHttpRequest", "enableForwardingHttpRequest");
    fs::write(folder.path().join("host.json"), changed).expect("written");
    folder
}

/// An API key for one store.
async fn key(database: &TestDatabase, name: &str, store: &str) -> String {
    database.key(name, store, Role::Reader).await
}

/// A call of the SQL tool.
fn sql_call(sql: &str) -> Value {
    let arguments = json!({"postgresql_query": sql});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "execute_sales_query", "arguments": arguments}})
}

impl FunctionsHost {
    /// A POST to `/mcp` through the host.
    fn post(&self, key: &str) -> RequestBuilder {
        self.client.post(self.url("/mcp")).bearer_auth(key)
    }

    /// The rows of a statement that must succeed.
    async fn rows(&self, key: &str, sql: &str) -> Value {
        let response = self.post(key).json(&sql_call(sql)).send().await;
        rows(response.expect("an answer")).await
    }
}

/// Sends bytes that no HTTP library would send; returns the response's first line.
async fn status_line(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let written = stream.write_all(request.as_bytes()).await;
    written.expect("the request is written");
    let mut response = Vec::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut response)).await;
    read.expect("the connection is closed").expect("a response");
    let response = String::from_utf8_lossy(&response).into_owned();
    response.lines().next().unwrap_or_default().to_owned()
}

/// A body of unknown length, in chunks.
fn chunked(text: &str) -> reqwest::Body {
    let chunks: Vec<_> = text
        .as_bytes()
        .chunks(7_000)
        .map(Bytes::copy_from_slice)
        .collect();
    let frames = stream::iter(chunks).map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
    reqwest::Body::wrap(StreamBody::new(frames))
}

async fn rows(response: Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["result"]["isError"], false, "{body}");
    body["result"]["structuredContent"]["r"].clone()
}

#[tokio::test]
async fn start_up_ping_is_answered_without_a_database() {
    let database = TestDatabase::shared();
    let host = start(&database, &[("POSTGRES_DB_PORT", "1")]).await;
    let host = host.expect("it starts");
    let status = async |path: &str| {
        let response = host.client.get(host.url(path)).send().await;
        response.expect("an answer").status()
    };
    assert_eq!(status("/").await, StatusCode::NOT_FOUND);
    assert_eq!(status("/health/live").await, StatusCode::OK);
    assert_eq!(
        status("/health/ready").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn concurrent_calls_of_two_stores_get_their_own_rows() {
    let database = TestDatabase::new().await;
    let server = TestServer::shared();
    let host = start(&database, &[]).await.expect("it starts");
    let stores = [
        ("Zava Retail Seattle", SEATTLE),
        ("Zava Retail Redmond", REDMOND),
    ];
    let mut expected = Vec::new();
    for (store, tenant) in stores {
        let key = key(&database, store, store).await;
        let orders = server
            .number(tenant, "SELECT count(*) FROM retail.orders")
            .await;
        expected.push((key, orders));
    }
    assert_ne!(expected[0].1, expected[1].1);
    let calls = (0..40_i64).map(|number| {
        let (key, orders) = &expected[usize::try_from(number).expect("small") % 2];
        let sql = format!("SELECT count(*), {number} FROM retail.orders");
        let host = &host;
        async move { assert_eq!(host.rows(key, &sql).await, json!([[orders, number]])) }
    });
    join_all(calls).await;
    assert_eq!(host.invocations().len(), 40);
}

/// The host cancels the request to the server when its client disconnects.
#[tokio::test]
async fn statement_is_cancelled_when_the_client_disconnects_from_the_host() {
    let database = TestDatabase::new().await;
    let key = key(&database, "key", "Zava Retail Seattle").await;
    let host = start(&database, &[]).await.expect("it starts");
    let mut monitor = ActivityMonitor::new(&database).await;
    host.rows(&key, "SELECT 1").await;
    let mut took = Vec::new();
    for _ in 0..5 {
        // Both arms may be dropped: the client hangs up on purpose.
        tokio::select! {
            answer = host.post(&key).json(&sql_call(CROSS_JOIN)).send() => panic!("{answer:?}"),
            () = monitor.wait_until_running(1) => {}
        }
        took.push(monitor.wait_until_idle().await);
    }
    assert_cancelled_promptly(&took);
    assert_eq!(host.rows(&key, "SELECT 1").await, json!([[1]]));
}

/// The host ends its handler by SIGKILL and starts it on the same port again.
#[tokio::test]
async fn killed_server_is_restarted_and_serves_the_next_request() {
    let database = TestDatabase::new().await;
    let key = key(&database, "key", "Zava Retail Seattle").await;
    let host = start(&database, &[]).await.expect("it starts");
    assert_eq!(host.rows(&key, "SELECT 1").await, json!([[1]]));
    for number in 2..5 {
        host.kill_handler().await;
        let sql = format!("SELECT {number}");
        assert_eq!(host.rows(&key, &sql).await, json!([[number]]));
    }
    // Killed while a call is in flight.
    let lock = TableLock::acquire(&database).await;
    let mut monitor = ActivityMonitor::new(&database).await;
    let call = host.post(&key).json(&sql_call(BLOCKED_QUERY)).send();
    let killing = async {
        monitor.wait_until_blocked(1).await;
        host.kill_handler().await;
    };
    let (answer, ()) = tokio::join!(call, killing);
    assert_eq!(answer.expect("an answer").status(), StatusCode::BAD_GATEWAY);
    assert_eq!(host.rows(&key, "SELECT 5").await, json!([[5]]));
    lock.release().await;
}

#[tokio::test]
async fn every_method_and_path_is_answered_by_the_server() {
    let database = TestDatabase::shared();
    let host = start(&database, &[]).await.expect("it starts");
    let request = async |method: &Method, path: &str| {
        let request = host.client.request(method.clone(), host.url(path));
        let response = request.send().await.expect("an answer");
        let is_ours = response.headers().contains_key("x-content-type-options")
            && !response.headers().contains_key(ANSWERED_BY_HOST);
        assert!(is_ours, "{method} {path}: {response:?}");
        response
    };
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::TRACE,
    ] {
        let response = request(&method, "/mcp").await;
        assert_eq!(
            response.status(),
            StatusCode::METHOD_NOT_ALLOWED,
            "{method}"
        );
        assert_eq!(response.headers()[ALLOW], "POST", "{method}");
    }
    for (path, status) in [
        ("/", StatusCode::NOT_FOUND),
        ("/nothing", StatusCode::NOT_FOUND),
        ("/api/mcp", StatusCode::NOT_FOUND),
        ("/mcp/function.json", StatusCode::NOT_FOUND),
        ("/host.json", StatusCode::NOT_FOUND),
        ("/%2e%2e/mcp%00", StatusCode::NOT_FOUND),
        ("/ünïcode?ä=ö", StatusCode::NOT_FOUND),
        ("/health/live?code=1", StatusCode::OK),
        ("/health/ready", StatusCode::OK),
        ("/health/details", StatusCode::UNAUTHORIZED),
        (
            "/.well-known/oauth-protected-resource/mcp",
            StatusCode::NOT_FOUND,
        ),
    ] {
        assert_eq!(request(&Method::GET, path).await.status(), status, "{path}");
        assert_eq!(
            request(&Method::HEAD, path).await.status(),
            status,
            "{path}"
        );
    }
    assert_eq!(
        request(&Method::POST, "/mcp").await.status(),
        StatusCode::UNAUTHORIZED
    );
    // A path that a client library would rewrite.
    let raw = "GET /mcp/../health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(
        status_line(host.address, raw).await,
        "HTTP/1.1 404 Not Found"
    );
    // The answer of the server's own CORS layer.
    let preflight = host
        .client
        .request(Method::OPTIONS, host.url("/mcp"))
        .header("origin", PAGE)
        .header("access-control-request-method", "POST")
        .send();
    let preflight = preflight.await.expect("an answer");
    assert_eq!(preflight.status(), StatusCode::OK);
    assert_eq!(preflight.headers()["access-control-allow-origin"], PAGE);
}

/// A request may be as long as the server's own limit, with or without a length; the host streams
/// both directions.
#[tokio::test]
async fn large_requests_and_responses_pass() {
    let database = TestDatabase::new().await;
    let key = key(&database, "key", "Zava Retail Seattle").await;
    let raw = package_with_raw_forwarding();
    for (folder, is_streaming) in [(packaged(), true), (raw.path(), false)] {
        let host = FunctionsHost::start(folder, app_settings(&database.name)).await;
        let host = host.expect("it starts");
        let send = async |bytes: usize, is_chunked: bool| {
            let mut body = sql_call("SELECT 1").to_string();
            body += &" ".repeat(bytes - body.len());
            let request = host.post(&key).header(CONTENT_TYPE, "application/json");
            let body = if is_chunked {
                chunked(&body)
            } else {
                body.into()
            };
            let request = request.body(body);
            request.send().await.expect("an answer")
        };
        let max_bytes = 6 * 8192 + 65536;
        assert_eq!(rows(send(max_bytes, false).await).await, json!([[1]]));
        assert_eq!(
            send(max_bytes + 1, false).await.status(),
            StatusCode::PAYLOAD_TOO_LARGE
        );
        if is_streaming {
            assert_eq!(rows(send(max_bytes, true).await).await, json!([[1]]));
        }
        let sql = "SELECT repeat('x', 1000), n FROM generate_series(1, 900) AS n";
        let arguments = json!({"postgresql_query": sql, "max_rows": 1000});
        let mut call = sql_call(sql);
        call["params"]["arguments"] = arguments;
        let response = host.post(&key).json(&call).send().await;
        let rows = rows(response.expect("an answer")).await;
        assert_eq!(rows.as_array().map(Vec::len), Some(900));
    }
}

/// The older mode keeps the client's `Host` and buffers.
#[tokio::test]
async fn calls_and_rejections_pass_through_raw_forwarding() {
    let database = TestDatabase::new().await;
    let key = key(&database, "key", "Head office").await;
    let folder = package_with_raw_forwarding();
    let host = FunctionsHost::start(folder.path(), app_settings(&database.name)).await;
    let host = host.expect("it starts");
    let server = TestServer::shared();
    let count = "SELECT count(*) FROM retail.orders";
    let orders = server.number(HEAD_OFFICE, count).await;
    for name in ["zava.example.com", "localhost:7071"] {
        let request = host.post(&key).header("host", name).json(&sql_call(count));
        let response = request.send().await.expect("an answer");
        assert_eq!(rows(response).await, json!([[orders]]), "{name}");
    }
    let foreign = host.post(&key).header("host", "evil.example.com");
    let foreign = foreign
        .json(&sql_call(count))
        .send()
        .await
        .expect("an answer");
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let refused: Value = foreign.json().await.expect("JSON");
    assert_eq!(refused["id"], 1, "{refused}");
    let get = host.client.get(host.url("/mcp?code=a&b=%20")).send().await;
    assert_eq!(
        get.expect("an answer").status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn invalid_app_settings_end_the_server_with_64() {
    let database = TestDatabase::shared();
    for (extra, words) in [
        (
            ("ZAVA_LISTEN", "0.0.0.0:8000"),
            "ZAVA_LISTEN is not the address on which the Functions host calls this server",
        ),
        (("ZAVA_PUBLIC_URL", ""), "ZAVA_PUBLIC_URL is not set"),
        (("ZAVA_AUTH", "header"), "ZAVA_AUTH is `header`"),
        // The platform's authentication is off, so its headers could be forged.
        (
            ("ZAVA_AUTH", "easyauth"),
            "any client can forge its headers",
        ),
    ] {
        let Err(StartError { exit_code, log }) = start(&database, &[extra]).await else {
            panic!("{extra:?}: it starts");
        };
        assert_eq!(exit_code, Some(64), "{extra:?}: {log}");
        assert!(log.contains(words), "{extra:?}: {log}");
    }
}
