//! The replicas of a scope, and which of them a query runs on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::lease::Holder;
use super::replication::{ReplicaState, Replication};
use super::server::{DatabaseServer, ServerRole};
use super::transport::TlsError;
use crate::password::PasswordSource;
use crate::settings::{AcceptedFinding, Limits, ReplicaSettings};

/// How long servers are probed after a call. A server without calls leaves its databases alone.
const PROBE_AFTER_CALL: Duration = Duration::from_secs(60);

/// The replicas, and what is known of them. There is at least one.
pub(super) struct Replicas {
    pub(super) servers: Box<[DatabaseServer]>,
    pub(super) max_lag: Duration,
    replication: Mutex<Replication>,
    /// Where the choice among equally loaded replicas begins.
    rotation: AtomicUsize,
    last_call: LastCall,
}

impl Replicas {
    /// The replicas in the settings; `None` without any. Connects on first use, not here.
    ///
    /// # Errors
    /// [`TlsError`] when the settings ask for TLS and its certificates cannot be used.
    pub(super) fn new(
        settings: &ReplicaSettings,
        user: &str,
        accepted_findings: &[AcceptedFinding],
        password: &Arc<dyn PasswordSource>,
        limits: &Limits,
    ) -> Result<Option<Self>, TlsError> {
        if settings.addresses.is_empty() {
            return Ok(None);
        }
        let servers = settings.addresses.iter().map(|address| {
            let (role, accepted) = (ServerRole::Replica, accepted_findings.to_vec());
            let (address, password) = (address.clone(), Arc::clone(password));
            DatabaseServer::new(role, address, user, accepted, password, limits)
        });
        let servers: Box<[_]> = servers.collect::<Result<_, _>>()?;
        Ok(Some(Self {
            replication: Mutex::new(Replication::new(servers.len(), settings.max_lag)),
            servers,
            max_lag: settings.max_lag,
            rotation: AtomicUsize::new(0),
            last_call: LastCall::default(),
        }))
    }

    /// The usable replica on which a holder waits least; none of `excluded`.
    pub(super) fn choose(&self, holder: Holder, excluded: &[usize]) -> Option<usize> {
        let now = Instant::now();
        let first = self.rotation.fetch_add(1, Ordering::Relaxed);
        let count = self.servers.len();
        let replication = self.replication();
        (0..count)
            .map(|offset| (first.wrapping_add(offset)) % count)
            .filter(|index| !excluded.contains(index))
            .filter(|index| replication.state(*index, now) == ReplicaState::Usable)
            // The first of equally loaded ones, hence the rotation.
            .min_by_key(|index| self.servers[*index].queue.load(holder))
    }

    /// Whether a server may run a query now: the primary, or a replica that is current.
    pub(super) fn may_serve(&self, server: &DatabaseServer) -> bool {
        let is_this = |one: &DatabaseServer| std::ptr::eq(one, server);
        self.servers.iter().position(is_this).is_none_or(|index| {
            self.replication().state(index, Instant::now()) == ReplicaState::Usable
        })
    }

    /// What is known of the replicas. Never held across an await.
    pub(super) fn replication(&self) -> MutexGuard<'_, Replication> {
        self.replication
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call, so that the servers are probed.
    pub(super) fn record_call(&self) {
        self.last_call.record();
    }

    /// Waits until there was a call in the last minute.
    pub(super) async fn wait_for_recent_call(&self) {
        self.last_call.wait().await;
    }
}

/// When the servers were needed last.
#[derive(Default)]
struct LastCall {
    last: Mutex<Option<Instant>>,
    recorded: Notify,
}

impl LastCall {
    fn record(&self) {
        let last = self.lock().replace(Instant::now());
        if !is_recent(last) {
            self.recorded.notify_waiters();
        }
    }

    async fn wait(&self) {
        loop {
            // Created first, so that a call after the comparison is not missed.
            let recorded = self.recorded.notified();
            if is_recent(*self.lock()) {
                return;
            }
            recorded.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_recent(last: Option<Instant>) -> bool {
    last.is_some_and(|last| last.elapsed() < PROBE_AFTER_CALL)
}
