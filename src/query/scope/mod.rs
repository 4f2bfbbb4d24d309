//! The only way to a tenant's rows: one read-only transaction with a context signed for the caller,
//! always rolled back, on a replica if the database has one that is current. Audit records are
//! appended the same way, signed too, in transactions that hold nothing else.
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
//! - no statement runs for a caller before its server has passed the posture check;
//! - a query runs on a replica only while the replica's data is known to be at most the maximum lag
//!   old, and again on another server only if no row of it was delivered;
//! - nothing is written on a replica, and no replica's "does not exist" is final.

// Methods of `Scope`, by subject.
mod audit; // appending to the audit log
mod callers; // what the database knows of callers
mod clock; // how far the database's clock is from this server's
mod embedding_models; // how many products have vectors
mod examination; // when the database is examined in full
mod execution; // one transaction on one server
mod probe; // whether the primary answers, and how far its replicas are
mod routing; // which server runs a transaction, and what is retried on another

mod traced_operation; // what traces and metrics show of a transaction

// A module of the following groups may use the modules of later groups, and no others of the scope.
mod replicas; // the read replicas, and the choice among them

mod server_status; // how operators see a server

mod replication; // how far each replica has followed the primary
mod server; // one PostgreSQL server: connections, permits, posture

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

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::identity::{Caller, TenantId};
use crate::password::PasswordSource;
use crate::query::LimitsByRole;
use crate::query::guard::{CheckedQuery, StatementKind};
use crate::settings::{AcceptedFinding, DatabaseAddress, Limits, ReplicaSettings};
use crate::signing_key::SigningKeySource;

pub use embedding_models::EmbeddedProducts;
pub use error::ScopeError;
pub use pg_error::PgError;
pub use posture::{Finding, PostureReport, PostureRule};
pub use row_sink::{Column, RowSink};
pub use server_status::{ServerState, ServerStatus};
pub use transport::TlsError;

use execution::Operation;
use replicas::Replicas;
use row_sink::{IgnoreRows, RowCollector};
use server::{DatabaseServer, ServerRole};
use signed_call::SignedCall;
use wire::{Query, TransactionMode, WireError};

/// How long a request waits for its permit.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request waits for the signing key.
const SIGNING_KEY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long PostgreSQL may take to reply beyond the statement timeout, before the connection is
/// given up.
const REPLY_GRACE: Duration = Duration::from_secs(2);

/// How long closing waits for statements to be cancelled.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the database is, and as which login it is used.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// The address of the primary.
    pub primary: DatabaseAddress,
    /// Its read replicas.
    pub replicas: ReplicaSettings,
    /// The login; the same on every server.
    pub user: String,
    /// The posture findings in spite of which data is served.
    pub accepted_findings: Vec<AcceptedFinding>,
}

/// Runs checked statements for callers.
pub struct Scope {
    primary: DatabaseServer,
    /// `None` without replicas.
    replicas: Option<Replicas>,
    /// Tracks the leases that are not returned yet, and the tasks that cancel their statements.
    leases: TaskTracker,
    stopping: CancellationToken,
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
        database: DatabaseSettings,
        password: Arc<dyn PasswordSource>,
        signing_key: Arc<dyn SigningKeySource>,
        limits: &Limits,
        clock: fn() -> SystemTime,
    ) -> Result<Self, TlsError> {
        let DatabaseSettings {
            primary,
            replicas,
            user,
            accepted_findings: accepted,
        } = database;
        let replicas = Replicas::new(&replicas, &user, &accepted, &password, limits)?;
        let role = ServerRole::Primary;
        Ok(Self {
            primary: DatabaseServer::new(role, primary, &user, accepted, password, limits)?,
            replicas,
            leases: TaskTracker::new(),
            stopping: CancellationToken::new(),
            signing_key,
            limits: LimitsByRole::new(limits),
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

    /// How many connections are open, and how many of them are idle, on all servers.
    #[must_use]
    pub fn connections(&self) -> (usize, usize) {
        let statuses = self.servers().map(|server| server.pool.status());
        statuses.fold((0, 0), |(open, idle), status| {
            (open + status.size, idle + status.available)
        })
    }

    /// How many violations of posture rules the last checks have found, on all servers.
    #[must_use]
    pub fn finding_count(&self) -> usize {
        let counts = self.servers().map(|server| server.posture.finding_count());
        counts.sum()
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
        for server in self.servers() {
            server.pool.close();
        }
        self.leases.close();
        if timeout(CLOSE_TIMEOUT, self.leases.wait()).await.is_err() {
            tracing::warn!("statements did not end in time; their connections are closed");
        }
    }

    /// The primary, then its replicas.
    fn servers(&self) -> impl Iterator<Item = &DatabaseServer> {
        let replicas = self.replicas.iter().flat_map(|replicas| &replicas.servers);
        std::iter::once(&self.primary).chain(replicas)
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
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
