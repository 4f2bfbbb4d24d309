//! The only way to a tenant's rows: one read-only transaction, signed for the caller, always rolled back. What is appended to the
//! audit trail goes the same way, signed too, in transactions that hold nothing else.
//!
//! Knows the wire protocol, the pool and the signed context of `migrations/0014_lazy_context.sql`;
//! must not know MCP, JSON or what the statement means. Begin, context, query and rollback are
//! written together and read together, so a warm query costs one round trip; sqlx can neither
//! pipeline nor return a bound statement's result as text (`docs/decisions/0002`).
//! Invariants: a connection goes back to the pool only when the server has said that no transaction
//! is open; the statement of a dropped call is cancelled at the database, and holds its turn until
//! it has ended; nothing runs for a caller before the posture check has passed.
mod audit; // appending to the audit trail
mod callers; // what the database knows of callers
mod clock; // how far the database's clock is from this server's
mod context; // the signed tenant context
mod error; // what can go wrong, by what the caller can do
mod examination; // when the database is held against the rules
mod fair_queue; // whose turn it is
mod lease; // a connection for one transaction, and its end
mod pool; // warm connections
mod posture; // whether the database is fit to serve from
mod signed_call; // what is asked without a tenant, signed
mod transport; // TCP or TLS
mod wire; // one connection: messages out, messages in

use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use deadpool::managed::Pool;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::identity::{Caller, TenantId};
use crate::query::guard::{CheckedQuery, StatementKind};
use crate::settings::{DatabaseAddress, Limits, Login, PoolMode, SigningKey};

pub use error::{PgError, ScopeError};
pub use posture::{Finding, PostureRule};
pub use transport::TlsError;

use context::Signer;
use fair_queue::FairQueue;
use lease::Lease;
use pool::ConnectionManager;
use posture::Posture;
use signed_call::SignedCall;
use wire::{Query, Transaction, TransactionMode, WireError};

/// How long a request waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long the server may stay silent beyond the statement timeout before the connection is given up.
const GRACE: Duration = Duration::from_secs(2);

/// How long closing waits for statements to be cancelled.
const LONGEST_CLOSE: Duration = Duration::from_secs(3);

/// Has the database verify a context: a statement that reads no protected row would not.
const VERIFY: &str = "SELECT pg_catalog.cardinality(guard.allowed_stores())";

/// Whose turn a connection is: a tenant's, or `None` for the server's own questions. A tenant that is only being looked up
/// is not known yet, so it is not given a turn of its own: ids are free to invent.
type Holder = Option<TenantId>;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, as the statement gave it.
    pub name: String,
    /// The type's object id in `pg_type`.
    pub type_oid: u32,
}

/// Takes a result as it arrives.
pub trait RowSink: Send {
    /// The result's columns; once, before the first row.
    fn columns(&mut self, columns: Vec<Column>);

    /// One row: each value in PostgreSQL's text form, `None` for NULL. `Break` when enough has been taken.
    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()>;

    /// A row came that is larger than a whole answer may be; it is not delivered and nothing follows it.
    fn oversized(&mut self);
}

/// Runs checked statements for callers.
pub struct Scope {
    pool: Pool<ConnectionManager>,
    pool_mode: PoolMode,
    permits: FairQueue<Holder>,
    endings: TaskTracker,
    closing: CancellationToken,
    posture: Posture,
    signer: Signer,
    statement_timeout: Duration,
    analyst_timeout: Duration,
    clock: fn() -> SystemTime,
}

impl Scope {
    /// A scope over a database. Connects when first used, not here.
    ///
    /// # Errors
    /// When the settings ask for TLS and its certificates cannot be used.
    pub fn new(
        address: DatabaseAddress,
        login: Login,
        key: SigningKey,
        limits: &Limits,
        clock: fn() -> SystemTime,
    ) -> Result<Self, TlsError> {
        let pool_mode = address.pool_mode;
        let largest_row = limits
            .answer
            .result_bytes
            .max(limits.analyst_answer.result_bytes);
        let posture = Posture::new(&address.database, &login.user);
        let connections = ConnectionManager::new(address, login, largest_row)?;
        let (slots, share) = (limits.connections.get(), limits.tenant_connections.get());
        Ok(Self {
            pool: pool::build(connections, slots, LONGEST_WAIT),
            pool_mode,
            permits: FairQueue::new(slots, share, None),
            endings: TaskTracker::new(),
            closing: CancellationToken::new(),
            posture,
            signer: Signer::new(key),
            statement_timeout: limits.answer.statement_timeout,
            analyst_timeout: limits.analyst_answer.statement_timeout,
            clock,
        })
    }

    /// Runs one statement for a caller and hands its rows to `sink`. `parameters` are values for `$1`, `$2`, … in text
    /// form; at most `most_rows` rows are asked of the database.
    ///
    /// # Errors
    /// [`ScopeError`]; `sink` may hold a part of the result then, which is not to be used.
    ///
    /// # Cancel safety
    /// The statement of a dropped call is cancelled at the database, within milliseconds; its connection is not used
    /// again, and its turn is held until the backend has ended.
    ///
    /// # Security
    /// What the statement sees is decided by the database, from the context signed for `caller`.
    pub async fn run(
        &self,
        caller: &Caller,
        query: &CheckedQuery,
        parameters: &[&str],
        most_rows: NonZeroU32,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        if query.kind() == StatementKind::Plan && !caller.may_see_plans() {
            return Err(ScopeError::PlanRefused);
        }
        let most_rows = i32::try_from(most_rows.get()).unwrap_or(i32::MAX);
        let query = Query {
            sql: query.sql(),
            settings: query.settings(),
            version: query.min_version(),
            retained_bytes: query.retained_bytes(),
            parameters,
            most_rows,
        };
        let tenant = caller.tenant();
        let statement_timeout = if caller.has_larger_limits() {
            self.analyst_timeout
        } else {
            self.statement_timeout
        };
        let task = Task::Run {
            tenant,
            query,
            statement_timeout,
        };
        self.unless_closing(self.transact(Some(tenant), task, sink))
            .await
            .map_err(|error| error.or_timed_out(statement_timeout))
    }

    /// Whether the database knows a tenant. Nobody but the holder of the signing key can ask.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told.
    pub async fn tenant_exists(&self, tenant: TenantId) -> Result<bool, ScopeError> {
        let mut nothing = Nothing;
        let verifying = self.transact(None, Task::Verify(tenant), &mut nothing);
        match self.unless_closing(verifying).await {
            Ok(()) => Ok(true),
            Err(ScopeError::UnknownTenant) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The connections that are open, and those of them that nobody uses now.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size, status.available)
    }

    /// Ends the calls under way: their statements are cancelled, and they and those after this fail. What is recorded still is.
    pub fn cancel_all(&self) {
        self.closing.cancel();
    }

    /// Ends the calls under way, waits a while until their statements have ended, and closes every connection.
    pub async fn close(&self) {
        self.cancel_all();
        self.pool.close();
        self.endings.close();
        if timeout(LONGEST_CLOSE, self.endings.wait()).await.is_err() {
            tracing::warn!("statements did not end in time; their connections are closed");
        }
    }

    /// The outcome of `running`, which is dropped when calls are ended.
    async fn unless_closing(
        &self,
        running: impl Future<Output = Result<(), ScopeError>>,
    ) -> Result<(), ScopeError> {
        // Either arm may be dropped: a call cancels its statement then, and waiting for a token keeps nothing.
        tokio::select! {
            biased; // a call that comes too late is told so, not that there is no connection
            () = self.closing.cancelled() => Err(ScopeError::Stopping),
            done = running => done,
        }
    }

    async fn transact(
        &self,
        holder: Holder,
        task: Task<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        let mut lease = self.lease(holder).await?;
        match self.on(&mut lease, task, sink).await {
            // A pooled connection that the server closed meanwhile has run nothing: reading again is safe.
            Err(WireError::Closed) if lease.is_reused() => {
                let mut fresh = lease.renew(&self.pool).await?;
                self.on(&mut fresh, task, sink).await
            }
            done => done,
        }
        .map_err(ScopeError::of_wire)
    }

    async fn on(
        &self,
        lease: &mut Lease,
        task: Task<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        let runs_statement = matches!(task, Task::Run { .. });
        let connection = lease.connection();
        let (mode, longest) = match task {
            Task::Ask(question) => (question.mode, self.statement_timeout),
            Task::Verify(_) => (TransactionMode::Read, self.statement_timeout),
            Task::Run {
                statement_timeout, ..
            } => (TransactionMode::Read, statement_timeout),
        };
        if let Task::Run { query, .. } = task {
            connection.require_version(query.version)?;
        }
        let transacting = async {
            // All is signed for the backend, which behind a pooler is only known once a transaction is open.
            let (backend, is_open) = match self.pool_mode {
                PoolMode::Direct => (connection.process_id(), false),
                PoolMode::Transaction => (connection.begin(mode).await?, true),
            };
            let now = (self.clock)();
            match task {
                Task::Run {
                    tenant,
                    query,
                    statement_timeout,
                } => {
                    let transaction = Transaction {
                        mode,
                        is_open,
                        context: Some(&self.signer.context(tenant, backend, now)),
                        statement_timeout,
                        query,
                    };
                    connection.transact(&transaction, sink).await
                }
                Task::Verify(tenant) => {
                    let transaction = Transaction {
                        mode,
                        is_open,
                        context: Some(&self.signer.context(tenant, backend, now)),
                        statement_timeout: self.statement_timeout,
                        query: Query::own(VERIFY, &[]),
                    };
                    connection
                        .transact(&transaction, sink)
                        .await
                        .map_err(WireError::of_own_statement)
                }
                Task::Ask(question) => {
                    let SignedCall { purpose, text, .. } = question;
                    let signature = self.signer.sign(purpose, text, backend, now);
                    question.ask(connection, &signature, is_open, sink).await
                }
            }
        };
        // The database ends a slow statement by itself; this is for one that it cannot interrupt,
        // and for a database that has gone silent.
        match timeout(longest + GRACE, transacting).await {
            Ok(done) => done,
            Err(_) if runs_statement && lease.connection().is_waiting() => {
                let backend = lease.connection().backend();
                Err(self.pool.manager().diagnose_silence(backend).await)
            }
            Err(_) => Err(WireError::Silent),
        }
    }

    /// A connection to a database that is fit to serve from, when it is the holder's turn.
    async fn lease(&self, holder: Holder) -> Result<Lease, ScopeError> {
        let mut lease = self.turn(holder).await?;
        let (signer, now) = (&self.signer, (self.clock)());
        let findings = match self.posture.findings(lease.connection(), signer, now).await {
            Err(WireError::Closed) if lease.is_reused() => {
                lease = lease.renew(&self.pool).await?;
                self.posture.findings(lease.connection(), signer, now).await
            }
            told => told,
        }
        .map_err(ScopeError::of_wire)?;
        if findings.is_empty() {
            Ok(lease)
        } else {
            Err(ScopeError::of_posture(findings))
        }
    }

    async fn turn(&self, holder: Holder) -> Result<Lease, ScopeError> {
        let turn = timeout(LONGEST_WAIT, self.permits.take(holder))
            .await
            .map_err(|_| ScopeError::Busy)?;
        Lease::new(turn, &self.pool, &self.endings).await
    }
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// What one transaction is for.
#[derive(Clone, Copy)]
enum Task<'a> {
    /// To run a statement for a tenant.
    Run {
        tenant: TenantId,
        query: Query<'a>,
        statement_timeout: Duration,
    },
    /// To have a tenant's context verified, and so to learn whether the tenant exists.
    Verify(TenantId),
    /// To ask what the database knows of callers.
    Ask(SignedCall<'a>),
}

/// For a transaction that asks nothing.
struct Nothing;

impl RowSink for Nothing {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, _: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn oversized(&mut self) {}
}
