use std::error::Error;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use super::execution::Operation;
use super::lease::Holder;
use super::pg_error::PgError;
use super::replicas::Replicas;
use super::replication::ReplicaProblem;
use super::row_sink::{DeferredSink, RowSink};
use super::server::DatabaseServer;
use super::wire::TransactionMode;
use super::{Scope, ScopeError};

/// On how many replicas a query is tried before the primary runs it.
const MAX_REPLICA_ATTEMPTS: usize = 2;

/// A server was found not to answer while a call waited for it.
#[derive(Debug, thiserror::Error)]
#[error("the server stopped answering")]
struct StoppedAnswering;

fn is_lost_during_transaction(error: &ScopeError) -> bool {
    matches!(error, ScopeError::Unavailable(cause) if cause.is::<LostDuringTransaction>())
}

fn is_stopped_answering(error: &ScopeError) -> bool {
    matches!(error, ScopeError::Unavailable(cause) if cause.is::<StoppedAnswering>())
}

/// The connection was lost while the transaction ran: the statement itself may be the cause.
#[derive(Debug, thiserror::Error)]
#[error("the connection was lost during the transaction")]
pub(super) struct LostDuringTransaction(#[source] pub(super) Box<dyn Error + Send + Sync>);

/// The replica's data became too old while the call waited for a connection.
#[derive(Debug, thiserror::Error)]
#[error("the replica is no longer current")]
pub(super) struct NoLongerCurrent;

/// Where a call can succeed that failed on one server before it delivered a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// Nowhere: the error is the answer.
    Never,
    /// On any other server.
    Elsewhere,
    /// On any other server, and this one has a problem.
    ElsewhereAndProbe,
    /// On the primary: the replica may not have replayed a key, tenant, grant or migration yet.
    Primary,
}

impl Retry {
    fn after(error: &ScopeError) -> Self {
        match error {
            ScopeError::Unavailable(cause) if cause.is::<NoLongerCurrent>() => Self::Elsewhere,
            ScopeError::Unavailable(_) => Self::ElsewhereAndProbe,
            ScopeError::UnknownTenant | ScopeError::Misconfigured(_) | ScopeError::Posture(_) => {
                Self::Primary
            }
            ScopeError::Database(PgError { sqlstate, .. }) => match sqlstate.as_str() {
                // The statement conflicted with the replay of a change on the primary.
                "40001" | "40P01" => Self::Elsewhere,
                // A privilege, schema, table, column, function or type does not exist.
                "42501" | "3F000" | "42P01" | "42703" | "42883" | "42704" => Self::Primary,
                _ => Self::Never,
            },
            ScopeError::ErrorTooLong
            | ScopeError::VersionTooOld { .. }
            | ScopeError::TimedOut(_)
            | ScopeError::Busy
            | ScopeError::PlanRefused
            | ScopeError::Stopping => Self::Never,
        }
    }
}

/// Why an attempt on one server failed.
enum AttemptError {
    /// A part of the result was delivered, so the call cannot be retried.
    Delivered(ScopeError),
    /// Nothing was delivered.
    Undelivered(ScopeError),
}

impl Scope {
    /// Runs one transaction on the server that it belongs to: a tenant's query on a replica, or on
    /// the primary if no replica is usable; everything else on the primary. Only while the primary
    /// is away are lookups answered by a replica.
    pub(super) async fn transact(
        &self,
        holder: Holder,
        operation: Operation<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        let Some(replicas) = &self.replicas else {
            return self
                .transact_on(&self.primary, holder, operation, sink)
                .await;
        };
        replicas.record_call();
        // Without a key every server would fail, and seem to have a problem.
        self.signer().await?;
        // On the heap, because each call without replicas would contain the futures.
        match operation {
            Operation::RunQuery { .. } => {
                Box::pin(self.query(replicas, holder, operation, sink)).await
            }
            Operation::SignedCall(call) if call.mode == TransactionMode::Append => {
                self.transact_on(&self.primary, holder, operation, sink)
                    .await
            }
            Operation::VerifyContext(_) | Operation::SignedCall(_) => {
                Box::pin(self.look_up(replicas, operation, sink)).await
            }
        }
    }

    async fn query(
        &self,
        replicas: &Replicas,
        holder: Holder,
        operation: Operation<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        let mut tried = Vec::with_capacity(MAX_REPLICA_ATTEMPTS);
        let mut is_lost = false;
        while tried.len() < MAX_REPLICA_ATTEMPTS
            && let Some(index) = replicas.choose(holder, &tried)
        {
            tried.push(index);
            let server = &replicas.servers[index];
            let error = match self.attempt(server, holder, operation, sink).await {
                Ok(()) => return Ok(()),
                Err(AttemptError::Delivered(error)) => return Err(error),
                Err(AttemptError::Undelivered(error)) => error,
            };
            let retry = Retry::after(&error);
            // A statement that ends its backend would otherwise end one on every server.
            let was_lost = std::mem::replace(&mut is_lost, is_lost_during_transaction(&error));
            if retry == Retry::Never || was_lost && is_lost {
                return Err(error);
            }
            tracing::debug!(
                server = server.name,
                error = &error as &dyn std::error::Error,
                "query failed on a replica; will retry on another server"
            );
            if retry == Retry::ElsewhereAndProbe {
                let unreachable = ReplicaProblem::Unreachable;
                replicas.replication().record_problem(index, unreachable);
                server.report_failure();
            }
            if retry == Retry::Primary {
                break;
            }
        }
        self.transact_on(&self.primary, holder, operation, sink)
            .await
    }

    /// Looks up a tenant, grants or a key. What a replica answers counts only if it is positive:
    /// what it does not have may be new.
    async fn look_up(
        &self,
        replicas: &Replicas,
        operation: Operation<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), ScopeError> {
        let (primary, mut primary_error) = (&self.primary, None);
        if !primary.is_down() {
            match self.attempt(primary, None, operation, sink).await {
                Ok(()) => return Ok(()),
                Err(AttemptError::Undelivered(error @ ScopeError::Unavailable(_))) => {
                    primary.report_failure();
                    primary_error = Some(error);
                }
                Err(AttemptError::Delivered(error) | AttemptError::Undelivered(error)) => {
                    return Err(error);
                }
            }
        }
        if let Some(index) = replicas.choose(None, &[]) {
            let delivered = AtomicBool::new(false);
            let mut positive = DeferredSink::new(sink, &delivered);
            let server = &replicas.servers[index];
            let looked_up = self.attempt(server, None, operation, &mut positive).await;
            match looked_up {
                Ok(()) if delivered.load(Ordering::Relaxed) => return Ok(()),
                Err(AttemptError::Delivered(error)) => return Err(error),
                Ok(()) | Err(AttemptError::Undelivered(_)) => {}
            }
            // The replica is current, so the primary was away a moment ago: waiting for it again
            // would only delay the answer.
            return Err(
                primary_error.unwrap_or_else(|| ScopeError::Unavailable(StoppedAnswering.into()))
            );
        }
        match primary_error {
            // Found by a probe, which has less time than a call: it may answer late.
            Some(error) if !is_stopped_answering(&error) => Err(error),
            _ => self.transact_on(primary, None, operation, sink).await,
        }
    }

    /// Runs one transaction on one server, and gives up when the server is found not to answer
    /// before the first row was delivered.
    async fn attempt(
        &self,
        server: &DatabaseServer,
        holder: Holder,
        operation: Operation<'_>,
        sink: &mut dyn RowSink,
    ) -> Result<(), AttemptError> {
        let delivered = AtomicBool::new(false);
        let mut deferred = DeferredSink::new(sink, &delivered);
        let outage = server.outage();
        let result = {
            let mut running = pin!(self.transact_on(server, holder, operation, &mut deferred));
            // Either arm may be dropped: a dropped transaction is cancelled at its server.
            let done = tokio::select! {
                biased; // a result counts although the server has gone since
                done = &mut running => Some(done),
                () = outage.cancelled() => None,
            };
            match done {
                Some(done) => done,
                None if delivered.load(Ordering::Relaxed) => running.await,
                None => Err(ScopeError::Unavailable(StoppedAnswering.into())),
            }
        };
        match result {
            Ok(()) => {
                deferred.finish();
                Ok(())
            }
            Err(error) if delivered.load(Ordering::Relaxed) => Err(AttemptError::Delivered(error)),
            Err(error) => Err(AttemptError::Undelivered(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_statement_are_final_and_others_are_retried() {
        let reported = |sqlstate: &str| {
            ScopeError::Database(PgError {
                sqlstate: sqlstate.to_owned(),
                message: String::new(),
                hint: None,
                position: None,
            })
        };
        for (error, retry) in [
            (reported("22012"), Retry::Never),
            (reported("57014"), Retry::Never),
            (reported("40001"), Retry::Elsewhere),
            (reported("42P01"), Retry::Primary),
            (ScopeError::UnknownTenant, Retry::Primary),
            (ScopeError::Busy, Retry::Never),
            (
                ScopeError::Unavailable(StoppedAnswering.into()),
                Retry::ElsewhereAndProbe,
            ),
            (
                ScopeError::Unavailable(NoLongerCurrent.into()),
                Retry::Elsewhere,
            ),
            (
                ScopeError::Misconfigured(StoppedAnswering.into()),
                Retry::Primary,
            ),
        ] {
            assert_eq!(Retry::after(&error), retry, "{error:?}");
        }
    }
}
