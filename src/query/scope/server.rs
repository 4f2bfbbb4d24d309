//! One PostgreSQL server: the primary, or a replica. Each has connections, permits and a posture of
//! its own, so a server that fails or is slow takes nothing from the others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use deadpool::managed::Pool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::fair_queue::FairQueue;
use super::lease::Holder;
use super::pool::{self, ConnectionManager};
use super::posture::Posture;
use super::transport::TlsError;
use crate::password::PasswordSource;
use crate::query::LimitsByRole;
use crate::settings::{AcceptedFinding, DatabaseAddress, Limits, PoolMode};

/// Whether a server takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerRole {
    Primary,
    Replica,
}

/// One PostgreSQL server, as this process uses it.
pub(super) struct DatabaseServer {
    pub(super) role: ServerRole,
    /// Host and port, for logs and reports.
    pub(super) name: String,
    pub(super) pool: Pool<ConnectionManager>,
    pub(super) pool_mode: PoolMode,
    pub(super) queue: FairQueue<Holder>,
    pub(super) posture: Posture,
    /// Cancelled while the server does not answer; a new one when it does again.
    outage: Mutex<CancellationToken>,
    /// Whether it has answered a probe since the start.
    has_answered: AtomicBool,
    /// Has the server probed at once.
    failure_reported: Notify,
}

impl DatabaseServer {
    /// A server. Connects on first use, not here.
    ///
    /// # Errors
    /// [`TlsError`] when the settings ask for TLS and its certificates cannot be used.
    pub(super) fn new(
        role: ServerRole,
        address: DatabaseAddress,
        user: &str,
        accepted_findings: Vec<AcceptedFinding>,
        password: Arc<dyn PasswordSource>,
        limits: &Limits,
    ) -> Result<Self, TlsError> {
        let name = format!("{}:{}", address.host, address.port);
        let pool_mode = address.pool_mode;
        let posture = Posture::new(&address.database, user, accepted_findings);
        let max_row_bytes = LimitsByRole::new(limits).max_result_bytes();
        let is_primary = role == ServerRole::Primary;
        let connections = ConnectionManager::new(
            address,
            user.to_owned(),
            password,
            max_row_bytes,
            is_primary,
        )?;
        let permits = limits.connections.get();
        let max_per_tenant = limits.tenant_connections.get();
        Ok(Self {
            role,
            name,
            pool: pool::build(connections, permits, super::QUEUE_TIMEOUT),
            pool_mode,
            queue: FairQueue::new(permits, max_per_tenant, None),
            posture,
            outage: Mutex::default(),
            has_answered: AtomicBool::new(false),
            failure_reported: Notify::new(),
        })
    }

    /// A token that is cancelled when the server is found not to answer.
    pub(super) fn outage(&self) -> CancellationToken {
        self.lock_outage().clone()
    }

    /// Whether the server did not answer when it was last probed.
    pub(super) fn is_down(&self) -> bool {
        self.lock_outage().is_cancelled()
    }

    /// Marks the server as not answering. Calls that wait for it are told, and its idle connections
    /// are closed: they may be dead as well.
    pub(super) fn mark_down(&self) {
        self.lock_outage().cancel();
        self.pool.retain(|_, _| false);
    }

    /// Whether the server has answered a probe since the start of this process.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    /// Marks the server as answering.
    pub(super) fn mark_up(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
        let mut outage = self.lock_outage();
        if outage.is_cancelled() {
            *outage = CancellationToken::new();
        }
    }

    /// Reports that a call failed because of the server, so that it is probed soon.
    pub(super) fn report_failure(&self) {
        self.failure_reported.notify_one();
    }

    /// Waits until a failure is reported.
    ///
    /// # Cancel safety
    /// A report that a dropped call has not received is kept for the next one.
    pub(super) async fn failure_reported(&self) {
        self.failure_reported.notified().await;
    }

    fn lock_outage(&self) -> std::sync::MutexGuard<'_, CancellationToken> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
