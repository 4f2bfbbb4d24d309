//! Limits the memory of unfinished bodies, and how many bodies of one principal may arrive slowly.
//!
//! Knows principals and byte counts; must not know HTTP.
//! Invariant: a principal may always hold one body of the maximum size, whatever others hold.
//! Unfinished bodies therefore take at most [`MAX_BODIES_IN_TOTAL`] bodies of the maximum size, and
//! one more for each principal that comes once these are taken; there are no more of those than
//! connections.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::identity::Principal;

/// The memory for unfinished bodies of one principal, in bodies of the maximum size.
const MAX_BODIES_PER_PRINCIPAL: usize = 8;

/// The memory for unfinished bodies of all principals, in bodies of the maximum size. Once it is
/// used up, each principal may hold one.
const MAX_BODIES_IN_TOTAL: usize = 64;

/// How many bodies of one principal may arrive slowly at once, because each occupies a connection.
const MAX_SLOW_BODIES_PER_PRINCIPAL: usize = 32;

/// Bodies that started at the same time become slow at different times, in 1024 steps, so that
/// rejecting hundreds of them does not block the reactor.
const STAGGER_STEP: Duration = Duration::from_millis(2);
const STAGGER_STEPS: u32 = 1024;

/// Counts the bytes that have arrived of unfinished bodies. Announced bytes that have not arrived
/// do not count, so announcing large bodies locks nobody out.
pub(super) struct BodyBudget {
    limits: Limits,
    usage: Arc<Mutex<Usage>>,
    /// How many reservations there have been.
    reservation_count: AtomicU32,
}

/// Limits in bytes.
#[derive(Clone, Copy)]
struct Limits {
    /// What a principal may hold whatever others hold.
    guaranteed: usize,
    per_principal: usize,
    in_total: usize,
}

#[derive(Default)]
struct Usage {
    total_bytes: usize,
    principals: HashMap<Principal, PrincipalUsage>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct PrincipalUsage {
    bytes: usize,
    slow_bodies: usize,
}

/// The bytes that one unfinished body holds; released when dropped.
pub(super) struct Reservation {
    principal: Principal,
    bytes: usize,
    is_slow: bool,
    stagger_delay: Duration,
    limits: Limits,
    usage: Arc<Mutex<Usage>>,
}

impl BodyBudget {
    /// A budget for bodies of at most `max_body_bytes` each.
    pub(super) fn new(max_body_bytes: usize) -> Self {
        Self {
            limits: Limits {
                guaranteed: max_body_bytes,
                per_principal: max_body_bytes.saturating_mul(MAX_BODIES_PER_PRINCIPAL),
                in_total: max_body_bytes.saturating_mul(MAX_BODIES_IN_TOTAL),
            },
            usage: Arc::default(),
            reservation_count: AtomicU32::new(0),
        }
    }

    /// Starts an empty reservation for one body of a principal.
    pub(super) fn reserve(&self, principal: &Principal) -> Reservation {
        let number = self.reservation_count.fetch_add(1, Ordering::Relaxed);
        Reservation {
            principal: principal.clone(),
            bytes: 0,
            is_slow: false,
            stagger_delay: STAGGER_STEP * (number % STAGGER_STEPS),
            limits: self.limits,
            usage: Arc::clone(&self.usage),
        }
    }
}

impl Reservation {
    /// Reserves more bytes; `false`, and nothing changes, if they would exceed the budget.
    pub(super) fn try_grow(&mut self, bytes: usize) -> bool {
        let mut usage = lock(&self.usage);
        let principal = usage.principal(&self.principal);
        let grown = PrincipalUsage {
            bytes: principal.bytes + bytes,
            ..principal
        };
        let has_room = grown.bytes <= self.limits.per_principal
            && usage.total_bytes + bytes <= self.limits.in_total;
        if !has_room && grown.bytes > self.limits.guaranteed {
            return false;
        }
        usage.set_principal(&self.principal, grown);
        usage.total_bytes += bytes;
        self.bytes += bytes;
        true
    }

    /// What to add to the time after which the body counts as slow.
    pub(super) fn stagger_delay(&self) -> Duration {
        self.stagger_delay
    }

    /// Whether the body counts as slow.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow
    }

    /// Counts the body as slow from now on; `false` if the principal already has the maximum number
    /// of slow bodies.
    pub(super) fn try_mark_slow(&mut self) -> bool {
        let mut usage = lock(&self.usage);
        let principal = usage.principal(&self.principal);
        if principal.slow_bodies >= MAX_SLOW_BODIES_PER_PRINCIPAL {
            return false;
        }
        let slowed = PrincipalUsage {
            slow_bodies: principal.slow_bodies + usize::from(!self.is_slow),
            ..principal
        };
        usage.set_principal(&self.principal, slowed);
        self.is_slow = true;
        true
    }
}

impl Usage {
    fn principal(&self, principal: &Principal) -> PrincipalUsage {
        self.principals.get(principal).copied().unwrap_or_default()
    }

    /// Removes the entry of a principal that holds nothing.
    fn set_principal(&mut self, principal: &Principal, usage: PrincipalUsage) {
        if usage == PrincipalUsage::default() {
            self.principals.remove(principal);
        } else {
            self.principals.insert(principal.clone(), usage);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut usage = lock(&self.usage);
        usage.total_bytes -= self.bytes;
        let principal = usage.principal(&self.principal);
        let remaining = PrincipalUsage {
            bytes: principal.bytes - self.bytes,
            slow_bodies: principal.slow_bodies - usize::from(self.is_slow),
        };
        usage.set_principal(&self.principal, remaining);
    }
}

/// A std mutex: held for a few map operations, never across an await, and nothing panics meanwhile.
fn lock(usage: &Mutex<Usage>) -> MutexGuard<'_, Usage> {
    usage.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut reservations: Vec<Reservation> = (0..8)
            .map(|n| {
                let mut reservation = budget.reserve(&principal(n));
                assert!(
                    reservation.try_grow(30)
                        && reservation.try_grow(50)
                        && !reservation.try_grow(1),
                    "{n}"
                );
                reservation
            })
            .collect();
        // The total is used up; each principal that comes later may still hold one body.
        let mut late = budget.reserve(&principal(8));
        let mut later = budget.reserve(&principal(9));
        assert!(late.try_grow(4) && late.try_grow(6) && !late.try_grow(1));
        assert!(later.try_grow(10) && !later.try_grow(1));
        let mut second = budget.reserve(&principal(9));
        assert!(!second.try_grow(1), "the principal already holds a body");
        drop(later);
        assert!(second.try_grow(10));
        drop(second);
        reservations.pop();
        assert!(late.try_grow(70) && !late.try_grow(1));
        drop((reservations, late));
        let usage = lock(&budget.usage);
        assert_eq!((usage.total_bytes, usage.principals.len()), (0, 0));
    }
}
