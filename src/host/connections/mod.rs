//! The table of open connections: limits, timeouts, and which connection is evicted first.
//!
//! Knows addresses and the progress of a connection; must not know HTTP.
//! Invariants:
//! - there are never more connections than the limits allow;
//! - one address, unless it is a trusted proxy's, never has more than its share;
//! - a connection whose request holds an in-flight permit is never evicted to make room for another
//!   one, and every other connection may be.
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address::Proxies;
use super::rate_limits::Network;
use crate::reactor::TickPermits;

/// The minimum time between two warnings about reached limits.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// A client makes progress if it reads this much of a response within the write timeout.
const MIN_WRITE_BYTES: usize = 64 * 1024;

/// How many requests and rationed reads may begin in one tick of the reactor, that is, before it
/// has polled all other ready tasks.
const PERMITS_PER_TICK: usize = 2;

/// How many connections may be open, and their timeouts.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionLimits {
    /// The connections that are served.
    pub(super) max_connections: usize,
    /// Those of one address, or of one IPv6 network of 64 bits.
    pub(super) max_per_address: usize,
    /// The connections beyond these limits; only the health endpoints are answered on them.
    pub(super) max_health_only: usize,
    /// From the first byte of a request's header section to its last; for the first request, from
    /// the start of the connection.
    pub(super) header_read_timeout: Duration,
    /// From the end of a response to the first byte of the next request.
    pub(super) idle_timeout: Duration,
    /// The time in which a client with unread bytes must read [`MIN_WRITE_BYTES`].
    pub(super) write_timeout: Duration,
}

/// All open connections.
pub(super) struct Connections {
    limits: ConnectionLimits,
    proxies: Arc<Proxies>,
    /// For the start of a request and for rationed reads. At most one connection of each network
    /// waits for a permit at a time, so networks alternate.
    tick_permits: TickPermits,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    last_id: u64,
    /// In the order of age.
    open: BTreeMap<u64, Arc<Connection>>,
    /// The queue of each network that has connections, or had some at the last sweep.
    network_queues: HashMap<Network, Arc<Semaphore>>,
    last_warning: Option<Instant>,
    /// The connections evicted or limited to health checks since the last warning.
    unreported_count: u64,
}

/// An open connection.
pub(super) struct Connection {
    id: u64,
    network: Network,
    /// The peer is a trusted proxy, so many clients share the connection.
    is_proxy: bool,
    /// The connection is beyond the limits.
    is_health_only: bool,
    /// Shared by the connections of the network: its one permit admits a connection to the queue
    /// for tick permits.
    network_queue: Arc<Semaphore>,
    tick_permits: TickPermits,
    progress: Mutex<Progress>,
    closed: CancellationToken,
}

struct Progress {
    phase: Phase,
    /// The start of the current timeout.
    last_progress: Instant,
    /// Bytes are waiting to be read by the client.
    blocked_write: Option<BlockedWrite>,
    has_sent_request: bool,
    /// The current request's body has a chunked transfer coding.
    is_chunked: bool,
    /// A read after the current request's header section has returned bytes.
    has_read_body: bool,
    /// The current request holds an in-flight permit.
    has_permit: bool,
    /// The current request or an earlier one has held an in-flight permit.
    has_had_permit: bool,
}

struct BlockedWrite {
    since: Instant,
    /// The bytes that the client has read since then.
    bytes: usize,
}

/// The order in which connections are evicted, lowest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct EvictionOrder {
    /// A connection that never held a permit may belong to an unauthenticated client, whose
    /// activity must not protect it.
    has_had_permit: bool,
    is_proxy: bool,
    /// `None` for a connection that never held a permit: requests that anybody may send do not
    /// count as progress.
    last_progress: Option<Instant>,
    id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No byte of the next request has arrived.
    Idle,
    /// A part of the header section has arrived.
    ReadingHead,
    /// From the end of the header section to the end of the response.
    InRequest,
}

/// Removes a connection from the table when dropped.
pub(super) struct Registration {
    pub(super) connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Drop for Registration {
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
            tick_permits: TickPermits::new(PERMITS_PER_TICK),
            table: Mutex::default(),
        }
    }

    /// Registers a new connection. At a limit, another connection is evicted; if the requests of
    /// all others hold permits, only the health endpoints are answered on the new one.
    pub(super) fn register(self: &Arc<Self>, peer: IpAddr) -> Registration {
        let network = Network::from(peer);
        let is_proxy = self.proxies.is_trusted_proxy(peer);
        let now = Instant::now();
        let mut table = lock(&self.table);
        let has_room = table.make_room(&self.limits, network, is_proxy, now);
        if !has_room {
            table.make_room_for_health(&self.limits);
        }
        table.last_id += 1;
        let network_queue = table.network_queues.entry(network);
        let network_queue = network_queue.or_insert_with(|| Arc::new(Semaphore::new(1)));
        let connection = Arc::new(Connection {
            network_queue: Arc::clone(network_queue),
            tick_permits: self.tick_permits.clone(),
            id: table.last_id,
            network,
            is_proxy,
            is_health_only: !has_room,
            progress: Mutex::new(Progress {
                phase: Phase::Idle,
                last_progress: now,
                blocked_write: None,
                has_sent_request: false,
                is_chunked: false,
                has_read_body: false,
                has_permit: false,
                has_had_permit: false,
            }),
            closed: CancellationToken::new(),
        });
        table.open.insert(connection.id, Arc::clone(&connection));
        Registration {
            connection,
            connections: Arc::clone(self),
        }
    }

    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        lock(&self.table).open.len()
    }

    /// Closes the connections whose timeout has expired, and removes the queues of networks that
    /// have no connection left.
    pub(super) fn close_overdue(&self) {
        let now = Instant::now();
        let mut table = lock(&self.table);
        for connection in table.open.values() {
            if connection.is_overdue(&self.limits, now) {
                connection.closed.cancel();
            }
        }
        table
            .network_queues
            .retain(|_, queue| Arc::strong_count(queue) > 1);
    }

    /// Evicts one connection, because the process has no file descriptor left.
    pub(super) fn evict_one(&self) {
        lock(&self.table).evict_first(|_| true);
    }
}

impl Table {
    /// Whether one more connection of a network can be served; evicts another one if necessary.
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
        let (network_count, total_count) = (
            served().filter(|connection| of_network(connection)).count(),
            served().count(),
        );
        if !is_proxy && network_count >= limits.max_per_address {
            self.warn("address", Some(network), now);
            self.evict_first(of_network)
        } else if total_count >= limits.max_connections {
            self.warn("total", None, now);
            self.evict_first(|_| true)
        } else {
            true
        }
    }

    /// Closes the oldest health-only connection if they are at their limit, so that a health check
    /// is always answered.
    fn make_room_for_health(&mut self, limits: &ConnectionLimits) {
        let mut health_only = self
            .open
            .values()
            .filter(|connection| connection.is_health_only && !connection.closed.is_cancelled());
        let oldest = health_only.next();
        if health_only.count() + 1 >= limits.max_health_only
            && let Some(oldest) = oldest
        {
            oldest.closed.cancel();
        }
    }

    /// Closes the first connection in [`EvictionOrder`] that passes the filter. Returns `false` if
    /// there is none without a permit.
    fn evict_first(&mut self, filter: impl Fn(&Connection) -> bool) -> bool {
        let first = self
            .open
            .values()
            .filter(|connection| connection.is_served() && filter(connection))
            .filter_map(|connection| Some((connection.eviction_order()?, connection)))
            .min_by(|(order, _), (other, _)| order.cmp(other));
        if let Some((_, connection)) = first {
            connection.closed.cancel();
        }
        first.is_some()
    }

    fn warn(&mut self, limit: &str, network: Option<Network>, now: Instant) {
        self.unreported_count += 1;
        if self
            .last_warning
            .is_some_and(|last| now < last + WARNING_INTERVAL)
        {
            return;
        }
        tracing::warn!(
            limit,
            address = network.map(tracing::field::display),
            connections = self.open.len(),
            affected = self.unreported_count,
            "connection limit reached; evicting a connection without a request in flight for each new one"
        );
        self.last_warning = Some(now);
        self.unreported_count = 0;
    }
}

impl Connection {
    /// Whether only the health endpoints are answered, because the connection is beyond the limits.
    pub(super) fn is_health_only(&self) -> bool {
        self.is_health_only
    }

    /// Resolves when the connection must be closed, whatever it is doing.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Waits until a request or a rationed read may begin. Without it, the requests of others would
    /// wait for a connection with many pipelined requests, of which hyper answers sixteen in a row,
    /// or for a network with many connections.
    pub(super) async fn wait_for_tick_permit(&self) {
        // The semaphore is never closed.
        let _network_permit = self.network_queue.acquire().await;
        self.tick_permits.acquire().await;
    }

    /// Whether the next read needs a tick permit, because the client determines how expensive it is
    /// to parse: hyper parses a header section that arrives in parts from its start each time, and
    /// the chunk sizes of a body byte by byte. Most header sections and bodies arrive in one read.
    pub(super) fn has_rationed_reads(&self) -> bool {
        let progress = lock(&self.progress);
        match progress.phase {
            Phase::Idle => false,
            Phase::ReadingHead => true,
            Phase::InRequest => progress.is_chunked && progress.has_read_body,
        }
    }

    /// Records that bytes of a request have arrived.
    pub(super) fn record_read(&self) {
        let mut progress = lock(&self.progress);
        if progress.phase == Phase::Idle {
            // The timeout of the first header section starts with the connection.
            if progress.has_sent_request {
                progress.last_progress = Instant::now();
            }
            progress.phase = Phase::ReadingHead;
        } else if progress.phase == Phase::InRequest {
            progress.has_read_body = true;
        }
    }

    /// Records that a request's header section is complete.
    pub(super) fn begin_request(&self, is_chunked: bool) {
        let mut progress = lock(&self.progress);
        progress.phase = Phase::InRequest;
        progress.is_chunked = is_chunked;
        progress.has_read_body = false;
        progress.has_sent_request = true;
    }

    /// Records that the current request holds an in-flight permit: the connection is not evicted
    /// until the end of the request. Being admitted is not enough, because one caller could then
    /// keep all connections with slow bodies or unread responses; the number of permits is limited.
    pub(super) fn record_permit(&self) {
        let mut progress = lock(&self.progress);
        progress.has_permit = true;
        progress.has_had_permit = true;
    }

    /// Records that the response was handed to the connection.
    pub(super) fn end_request(&self) {
        let mut progress = lock(&self.progress);
        progress.has_permit = false;
        progress.phase = Phase::Idle;
        progress.last_progress = Instant::now();
    }

    /// Records that a write would block, because the client has not read what was written before.
    pub(super) fn record_blocked_write(&self) {
        let mut progress = lock(&self.progress);
        if progress.blocked_write.is_none() {
            progress.blocked_write = Some(BlockedWrite {
                since: Instant::now(),
                bytes: 0,
            });
        }
    }

    /// Records that bytes were written.
    pub(super) fn record_write(&self, bytes: usize) {
        let mut progress = lock(&self.progress);
        if let Some(blocked) = &mut progress.blocked_write {
            blocked.bytes += bytes;
            if blocked.bytes >= MIN_WRITE_BYTES {
                *blocked = BlockedWrite {
                    since: Instant::now(),
                    bytes: 0,
                };
            }
        }
    }

    /// Records that all bytes were written.
    pub(super) fn record_flush(&self) {
        lock(&self.progress).blocked_write = None;
    }

    fn is_served(&self) -> bool {
        !self.is_health_only && !self.closed.is_cancelled()
    }

    /// `None` while the current request holds a permit.
    fn eviction_order(&self) -> Option<EvictionOrder> {
        let progress = lock(&self.progress);
        (!progress.has_permit).then(|| EvictionOrder {
            has_had_permit: progress.has_had_permit,
            is_proxy: self.is_proxy,
            last_progress: progress.has_had_permit.then_some(progress.last_progress),
            id: self.id,
        })
    }

    fn is_overdue(&self, limits: &ConnectionLimits, now: Instant) -> bool {
        let progress = lock(&self.progress);
        if let Some(blocked) = &progress.blocked_write {
            return now >= blocked.since + limits.write_timeout;
        }
        let timeout = match progress.phase {
            Phase::InRequest => return false,
            Phase::Idle if progress.has_sent_request => limits.idle_timeout,
            Phase::Idle | Phase::ReadingHead => limits.header_read_timeout,
        };
        now >= progress.last_progress + timeout
    }
}

/// A std mutex: held for a few operations on the table, never across an await, and nothing panics
/// meanwhile.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
