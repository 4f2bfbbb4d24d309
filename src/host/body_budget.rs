//! Bounds the memory of bodies that are still arriving, and how many of one principal arrive
//! slowly.
//!
//! Invariant: a principal may always hold one body of the largest size, whatever others hold. So
//! unfinished bodies take at most [`BODIES_IN_TOTAL`] bodies of the largest size, and one more for
//! each principal that arrives beyond them; of these there are no more than connections.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::identity::Principal;

/// The bytes of unfinished bodies that one principal may have in memory, in bodies of the largest
/// size.
const BODIES_PER_PRINCIPAL: usize = 8;

/// The same, of all principals; beyond that each holds one.
const BODIES_IN_TOTAL: usize = 64;

/// The bodies of one principal that may arrive slowly at once: each holds a connection.
const SLOW_BODIES_PER_PRINCIPAL: usize = 32;

/// Bodies that began together are judged at different moments, so that refusing hundreds of them
/// does not take a long time at once.
const DELAY: Duration = Duration::from_millis(2);
const DELAYS: u32 = 1024;

/// Counts the bytes that have arrived of unfinished bodies. Bytes that are announced and not sent
/// do not count, so announcing large bodies locks nobody out.
pub(super) struct BodyBudget {
    limits: Limits,
    held: Arc<Mutex<Held>>,
    /// How many there have been.
    reservations: AtomicU32,
}

/// In bytes.
#[derive(Clone, Copy)]
struct Limits {
    /// What a principal may hold whatever others hold.
    guaranteed: usize,
    per_principal: usize,
    in_total: usize,
}

#[derive(Default)]
struct Held {
    total: usize,
    principals: HashMap<Principal, Own>,
}

/// What one principal holds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Own {
    bytes: usize,
    slow: usize,
}

/// A share of these bytes; released when dropped.
pub(super) struct Reservation {
    principal: Principal,
    bytes: usize,
    is_slow: bool,
    delay: Duration,
    limits: Limits,
    held: Arc<Mutex<Held>>,
}

impl BodyBudget {
    /// For bodies of at most `max_body_bytes` each.
    pub(super) fn new(max_body_bytes: usize) -> Self {
        Self {
            limits: Limits {
                guaranteed: max_body_bytes,
                per_principal: max_body_bytes.saturating_mul(BODIES_PER_PRINCIPAL),
                in_total: max_body_bytes.saturating_mul(BODIES_IN_TOTAL),
            },
            held: Arc::default(),
            reservations: AtomicU32::new(0),
        }
    }

    /// An empty reservation for one body of a principal.
    pub(super) fn reservation(&self, principal: &Principal) -> Reservation {
        let number = self.reservations.fetch_add(1, Ordering::Relaxed);
        Reservation {
            principal: principal.clone(),
            bytes: 0,
            is_slow: false,
            delay: DELAY * (number % DELAYS),
            limits: self.limits,
            held: Arc::clone(&self.held),
        }
    }
}

impl Reservation {
    /// Reserves more bytes; `false` if the budget does not have them.
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let mut held = lock(&self.held);
        let own = held.of(&self.principal);
        let grown = Own {
            bytes: own.bytes + bytes,
            ..own
        };
        let has_room =
            grown.bytes <= self.limits.per_principal && held.total + bytes <= self.limits.in_total;
        if !has_room && grown.bytes > self.limits.guaranteed {
            return false;
        }
        held.set(&self.principal, grown);
        held.total += bytes;
        self.bytes += bytes;
        true
    }

    /// What is added to the time after which the body counts as one that arrives slowly.
    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// Whether the body counts as one that arrives slowly.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow
    }

    /// Counts it as one from now on; `false` if there are as many as may be.
    pub(super) fn slow_down(&mut self) -> bool {
        let mut held = lock(&self.held);
        let own = held.of(&self.principal);
        if own.slow >= SLOW_BODIES_PER_PRINCIPAL {
            return false;
        }
        let slowed = Own {
            slow: own.slow + usize::from(!self.is_slow),
            ..own
        };
        held.set(&self.principal, slowed);
        self.is_slow = true;
        true
    }
}

impl Held {
    fn of(&self, principal: &Principal) -> Own {
        self.principals.get(principal).copied().unwrap_or_default()
    }

    /// Nothing is kept of who holds nothing.
    fn set(&mut self, principal: &Principal, own: Own) {
        if own == Own::default() {
            self.principals.remove(principal);
        } else {
            self.principals.insert(principal.clone(), own);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        held.total -= self.bytes;
        let own = held.of(&self.principal);
        let left = Own {
            bytes: own.bytes - self.bytes,
            slow: own.slow - usize::from(self.is_slow),
        };
        held.set(&self.principal, left);
    }
}

/// A std mutex: held for a few map operations, never across an await, and nothing panics meanwhile.
fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_bodies_are_bounded_for_each_principal_and_for_all() {
        let budget = BodyBudget::new(10);
        let principal = |n: usize| {
            format!("apikey:abcdefghij{n:02}")
                .parse()
                .expect("a principal")
        };
        let mut held: Vec<Reservation> = (0..8)
            .map(|n| {
                let mut own = budget.reservation(&principal(n));
                assert!(own.grow(30) && own.grow(50) && !own.grow(1), "{n}");
                own
            })
            .collect();
        // All are taken, but for one body of each principal that comes later.
        let mut late = budget.reservation(&principal(8));
        let mut later = budget.reservation(&principal(9));
        assert!(late.grow(4) && late.grow(6) && !late.grow(1));
        assert!(later.grow(10) && !later.grow(1));
        let mut second = budget.reservation(&principal(9));
        assert!(!second.grow(1), "the principal holds a body");
        drop(later);
        assert!(second.grow(10));
        drop(second);
        held.pop();
        assert!(late.grow(70) && !late.grow(1));
        drop((held, late));
        let held = lock(&budget.held);
        assert_eq!((held.total, held.principals.len()), (0, 0));
    }
}
