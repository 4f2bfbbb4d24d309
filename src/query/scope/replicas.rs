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
const DEMAND_TTL: Duration = Duration::from_secs(60);

/// The replicas, and what is known of them. There is at least one.
pub(super) struct Replicas {
    pub(super) servers: Box<[DatabaseServer]>,
    pub(super) max_lag: Duration,
    replication: Mutex<Replication>,
    /// Where the choice among equally loaded replicas begins.
    rotation: AtomicUsize,
    demand: Demand,
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
            demand: Demand::default(),
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

    /// What is known of the replicas. Never held across an await.
    pub(super) fn replication(&self) -> MutexGuard<'_, Replication> {
        self.replication
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call, so that the servers are probed.
    pub(super) fn note_demand(&self) {
        self.demand.note();
    }

    /// Waits until there was a call in the last minute.
    pub(super) async fn demanded(&self) {
        self.demand.wait().await;
    }
}

/// When the servers were needed last.
#[derive(Default)]
struct Demand {
    last: Mutex<Option<Instant>>,
    noted: Notify,
}

impl Demand {
    fn note(&self) {
        let last = self.lock().replace(Instant::now());
        if !is_recent(last) {
            self.noted.notify_waiters();
        }
    }

    async fn wait(&self) {
        loop {
            // Created first, so that a call after the comparison is not missed.
            let noted = self.noted.notified();
            if is_recent(*self.lock()) {
                return;
            }
            noted.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_recent(last: Option<Instant>) -> bool {
    last.is_some_and(|last| last.elapsed() < DEMAND_TTL)
}
