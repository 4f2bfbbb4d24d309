use std::time::Duration;

use tokio::time::timeout;

use super::context::Signer;
use super::lease::{Holder, Lease};
use super::routing::{LostDuringTransaction, NoLongerCurrent};
use super::row_sink::RowSink;
use super::server::{DatabaseServer, ServerRole};
use super::signed_call::SignedCall;
use super::wire::{Query, Transaction, TransactionMode, WireError};
use super::{QUEUE_TIMEOUT, REPLY_GRACE, SIGNING_KEY_TIMEOUT, Scope, ScopeError};
use crate::identity::TenantId;
use crate::query::guard::Fingerprint;
use crate::settings::PoolMode;
use crate::telemetry::{DatabaseCall, Wait, WaitTimer};

/// Has the database verify a context; a statement that reads no protected row would not.
const VERIFY_CONTEXT: &str = "SELECT pg_catalog.cardinality(guard.allowed_stores())";

/// Why there is no signing key.
#[derive(Debug, thiserror::Error)]
#[error("the signing key was not read within {} s", .0.as_secs())]
struct SigningKeyTimeout(Duration);

/// What one transaction does.
#[derive(Clone, Copy)]
pub(super) enum Operation<'a> {
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

impl Scope {
    /// Runs one transaction on one server.
    pub(super) async fn transact_on(
        &self,
        server: &DatabaseServer,
        holder: Holder,
        operation: Operation<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        let (mut lease, signer) = self.lease(server, holder).await?;
        // The permit and the connection may have taken seconds.
        if self
            .replicas
            .as_ref()
            .is_some_and(|replicas| !replicas.may_serve(server))
        {
            return Err(ScopeError::Unavailable(NoLongerCurrent.into()));
        }
        let call = DatabaseCall::begin(|| operation.describe(server.pool.manager().address()));
        let done = match self
            .run_on(server, &mut lease, &signer, operation, sink)
            .await
        {
            // PostgreSQL closed the pooled connection while it was idle, so nothing has run and a
            // retry is safe.
            Err(WireError::Closed) if lease.is_reused() => {
                let mut renewed = lease.renew(&server.pool).await?;
                self.run_on(server, &mut renewed, &signer, operation, sink)
                    .await
            }
            done => done,
        };
        call.finish(done.as_ref().err().map(WireError::error_type));
        done.map_err(|error| {
            let is_lost = error.is_connection_lost();
            match self.error_of_signed(server, error, &signer) {
                ScopeError::Unavailable(cause) if is_lost => {
                    ScopeError::Unavailable(LostDuringTransaction(cause).into())
                }
                other => other,
            }
        })
    }

    /// The error of a signed operation. A key that the primary does not accept was perhaps
    /// replaced; a replica may not have replayed it yet.
    fn error_of_signed(
        &self,
        server: &DatabaseServer,
        error: WireError,
        signer: &Signer,
    ) -> ScopeError {
        if server.role == ServerRole::Primary && error.is_signature_rejected() {
            self.signing_key.report_rejected(signer.key_id());
        }
        ScopeError::from_wire(error)
    }

    async fn run_on(
        &self,
        server: &DatabaseServer,
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
                    ..
                } => {
                    let transaction = Transaction {
                        mode,
                        is_open,
                        requires_replica,
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
                        requires_replica,
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
                Err(server.pool.manager().diagnose_silence(backend).await)
            }
            Err(_) => Err(WireError::NoReply),
        }
    }

    /// Waits for a permit and the signing key. Returns a connection to a database that has passed
    /// the posture check, and the signer.
    pub(super) async fn lease(
        &self,
        server: &DatabaseServer,
        holder: Holder,
    ) -> Result<(Lease, Signer), ScopeError> {
        // At once, because at the start both may take a round trip or more.
        let (mut lease, signer) =
            tokio::try_join!(self.lease_unchecked(server, holder), self.signer())?;
        let _waiting = WaitTimer::begin(Wait::Connection);
        let now = (self.clock)();
        let posture = &server.posture;
        let findings = match posture.findings(lease.connection(), &signer, now).await {
            Err(WireError::Closed) if lease.is_reused() => {
                lease = lease.renew(&server.pool).await?;
                posture.findings(lease.connection(), &signer, now).await
            }
            checked => checked,
        }
        .map_err(|error| self.error_of_signed(server, error, &signer))?;
        if findings.is_empty() {
            Ok((lease, signer))
        } else {
            Err(ScopeError::from_findings(findings))
        }
    }

    /// Signs with the current key.
    pub(super) async fn signer(&self) -> Result<Signer, ScopeError> {
        match timeout(SIGNING_KEY_TIMEOUT, self.signing_key.signing_key()).await {
            Ok(Ok(key)) => Ok(Signer::new(key)),
            Ok(Err(error)) => Err(ScopeError::Unavailable(error.into())),
            Err(_) => Err(ScopeError::Unavailable(
                SigningKeyTimeout(SIGNING_KEY_TIMEOUT).into(),
            )),
        }
    }

    /// Like [`Self::lease`], without the posture check.
    pub(super) async fn lease_unchecked(
        &self,
        server: &DatabaseServer,
        holder: Holder,
    ) -> Result<Lease, ScopeError> {
        let waiting = WaitTimer::begin(Wait::Permit);
        let permit = timeout(QUEUE_TIMEOUT, server.queue.acquire(holder))
            .await
            .map_err(|_| ScopeError::Busy)?;
        drop(waiting);
        let _waiting = WaitTimer::begin(Wait::Connection);
        Lease::new(permit, &server.pool, &self.leases).await
    }
}
