use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{ConnectionLimits, lock};
use crate::host::rate_limits::Network;
use crate::reactor::TickPermits;

/// A client makes progress if it reads this much of a response within the write timeout.
pub(super) const MIN_WRITE_BYTES: usize = 64 * 1024;

/// An open connection.
pub(in crate::host) struct Connection {
    pub(super) id: u64,
    pub(super) network: Network,
    /// The peer is a trusted proxy, so many clients share the connection.
    pub(super) is_proxy: bool,
    /// The connection is beyond the limits.
    pub(super) is_health_only: bool,
    /// Shared by the connections of the network: its one permit admits a connection to the queue
    /// for tick permits.
    pub(super) network_queue: Arc<Semaphore>,
    pub(super) tick_permits: TickPermits,
    pub(super) progress: Mutex<Progress>,
    pub(super) closed: CancellationToken,
}

/// How far the requests and responses of a connection are.
pub(super) struct Progress {
    phase: Phase,
    /// The start of the current timeout.
    last_progress: Instant,
    /// Bytes are waiting to be read by the client.
    blocked_write: Option<BlockedWrite>,
    has_sent_request: bool,
    /// The body of the current or last request has a chunked transfer coding.
    is_chunked: bool,
    /// A read after the current request's header section has returned bytes.
    has_read_body: bool,
    /// The current request holds an in-flight permit.
    has_permit: bool,
    /// The current request or an earlier one has held an in-flight permit.
    has_had_permit: bool,
}

impl Progress {
    /// The progress of a connection that opens now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Idle,
            last_progress: now,
            blocked_write: None,
            has_sent_request: false,
            is_chunked: false,
            has_read_body: false,
            has_permit: false,
            has_had_permit: false,
        }
    }
}

struct BlockedWrite {
    since: Instant,
    /// The bytes that the client has read since then.
    bytes: usize,
}

/// The order in which connections are evicted, lowest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EvictionOrder {
    /// A connection that never held a permit may belong to an unauthenticated client, whose
    /// activity must not protect it.
    has_had_permit: bool,
    is_proxy: bool,
    /// `None` for a connection that never held a permit: requests that anybody may send do not
    /// count as progress.
    last_progress: Option<Instant>,
    id: u64,
}

/// The limits of a connection's next read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) enum NextRead {
    /// Neither its length is limited nor when it begins.
    Free,
    /// Its length is limited.
    Short,
    /// Its length is limited, and it needs a tick permit.
    Rationed,
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

impl Connection {
    /// Whether only the health endpoints are answered, because the connection is beyond the limits.
    pub(in crate::host) fn is_health_only(&self) -> bool {
        self.is_health_only
    }

    /// Resolves when the connection must be closed, whatever it is doing.
    pub(in crate::host) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Waits until a request or a rationed read may begin. Without it, the requests of others would
    /// wait for a connection with many pipelined requests, of which hyper answers sixteen in a row,
    /// or for a network with many connections.
    pub(in crate::host) async fn wait_for_tick_permit(&self) {
        // The semaphore is never closed.
        let _network_permit = self.network_queue.acquire().await;
        self.tick_permits.acquire().await;
    }

    /// What the next read may cost. The client determines how expensive it is to parse: hyper
    /// parses a header section that arrives in parts from its start each time, and the chunk sizes
    /// of a body byte by byte. Most header sections and bodies arrive in one read.
    pub(in crate::host) fn next_read(&self) -> NextRead {
        let progress = lock(&self.progress);
        match progress.phase {
            Phase::ReadingHead => NextRead::Rationed,
            Phase::InRequest if progress.is_chunked && !progress.has_read_body => NextRead::Short,
            // Once the response is written, hyper reads on in a body that has not ended.
            Phase::InRequest | Phase::Idle if progress.is_chunked => NextRead::Rationed,
            Phase::InRequest | Phase::Idle => NextRead::Free,
        }
    }

    /// Records that bytes of a request have arrived.
    pub(in crate::host) fn record_read(&self) {
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
    pub(in crate::host) fn begin_request(&self, is_chunked: bool) {
        let mut progress = lock(&self.progress);
        progress.phase = Phase::InRequest;
        progress.is_chunked = is_chunked;
        progress.has_read_body = false;
        progress.has_sent_request = true;
    }

    /// Records that the current request holds an in-flight permit: the connection is not evicted
    /// until the end of the request. Being admitted is not enough, because one caller could then
    /// keep all connections with slow bodies or unread responses; the number of permits is limited.
    pub(in crate::host) fn record_permit(&self) {
        let mut progress = lock(&self.progress);
        progress.has_permit = true;
        progress.has_had_permit = true;
    }

    /// Records that the response was handed to the connection.
    pub(in crate::host) fn end_request(&self) {
        let mut progress = lock(&self.progress);
        progress.has_permit = false;
        progress.phase = Phase::Idle;
        progress.last_progress = Instant::now();
    }

    /// Records that a write would block, because the client has not read what was written before.
    pub(in crate::host) fn record_blocked_write(&self) {
        let mut progress = lock(&self.progress);
        if progress.blocked_write.is_none() {
            progress.blocked_write = Some(BlockedWrite {
                since: Instant::now(),
                bytes: 0,
            });
        }
    }

    /// Records that bytes were written.
    pub(in crate::host) fn record_write(&self, bytes: usize) {
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
    pub(in crate::host) fn record_flush(&self) {
        lock(&self.progress).blocked_write = None;
    }

    pub(super) fn is_served(&self) -> bool {
        !self.is_health_only && !self.closed.is_cancelled()
    }

    /// `None` while the current request holds a permit.
    pub(super) fn eviction_order(&self) -> Option<EvictionOrder> {
        let progress = lock(&self.progress);
        (!progress.has_permit).then(|| EvictionOrder {
            has_had_permit: progress.has_had_permit,
            is_proxy: self.is_proxy,
            last_progress: progress.has_had_permit.then_some(progress.last_progress),
            id: self.id,
        })
    }

    pub(super) fn is_overdue(&self, limits: &ConnectionLimits, now: Instant) -> bool {
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
