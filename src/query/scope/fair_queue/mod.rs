//! Whose turn it is: the slots for statements, shared out fairly.
//!
//! Knows slots and who waits for them; must not know connections. A slot that becomes free goes round by tenant, not by
//! the length of a queue: first to one that holds none, then to the others, one each, as long as some slots stay free
//! for those that hold none. The last slot is for the server's own questions, which are short.
//! Invariants: no more turns are out than there are slots, and no tenant has more than its share; whoever stops waiting
//! leaves no trace, and what was meant for them goes to the next.
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The part of the slots that is kept for tenants that hold none: one in three.
const KEPT: usize = 3;

/// From this many slots on, one of them is for the server's own questions.
const MIN_SLOTS_TO_RESERVE: usize = 4;

/// A place in a queue.
type WaiterId = u64;

/// Who holds slots and who waits, as a table of states without time or tasks.
struct Order<K> {
    free: usize,
    /// The server itself.
    server: K,
    /// Of the free ones, those that only the server may have while it holds none.
    reserved: usize,
    /// While no more than this are free, a slot goes only to somebody who holds none.
    kept: usize,
    /// The most slots of one.
    share: usize,
    queues: HashMap<K, Queue>,
    /// Those who wait, in the order in which they are looked at.
    round: VecDeque<K>,
    last_ticket: WaiterId,
}

#[derive(Default)]
struct Queue {
    held: usize,
    waiting: VecDeque<WaiterId>,
}

impl<K: Copy + Eq + Hash> Order<K> {
    fn new(slots: usize, share: usize, server: K) -> Self {
        Self {
            free: slots,
            server,
            reserved: usize::from(slots >= MIN_SLOTS_TO_RESERVE),
            kept: slots / KEPT,
            share,
            queues: HashMap::new(),
            round: VecDeque::new(),
            last_ticket: 0,
        }
    }

    /// Takes a slot now, or a place in the queue.
    fn ask(&mut self, key: K) -> Result<(), WaiterId> {
        let may_have = self.may_have(key);
        let queue = self.queues.entry(key).or_default();
        // Whoever else waits could not be given this slot: it would have been.
        if queue.waiting.is_empty() && may_have {
            queue.held += 1;
            self.free -= 1;
            return Ok(());
        }
        self.last_ticket += 1;
        if queue.waiting.is_empty() {
            self.round.push_back(key);
        }
        queue.waiting.push_back(self.last_ticket);
        Err(self.last_ticket)
    }

    fn give_back(&mut self, key: K) {
        self.free += 1;
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.held -= 1;
        }
        self.forget_if_gone(key);
    }

    fn abandon(&mut self, key: K, ticket: WaiterId) {
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.waiting.retain(|waiting| *waiting != ticket);
            if queue.waiting.is_empty() {
                self.round.retain(|waiting| *waiting != key);
            }
        }
        self.forget_if_gone(key);
    }

    /// Gives a free slot to the next in turn, if there is one who may have it.
    fn next(&mut self) -> Option<(K, WaiterId)> {
        let mut round = self.round.iter();
        let position = round
            .position(|key| self.held(*key) == 0 && self.may_have(*key))
            .or_else(|| self.round.iter().position(|key| self.may_have(*key)))?;
        let key = self.round.remove(position)?;
        let queue = self.queues.get_mut(&key)?;
        let ticket = queue.waiting.pop_front()?;
        queue.held += 1;
        self.free -= 1;
        if !queue.waiting.is_empty() {
            self.round.push_back(key);
        }
        Some((key, ticket))
    }

    /// Whether somebody may have one of the free slots now.
    fn may_have(&self, key: K) -> bool {
        let is_served = key == self.server || self.held(self.server) > 0;
        let reserved = if is_served { 0 } else { self.reserved };
        let held = self.held(key);
        self.free > reserved && (held == 0 || (held < self.share && self.free > self.kept))
    }

    fn held(&self, key: K) -> usize {
        self.queues.get(&key).map_or(0, |queue| queue.held)
    }

    fn forget_if_gone(&mut self, key: K) {
        if self
            .queues
            .get(&key)
            .is_some_and(|queue| queue.held == 0 && queue.waiting.is_empty())
        {
            self.queues.remove(&key);
        }
    }
}

/// Hands out turns.
pub(super) struct FairQueue<K: Copy + Eq + Hash>(Arc<Mutex<Shared<K>>>);

struct Shared<K: Copy + Eq + Hash> {
    order: Order<K>,
    calls: HashMap<WaiterId, oneshot::Sender<Permit<K>>>,
}

impl<K: Copy + Eq + Hash> FairQueue<K> {
    /// FairQueue for so many statements at once, and so many of one tenant. `server` asks the server's
    /// own questions.
    pub(super) fn new(slots: usize, share: usize, server: K) -> Self {
        Self(Arc::new(Mutex::new(Shared {
            order: Order::new(slots, share, server),
            calls: HashMap::new(),
        })))
    }

    /// Waits for a turn.
    ///
    /// # Cancel safety
    /// A call that is dropped leaves the queue, and passes on a turn that it was given in that moment.
    pub(super) async fn take(&self, key: K) -> Permit<K> {
        let mut waiting = {
            let mut desk = lock(&self.0);
            let Err(ticket) = desk.order.ask(key) else {
                return self.turn(key);
            };
            let (call, called) = oneshot::channel();
            desk.calls.insert(ticket, call);
            Waiting {
                permits: Self(Arc::clone(&self.0)),
                key,
                ticket,
                called,
            }
        };
        (&mut waiting.called)
            .await
            .expect("who waits is called or leaves: the desk keeps the other end until then")
    }

    fn turn(&self, key: K) -> Permit<K> {
        Permit {
            permits: Self(Arc::clone(&self.0)),
            key,
        }
    }

    /// Calls everybody whose turn it is now.
    fn call_next(&self, mut desk: MutexGuard<'_, Shared<K>>) {
        let mut called = Vec::new();
        while let Some((key, ticket)) = desk.order.next() {
            called.extend(desk.calls.remove(&ticket).map(|call| (key, call)));
        }
        // A turn that nobody takes any more is dropped, and comes back here for the lock.
        drop(desk);
        for (key, call) in called {
            drop(call.send(self.turn(key)));
        }
    }
}

/// The right to hold one slot; given back when dropped.
pub(super) struct Permit<K: Copy + Eq + Hash> {
    permits: FairQueue<K>,
    key: K,
}

impl<K: Copy + Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut desk = lock(&self.permits.0);
        desk.order.give_back(self.key);
        self.permits.call_next(desk);
    }
}

struct Waiting<K: Copy + Eq + Hash> {
    permits: FairQueue<K>,
    key: K,
    ticket: WaiterId,
    called: oneshot::Receiver<Permit<K>>,
}

impl<K: Copy + Eq + Hash> Drop for Waiting<K> {
    fn drop(&mut self) {
        let mut desk = lock(&self.permits.0);
        // Called already: the turn is used, or dropped with `called`.
        if desk.calls.remove(&self.ticket).is_some() {
            desk.order.abandon(self.key, self.ticket);
        }
    }
}

/// A std mutex, because it is held for a few comparisons and never across an await. Nothing in there can panic half-way.
fn lock<K: Copy + Eq + Hash>(desk: &Mutex<Shared<K>>) -> MutexGuard<'_, Shared<K>> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
