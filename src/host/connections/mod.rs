//! The table of open connections: limits, timeouts, and which connection is evicted first.
//!
//! Knows addresses and the progress of a connection; must not know HTTP.
//! Invariants:
//! - there are never more connections than the limits allow;
//! - one address, unless it is a trusted proxy's, never has more than its share;
//! - a connection whose request holds an in-flight permit is never evicted to make room for another
//!   one, and every other connection may be.
mod connection; // one connection: its progress and its timeout
mod table; //      the open connections, and which is evicted first

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address::Proxies;
use super::rate_limits::Network;
use crate::reactor::TickPermits;

pub(super) use connection::{Connection, NextRead};

use connection::Progress;
use table::Table;

/// How many requests and rationed reads may begin in one tick of the reactor, that is, before it
/// has polled all other ready tasks.
const PERMITS_PER_TICK: usize = 1;

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
    /// The time in which a client with unread bytes must read
    /// [`MIN_WRITE_BYTES`](connection::MIN_WRITE_BYTES).
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
            progress: Mutex::new(Progress::new(now)),
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

/// A std mutex: held for a few operations on the table, never across an await, and nothing panics
/// meanwhile.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
