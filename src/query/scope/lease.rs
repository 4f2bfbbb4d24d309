use std::time::Duration;

use deadpool::managed::{Object, Pool};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

use super::error::ScopeError;
use super::fair_queue::Permit;
use super::pool::ConnectionManager;
use super::wire::Connection;
use crate::identity::TenantId;

/// A pooled connection on which nothing was received for this long is probed before use: a firewall
/// or an address translation may have dropped it silently.
const PROBE_AFTER: Duration = Duration::from_secs(10);

/// The timeout of a probe, which takes one round trip on a live connection.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a connection may be idle in the pool. Azure's load balancers drop one after four
/// minutes.
const MAX_IDLE: Duration = Duration::from_secs(180);

/// Who holds a permit: a tenant, or `None` for the server's own statements. Looking up a tenant is
/// one of those. It gets no share of its own, because a tenant id that is not known yet may be
/// invented.
pub(super) type Holder = Option<TenantId>;

/// A pooled connection for one transaction, with the permit to run it.
///
/// Dropping a lease returns the connection to the pool if it is clean, and closes it otherwise. The
/// lease of a dropped call may have a statement running: a background task cancels that statement
/// first. The permit is held until then, so the database never runs more backends than there are
/// permits.
pub(super) struct Lease {
    /// `None` once the lease is renewed or dropped.
    leased: Option<Leased>,
    leases: TaskTracker,
}

/// What a lease returns.
struct Leased {
    connection: Object<ConnectionManager>,
    // Dropped after the connection.
    permit: Permit<Holder>,
    /// Has `Scope::close` wait until the connection is returned.
    token: TaskTrackerToken,
}

impl Lease {
    /// Takes a live connection from the pool; connects when none is idle.
    ///
    /// # Errors
    /// [`ScopeError`] when the database cannot be reached.
    pub(super) async fn new(
        permit: Permit<Holder>,
        pool: &Pool<ConnectionManager>,
        leases: &TaskTracker,
    ) -> Result<Self, ScopeError> {
        // Also closes idle connections at the bottom of the pool, which are never taken out.
        pool.retain(|connection, _| connection.silent_for() < MAX_IDLE);
        let mut lease = Self::open(permit, pool, leases).await?;
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
        permit: Permit<Holder>,
        pool: &Pool<ConnectionManager>,
        leases: &TaskTracker,
    ) -> Result<Self, ScopeError> {
        let leased = Leased {
            token: leases.token(),
            connection: pool.get().await.map_err(ScopeError::from_pool)?,
            permit,
        };
        Ok(Self {
            leased: Some(leased),
            leases: leases.clone(),
        })
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        let leased = self.leased.as_mut();
        &mut leased
            .expect("only `renew` and `drop` take it, and both end the lease")
            .connection
    }

    /// Whether the connection has served another lease before.
    pub(super) fn is_reused(&self) -> bool {
        self.leased
            .as_ref()
            .is_some_and(|leased| Object::metrics(&leased.connection).recycle_count > 0)
    }

    /// Replaces a dead connection by a new one under the same permit. Closes the idle connections
    /// too: when the database was restarted, they died with this one.
    pub(super) async fn renew(
        mut self,
        pool: &Pool<ConnectionManager>,
    ) -> Result<Self, ScopeError> {
        let leased = self.leased.take();
        let Leased {
            connection, permit, ..
        } = leased.expect("only `renew` and `drop` take it, and both end the lease");
        drop(Object::take(connection));
        pool.retain(|_, _| false);
        Self::open(permit, pool, &self.leases).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(leased) = self.leased.take() else {
            return;
        };
        if leased.connection.is_clean() && !leased.connection.is_expired() {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) if leased.connection.is_awaiting_reply() => {
                let closing = leased.cancel_and_close().in_current_span();
                self.leases.spawn_on(closing, &runtime);
            }
            // No statement is running, or there is no runtime to wait on.
            Ok(_) | Err(_) => leased.close(),
        }
    }
}

impl Leased {
    async fn cancel_and_close(mut self) {
        if let Some(pool) = Object::pool(&self.connection) {
            pool.manager().cancel_and_drain(&mut self.connection).await;
        }
        self.close();
    }

    /// Closes the connection now; the pool would keep it until its next use.
    fn close(self) {
        let Self {
            connection,
            permit,
            token,
        } = self;
        drop(Object::take(connection));
        drop(permit);
        drop(token);
    }
}
