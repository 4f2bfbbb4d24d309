//! The only way to a tenant's rows: one read-only transaction with a context signed for the caller,
//! always rolled back. Audit records are appended the same way, signed too, in transactions that
//! hold nothing else.
//!
//! Knows the wire protocol, the pool and the signed context of
//! `migrations/0017_tenant_after_mac.sql`; must not know MCP, JSON or what the statement means.
//! Begin, context, query and rollback are written together and read together, so a warm query costs
//! one round trip; sqlx can neither pipeline nor return a bound statement's result as text
//! (`docs/decisions/0002-postgres-wire-client.md`).
//!
//! Invariants:
//! - a connection returns to the pool only after PostgreSQL has confirmed that no transaction is
//!   open;
//! - the statement of a dropped call is cancelled at the database, and holds its permit until it
//!   has ended;
//! - no statement runs for a caller before the posture check has passed.

// Methods of `Scope`, by subject.
mod audit; // appending to the audit log
mod callers; // what the database knows of callers
mod clock; // how far the database's clock is from this server's
mod examination; // when the database is examined in full

mod traced_operation; // what traces and metrics show of a transaction

// A module of the following groups may use the modules of later groups, and no others of the scope.
mod lease; // a connection for one transaction, and how it is returned

mod error; // what can go wrong, by what the caller can do
mod pool; // warm connections

mod posture; // whether the login and the database obey the posture rules
mod signed_call; // functions of the guard that need no tenant but a signature

mod wire; // one connection: messages out, messages in

mod context; // the signed tenant context
mod fair_queue; // permits for transactions, shared fairly between tenants
mod pg_error; // an error that PostgreSQL reports
mod row_sink; // what receives a result
mod transport; // TCP or TLS

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deadpool::managed::Pool;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::identity::{Caller, TenantId};
use crate::password::PasswordSource;
use crate::query::LimitsByRole;
use crate::query::guard::{CheckedQuery, Fingerprint, StatementKind};
use crate::settings::{AcceptedFinding, DatabaseAddress, Limits, PoolMode};
use crate::signing_key::SigningKeySource;
use crate::telemetry::{DatabaseCall, Wait, WaitTimer};

pub use error::ScopeError;
pub use pg_error::PgError;
pub use posture::{Finding, PostureReport, PostureRule};
pub use row_sink::{Column, RowSink};
pub use transport::TlsError;

use context::Signer;
use fair_queue::FairQueue;
use lease::{Holder, Lease};
use pool::ConnectionManager;
use posture::Posture;
use row_sink::{IgnoreRows, RowCollector};
use signed_call::SignedCall;
use wire::{Query, Transaction, TransactionMode, WireError};

/// How long a request waits for its permit.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request waits for the signing key.
const SIGNING_KEY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long PostgreSQL may take to reply beyond the statement timeout, before the connection is
/// given up.
const REPLY_GRACE: Duration = Duration::from_secs(2);

/// How long closing waits for statements to be cancelled.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Has the database verify a context; a statement that reads no protected row would not.
const VERIFY_CONTEXT: &str = "SELECT pg_catalog.cardinality(guard.allowed_stores())";

/// Runs checked statements for callers.
pub struct Scope {
    pool: Pool<ConnectionManager>,
    pool_mode: PoolMode,
    queue: FairQueue<Holder>,
    /// Tracks the leases that are not returned yet, and the tasks that cancel their statements.
    leases: TaskTracker,
    stopping: CancellationToken,
    posture: Posture,
    signing_key: Arc<dyn SigningKeySource>,
    limits: LimitsByRole,
    clock: fn() -> SystemTime,
}

impl Scope {
    /// A scope over a database. Connects on first use, not here.
    ///
    /// # Errors
    /// [`TlsError`] when the settings ask for TLS and its certificates cannot be used.
    pub fn new(
        address: DatabaseAddress,
        user: String,
        password: Arc<dyn PasswordSource>,
        signing_key: Arc<dyn SigningKeySource>,
        accepted: Vec<AcceptedFinding>,
        limits: &Limits,
        clock: fn() -> SystemTime,
    ) -> Result<Self, TlsError> {
        let pool_mode = address.pool_mode;
        let limits_by_role = LimitsByRole::new(limits);
        let posture = Posture::new(&address.database, &user, accepted);
        let max_row_bytes = limits_by_role.max_result_bytes();
        let connections = ConnectionManager::new(address, user, password, max_row_bytes)?;
        let permits = limits.connections.get();
        let max_per_tenant = limits.tenant_connections.get();
        Ok(Self {
            pool: pool::build(connections, permits, QUEUE_TIMEOUT),
            pool_mode,
            queue: FairQueue::new(permits, max_per_tenant, None),
            leases: TaskTracker::new(),
            stopping: CancellationToken::new(),
            posture,
            signing_key,
            limits: limits_by_role,
            clock,
        })
    }

    /// Runs one statement for a caller and delivers its rows to `sink`. `parameters` are the values
    /// of `$1`, `$2`, … in text form; at most `max_rows` rows are fetched.
    ///
    /// # Errors
    /// [`ScopeError`]; `sink` may then hold a part of the result, which must not be used.
    ///
    /// # Cancel safety
    /// The statement of a dropped call is cancelled at the database, within milliseconds. Its
    /// connection is not reused, and its permit is held until the backend has ended.
    ///
    /// # Security
    /// The database decides which rows the statement sees, from the context signed for `caller`.
    pub async fn run(
        &self,
        caller: &Caller,
        query: &CheckedQuery,
        parameters: &[&str],
        max_rows: NonZeroU32,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        if query.kind() == StatementKind::Plan && !caller.may_see_plans() {
            return Err(ScopeError::PlanRefused);
        }
        let max_rows = i32::try_from(max_rows.get()).unwrap_or(i32::MAX);
        let (summary, fingerprint) = (query.summary(), query.fingerprint());
        let query = Query {
            sql: query.sql(),
            settings: query.settings(),
            min_version: query.min_version(),
            retained_bytes: query.retained_bytes(),
            parameters,
            max_rows,
        };
        let tenant = caller.tenant();
        let statement_timeout = self.limits.for_caller(caller).statement_timeout;
        let operation = Operation::RunQuery {
            tenant,
            query,
            statement_timeout,
            summary,
            fingerprint,
        };
        self.unless_stopping(self.transact(Some(tenant), operation, sink))
            .await
            .map_err(|error| error.with_statement_timeout(statement_timeout))
    }

    /// Whether the database knows a tenant. Only a holder of the signing key can find out.
    ///
    /// # Errors
    /// [`ScopeError`] when the check itself fails.
    pub async fn tenant_exists(&self, tenant: TenantId) -> Result<bool, ScopeError> {
        let mut ignored = IgnoreRows;
        let verifying = self.transact(None, Operation::VerifyContext(tenant), &mut ignored);
        match self.unless_stopping(verifying).await {
            Ok(()) => Ok(true),
            Err(ScopeError::UnknownTenant) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How many connections are open, and how many of them are idle.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.available)
    }

    /// How many violations of posture rules the last check has found.
    #[must_use]
    pub fn finding_count(&self) -> usize {
        self.posture.finding_count()
    }

    /// Cancels the statements of all calls in flight. These calls and all later ones fail with
    /// [`ScopeError::Stopping`]; only audit records are still appended.
    pub fn cancel_all(&self) {
        self.stopping.cancel();
    }

    /// Cancels all calls in flight, waits up to 3 s until their statements have ended, and closes
    /// every connection.
    pub async fn close(&self) {
        self.cancel_all();
        self.pool.close();
        self.leases.close();
        if timeout(CLOSE_TIMEOUT, self.leases.wait()).await.is_err() {
            tracing::warn!("statements did not end in time; their connections are closed");
        }
    }

    /// The rows that a signed call returns, each parsed by `parse`.
    ///
    /// # Errors
    /// [`ScopeError`], also when `parse` rejects a row.
    async fn rows<T: Send>(
        &self,
        call: SignedCall<'_>,
        parse: fn(&[Option<&str>]) -> Option<T>,
    ) -> Result<Vec<T>, ScopeError> {
        let mut collector = RowCollector::new(parse);
        let calling = self.transact(None, Operation::SignedCall(call), &mut collector);
        match call.mode {
            TransactionMode::Read => self.unless_stopping(calling).await?,
            // The audit records of the last calls are appended after `cancel_all`.
            TransactionMode::Append => calling.await?,
        }
        collector.into_rows().ok_or_else(|| {
            ScopeError::from_wire(WireError::Protocol("a row that cannot be parsed"))
        })
    }

    /// The result of `running`, which is dropped when all calls are cancelled.
    async fn unless_stopping(
        &self,
        running: impl Future<Output = Result<(), ScopeError>>,
    ) -> Result<(), ScopeError> {
        // Either arm may be dropped: a dropped call cancels its statement, and waiting for a token
        // holds no state.
        tokio::select! {
            biased; // a late call fails with `Stopping`, not for want of a connection
            () = self.stopping.cancelled() => Err(ScopeError::Stopping),
            done = running => done,
        }
    }

    async fn transact(
        &self,
        holder: Holder,
        operation: Operation<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        let (mut lease, signer) = self.lease(holder).await?;
        let call = DatabaseCall::begin(|| operation.describe(self.pool.manager().address()));
        let done = match self.run_on(&mut lease, &signer, operation, sink).await {
            // PostgreSQL closed the pooled connection while it was idle, so nothing has run and a
            // retry is safe.
            Err(WireError::Closed) if lease.is_reused() => {
                let mut renewed = lease.renew(&self.pool).await?;
                self.run_on(&mut renewed, &signer, operation, sink).await
            }
            done => done,
        };
        call.finish(done.as_ref().err().map(WireError::error_type));
        done.map_err(|error| self.error_of_signed(error, &signer))
    }

    /// The error of a signed operation. A key that the database does not accept was perhaps
    /// replaced.
    fn error_of_signed(&self, error: WireError, signer: &Signer) -> ScopeError {
        if error.is_signature_rejected() {
            self.signing_key.report_rejected(signer.key_id());
        }
        ScopeError::from_wire(error)
    }

    async fn run_on(
        &self,
        lease: &mut Lease,
        signer: &Signer,
        operation: Operation<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        let is_query = matches!(operation, Operation::RunQuery { .. });
        let server_timeout = self.limits.for_server().statement_timeout;
        let connection = lease.connection();
        let (mode, max_time) = match operation {
            Operation::SignedCall(call) => (call.mode, server_timeout),
            Operation::VerifyContext(_) => (TransactionMode::Read, server_timeout),
            Operation::RunQuery {
                statement_timeout, ..
            } => (TransactionMode::Read, statement_timeout),
        };
        if let Operation::RunQuery { query, .. } = operation {
            connection.require_version(query.min_version)?;
        }
        let transacting = async {
            // Signatures are bound to the backend, which behind a pooler is known only once a
            // transaction is open.
            let (backend, is_open) = match self.pool_mode {
                PoolMode::Direct => (connection.process_id(), false),
                PoolMode::Transaction => (connection.begin(mode).await?, true),
            };
            let now = (self.clock)();
            match operation {
                Operation::RunQuery {
                    tenant,
                    query,
                    statement_timeout,
                    ..
                } => {
                    let transaction = Transaction {
                        mode,
                        is_open,
                        context: Some(&signer.sign_context(tenant, backend, now)),
                        statement_timeout,
                        query,
                    };
                    connection.transact(&transaction, sink).await
                }
                Operation::VerifyContext(tenant) => {
                    let transaction = Transaction {
                        mode,
                        is_open,
                        context: Some(&signer.sign_context(tenant, backend, now)),
                        statement_timeout: server_timeout,
                        query: Query::internal(VERIFY_CONTEXT, &[]),
                    };
                    connection
                        .transact(&transaction, sink)
                        .await
                        .map_err(WireError::into_internal)
                }
                Operation::SignedCall(call) => {
                    let SignedCall {
                        purpose, payload, ..
                    } = call;
                    let signature = signer.sign_call(purpose, payload, backend, now);
                    call.execute(connection, &signature, is_open, sink).await
                }
            }
        };
        // PostgreSQL itself ends a statement at its timeout. This timeout is for a statement that
        // PostgreSQL cannot interrupt, and for a database that no longer replies.
        match timeout(max_time + REPLY_GRACE, transacting).await {
            Ok(done) => done,
            Err(_) if is_query && lease.connection().is_awaiting_reply() => {
                let backend = lease.connection().backend();
                Err(self.pool.manager().diagnose_silence(backend).await)
            }
            Err(_) => Err(WireError::NoReply),
        }
    }

    /// Waits for a permit and the signing key. Returns a connection to a database that has passed
    /// the posture check, and the signer.
    async fn lease(&self, holder: Holder) -> Result<(Lease, Signer), ScopeError> {
        // At once, because at the start both may take a round trip or more.
        let (mut lease, signer) = tokio::try_join!(self.lease_unchecked(holder), self.signer())?;
        let _waiting = WaitTimer::begin(Wait::Connection);
        let now = (self.clock)();
        let findings = match self
            .posture
            .findings(lease.connection(), &signer, now)
            .await
        {
            Err(WireError::Closed) if lease.is_reused() => {
                lease = lease.renew(&self.pool).await?;
                self.posture
                    .findings(lease.connection(), &signer, now)
                    .await
            }
            checked => checked,
        }
        .map_err(|error| self.error_of_signed(error, &signer))?;
        if findings.is_empty() {
            Ok((lease, signer))
        } else {
            Err(ScopeError::from_findings(findings))
        }
    }

    /// Signs with the current key.
    async fn signer(&self) -> Result<Signer, ScopeError> {
        match timeout(SIGNING_KEY_TIMEOUT, self.signing_key.signing_key()).await {
            Ok(Ok(key)) => Ok(Signer::new(key)),
            Ok(Err(error)) => Err(ScopeError::Unavailable(error.into())),
            Err(_) => Err(ScopeError::Unavailable(
                SigningKeyTimeout(SIGNING_KEY_TIMEOUT).into(),
            )),
        }
    }

    /// Like [`Self::lease`], without the posture check.
    async fn lease_unchecked(&self, holder: Holder) -> Result<Lease, ScopeError> {
        let waiting = WaitTimer::begin(Wait::Permit);
        let permit = timeout(QUEUE_TIMEOUT, self.queue.acquire(holder))
            .await
            .map_err(|_| ScopeError::Busy)?;
        drop(waiting);
        let _waiting = WaitTimer::begin(Wait::Connection);
        Lease::new(permit, &self.pool, &self.leases).await
    }
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
#[error("the signing key was not read within {} s", .0.as_secs())]
struct SigningKeyTimeout(Duration);

/// What one transaction does.
#[derive(Clone, Copy)]
enum Operation<'a> {
    /// Runs a client's statement for a tenant.
    RunQuery {
        tenant: TenantId,
        query: Query<'a>,
        statement_timeout: Duration,
        summary: &'a str,
        fingerprint: Option<Fingerprint>,
    },
    /// Has a tenant's context verified, which fails if there is no such tenant.
    VerifyContext(TenantId),
    /// Calls a function of the guard with a signature instead of a context.
    SignedCall(SignedCall<'a>),
}
