//! Builds an [`App`] from the settings. The only module that knows all others.

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
use crate::query::scope::{Finding, Scope, ScopeError};
use crate::query::{CachingGuard, LimitsByRole};
use crate::search::ProductSearch;
use crate::search::embedding::StaticModel;
use crate::settings::{AuthSettings, PublicUrl, RateLimits, ServeSettings};
use crate::telemetry::audit::{AuditLog, AuditStore, AuditUnavailable, ChainHead};

/// The longest SQL that is checked on the reactor, which takes about a millisecond. Longer SQL is
/// checked on a blocking thread.
const MAX_INLINE_CHECK_BYTES: NonZeroUsize = NonZeroUsize::new(2 * 1024).unwrap();

/// How many jobs run off the reactor at once: one for each core of the small machines that this
/// server is made for.
const MAX_COMPUTE_JOBS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// How long a response may take beyond its statement, once standard input has ended.
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
    /// Builds the server. Connects to nothing; connections are opened while it serves.
    ///
    /// # Errors
    /// When the embedding model or the root certificates named by the settings cannot be used.
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
        let identity = Identity::new(Arc::new(ScopeAdapter(Arc::clone(&scope))), auth.clone())
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
            search: model.map(|model| ProductSearch::new(Arc::new(model), Arc::clone(&scope))),
            clock,
            max_inline_parse_bytes: MAX_INLINE_CHECK_BYTES,
            compute: Arc::new(Compute::new(MAX_COMPUTE_JOBS)),
        };
        // Running and queued requests.
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
                max_line_bytes: limits.request_bytes,
                max_in_flight: tenant_requests,
                grace: limits.answer.statement_timeout + RESPONSE_GRACE,
            },
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
        let public_url = match self.public_url {
            Some(url) => url,
            None => PublicUrl::from_listener(local_address)
                .context("the listening address is not a valid URL")?,
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
            rate_limits: self.rates,
            trusted_proxies: self.trusted_proxies,
            is_behind_platform: self.is_behind_platform,
            allowed_origins: self.allowed_origins,
            readiness: Arc::new(ScopeAdapter(Arc::clone(&self.scope))),
            compute,
            max_request_bytes: self.request_bytes,
            tenant_requests: self.tenant_requests,
        };
        let store = ScopeAdapter(Arc::clone(&self.scope));
        let serving = with_posture_watch(&self.scope, host::serve_http(listener, routes, stop));
        let served = with_audit_log(&self.audit_log, &store, serving).await;
        self.scope.close().await;
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
        let callers = CallerSource::Fixed(self.identity, tenant);
        let handler = Handler::new(self.tools, callers, Arc::clone(&self.audit_log));
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
        let serving = with_posture_watch(&self.scope, serving);
        let served = with_audit_log(&self.audit_log, &store, serving).await;
        self.scope.close().await;
        served.context("serving standard input and output failed")
    }

    /// Examines the database against every posture rule.
    ///
    /// # Errors
    /// [`ScopeError`] when the examination fails.
    pub async fn examine_database(&self) -> Result<Arc<[Finding]>, ScopeError> {
        self.scope.examine().await
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
    tokio::join!(serving, audit_log.run(store, done.clone())).0
}

/// Runs `serving`, and examines the database's posture meanwhile.
async fn with_posture_watch<T>(scope: &Scope, serving: impl Future<Output = T>) -> T {
    // On the heap, because the future is large and `select!` moves it.
    let watching = Box::pin(scope.watch_posture());
    // The second arm never completes, and dropping it cancels its statement.
    tokio::select! {
        served = serving => served,
        never = watching => match never {},
    }
}

/// A larger clock skew between this server and the database is reported. Beyond 30 s no signed
/// context is valid.
pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

async fn check_database(scope: &Scope) -> Result<Duration, ScopeError> {
    // Any tenant shows whether the database accepts this server's signature.
    scope.tenant_exists(TenantId::HEAD_OFFICE).await?;
    scope.clock_skew().await
}

/// Implements what other modules need of the database by means of [`Scope`].
struct ScopeAdapter(Arc<Scope>);

impl TenantStore for ScopeAdapter {
    fn tenant_exists(&self, tenant: TenantId) -> BoxFuture<'_, Result<bool, StoreUnavailable>> {
        async move {
            self.0
                .tenant_exists(tenant)
                .await
                .map_err(store_unavailable)
        }
        .boxed()
    }

    fn entitlements<'a>(
        &'a self,
        claims: &'a Claims,
    ) -> BoxFuture<'a, Result<Vec<Entitlement>, StoreUnavailable>> {
        async move { self.0.entitlements(claims).await.map_err(store_unavailable) }.boxed()
    }

    fn api_key<'a>(
        &'a self,
        key: &'a ApiKey,
    ) -> BoxFuture<'a, Result<Option<ApiKeyState>, StoreUnavailable>> {
        async move { self.0.api_key(key).await.map_err(store_unavailable) }.boxed()
    }
}

fn store_unavailable(error: ScopeError) -> StoreUnavailable {
    tracing::warn!(
        error = &error as &dyn std::error::Error,
        "caller lookup failed"
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

impl AuditStore for ScopeAdapter {
    fn append<'a>(
        &'a self,
        records: &'a str,
    ) -> BoxFuture<'a, Result<ChainHead, AuditUnavailable>> {
        async move {
            self.0.record(records).await.map_err(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "audit append failed; will retry");
                AuditUnavailable
            })
        }
        .boxed()
    }
}

impl Readiness for ScopeAdapter {
    fn posture_findings(&self) -> BoxFuture<'_, Option<Vec<String>>> {
        async move {
            match self.0.examine().await {
                Ok(findings) => {
                    let describe =
                        |finding: &Finding| format!("{} {}", finding.object, finding.problem);
                    Some(findings.iter().map(describe).collect())
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "posture examination failed");
                    None
                }
            }
        }
        .boxed()
    }

    fn connection_counts(&self) -> (usize, usize) {
        self.0.connections()
    }

    fn is_database_ready(&self) -> BoxFuture<'_, bool> {
        async move {
            match check_database(&self.0).await {
                Ok(skew) => {
                    if skew > MAX_CLOCK_SKEW {
                        tracing::warn!(
                            seconds = skew.as_secs_f32(),
                            "clock skew between this server and the database; synchronize both"
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
