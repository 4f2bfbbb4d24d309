use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::clock::clock_skew_between;
use super::context::CONTEXT_TTL;
use super::lease::Lease;
use super::replicas::Replicas;
use super::replication::{History, Progress, ReplicaProblem, ReplicaState};
use super::row_sink::RowCollector;
use super::server::DatabaseServer;
use super::server_status::{ServerState, ServerStatus};
use super::wire::{Connection, Query, WireError};
use super::{Finding, Scope, ScopeError};

/// What a server contains.
const PROBE: &str = include_str!("probe.sql");

/// How often a server is probed, at least; more often for a small maximum lag.
const MAX_PROBE_INTERVAL: Duration = Duration::from_millis(500);

/// How long a probe may take, connecting included. A server that does not answer it is taken to be
/// down.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the first probe may take: logging in from a cold start takes longer than an answer over
/// an open connection, and calls that wait for their own connections must not be cancelled.
const FIRST_PROBE_TIMEOUT: Duration = Duration::from_secs(6);

/// How long [`Scope::server_statuses`] waits for a replica to replay what the primary contains.
const MAX_CATCH_UP: Duration = Duration::from_secs(2);

/// How often it looks meanwhile.
const CATCH_UP_INTERVAL: Duration = Duration::from_millis(50);

/// What a probe has read.
struct Probe {
    is_replica: bool,
    progress: Progress,
    clock_skew: Duration,
}

/// Why a probe has read nothing.
enum ProbeError {
    /// No permit was free in time, which tells nothing of the server.
    Busy,
    Failed(ScopeError),
}

impl Scope {
    /// Probes the primary and its replicas while there are calls. Never returns.
    ///
    /// # Cancel safety
    /// When dropped, it cancels its statements at the databases.
    pub async fn watch_replicas(&self) -> Infallible {
        let Some(replicas) = &self.replicas else {
            return pending().await;
        };
        let interval = (replicas.max_lag / 4).min(MAX_PROBE_INTERVAL);
        let watching_replicas =
            (0..replicas.servers.len()).map(|index| self.watch_replica(replicas, index, interval));
        tokio::join!(
            self.watch_primary(replicas, interval),
            join_all(watching_replicas)
        )
        .0
    }

    async fn watch_primary(&self, replicas: &Replicas, interval: Duration) -> Infallible {
        loop {
            replicas.wait_for_recent_call().await;
            self.probe_primary(replicas).await;
            wait(&self.primary, interval).await;
        }
    }

    async fn watch_replica(
        &self,
        replicas: &Replicas,
        index: usize,
        interval: Duration,
    ) -> Infallible {
        loop {
            replicas.wait_for_recent_call().await;
            self.probe_replica(replicas, index).await;
            wait(&replicas.servers[index], interval).await;
        }
    }

    /// Probes the primary and its replicas now. Without replicas, nothing is probed, and the result
    /// is empty.
    pub async fn server_statuses(&self) -> Vec<ServerStatus> {
        let Some(replicas) = &self.replicas else {
            return Vec::new();
        };
        // First the primary: a replica is compared with what it contains.
        let primary = self.probe_primary(replicas).await;
        let indices = 0..replicas.servers.len();
        let deadline = Instant::now() + MAX_CATCH_UP.min(replicas.max_lag);
        let skews = join_all(indices.map(async |index| {
            let mut skew = self.probe_replica(replicas, index).await;
            // A replica may be some milliseconds behind the first position that it is compared
            // with.
            while replicas.replication().lag(index, Instant::now()).is_none()
                && skew.is_some()
                && primary.is_some()
                && Instant::now() < deadline
            {
                sleep(CATCH_UP_INTERVAL).await;
                skew = self.probe_replica(replicas, index).await;
            }
            skew
        }))
        .await;
        let now = Instant::now();
        let state = match &primary {
            Some(probe) if probe.is_replica => ServerState::IsReplica,
            Some(_) => ServerState::Ok,
            None if self.primary.is_down() => ServerState::Unreachable,
            None => ServerState::Unknown,
        };
        let skew = primary.map(|probe| probe.clock_skew);
        let mut statuses = vec![status(&self.primary, true, state, None, skew)];
        let replication = replicas.replication();
        for (index, (server, skew)) in replicas.servers.iter().zip(skews).enumerate() {
            let state = replication.state(index, now).into();
            let lag = replication.lag(index, now);
            statuses.push(status(server, false, state, lag, skew));
        }
        statuses
    }

    /// Probes the primary, and records what it contains.
    async fn probe_primary(&self, replicas: &Replicas) -> Option<Probe> {
        let (server, asked_at) = (&self.primary, Instant::now());
        match self.probe(server).await {
            Ok(probe) => {
                if server.is_down() {
                    tracing::info!(server = server.name, "primary answers again");
                }
                server.mark_up();
                if !probe.is_replica {
                    let mut replication = replicas.replication();
                    replication.record_primary(asked_at, probe.progress);
                }
                Some(probe)
            }
            Err(ProbeError::Failed(error)) => {
                if !server.is_down() {
                    tracing::warn!(
                        server = server.name,
                        error = &error as &dyn std::error::Error,
                        "primary does not answer; replicas answer until their data is too old"
                    );
                }
                server.mark_down();
                None
            }
            Err(ProbeError::Busy) => None,
        }
    }

    /// Probes a replica, and records what it contains or why it must not be used. Returns the clock
    /// skew, if it was measured.
    async fn probe_replica(&self, replicas: &Replicas, index: usize) -> Option<Duration> {
        let server = &replicas.servers[index];
        let (skew, error) = match self.probe(server).await {
            Ok(probe) => {
                server.mark_up();
                let error = self.record_probe(replicas, index, &probe).await;
                (Some(probe.clock_skew), error)
            }
            Err(ProbeError::Failed(error)) => {
                let problem = problem_of(&error);
                replicas.replication().record_problem(index, problem);
                if problem == ReplicaProblem::Unreachable {
                    server.mark_down();
                }
                (None, Some(error))
            }
            Err(ProbeError::Busy) => (None, None),
        };
        let changed = replicas.replication().changed_state(index, Instant::now());
        let error = error.as_ref().map(|error| error as &dyn std::error::Error);
        match changed {
            None | Some(ReplicaState::Unknown) => {}
            Some(ReplicaState::Usable) => tracing::info!(server = server.name, "replica included"),
            Some(state) => {
                let reason = ServerState::from(state).as_str();
                tracing::warn!(server = server.name, reason, error, "replica excluded");
            }
        }
        skew
    }

    async fn record_probe(
        &self,
        replicas: &Replicas,
        index: usize,
        probe: &Probe,
    ) -> Option<ScopeError> {
        let (problem, error) = if !probe.is_replica {
            (ReplicaProblem::IsPrimary, None)
        } else if probe.clock_skew >= CONTEXT_TTL {
            (ReplicaProblem::ClockSkew, None)
        } else {
            // So that no query has to wait for the posture check. Without a signing key there is
            // none, and there are no queries.
            let checked = match self.signer().await {
                Ok(_) => self.lease(&replicas.servers[index], None).await.map(drop),
                Err(_) => Ok(()),
            };
            match checked {
                Ok(()) | Err(ScopeError::Busy) => {
                    let mut replication = replicas.replication();
                    replication.record_replica(index, probe.progress);
                    return None;
                }
                Err(error) => (problem_of(&error), Some(error)),
            }
        };
        replicas.replication().record_problem(index, problem);
        error
    }

    /// Examines each replica in full, and returns its name and every violation of a posture rule,
    /// or why it could not be examined.
    pub async fn examine_replicas(&self) -> Vec<(String, Result<Arc<[Finding]>, ScopeError>)> {
        let mut examined = Vec::new();
        for server in self.replicas.iter().flat_map(|replicas| &replicas.servers) {
            let now = (self.clock)();
            let findings = match self.lease_unchecked(server, None).await {
                Ok(mut lease) => server
                    .posture
                    .examine_now(lease.connection(), now)
                    .await
                    .map(|_| server.posture.last_findings())
                    .map_err(ScopeError::from_wire),
                Err(error) => Err(error),
            };
            examined.push((server.name.clone(), findings));
        }
        examined
    }

    async fn probe(&self, server: &DatabaseServer) -> Result<Probe, ProbeError> {
        let permit = timeout(PROBE_TIMEOUT, server.queue.acquire(None))
            .await
            .map_err(|_| ProbeError::Busy)?;
        // Tokens and vaults have timeouts of their own, and tell nothing about the server.
        if server.pool.status().available == 0 && server.pool.manager().password().await.is_err() {
            return Err(ProbeError::Busy);
        }
        let probing = async {
            let mut lease = Lease::new(permit, &server.pool, &self.leases).await?;
            match self.read_probe(lease.connection()).await {
                Err(WireError::Closed) if lease.is_reused() => {
                    lease = lease.renew(&server.pool).await?;
                    self.read_probe(lease.connection()).await
                }
                read => read,
            }
            .map_err(|error| ScopeError::from_wire(error.into_internal()))
        };
        let limit = if server.has_answered() {
            PROBE_TIMEOUT
        } else {
            FIRST_PROBE_TIMEOUT
        };
        timeout(limit, probing)
            .await
            .unwrap_or_else(|_| Err(ScopeError::from_wire(WireError::NoReply)))
            .map_err(|error| match is_out_of_connections(&error) {
                true => ProbeError::Busy,
                false => ProbeError::Failed(error),
            })
    }

    async fn read_probe(&self, connection: &mut Connection) -> Result<Probe, WireError> {
        let mut rows = RowCollector::new(parse);
        let before = (self.clock)();
        connection
            .run_internal(Query::internal(PROBE, &[]), &mut rows)
            .await?;
        let after = (self.clock)();
        let row = rows.into_rows().and_then(|mut rows| rows.pop());
        let (is_replica, progress, clock) = row.ok_or(WireError::Protocol("no probe"))?;
        Ok(Probe {
            is_replica,
            progress,
            clock_skew: clock_skew_between(before, clock, after),
        })
    }
}

/// Whether the server answers, but has no connection to spare (class 53 of PostgreSQL's error
/// codes: insufficient resources).
fn is_out_of_connections(error: &ScopeError) -> bool {
    let ScopeError::Unavailable(cause) = error else {
        return false;
    };
    matches!(
        cause.downcast_ref(),
        Some(WireError::Server(error)) if error.sqlstate.starts_with("53")
    )
}

/// Waits until the next probe is due.
async fn wait(server: &DatabaseServer, interval: Duration) {
    // Neither arm holds a state: a report that is not received is kept.
    tokio::select! {
        () = sleep(interval) => {}
        () = server.failure_reported() => {}
    }
}

fn status(
    server: &DatabaseServer,
    is_primary: bool,
    state: ServerState,
    lag: Option<Duration>,
    clock_skew: Option<Duration>,
) -> ServerStatus {
    let pool = server.pool.status();
    ServerStatus {
        name: server.name.clone(),
        is_primary,
        state,
        lag,
        clock_skew,
        open: pool.size,
        idle: pool.available,
    }
}

fn problem_of(error: &ScopeError) -> ReplicaProblem {
    match error {
        ScopeError::Misconfigured(_) => ReplicaProblem::Misconfigured,
        ScopeError::Posture(_) => ReplicaProblem::Posture,
        ScopeError::Database(_)
        | ScopeError::ErrorTooLong
        | ScopeError::VersionTooOld { .. }
        | ScopeError::UnknownTenant
        | ScopeError::TimedOut(_)
        | ScopeError::Busy
        | ScopeError::PlanRefused
        | ScopeError::Unavailable(_)
        | ScopeError::Stopping => ReplicaProblem::Unreachable,
    }
}

/// Parses the row of [`PROBE`].
fn parse(values: &[Option<&str>]) -> Option<(bool, Progress, SystemTime)> {
    let [
        Some(is_replica),
        position,
        Some(timeline),
        Some(system),
        Some(micros),
    ] = values
    else {
        return None;
    };
    let progress = Progress {
        history: History {
            system: system.parse().ok()?,
            timeline: timeline.parse().ok()?,
        },
        // A replica that has replayed nothing has no position.
        position: position.map_or(Ok(0), str::parse).ok()?,
    };
    let clock = UNIX_EPOCH + Duration::from_micros(micros.parse().ok()?);
    Some((*is_replica == "true", progress, clock))
}
