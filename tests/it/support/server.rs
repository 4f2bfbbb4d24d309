use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use zava_mcp_server::app::App;
use zava_mcp_server::settings::{
    AnswerLimits, AuditSettings, AuthSettings, EmbedderSettings, HttpSettings, HttpsSettings,
    Limits, LogFilter, NetworkSettings, RateLimits, ReplicaSettings, SearchSettings, ServeSettings,
    StdioSettings, TelemetrySettings, TimerSettings, TrustedPeers,
};
use zava_mcp_server::telemetry::log_to;

use super::cluster::{cluster, query_login, signing_key, variable};
use super::database::TestDatabase;
use super::shared::Shared;

/// An MCP server on a free port.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: Option<JoinHandle<anyhow::Result<()>>>,
    /// `None` if it was started with settings.
    pub(crate) database: Option<Arc<TestDatabase>>,
}

/// The result of a tool call.
#[derive(Debug)]
pub(crate) struct ToolAnswer {
    pub(crate) is_error: bool,
    pub(crate) text: String,
    pub(crate) structured: Value,
}

impl ToolAnswer {
    /// The error that the client reads; panics if there is none.
    #[track_caller]
    pub(crate) fn error(&self) -> &str {
        assert!(self.is_error, "{}", self.text);
        self.structured["err"].as_str().expect("an error text")
    }

    /// The message beside the rows, or an empty text.
    pub(crate) fn message(&self) -> &str {
        self.structured["msg"].as_str().unwrap_or_default()
    }
}

/// Asserts which rows a tenant gets for a statement; they are written as in `json!`.
macro_rules! assert_rows {
    ($server:expr, $tenant:expr, $sql:expr, $($rows:tt)+) => {{
        let sql: &str = $sql;
        let rows = $server.rows($tenant, sql).await;
        assert_eq!(serde_json::Value::from(rows), serde_json::json!($($rows)+), "{sql}");
    }};
}
pub(crate) use assert_rows;

/// The folder of the static embedding model.
pub(crate) fn model_folder() -> PathBuf {
    variable("ZAVA_EMBEDDING_MODEL_DIR").into()
}

/// Settings of a server for a database, with the production limits.
pub(crate) fn settings(database: &str) -> ServeSettings {
    ServeSettings {
        network: NetworkSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            trusted_proxies: Vec::new(),
            is_behind_platform: false,
            is_functions_handler: false,
        },
        auth: AuthSettings::Header(TrustedPeers::Loopback),
        http: HttpSettings {
            public_url: None,
            allowed_origins: Vec::new(),
        },
        database: cluster().address(database),
        replicas: ReplicaSettings::none(),
        login: query_login(),
        timer: TimerSettings::NoEndpoint,
        azure: None,
        https: HttpsSettings::default(),
        signing_key: signing_key().into(),
        accepted_findings: Vec::new(),
        limits: Limits {
            answer: AnswerLimits {
                statement_timeout: Duration::from_secs(15),
                rows: NonZeroU32::new(1000).expect("not zero"),
                result_bytes: NonZeroUsize::new(1 << 20).expect("not zero"),
            },
            analyst_answer: AnswerLimits {
                statement_timeout: Duration::from_secs(60),
                rows: NonZeroU32::new(10_000).expect("not zero"),
                result_bytes: NonZeroUsize::new(4 << 20).expect("not zero"),
            },
            default_rows: NonZeroU32::new(200).expect("not zero"),
            default_result_bytes: NonZeroUsize::new(32 << 10).expect("not zero"),
            cell_bytes: NonZeroUsize::new(64 << 10).expect("not zero"),
            request_bytes: NonZeroUsize::new(112 << 10).expect("not zero"),
            sql_bytes: NonZeroUsize::new(8 << 10).expect("not zero"),
            connections: NonZeroUsize::new(4).expect("not zero"),
            tenant_connections: NonZeroUsize::new(4).expect("not zero"),
            tenant_queue: NonZeroUsize::new(16).expect("not zero"),
        },
        // Tests send more requests than the production rate limits allow.
        rates: RateLimits {
            principal: NonZeroU32::MAX,
            address: NonZeroU32::MAX,
            failures: NonZeroU32::MAX,
        },
        search: SearchSettings {
            embedder: Some(EmbedderSettings::StaticModel(model_folder())),
        },
        stdio: StdioSettings { tenant: None },
        audit: AuditSettings {
            includes_sql: false,
        },
        log: LogFilter::parse("off").expect("a level"),
        telemetry: TelemetrySettings::disabled(),
    }
}

/// Appends every event of every level, of all servers in this process, to the file
/// `TEST_SERVER_LOG`, where `scripts/test` searches for secrets. The tests' own connections (sqlx)
/// are left out.
fn log_everything() {
    static LOG: Once = Once::new();
    LOG.call_once(|| {
        let log = File::options()
            .append(true)
            .create(true)
            .open(variable("TEST_SERVER_LOG"))
            .expect("the log");
        log_to(Mutex::new(log), false, "trace,sqlx=off");
    });
}

/// Appends the log of a server in a process of its own to that file.
pub(crate) fn keep_log(log: &str) {
    let kept = File::options()
        .append(true)
        .create(true)
        .open(variable("TEST_SERVER_LOG"))
        .and_then(|mut file| file.write_all(log.as_bytes()));
    kept.expect("the log");
}

/// An HTTP client that uses the server's TLS library.
pub(crate) fn http() -> reqwest::Client {
    // The provider is installed once per process; later calls fail and may.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

impl TestServer {
    /// The server that is shared by the tests that change nothing, with the production limits but
    /// for the number of concurrent requests. Its state is that of all these tests, so no test may
    /// depend on its counters, caches and log.
    pub(crate) fn shared() -> Self {
        let shared = Shared::get();
        Self {
            address: shared.address,
            // Connections belong to the runtime that opened them, so each test has its own.
            client: http(),
            stop: CancellationToken::new(),
            serving: None,
            database: Some(Arc::clone(&shared.database)),
        }
    }

    /// Starts a server with changed settings over the shared database, for tests that depend on the
    /// state of a server and change no data.
    pub(crate) async fn over_shared_database(change: impl FnOnce(&mut ServeSettings)) -> Self {
        Self::over(TestDatabase::shared(), change).await
    }

    /// Starts a server over a fresh copy of the sample data.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server over a fresh copy of the sample data, with changed settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ServeSettings)) -> Self {
        Self::over(Arc::new(TestDatabase::new().await), change).await
    }

    async fn over(database: Arc<TestDatabase>, change: impl FnOnce(&mut ServeSettings)) -> Self {
        let mut settings = settings(&database.name);
        change(&mut settings);
        let mut server = Self::with_settings(&settings).await;
        server.database = Some(database);
        server
    }

    /// Starts a server with these settings.
    #[expect(clippy::disallowed_methods, reason = "the tests hand the clock in")]
    pub(crate) async fn with_settings(settings: &ServeSettings) -> Self {
        Self::with_clock(settings, SystemTime::now).await
    }

    /// Starts a server with these settings and this clock.
    #[expect(clippy::disallowed_methods, reason = "the tests own the task")]
    pub(crate) async fn with_clock(settings: &ServeSettings, clock: fn() -> SystemTime) -> Self {
        log_everything();
        let app = App::new(settings, clock).expect("the settings make a server");
        let listener = TcpListener::bind(settings.network.listen)
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("its address");
        let stop = CancellationToken::new();
        let serving = tokio::spawn(app.serve_http(listener, stop.clone()));
        Self {
            address,
            client: http(),
            stop,
            serving: Some(serving),
            database: None,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The database of a server that was not started with settings.
    pub(crate) fn database(&self) -> &TestDatabase {
        self.database.as_ref().expect("a database")
    }

    /// Sends raw bytes that no HTTP library would send; returns the whole response. The server must
    /// close the connection.
    pub(crate) async fn raw_response(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        let written = stream.write_all(request.as_bytes()).await;
        written.expect("the request is written");
        let mut response = Vec::new();
        let read = timeout(Duration::from_secs(10), stream.read_to_end(&mut response)).await;
        read.expect("the server closes the connection")
            .expect("the response can be read");
        String::from_utf8(response).expect("text")
    }

    /// A POST to `/mcp` with the usual headers, without body and tenant.
    pub(crate) fn post(&self) -> reqwest::RequestBuilder {
        self.client
            .post(self.url("/mcp"))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
    }

    /// Sends one JSON-RPC request as a tenant.
    pub(crate) async fn request(
        &self,
        tenant: &str,
        method: &str,
        params: Value,
    ) -> reqwest::Response {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        self.post()
            .header("x-rls-user-id", tenant)
            .json(&body)
            .send()
            .await
            .expect("an answer")
    }

    /// Calls a tool; panics when the response is not a tool result.
    pub(crate) async fn call(&self, tenant: &str, tool: &str, arguments: Value) -> ToolAnswer {
        let response = self
            .request(
                tenant,
                "tools/call",
                json!({"name": tool, "arguments": arguments}),
            )
            .await;
        assert_eq!(response.status(), 200);
        let body: Value = response.json().await.expect("a JSON body");
        let result = body
            .get("result")
            .unwrap_or_else(|| panic!("a result in {body}"));
        ToolAnswer {
            is_error: result["isError"] == true,
            text: result["content"][0]["text"]
                .as_str()
                .expect("a text")
                .to_owned(),
            structured: result["structuredContent"].clone(),
        }
    }

    /// Runs a statement as a tenant, with the default limits of a result.
    pub(crate) async fn query(&self, tenant: &str, sql: &str) -> ToolAnswer {
        let arguments = json!({"postgresql_query": sql});
        self.call(tenant, "execute_sales_query", arguments).await
    }

    /// Runs a statement that must succeed; returns up to 1,000 rows, a reader's maximum.
    pub(crate) async fn rows(&self, tenant: &str, sql: &str) -> Vec<Value> {
        let arguments = json!({"postgresql_query": sql, "max_rows": 1000});
        let answer = self.call(tenant, "execute_sales_query", arguments).await;
        assert!(!answer.is_error, "{sql}\n  {}", answer.text);
        answer.structured["r"].as_array().expect("rows").clone()
    }

    /// Runs a statement that returns one number.
    pub(crate) async fn number(&self, tenant: &str, sql: &str) -> i64 {
        self.rows(tenant, sql).await[0][0]
            .as_i64()
            .expect("a number")
    }

    /// Runs a statement that must fail; returns the error that the client reads.
    pub(crate) async fn failure(&self, tenant: &str, sql: &str) -> String {
        let answer = self.query(tenant, sql).await;
        assert!(answer.is_error, "{sql}\n  {}", answer.text);
        answer.error().to_owned()
    }

    /// Shuts the server down and waits until it has ended.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving
                .await
                .expect("the server's task")
                .expect("the server ends well");
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}
