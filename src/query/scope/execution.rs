use std::time::Duration;

use tokio::time::timeout;

use super::lease::{Holder, Lease};
use super::row_sink::RowSink;
use super::server::{DatabaseServer, ServerRole};
use super::signed_call::SignedCall;
use super::wire::{Query, Transaction, TransactionMode, WireError};
use super::{QUEUE_TIMEOUT, REPLY_GRACE, Scope, ScopeError};
use crate::identity::TenantId;
use crate::settings::PoolMode;

/// Has the database verify a context; a statement that reads no protected row would not.
const VERIFY_CONTEXT: &str = "SELECT pg_catalog.cardinality(guard.allowed_stores())";

/// What one transaction does.
#[derive(Clone, Copy)]
pub(super) enum Operation<'a> {
    /// Runs a client's statement for a tenant.
    RunQuery {
        tenant: TenantId,
        query: Query<'a>,
        statement_timeout: Duration,
    },
    /// Has a tenant's context verified, which fails if there is no such tenant.
    VerifyContext(TenantId),
    /// Calls a function of the guard with a signature instead of a context.
    SignedCall(SignedCall<'a>),
}

impl Scope {
    /// Runs one transaction on one server.
    pub(super) async fn transact_on(
        &self,
        server: &DatabaseServer,
        holder: Holder,
        operation: Operation<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        let mut lease = self.lease(server, holder).await?;
        match self.run_on(server, &mut lease, operation, sink).await {
            // PostgreSQL closed the pooled connection while it was idle, so nothing has run and a
            // retry is safe.
            Err(WireError::Closed) if lease.is_reused() => {
                let mut renewed = lease.renew(&server.pool).await?;
                self.run_on(server, &mut renewed, operation, sink).await
            }
            done => done,
        }
        .map_err(ScopeError::from_wire)
    }

    async fn run_on(
        &self,
        server: &DatabaseServer,
        lease: &mut Lease,
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
        let requires_replica = server.role == ServerRole::Replica;
        let transacting = async {
            // Signatures are bound to the backend, which behind a pooler is known only once a
            // transaction is open.
            let (backend, is_open) = match server.pool_mode {
                PoolMode::Direct => (connection.process_id(), false),
                PoolMode::Transaction => (connection.begin(mode).await?, true),
            };
            let now = (self.clock)();
            match operation {
                Operation::RunQuery {
                    tenant,
                    query,
                    statement_timeout,
                } => {
                    let transaction = Transaction {
                        mode,
                        is_open,
                        requires_replica,
                        context: Some(&self.signer.sign_context(tenant, backend, now)),
                        statement_timeout,
                        query,
                    };
                    connection.transact(&transaction, sink).await
                }
                Operation::VerifyContext(tenant) => {
                    let transaction = Transaction {
                        mode,
                        is_open,
                        requires_replica,
                        context: Some(&self.signer.sign_context(tenant, backend, now)),
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
                    let signature = self.signer.sign_call(purpose, payload, backend, now);
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
                Err(server.pool.manager().diagnose_silence(backend).await)
            }
            Err(_) => Err(WireError::NoReply),
        }
    }

    /// Waits for a permit, and returns a connection to a database that has passed the posture
    /// check.
    pub(super) async fn lease(
        &self,
        server: &DatabaseServer,
        holder: Holder,
    ) -> Result<Lease, ScopeError> {
        let mut lease = self.lease_unchecked(server, holder).await?;
        let (signer, now) = (&self.signer, (self.clock)());
        let findings = match server
            .posture
            .findings(lease.connection(), signer, now)
            .await
        {
            Err(WireError::Closed) if lease.is_reused() => {
                lease = lease.renew(&server.pool).await?;
                server
                    .posture
                    .findings(lease.connection(), signer, now)
                    .await
            }
            checked => checked,
        }
        .map_err(ScopeError::from_wire)?;
        if findings.is_empty() {
            Ok(lease)
        } else {
            Err(ScopeError::from_findings(findings))
        }
    }

    /// Like [`Self::lease`], without the posture check.
    pub(super) async fn lease_unchecked(
        &self,
        server: &DatabaseServer,
        holder: Holder,
    ) -> Result<Lease, ScopeError> {
        let permit = timeout(QUEUE_TIMEOUT, server.queue.acquire(holder))
            .await
            .map_err(|_| ScopeError::Busy)?;
        Lease::new(permit, &server.pool, &self.leases).await
    }
}
