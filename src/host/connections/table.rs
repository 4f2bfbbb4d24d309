use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::ConnectionLimits;
use super::connection::Connection;
use crate::host::rate_limits::Network;

/// The minimum time between two warnings about reached limits.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The open connections, and which of them is evicted first.
#[derive(Default)]
pub(super) struct Table {
    pub(super) last_id: u64,
    /// In the order of age.
    pub(super) open: BTreeMap<u64, Arc<Connection>>,
    /// The queue of each network that has connections, or had some at the last sweep.
    pub(super) network_queues: HashMap<Network, Arc<Semaphore>>,
    last_warning: Option<Instant>,
    /// The connections evicted or limited to health checks since the last warning.
    unreported_count: u64,
}

impl Table {
    /// Whether one more connection of a network can be served; evicts another one if necessary.
    pub(super) fn make_room(
        &mut self,
        limits: &ConnectionLimits,
        network: Network,
        is_proxy: bool,
        now: Instant,
    ) -> bool {
        let is_in_network = |connection: &Connection| connection.network == network;
        let served = || {
            self.open
                .values()
                .filter(|connection| connection.is_served())
        };
        let (network_count, total_count) = (
            served()
                .filter(|connection| is_in_network(connection))
                .count(),
            served().count(),
        );
        if !is_proxy && network_count >= limits.max_per_address {
            self.warn("address", Some(network), now);
            self.evict_first(is_in_network)
        } else if total_count >= limits.max_connections {
            self.warn("total", None, now);
            self.evict_first(|_| true)
        } else {
            true
        }
    }

    /// Closes the oldest health-only connection if they are at their limit, so that a health check
    /// is always answered.
    pub(super) fn make_room_for_health(&mut self, limits: &ConnectionLimits) {
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

    /// Closes the first connection that passes the filter, in the order of
    /// [`Connection::eviction_order`]. Returns `false` if there is none without a permit.
    pub(super) fn evict_first(&mut self, filter: impl Fn(&Connection) -> bool) -> bool {
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
