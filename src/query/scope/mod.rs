//! The only way to a tenant's rows: one read-only transaction, signed for the caller, always rolled back.
//!
//! Knows the wire protocol, the pool and the signed context of `migrations/0002_guard.sql`; must not know MCP, JSON or what
//! the statement means. Begin, enter, query and rollback are written together and read together, so a warm query costs one
//! round trip; sqlx can neither pipeline nor return a bound statement's result as text (`docs/decisions/0002`).
//! Invariants: a connection goes back to the pool only when the server has said that no transaction is open; nothing runs for a
//! caller unless [`posture`] has found the database fit for it.
mod context; // the signed tenant context
mod error; // what can go wrong, by what the caller can do
mod pool; // warm connections
mod posture; // whether the database is fit to serve from
mod transport; // TCP or TLS
mod wire; // one connection: messages out, messages in

use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deadpool::managed::{Object, Pool};

use crate::identity::{Caller, TenantId};
use crate::query::guard::CheckedQuery;
use crate::settings::{DatabaseAddress, Limits, Login, SigningKey};

pub use error::{DatabaseError, ScopeError};
pub use posture::{Finding, Rule};
pub use transport::TlsError;

use context::Signer;
use pool::Connections;
use posture::Posture;
use wire::{Query, Transaction, WireError};

/// How long a request waits for a connection when all are in use.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long the server may stay silent beyond the statement timeout before the connection is given up.
const GRACE: Duration = Duration::from_secs(2);

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
    pool: Pool<Connections>,
    posture: Posture,
    signer: Signer,
    statement_timeout: Duration,
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
        let connections = Connections::new(address, login, limits.result_bytes)?;
        Ok(Self {
            pool: pool::build(connections, limits.connections.get(), LONGEST_WAIT),
            posture: Posture::new(),
            signer: Signer::new(key),
            statement_timeout: limits.statement_timeout,
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
    /// The connection of a dropped call is not used again. Its statement may run on until its timeout.
    ///
    /// # Security
    /// What the statement sees is decided by the database, from the context signed for `caller`.
    pub async fn run(
        &self,
        caller: Caller,
        query: &CheckedQuery,
        parameters: &[&str],
        most_rows: NonZeroU32,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        let most_rows = i32::try_from(most_rows.get()).unwrap_or(i32::MAX);
        self.transact(
            caller.tenant(),
            Some(Query {
                sql: query.sql(),
                parameters,
                most_rows,
            }),
            sink,
        )
        .await
    }

    /// Whether the database knows a tenant. Nobody but the holder of the signing key can ask.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told.
    pub async fn knows(&self, tenant: TenantId) -> Result<bool, ScopeError> {
        match self.transact(tenant, None, &mut Nothing).await {
            Ok(()) => Ok(true),
            Err(ScopeError::UnknownTenant) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the database answers this login.
    ///
    /// # Errors
    /// [`ScopeError`] says why not.
    pub async fn ping(&self) -> Result<(), ScopeError> {
        let mut connection = self.connection().await?;
        let pinged = tokio::time::timeout(GRACE, connection.ping()).await;
        match pinged {
            Ok(Ok(())) => Ok(()),
            // The pool's connection may have died since it was used; a new one tells about the database.
            Ok(Err(_)) | Err(_) => {
                self.forget_idle(connection);
                let mut fresh = self.connection().await?;
                tokio::time::timeout(GRACE, fresh.ping())
                    .await
                    .map_err(|_| ScopeError::Unavailable(WireError::Silent.into()))?
                    .map_err(ScopeError::of_wire)
            }
        }
    }

    /// Everything about the login and the database that keeps this server from serving data, examined now.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told, and [`ScopeError::Misconfigured`] where `migrate` has not run.
    pub async fn examine(&self) -> Result<Arc<[Finding]>, ScopeError> {
        let mut connection = self.pool.get().await.map_err(ScopeError::of_pool)?;
        let findings = posture::examine(&mut connection)
            .await
            .map_err(ScopeError::of_wire)?;
        if findings.iter().any(Finding::is_of_unprepared) {
            return Err(ScopeError::of_posture(findings));
        }
        Ok(findings)
    }

    /// Closes every connection; calls after this fail.
    pub fn close(&self) {
        self.pool.close();
    }

    async fn transact(
        &self,
        tenant: TenantId,
        query: Option<Query<'_>>,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        let mut connection = self.connection().await?;
        let reused = Object::metrics(&connection).recycle_count > 0;
        match self.on(&mut connection, tenant, query, sink).await {
            // A pooled connection that the server closed meanwhile has run nothing: reading again is safe.
            Err(WireError::Closed) if reused => {
                self.forget_idle(connection);
                let mut fresh = self.connection().await?;
                self.on(&mut fresh, tenant, query, sink).await
            }
            done => done,
        }
        .map_err(ScopeError::of_wire)
    }

    async fn on(
        &self,
        connection: &mut Object<Connections>,
        tenant: TenantId,
        query: Option<Query<'_>>,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        let entry = self
            .signer
            .enter(tenant, connection.process_id(), (self.clock)());
        let transaction = Transaction {
            entry: Some(&entry),
            statement_timeout: self.statement_timeout,
            query,
        };
        // The database ends a slow statement by itself; this is for a database that has gone silent.
        let deadline = self.statement_timeout + GRACE;
        tokio::time::timeout(deadline, connection.transact(&transaction, sink))
            .await
            .unwrap_or(Err(WireError::Silent))
    }

    /// A connection to a database that is fit to serve from.
    async fn connection(&self) -> Result<Object<Connections>, ScopeError> {
        let mut connection = self.pool.get().await.map_err(ScopeError::of_pool)?;
        let reused = Object::metrics(&connection).recycle_count > 0;
        let findings = match self.posture.findings(&mut connection).await {
            Err(WireError::Closed) if reused => {
                self.forget_idle(connection);
                connection = self.pool.get().await.map_err(ScopeError::of_pool)?;
                self.posture.findings(&mut connection).await
            }
            told => told,
        }
        .map_err(ScopeError::of_wire)?;
        if findings.is_empty() {
            Ok(connection)
        } else {
            Err(ScopeError::of_posture(findings))
        }
    }

    /// Drops a dead connection and the idle ones, which died with it when the server was restarted.
    fn forget_idle(&self, dead: Object<Connections>) {
        drop(Object::take(dead));
        self.pool.retain(|_, _| false);
    }
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
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
