use std::fs::File;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Mutex, Once};
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
    AnswerLimits, AuthSettings, Limits, Login, RateLimits, ServeSettings, TrustedPeers,
};

use zava_mcp_server::telemetry::log_to;

use super::cluster::{cluster, query_password, signing_key, variable};
use super::database::TestDatabase;

/// A server on a free port, over a database of its own unless it was given one.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: Option<JoinHandle<anyhow::Result<()>>>,
    pub(crate) database: Option<TestDatabase>,
}

/// What a tool answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) is_error: bool,
    pub(crate) text: String,
    pub(crate) structured: Value,
}

/// The settings of a server over a database, with the production's limits.
pub(crate) fn settings(database: &str) -> ServeSettings {
    ServeSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        auth: AuthSettings::Header(TrustedPeers::ThisMachine),
        public_url: None,
        allowed_origins: Vec::new(),
        trusted_proxies: Vec::new(),
        is_behind_platform: false,
        database: cluster().address(database),
        login: Login {
            user: "zava_query".to_owned(),
            password: query_password().into(),
        },
        signing_key: signing_key(),
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
        // Tests ask faster than anybody may.
        rates: RateLimits {
            principal: NonZeroU32::MAX,
            address: NonZeroU32::MAX,
            failures: NonZeroU32::MAX,
        },
        embedding_model_dir: Some(variable("ZAVA_EMBEDDING_MODEL_DIR").into()),
        stdio_tenant: None,
        audit_sql: false,
        log: "off".to_owned(),
    }
}

/// Every event of every level, of all the servers of this process, to the file `TEST_SERVER_LOG`: `scripts/test` looks there for what
/// no log may hold. But for the statements of the tests' own connections.
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

/// An HTTP client with TLS by the library that the server uses.
pub(crate) fn http() -> reqwest::Client {
    // Whoever comes second finds it done.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

impl TestServer {
    /// Over a fresh copy of the sample.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Over a fresh copy of the sample, with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ServeSettings)) -> Self {
        let database = TestDatabase::new().await;
        let mut settings = settings(&database.name);
        change(&mut settings);
        let mut server = Self::over(&settings).await;
        server.database = Some(database);
        server
    }

    /// Over whatever the settings name.
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests hand the clock in and own the task"
    )]
    pub(crate) async fn over(settings: &ServeSettings) -> Self {
        log_everything();
        let app = App::new(settings, SystemTime::now).expect("the settings make a server");
        let listener = TcpListener::bind(settings.listen)
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

    /// The database's own copy of this test.
    pub(crate) fn database(&self) -> &TestDatabase {
        self.database
            .as_ref()
            .expect("a server with a database of its own")
    }

    /// What the server says to a request that no HTTP library would send; it must close the
    /// connection.
    pub(crate) async fn said(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        let written = stream.write_all(request.as_bytes()).await;
        written.expect("the request is written");
        let mut said = Vec::new();
        let read = timeout(Duration::from_secs(10), stream.read_to_end(&mut said)).await;
        read.expect("the server closes the connection")
            .expect("what it says can be read");
        String::from_utf8(said).expect("text")
    }

    /// A POST to `/mcp` with everything a client sends but body and tenant.
    pub(crate) fn post(&self) -> reqwest::RequestBuilder {
        self.client
            .post(self.url("/mcp"))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
    }

    /// One JSON-RPC request for a tenant.
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

    /// Calls a tool; fails the test when the answer is no tool result.
    pub(crate) async fn call(&self, tenant: &str, tool: &str, arguments: Value) -> Answer {
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
        Answer {
            is_error: result["isError"] == true,
            text: result["content"][0]["text"]
                .as_str()
                .expect("a text")
                .to_owned(),
            structured: result["structuredContent"].clone(),
        }
    }

    /// Runs a query that must succeed; its rows, as many as a reader may have.
    pub(crate) async fn rows(&self, tenant: &str, sql: &str) -> Vec<Value> {
        let answer = self
            .call(
                tenant,
                "execute_sales_query",
                json!({"postgresql_query": sql, "max_rows": 1000}),
            )
            .await;
        assert!(!answer.is_error, "{sql}\n  {}", answer.text);
        answer.structured["r"].as_array().expect("rows").clone()
    }

    /// Runs a query of one number.
    pub(crate) async fn number(&self, tenant: &str, sql: &str) -> i64 {
        self.rows(tenant, sql).await[0][0]
            .as_i64()
            .expect("a number")
    }

    /// Runs a query that must fail; what the client reads.
    pub(crate) async fn failure(&self, tenant: &str, sql: &str) -> String {
        let answer = self
            .call(
                tenant,
                "execute_sales_query",
                json!({"postgresql_query": sql}),
            )
            .await;
        assert!(answer.is_error, "{sql}\n  {}", answer.text);
        answer.structured["err"]
            .as_str()
            .expect("an error text")
            .to_owned()
    }

    /// Stops the server and waits until it has ended.
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
