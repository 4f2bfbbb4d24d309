//! Builds an [`App`] from the settings. The only module that knows all others.

mod background; //    the tasks that run beside serving
mod embedder; //      the embedder that the settings name
mod index_timer; //   refreshes the search index when a timer asks for it
mod scope_adapter; // what other modules need of the database

use std::convert::Infallible;
use std::future::pending;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::access_tokens::AccessTokens;
use crate::azure::AzureServices;
use crate::catalog::Catalog;
use crate::compute::Compute;
use crate::host::{self, HttpServer, HttpServices, StdioLimits};
use crate::identity::{Identity, TenantId};
use crate::mcp::{CallerSource, DefaultLimits, Handler, Tools};
use crate::query::scope::{
    DatabaseSettings, EmbeddedProducts, Finding, PostureReport, Scope, ScopeError, ServerStatus,
};
use crate::query::{CachingGuard, LimitsByRole};
use crate::search::{EmbedderError, MAX_SEARCHES_PER_MINUTE, ProductSearch, RelatedProducts};
use crate::settings::{EmbedderSettings, ServeSettings};
use crate::telemetry::Telemetry;
use crate::telemetry::audit::AuditLog;

pub use embedder::embedder;
pub use scope_adapter::MAX_CLOCK_SKEW;

use background::Background;
use index_timer::IndexTimer;
use scope_adapter::{ObservedScope, ScopeAdapter, check_database};

/// The longest SQL that is checked on the reactor, which takes about a millisecond. Longer SQL is
/// checked on a blocking thread.
const MAX_INLINE_CHECK_BYTES: NonZeroUsize = NonZeroUsize::new(2 * 1024).unwrap();

/// How many jobs run off the reactor at once: one for each core of the small machines that this
/// server is made for.
const MAX_COMPUTE_JOBS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// How long the embedding of a search may take.
const EMBEDDING_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a response may take beyond its statement, once standard input has ended.
const RESPONSE_GRACE: Duration = Duration::from_secs(1);

/// A server, ready to run.
#[derive(Debug)]
pub struct App {
    scope: Arc<Scope>,
    identity: Arc<Identity>,
    audit_log: Arc<AuditLog>,
    tools: Arc<Tools>,
    http: HttpServer,
    stdio_limits: StdioLimits,
    telemetry: Telemetry,
    /// The tokens with which telemetry is sent.
    tokens: Arc<dyn AccessTokens>,
    index_timer: IndexTimer,
    /// The name of the database.
    database: String,
    /// The embedder's model and its number of dimensions; `None` without an embedder.
    embedding_model: Option<(String, usize)>,
}

impl App {
    /// Builds the server. Connects to nothing; connections are opened while it serves.
    ///
    /// # Errors
    /// When the embedding model or the root certificates named by the settings cannot be used.
    pub fn new(settings: &ServeSettings, clock: fn() -> SystemTime) -> anyhow::Result<Self> {
        let ServeSettings {
            network,
            auth,
            http,
            database,
            replicas,
            login,
            timer,
            azure,
            https,
            accepted_findings,
            signing_key,
            limits,
            rates,
            search,
            stdio: _,
            audit,
            log: _,
            telemetry,
        } = settings;
        let azure = AzureServices::new(azure.as_ref(), https)?;
        let scope = Scope::new(
            DatabaseSettings {
                primary: database.clone(),
                replicas: replicas.clone(),
                user: login.user.clone(),
                accepted_findings: accepted_findings.clone(),
            },
            azure.password(&login.method),
            azure.signing_key(signing_key),
            limits,
            clock,
        )?;
        let scope = Arc::new(scope);
        let embedder = embedder(search, https, &azure, EMBEDDING_TIMEOUT)?;
        let embedding_model = embedder
            .as_ref()
            .map(|embedder| (embedder.model().to_owned(), embedder.dimensions()));
        let identity = Identity::new(
            Arc::new(ScopeAdapter(Arc::clone(&scope))),
            auth.clone(),
            https,
        )
        .context("the HTTP client cannot be built")?;
        let identity = Arc::new(identity);
        let tools = Tools {
            identity: Arc::clone(&identity),
            guard: Arc::new(CachingGuard::new(limits.sql_bytes)),
            scope: Arc::clone(&scope),
            limits: LimitsByRole::new(limits),
            max_cell_bytes: limits.cell_bytes,
            default_limits: DefaultLimits {
                rows: limits.default_rows,
                bytes: limits.default_result_bytes,
            },
            catalog: Catalog::new(Arc::clone(&scope)),
            related: RelatedProducts::new(embedder.clone(), Arc::clone(&scope)),
            search: {
                let products = ProductSearch::new(embedder, Arc::clone(&scope));
                match search.embedder {
                    Some(EmbedderSettings::OpenAi(_)) => {
                        products.with_rate_limit(MAX_SEARCHES_PER_MINUTE)
                    }
                    Some(EmbedderSettings::StaticModel(_)) | None => products,
                }
            },
            clock,
            max_inline_parse_bytes: MAX_INLINE_CHECK_BYTES,
            compute: Arc::new(Compute::new(MAX_COMPUTE_JOBS)),
        };
        Ok(Self {
            scope,
            identity,
            audit_log: Arc::new(AuditLog::new(audit.includes_sql, clock)),
            tools: Arc::new(tools),
            http: HttpServer::new(network, http, auth, *rates, limits),
            stdio_limits: StdioLimits {
                max_line_bytes: limits.request_bytes,
                max_in_flight: limits.tenant_requests(),
                grace: limits.answer.statement_timeout + RESPONSE_GRACE,
            },
            telemetry: Telemetry::new(telemetry, https, clock),
            tokens: azure.tokens(),
            index_timer: IndexTimer::new(timer, database, search, https, &azure),
            database: database.database.clone(),
            embedding_model,
        })
    }

    /// Serves HTTP until `stop` is cancelled. When it returns, no statement is running at the
    /// database.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn serve_http(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let local_address = listener
            .local_addr()
            .context("the listening address cannot be read")?;
        let url = self
            .http
            .url(local_address)
            .context("the listening address is not a valid URL")?;
        self.start_telemetry()?;
        let store = ScopeAdapter(Arc::clone(&self.scope));
        let handler = Handler::new(
            Arc::clone(&self.tools),
            CallerSource::Request,
            Arc::clone(&self.audit_log),
            self.telemetry.clone(),
        );
        let (refresher, refreshing) = self.index_timer.into_parts(stop.clone());
        let services = HttpServices {
            compute: Arc::clone(&self.tools.compute),
            handler,
            telemetry: self.telemetry.clone(),
            identity: self.identity,
            audit_log: Arc::clone(&self.audit_log),
            readiness: Arc::new(store.clone()),
            refresher,
        };
        let serving = self.http.serve(listener, url, services, stop);
        let serving = database_watch(&self.scope, &self.telemetry)
            .with("search index", refreshing)
            .run_during(serving);
        let served = with_audit_log(&self.audit_log, &self.telemetry, &store, serving).await;
        self.scope.close().await;
        self.telemetry.shutdown().await;
        served.context("serving HTTP failed")
    }

    /// Serves MCP on standard input and output for one tenant, until the input ends or `stop` is
    /// cancelled, and answers every request that was read. When it returns, no statement is running
    /// at the database.
    ///
    /// # Errors
    /// When the client does not speak MCP.
    pub async fn serve_stdio(
        self,
        tenant: TenantId,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        self.start_telemetry()?;
        let callers = CallerSource::Fixed(self.identity, tenant);
        let handler = Handler::new(
            self.tools,
            callers,
            Arc::clone(&self.audit_log),
            self.telemetry.clone(),
        );
        let overdue = CancellationToken::new();
        let serving = Box::pin(host::serve_stdio(
            handler,
            self.stdio_limits,
            stop,
            overdue.clone(),
        ));
        let cancelling = async {
            overdue.cancelled().await;
            // Calls in flight then fail, and their responses say why.
            self.scope.cancel_all();
            pending::<Infallible>().await
        };
        let serving = async {
            // The second arm never completes, and dropping it loses nothing.
            tokio::select! {
                served = serving => served,
                never = cancelling => match never {},
            }
        };
        let store = ScopeAdapter(Arc::clone(&self.scope));
        let serving = database_watch(&self.scope, &self.telemetry).run_during(serving);
        let served = with_audit_log(&self.audit_log, &self.telemetry, &store, serving).await;
        self.scope.close().await;
        self.telemetry.shutdown().await;
        served.context("serving standard input and output failed")
    }

    /// Starts sending telemetry, if the settings say where to.
    fn start_telemetry(&self) -> anyhow::Result<()> {
        let state = Arc::new(ObservedScope(Arc::downgrade(&self.scope)));
        let audit_log = Arc::downgrade(&self.audit_log);
        let started = self
            .telemetry
            .start(&self.database, state, audit_log, &self.tokens);
        started.context("telemetry cannot be sent")
    }

    /// Examines the primary against every posture rule.
    ///
    /// # Errors
    /// [`ScopeError`] when the examination fails.
    pub async fn examine_database(&self) -> Result<PostureReport, ScopeError> {
        self.scope.examine().await
    }

    /// Checks that a text can be embedded. Returns a description of the embedder; `None` if there
    /// is none.
    ///
    /// # Errors
    /// [`EmbedderError`] if the model or the service cannot be used.
    pub async fn check_embedder(&self) -> Result<Option<String>, EmbedderError> {
        self.tools.search.check_embedder().await
    }

    /// How many products have vectors of the embedder's model; `None` if there is no embedder.
    ///
    /// # Errors
    /// [`ScopeError`] when the query fails.
    pub async fn embedded_products(&self) -> Result<Option<EmbeddedProducts>, ScopeError> {
        match &self.embedding_model {
            None => Ok(None),
            Some((model, dimensions)) => {
                let embedded = self.scope.embedded_products(model, *dimensions).await?;
                Ok(Some(embedded))
            }
        }
    }

    /// Examines each replica against every posture rule; the result is its name and its findings.
    pub async fn examine_replicas(&self) -> Vec<(String, Result<Arc<[Finding]>, ScopeError>)> {
        self.scope.examine_replicas().await
    }

    /// Probes the primary and its replicas; empty without replicas.
    pub async fn server_statuses(&self) -> Vec<ServerStatus> {
        self.scope.server_statuses().await
    }

    /// Checks that the database answers this server and accepts its signatures. Returns a lower
    /// bound of their clock skew.
    ///
    /// # Errors
    /// [`ScopeError`] when the database does not answer or rejects the signature.
    pub async fn check_database(&self) -> Result<Duration, ScopeError> {
        check_database(&self.scope).await
    }
}

/// Runs `serving`, and appends the audit records of its calls meanwhile. When it ends, cancels the
/// calls still in flight and appends the remaining records.
async fn with_audit_log<T>(
    audit_log: &AuditLog,
    telemetry: &Telemetry,
    store: &ScopeAdapter,
    serving: impl Future<Output = T>,
) -> T {
    let done = CancellationToken::new();
    let serving = async {
        let served = serving.await;
        store.0.cancel_all();
        audit_log.wait_for_calls().await;
        done.cancel();
        served
    };
    // On the heap, because both futures together are large.
    let appending = telemetry.in_background("audit log", audit_log.run(store, done.clone()));
    tokio::join!(serving, Box::pin(appending)).0
}

/// Examines the database's posture, and probes its replicas.
fn database_watch<'a>(scope: &'a Scope, telemetry: &'a Telemetry) -> Background<'a> {
    Background::new(telemetry)
        .with("posture", scope.watch_posture())
        .with("replicas", scope.watch_replicas())
}
