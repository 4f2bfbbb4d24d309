//! Puts the house together: settings become an [`App`]. The only place that knows every module.

use std::convert::Infallible;
use std::future::pending;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::compute::Compute;
use crate::host::{self, ProtectedResource, Readiness, Routes, StdioLimits};
use crate::identity::{
    ApiKey, ApiKeyState, Claims, Entitlement, Identity, StoreUnavailable, TenantId, TenantStore,
};
use crate::mcp::{CallerSource, DefaultLimits, Handler, Tools};
use crate::query::guard::Guard;
use crate::query::rows::RowLimits;
use crate::query::scope::{Finding, Scope, ScopeError};
use crate::search::ProductSearch;
use crate::search::embedding::StaticModel;
use crate::settings::{AnswerLimits, AuthSettings, PublicUrl, RateLimits, ServeSettings};
use crate::telemetry::audit::{AuditLog, AuditStore, AuditUnavailable, ChainHead};

/// Checking this much SQL takes about a millisecond; more leaves the reactor.
const PARSED_AT_ONCE: NonZeroUsize = NonZeroUsize::new(2 * 1024).unwrap();

/// Jobs off the reactor at once: as many as the small machines this runs on have cores.
const COMPUTE_JOBS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// How long a response may take beside its statement, once standard input has ended.
const RESPONSE_GRACE: Duration = Duration::from_secs(1);

/// A server, ready to run.
#[derive(Debug)]
pub struct App {
    scope: Arc<Scope>,
    identity: Arc<Identity>,
    auth: AuthSettings,
    public_url: Option<PublicUrl>,
    allowed_origins: Vec<String>,
    trusted_proxies: Vec<IpNet>,
    is_behind_platform: bool,
    rates: RateLimits,
    audit_log: Arc<AuditLog>,
    tools: Arc<Tools>,
    request_bytes: NonZeroUsize,
    tenant_requests: NonZeroUsize,
    stdio_limits: StdioLimits,
}

impl App {
    /// Builds the server. Connects to nothing: that happens when it serves.
    ///
    /// # Errors
    /// When the embedding model or the certificates that the settings name cannot be used.
    pub fn new(settings: &ServeSettings, clock: fn() -> SystemTime) -> anyhow::Result<Self> {
        let ServeSettings {
            listen: _,
            auth,
            public_url,
            allowed_origins,
            trusted_proxies,
            is_behind_platform,
            database,
            login,
            signing_key,
            limits,
            rates,
            embedding_model_dir,
            stdio_tenant: _,
            audit_sql,
            log: _,
        } = settings;
        let scope = Scope::new(
            database.clone(),
            login.clone(),
            signing_key.clone(),
            limits,
            clock,
        )?;
        let scope = Arc::new(scope);
        let model = embedding_model_dir
            .as_deref()
            .map(StaticModel::open)
            .transpose()
            .context("ZAVA_EMBEDDING_MODEL_DIR cannot be used")?;
        let row_limits = |answer: &AnswerLimits| RowLimits {
            rows: answer.rows,
            bytes: answer.result_bytes,
            cell_bytes: limits.cell_bytes,
            counted_rows: 0,
        };
        let identity = Identity::new(Arc::new(Database(Arc::clone(&scope))), auth.clone())
            .context("no HTTP client can be made")?;
        let identity = Arc::new(identity);
        let tools = Tools {
            identity: Arc::clone(&identity),
            guard: Arc::new(Guard::new(limits.sql_bytes)),
            scope: Arc::clone(&scope),
            limits: row_limits(&limits.answer),
            larger_limits: row_limits(&limits.analyst_answer),
            default_limits: DefaultLimits {
                rows: limits.default_rows,
                bytes: limits.default_result_bytes,
            },
            catalog: Catalog::new(Arc::clone(&scope)),
            search: model.map(|model| ProductSearch::new(Arc::new(model), Arc::clone(&scope))),
            clock,
            max_inline_parse_bytes: PARSED_AT_ONCE,
            compute: Arc::new(Compute::new(COMPUTE_JOBS)),
        };
        // Those that run and those that wait.
        let tenant_requests = limits
            .tenant_connections
            .saturating_add(limits.tenant_queue.get());
        Ok(Self {
            scope,
            identity,
            auth: auth.clone(),
            public_url: public_url.clone(),
            allowed_origins: allowed_origins.clone(),
            trusted_proxies: trusted_proxies.clone(),
            is_behind_platform: *is_behind_platform,
            rates: *rates,
            audit_log: Arc::new(AuditLog::new(*audit_sql, clock)),
            tools: Arc::new(tools),
            request_bytes: limits.request_bytes,
            tenant_requests,
            stdio_limits: StdioLimits {
                line_bytes: limits.request_bytes,
                in_flight: tenant_requests,
                grace: limits.answer.statement_timeout + RESPONSE_GRACE,
            },
        })
    }

    /// Serves HTTP until `stop` is cancelled, and has no statement running at the database when it returns.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn serve_http(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let here = listener
            .local_addr()
            .context("the listening address cannot be told")?;
        let public_url = match self.public_url {
            Some(url) => url,
            None => PublicUrl::of_listener(here).context("the listening address is no URL")?,
        };
        let compute = Arc::clone(&self.tools.compute);
        let routes = Routes {
            resource: ProtectedResource::new(&self.auth, &public_url),
            public_url,
            handler: Handler::new(
                self.tools,
                CallerSource::Request,
                Arc::clone(&self.audit_log),
            ),
            identity: self.identity,
            audit_log: Arc::clone(&self.audit_log),
            rates: self.rates,
            trusted_proxies: self.trusted_proxies,
            is_behind_platform: self.is_behind_platform,
            allowed_origins: self.allowed_origins,
            readiness: Arc::new(Database(Arc::clone(&self.scope))),
            compute,
            request_bytes: self.request_bytes,
            tenant_requests: self.tenant_requests,
        };
        let store = Database(Arc::clone(&self.scope));
        let serving = watched(&self.scope, host::serve_http(listener, routes, stop));
        let served = recorded(&self.audit_log, &store, serving).await;
        self.scope.close().await;
        served.context("serving HTTP failed")
    }

    /// Speaks MCP on standard input and output for one tenant until the input ends or `stop` is
    /// cancelled, finishes what was read, and has no statement running when it returns.
    ///
    /// # Errors
    /// When the client does not speak MCP.
    pub async fn serve_stdio(
        self,
        tenant: TenantId,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let callers = CallerSource::Fixed(self.identity, tenant);
        let handler = Handler::new(self.tools, callers, Arc::clone(&self.audit_log));
        let overdue = CancellationToken::new();
        let serving = Box::pin(host::serve_stdio(
            handler,
            self.stdio_limits,
            stop,
            overdue.clone(),
        ));
        let ending = async {
            overdue.cancelled().await;
            // Calls in flight fail then, and their answers say why.
            self.scope.cancel_all();
            pending::<Infallible>().await
        };
        let serving = async {
            // The second arm never ends; dropping it loses nothing.
            tokio::select! {
                served = serving => served,
                never = ending => match never {},
            }
        };
        let store = Database(Arc::clone(&self.scope));
        let serving = watched(&self.scope, serving);
        let served = recorded(&self.audit_log, &store, serving).await;
        self.scope.close().await;
        served.context("serving standard input and output failed")
    }

    /// Holds the database against every rule of the posture check.
    ///
    /// # Errors
    /// [`ScopeError`] when that cannot be done.
    pub async fn examine_database(&self) -> Result<Arc<[Finding]>, ScopeError> {
        self.scope.examine().await
    }

    /// Checks that the database answers this server and accepts its signature; how far their clocks
    /// are apart, at least.
    ///
    /// # Errors
    /// [`ScopeError`] says why not.
    pub async fn check_database(&self) -> Result<Duration, ScopeError> {
        check_database(&self.scope).await
    }
}

/// What `serving` gives, while what it notes is recorded; then the calls that are still under way are ended, and the rest is
/// recorded.
async fn recorded<T>(
    audit_log: &AuditLog,
    store: &Database,
    serving: impl Future<Output = T>,
) -> T {
    let done = CancellationToken::new();
    let serving = async {
        let served = serving.await;
        store.0.cancel_all();
        audit_log.until_calls_are_noted().await;
        done.cancel();
        served
    };
    tokio::join!(serving, audit_log.run(store, done.clone())).0
}

/// What `serving` gives, while the database's posture is watched.
async fn watched<T>(scope: &Scope, serving: impl Future<Output = T>) -> T {
    // On the heap: it is large, and what is selected is moved.
    let watching = Box::pin(scope.watch_posture());
    // The second arm never ends; dropping it cancels what it runs.
    tokio::select! {
        served = serving => served,
        never = watching => match never {},
    }
}

/// A difference of clocks that is worth a warning: beyond 30 s no context is valid any more.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

async fn check_database(scope: &Scope) -> Result<Duration, ScopeError> {
    // Any tenant does to learn whether the database accepts this server's signature.
    scope.tenant_exists(TenantId::HEAD_OFFICE).await?;
    scope.clock_skew().await
}

/// What others need to know of the database, told through the one way to it.
struct Database(Arc<Scope>);

impl TenantStore for Database {
    fn tenant_exists(&self, tenant: TenantId) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        async move { self.0.tenant_exists(tenant).await.map_err(unavailable) }.boxed()
    }

    fn entitlements<'a>(
        &'a self,
        claims: &'a Claims,
    ) -> BoxFuture<'a, Result<Vec<Entitlement>, StoreUnavailable>> {
        async move { self.0.entitlements(claims).await.map_err(unavailable) }.boxed()
    }

    fn api_key<'a>(
        &'a self,
        key: &'a ApiKey,
    ) -> BoxFuture<'a, Result<Option<ApiKeyState>, StoreUnavailable>> {
        async move { self.0.api_key(key).await.map_err(unavailable) }.boxed()
    }
}

fn unavailable(error: ScopeError) -> StoreUnavailable {
    tracing::warn!(
        error = &error as &dyn std::error::Error,
        "caller cannot be looked up"
    );
    match error {
        ScopeError::Misconfigured(_) | ScopeError::Posture(_) => StoreUnavailable::Misconfigured,
        ScopeError::Database(_)
        | ScopeError::TimedOut(_)
        | ScopeError::UnknownTenant
        | ScopeError::PlanRefused
        | ScopeError::Busy
        | ScopeError::Stopping
        | ScopeError::Unavailable(_) => StoreUnavailable::Unreachable,
    }
}

impl AuditStore for Database {
    fn append<'a>(
        &'a self,
        records: &'a str,
    ) -> BoxFuture<'a, Result<ChainHead, AuditUnavailable>> {
        async move {
            self.0.record(records).await.map_err(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "the audit audit_log cannot be written; it goes on waiting"
                );
                AuditUnavailable
            })
        }
        .boxed()
    }
}

impl Readiness for Database {
    fn findings(&self) -> BoxFuture<'_, Option<Vec<String>>> {
        async move {
            match self.0.examine().await {
                Ok(findings) => {
                    let tell = |finding: &Finding| format!("{} {}", finding.object, finding.what);
                    Some(findings.iter().map(tell).collect())
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the database cannot be examined");
                    None
                }
            }
        }
        .boxed()
    }

    fn connections(&self) -> (usize, usize) {
        self.0.connections()
    }

    fn database_answers(&self) -> BoxFuture<'_, bool> {
        async move {
            match check_database(&self.0).await {
                Ok(skew) => {
                    if skew > MAX_CLOCK_SKEW {
                        tracing::warn!(
                            seconds = skew.as_secs_f32(),
                            "the clocks of this server and the database differ; synchronise both"
                        );
                    }
                    true
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "database does not answer"
                    );
                    false
                }
            }
        }
        .boxed()
    }
}
