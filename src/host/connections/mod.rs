//! The table of open connections: limits, timeouts, and which connection is closed first.
//!
//! Knows addresses and what a connection is doing; must not know HTTP.
//! Invariants: there are never more connections than the limits allow; one address, unless it is a
//! trusted proxy's, never has more than its share; a connection whose request has a permit is never
//! closed to make room, and any other one is.
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address::Proxies;
use super::rates::Network;
use crate::reactor::TickPermits;

/// How often the same warning is logged.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// A client that reads less than this of a response within the write timeout makes no progress.
const MIN_WRITE_BYTES: usize = 64 * 1024;

/// The requests, and reads in turns, that may begin before the reactor has polled all other tasks.
const REQUESTS_PER_ROUND: usize = 2;

/// How many connections there may be, and what may take how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// The most that are served.
    pub(super) max_connections: usize,
    /// The most of one address, or IPv6 network of 64 bits.
    pub(super) max_per_address: usize,
    /// The most beyond that, on which only the health endpoints are answered.
    pub(super) max_health_only: usize,
    /// From the first byte of a request's head to its last; for the first request, from the
    /// beginning of the connection.
    pub(super) header_read_timeout: Duration,
    /// From the end of a response to the first byte of the next request.
    pub(super) idle_timeout: Duration,
    /// In which a client that has not read everything must read [`MIN_WRITE_BYTES`].
    pub(super) write_timeout: Duration,
}

/// All connections.
pub(super) struct Connections {
    limits: ConnectionLimits,
    proxies: Arc<Proxies>,
    /// Each network waits for one turn at a time, for a request or a read, so networks take turns.
    turns: TickPermits,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    last_id: u64,
    /// By age.
    open: BTreeMap<u64, Arc<Connection>>,
    /// The right to wait for a turn, of each network that has connections, or had some until the
    /// last sweep.
    networks: HashMap<Network, Arc<Semaphore>>,
    warned: Option<Instant>,
    /// Connections closed or refused since then.
    unreported: u64,
}

/// One connection, as long as it is open.
pub(super) struct Connection {
    id: u64,
    network: Network,
    /// A trusted proxy's: many clients share it.
    is_proxy: bool,
    /// Beyond the limits.
    is_health_only: bool,
    /// The right of its network to wait for a turn.
    network_turn: Arc<Semaphore>,
    turns: TickPermits,
    progress: Mutex<Progress>,
    closed: CancellationToken,
}

struct Progress {
    phase: Phase,
    since: Instant,
    /// Since when the client has not read everything, and what it has read since.
    unread: Option<(Instant, usize)>,
    has_sent_request: bool,
    /// The body of its request comes in chunks.
    is_chunked: bool,
    /// A part of the body has arrived after its head.
    has_read_body: bool,
    /// Its request has a permit.
    has_permit: bool,
    /// One of its requests has had one.
    has_had_permit: bool,
}

/// Which connection gives way, the least first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    /// Whoever has never had a permit may be nobody's client: what such a connection does says
    /// nothing for it.
    has_had_permit: bool,
    is_proxy: bool,
    /// Since the last progress; not of a connection that has never had a permit, so that requests
    /// which everybody may send do not keep one.
    since: Option<Instant>,
    id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request has arrived.
    Idle,
    /// A part of a head has arrived.
    ReadingHead,
    /// From the end of a head to the end of the response.
    InRequest,
}

/// Keeps a connection in the table.
pub(super) struct Registered {
    pub(super) connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        lock(&self.connections.table)
            .open
            .remove(&self.connection.id);
    }
}

impl Connections {
    pub(super) fn new(limits: ConnectionLimits, proxies: Arc<Proxies>) -> Self {
        Self {
            limits,
            proxies,
            turns: TickPermits::new(REQUESTS_PER_ROUND),
            table: Mutex::default(),
        }
    }

    /// Registers a connection. At a limit, another one is closed for it; if the requests of all
    /// have permits, only the health endpoints are answered on the new one.
    pub(super) fn register(self: &Arc<Self>, peer: IpAddr) -> Registered {
        let network = Network::of(peer);
        let is_proxy = self.proxies.is_trusted_proxy(peer);
        let now = Instant::now();
        let mut table = lock(&self.table);
        let has_room = table.make_room(&self.limits, network, is_proxy, now);
        if !has_room {
            table.make_room_for_health(&self.limits);
        }
        table.last_id += 1;
        let network_turn = table.networks.entry(network);
        let network_turn = network_turn.or_insert_with(|| Arc::new(Semaphore::new(1)));
        let connection = Arc::new(Connection {
            network_turn: Arc::clone(network_turn),
            turns: self.turns.clone(),
            id: table.last_id,
            network,
            is_proxy,
            is_health_only: !has_room,
            progress: Mutex::new(Progress {
                phase: Phase::Idle,
                since: now,
                unread: None,
                has_sent_request: false,
                is_chunked: false,
                has_read_body: false,
                has_permit: false,
                has_had_permit: false,
            }),
            closed: CancellationToken::new(),
        });
        table.open.insert(connection.id, Arc::clone(&connection));
        Registered {
            connection,
            connections: Arc::clone(self),
        }
    }

    /// How many are open.
    #[cfg(test)]
    pub(super) fn open(&self) -> usize {
        lock(&self.table).open.len()
    }

    /// Closes the connections whose timeout has expired, and forgets networks without any.
    pub(super) fn close_overdue(&self) {
        let now = Instant::now();
        let mut table = lock(&self.table);
        for connection in table.open.values() {
            if connection.is_overdue(&self.limits, now) {
                connection.closed.cancel();
            }
        }
        let networks = &mut table.networks;
        networks.retain(|_, turn| Arc::strong_count(turn) > 1);
    }

    /// Closes the first connection that gives way: the process has no file descriptor left.
    pub(super) fn close_first(&self) {
        lock(&self.table).close_first(|_| true);
    }
}

impl Table {
    /// Whether there is room for one more connection of a network; closes another one if need be.
    fn make_room(
        &mut self,
        limits: &ConnectionLimits,
        network: Network,
        is_proxy: bool,
        now: Instant,
    ) -> bool {
        let of_network = |connection: &Connection| connection.network == network;
        let served = || {
            self.open
                .values()
                .filter(|connection| connection.is_served())
        };
        let (own, all) = (
            served().filter(|connection| of_network(connection)).count(),
            served().count(),
        );
        if !is_proxy && own >= limits.max_per_address {
            self.warn("address", Some(network), now);
            self.close_first(of_network)
        } else if all >= limits.max_connections {
            self.warn("total", None, now);
            self.close_first(|_| true)
        } else {
            true
        }
    }

    /// The oldest connection beyond the limits is closed, so that a health check is always
    /// answered.
    fn make_room_for_health(&mut self, limits: &ConnectionLimits) {
        let mut beyond = self
            .open
            .values()
            .filter(|connection| connection.is_health_only && !connection.closed.is_cancelled());
        let oldest = beyond.next();
        if beyond.count() + 1 >= limits.max_health_only
            && let Some(oldest) = oldest
        {
            oldest.closed.cancel();
        }
    }

    /// Closes the connection that gives way first among some.
    fn close_first(&mut self, among: impl Fn(&Connection) -> bool) -> bool {
        let first = self
            .open
            .values()
            .filter(|connection| connection.is_served() && among(connection))
            .filter_map(|connection| Some((connection.rank()?, connection)))
            .min_by(|(rank, _), (other, _)| rank.cmp(other));
        if let Some((_, connection)) = first {
            connection.closed.cancel();
        }
        first.is_some()
    }

    fn warn(&mut self, limit: &str, network: Option<Network>, now: Instant) {
        self.unreported += 1;
        if self
            .warned
            .is_some_and(|warned| now < warned + WARNING_INTERVAL)
        {
            return;
        }
        tracing::warn!(
            limit,
            address = network.map(tracing::field::display),
            connections = self.open.len(),
            affected = self.unreported,
            "connection limit reached; a connection without a request in flight is closed for each new one"
        );
        self.warned = Some(now);
        self.unreported = 0;
    }
}

impl Connection {
    /// Whether it is beyond the limits.
    pub(super) fn is_health_only(&self) -> bool {
        self.is_health_only
    }

    /// Resolves when it is to be closed, whatever it is doing.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Waits until a request or a read in turns may begin: neither a connection with many requests
    /// written ahead, of which hyper would answer sixteen in a row, nor many connections of a network
    /// keep the requests of others waiting.
    pub(super) async fn turn(&self) {
        // The semaphore is never closed.
        let _network_turn = self.network_turn.acquire().await;
        self.turns.acquire().await;
    }

    /// Whether what arrives next is parsed at a cost that the reads determine: the rest of a head,
    /// which is parsed again from its start, or a body in chunks, whose sizes are parsed byte by
    /// byte. Most heads and most bodies arrive in one read.
    pub(super) fn is_read_in_turns(&self) -> bool {
        let progress = lock(&self.progress);
        match progress.phase {
            Phase::Idle => false,
            Phase::ReadingHead => true,
            Phase::InRequest => progress.is_chunked && progress.has_read_body,
        }
    }

    /// Bytes of a request have arrived.
    pub(super) fn received(&self) {
        let mut progress = lock(&self.progress);
        if progress.phase == Phase::Idle {
            // The timeout of the first head begins with the connection, not with its first byte.
            if progress.has_sent_request {
                progress.since = Instant::now();
            }
            progress.phase = Phase::ReadingHead;
        } else if progress.phase == Phase::InRequest {
            progress.has_read_body = true;
        }
    }

    /// A request's head is complete.
    pub(super) fn begin_request(&self, is_chunked: bool) {
        let mut progress = lock(&self.progress);
        progress.phase = Phase::InRequest;
        progress.is_chunked = is_chunked;
        progress.has_read_body = false;
        progress.has_sent_request = true;
    }

    /// The request has a permit: until its end the connection does not give way. Others of an
    /// admitted caller do, or one caller could keep all connections: permits are few, and what is
    /// left to arrive of bodies or to be read of responses is not.
    pub(super) fn permit_request(&self) {
        let mut progress = lock(&self.progress);
        progress.has_permit = true;
        progress.has_had_permit = true;
    }

    /// The response has been taken by the connection.
    pub(super) fn end_request(&self) {
        let mut progress = lock(&self.progress);
        progress.has_permit = false;
        progress.phase = Phase::Idle;
        progress.since = Instant::now();
    }

    /// A write would block: the client has not read what was written before.
    pub(super) fn write_blocked(&self) {
        let mut progress = lock(&self.progress);
        if progress.unread.is_none() {
            progress.unread = Some((Instant::now(), 0));
        }
    }

    /// Bytes have been taken.
    pub(super) fn wrote(&self, bytes: usize) {
        let mut progress = lock(&self.progress);
        if let Some((since, taken)) = &mut progress.unread {
            *taken += bytes;
            if *taken >= MIN_WRITE_BYTES {
                (*since, *taken) = (Instant::now(), 0);
            }
        }
    }

    /// Everything has been taken.
    pub(super) fn flushed(&self) {
        lock(&self.progress).unread = None;
    }

    fn is_served(&self) -> bool {
        !self.is_health_only && !self.closed.is_cancelled()
    }

    /// How soon it gives way; `None` while its request has a permit.
    fn rank(&self) -> Option<Rank> {
        let progress = lock(&self.progress);
        (!progress.has_permit).then(|| Rank {
            has_had_permit: progress.has_had_permit,
            is_proxy: self.is_proxy,
            since: progress.has_had_permit.then_some(progress.since),
            id: self.id,
        })
    }

    fn is_overdue(&self, limits: &ConnectionLimits, now: Instant) -> bool {
        let progress = lock(&self.progress);
        if let Some((since, _)) = progress.unread {
            return now >= since + limits.write_timeout;
        }
        let timeout = match progress.phase {
            Phase::InRequest => return false,
            Phase::Idle if progress.has_sent_request => limits.idle_timeout,
            Phase::Idle | Phase::ReadingHead => limits.header_read_timeout,
        };
        now >= progress.since + timeout
    }
}

/// A std mutex: held for short looks, never across an await, and nothing panics meanwhile.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
