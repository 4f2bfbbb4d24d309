use std::time::Duration;

use deadpool::managed::{Object, Pool};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Holder;
use super::error::ScopeError;
use super::fair_queue::Permit;
use super::pool::ConnectionManager;
use super::wire::Connection;

/// A pooled connection on which nothing was received for this long is probed before use: a firewall
/// or an address translation may have dropped it silently.
const PROBE_AFTER: Duration = Duration::from_secs(10);

/// The timeout of a probe, which takes one round trip on a live connection.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a connection may be idle in the pool. Azure's load balancers forget one after four
/// minutes.
const MAX_IDLE: Duration = Duration::from_secs(180);

/// A connection on loan for one transaction. When it is dropped, clean or not, on purpose or because nobody waits for the
/// answer any more, the connection goes back to the pool, or is closed; if a statement may still be running, that one is
/// cancelled first. Until then the turn is held, so the database never has more backends at work than there are turns.
pub(super) struct Lease {
    loan: Option<Loan>,
    endings: TaskTracker,
}

struct Loan {
    connection: Object<ConnectionManager>,
    // Dropped after the connection.
    turn: Permit<Holder>,
    /// Keeps the scope from being closed before this is given back.
    tracked: TaskTrackerToken,
}

impl Lease {
    pub(super) async fn new(
        turn: Permit<Holder>,
        pool: &Pool<ConnectionManager>,
        endings: &TaskTracker,
    ) -> Result<Self, ScopeError> {
        // Closes idle connections at the bottom of the pool too, which are never taken out.
        pool.retain(|connection, _| connection.silent_for() < MAX_IDLE);
        let mut lease = Self::open(turn, pool, endings).await?;
        let connection = lease.connection();
        if connection.silent_for() < PROBE_AFTER {
            return Ok(lease);
        }
        match timeout(PROBE_TIMEOUT, connection.ping()).await {
            Ok(Ok(())) => Ok(lease),
            Ok(Err(_)) | Err(_) => lease.renew(pool).await,
        }
    }

    async fn open(
        turn: Permit<Holder>,
        pool: &Pool<ConnectionManager>,
        endings: &TaskTracker,
    ) -> Result<Self, ScopeError> {
        let loan = Loan {
            tracked: endings.token(),
            connection: pool.get().await.map_err(ScopeError::of_pool)?,
            turn,
        };
        Ok(Self {
            loan: Some(loan),
            endings: endings.clone(),
        })
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        let loan = self.loan.as_mut();
        &mut loan
            .expect("a loan lasts until its lease is dropped")
            .connection
    }

    /// Whether the connection has served others before.
    pub(super) fn is_reused(&self) -> bool {
        self.loan
            .as_ref()
            .is_some_and(|loan| Object::metrics(&loan.connection).recycle_count > 0)
    }

    /// Gives up a dead connection, and the idle ones, which died with it when the server was restarted. The turn is kept
    /// for a new one.
    pub(super) async fn renew(
        mut self,
        pool: &Pool<ConnectionManager>,
    ) -> Result<Self, ScopeError> {
        let loan = self.loan.take();
        let Loan {
            connection, turn, ..
        } = loan.expect("a loan lasts until its lease is dropped");
        drop(Object::take(connection));
        pool.retain(|_, _| false);
        Self::open(turn, pool, &self.endings).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(loan) = self.loan.take() else {
            return;
        };
        if loan.connection.is_clean() && !loan.connection.is_old() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) if loan.connection.is_waiting() => {
                self.endings.spawn_on(loan.end(), &runtime);
            }
            // Nothing runs at the database, or nothing can be waited for here.
            Ok(_) | Err(_) => loan.close(),
        }
    }
}

impl Loan {
    async fn end(mut self) {
        if let Some(pool) = Object::pool(&self.connection) {
            pool.manager().end(&mut self.connection).await;
        }
        self.close();
    }

    /// Closes the connection now; the pool would keep it until it is asked for the next time.
    fn close(self) {
        let Self {
            connection,
            turn,
            tracked,
        } = self;
        drop(Object::take(connection));
        drop(turn);
        drop(tracked);
    }
}
