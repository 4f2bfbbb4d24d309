//! Limits how many transactions run at once, and shares the permits out fairly between tenants.
//!
//! Knows permits and who waits for them; must not know connections. A released permit goes round by
//! tenant, whatever the length of a tenant's queue: first to a tenant that holds none, then to the
//! others, one each, as long as enough permits stay free for tenants that hold none. The last
//! permit is reserved for the server's own statements, which are short.
//!
//! Invariants:
//! - no more permits are held than there are, and no tenant holds more than its limit;
//! - a waiter that is dropped leaves no trace, and a permit granted to it goes to the next waiter.
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// For every this many permits, one is reserved for tenants that hold none.
const PERMITS_PER_NEWCOMER_RESERVE: usize = 3;

/// From this many permits on, one of them is reserved for the server's own statements.
const MIN_PERMITS_TO_RESERVE: usize = 4;

/// Identifies a waiter in the queue of its key.
type WaiterId = u64;

/// Who holds permits and who waits: a state machine without time or tasks.
struct Schedule<K> {
    permits: usize,
    free: usize,
    /// The key of the server itself.
    server: K,
    /// How many of the free permits only the server may take while it holds none.
    server_reserve: usize,
    /// While no more than this many are free, a permit goes only to a key that holds none.
    newcomer_reserve: usize,
    /// How many permits one key may hold.
    max_per_key: usize,
    usage: HashMap<K, Usage>,
    /// The keys with waiters, in round-robin order.
    waiting_keys: VecDeque<K>,
    last_waiter: WaiterId,
}

/// What one key holds and waits for.
#[derive(Default)]
struct Usage {
    held: usize,
    waiters: VecDeque<WaiterId>,
}

impl<K: Copy + Eq + Hash> Schedule<K> {
    fn new(permits: usize, max_per_key: usize, server: K) -> Self {
        Self {
            permits,
            free: permits,
            server,
            server_reserve: usize::from(permits >= MIN_PERMITS_TO_RESERVE),
            newcomer_reserve: permits / PERMITS_PER_NEWCOMER_RESERVE,
            max_per_key,
            usage: HashMap::new(),
            waiting_keys: VecDeque::new(),
            last_waiter: 0,
        }
    }

    /// Takes a permit now, or enters the queue.
    fn acquire_or_enqueue(&mut self, key: K) -> Result<(), WaiterId> {
        let can_acquire = self.can_acquire(key);
        let usage = self.usage.entry(key).or_default();
        // Overtakes nobody: a waiter of another key that could use this permit would hold it by
        // now.
        if usage.waiters.is_empty() && can_acquire {
            usage.held += 1;
            self.free -= 1;
            return Ok(());
        }
        self.last_waiter += 1;
        if usage.waiters.is_empty() {
            self.waiting_keys.push_back(key);
        }
        usage.waiters.push_back(self.last_waiter);
        Err(self.last_waiter)
    }

    fn release(&mut self, key: K) {
        self.free += 1;
        if let Some(usage) = self.usage.get_mut(&key) {
            usage.held -= 1;
        }
        self.remove_if_unused(key);
    }

    fn remove_waiter(&mut self, key: K, waiter: WaiterId) {
        if let Some(usage) = self.usage.get_mut(&key) {
            usage.waiters.retain(|waiting| *waiting != waiter);
            if usage.waiters.is_empty() {
                self.waiting_keys.retain(|waiting| *waiting != key);
            }
        }
        self.remove_if_unused(key);
    }

    /// Grants a free permit to the next waiter that may have it, if there is one.
    fn grant_next(&mut self) -> Option<(K, WaiterId)> {
        let mut keys = self.waiting_keys.iter();
        let position = keys
            .position(|key| self.held(*key) == 0 && self.can_acquire(*key))
            .or_else(|| {
                self.waiting_keys
                    .iter()
                    .position(|key| self.can_acquire(*key))
            })?;
        let key = self.waiting_keys.remove(position)?;
        let usage = self.usage.get_mut(&key)?;
        let waiter = usage.waiters.pop_front()?;
        usage.held += 1;
        self.free -= 1;
        if !usage.waiters.is_empty() {
            self.waiting_keys.push_back(key);
        }
        Some((key, waiter))
    }

    /// Whether a key may take one of the free permits now.
    fn can_acquire(&self, key: K) -> bool {
        let is_server_served = key == self.server || self.held(self.server) > 0;
        let reserved = if is_server_served {
            0
        } else {
            self.server_reserve
        };
        let held = self.held(key);
        self.free > reserved
            && (held == 0 || (held < self.max_per_key && self.free > self.newcomer_reserve))
    }

    fn held(&self, key: K) -> usize {
        self.usage.get(&key).map_or(0, |usage| usage.held)
    }

    fn remove_if_unused(&mut self, key: K) {
        if self
            .usage
            .get(&key)
            .is_some_and(|usage| usage.held == 0 && usage.waiters.is_empty())
        {
            self.usage.remove(&key);
        }
    }
}

/// A semaphore that is fair between keys.
pub(super) struct FairQueue<K: Copy + Eq + Hash>(Arc<Mutex<Shared<K>>>);

struct Shared<K: Copy + Eq + Hash> {
    schedule: Schedule<K>,
    /// Where each waiter receives its permit.
    waiters: HashMap<WaiterId, oneshot::Sender<Permit<K>>>,
}

impl<K: Copy + Eq + Hash> FairQueue<K> {
    /// A queue for `permits` permits, of which one key holds at most `max_per_key`. `server` is the
    /// key of the server's own statements.
    pub(super) fn new(permits: usize, max_per_key: usize, server: K) -> Self {
        Self(Arc::new(Mutex::new(Shared {
            schedule: Schedule::new(permits, max_per_key, server),
            waiters: HashMap::new(),
        })))
    }

    /// Waits for a permit.
    ///
    /// # Cancel safety
    /// A dropped call leaves the queue, and passes on a permit that it was granted in that moment.
    pub(super) async fn acquire(&self, key: K) -> Permit<K> {
        let mut waiter = {
            let mut shared = lock(&self.0);
            let Err(id) = shared.schedule.acquire_or_enqueue(key) else {
                return self.permit(key);
            };
            let (grant, granted) = oneshot::channel();
            shared.waiters.insert(id, grant);
            Waiter {
                queue: Self(Arc::clone(&self.0)),
                key,
                id,
                granted,
            }
        };
        (&mut waiter.granted)
            .await
            .expect("the sender stays in `waiters` until it grants or the waiter is dropped")
    }

    /// How long a key would wait here, to be compared between queues: first whether it would wait
    /// at all, then how many permits are held or waited for.
    pub(super) fn load(&self, key: K) -> (bool, usize) {
        let shared = lock(&self.0);
        let (schedule, waiting) = (&shared.schedule, shared.waiters.len());
        let has_waiters = schedule
            .usage
            .get(&key)
            .is_some_and(|usage| !usage.waiters.is_empty());
        let would_wait = has_waiters || !schedule.can_acquire(key);
        (would_wait, schedule.permits - schedule.free + waiting)
    }

    fn permit(&self, key: K) -> Permit<K> {
        Permit {
            queue: Self(Arc::clone(&self.0)),
            key,
        }
    }

    /// Grants every free permit that a waiter may have.
    fn grant_free(&self, mut shared: MutexGuard<'_, Shared<K>>) {
        let mut granted = Vec::new();
        while let Some((key, waiter)) = shared.schedule.grant_next() {
            granted.extend(shared.waiters.remove(&waiter).map(|grant| (key, grant)));
        }
        // A permit whose waiter has gone is dropped below, and takes the lock in its own `drop`.
        drop(shared);
        for (key, grant) in granted {
            drop(grant.send(self.permit(key)));
        }
    }
}

/// The right to run one transaction at a time; released when dropped.
pub(super) struct Permit<K: Copy + Eq + Hash> {
    queue: FairQueue<K>,
    key: K,
}

impl<K: Copy + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut shared = lock(&self.queue.0);
        shared.schedule.release(self.key);
        self.queue.grant_free(shared);
    }
}

struct Waiter<K: Copy + Eq + Hash> {
    queue: FairQueue<K>,
    key: K,
    id: WaiterId,
    granted: oneshot::Receiver<Permit<K>>,
}

impl<K: Copy + Eq + Hash> Drop for Waiter<K> {
    fn drop(&mut self) {
        let mut shared = lock(&self.queue.0);
        // Without a sender a permit was granted: it is in use, or dropped with `granted`.
        if shared.waiters.remove(&self.id).is_some() {
            shared.schedule.remove_waiter(self.key, self.id);
        }
    }
}

/// A std mutex, because it is held for a few comparisons and never across an await. No code under
/// the lock can panic half-way, so a poisoned lock is used all the same.
fn lock<K: Copy + Eq + Hash>(shared: &Mutex<Shared<K>>) -> MutexGuard<'_, Shared<K>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
