//! The in-flight limit: how many requests a tenant, and a principal within it, may have in flight.
//!
//! Knows tenants and principals; must not know what a request does.
//! Invariants:
//! - no tenant ever holds more permits than its limit;
//! - one principal cannot use up a tenant's permits: some are reserved for principals
//!   without a request in flight.
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::identity::{Principal, TenantId};

/// A tenant has one reserved permit for this many unreserved ones.
const UNRESERVED_PER_RESERVED: usize = 4;

/// Counts the requests in flight and rejects those above the limits. A tenant that sends faster
/// than its requests are answered thus gets errors, instead of filling the memory with a queue. A
/// request is in flight from the moment its body has arrived until its response has been handed to
/// the connection.
pub(super) struct InFlightLimit {
    /// The permits of a tenant that any of its principals may take.
    unreserved_permits: usize,
    /// All permits of a tenant.
    total_permits: usize,
    tenants: Arc<Mutex<Tenants>>,
}

/// The permits that each principal holds.
type Tenants = HashMap<TenantId, HashMap<Principal, usize>>;

/// The right to one request in flight; released when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    tenant: TenantId,
    principal: Principal,
    tenants: Arc<Mutex<Tenants>>,
}

impl InFlightLimit {
    /// Gives each tenant `permits`, and reserves a quarter more for principals that hold none.
    pub(super) fn new(permits: NonZeroUsize) -> Self {
        let unreserved_permits = permits.get();
        Self {
            unreserved_permits,
            total_permits: unreserved_permits
                + unreserved_permits.div_ceil(UNRESERVED_PER_RESERVED),
            tenants: Arc::default(),
        }
    }

    /// Takes a permit for one more request; `None` at the limit.
    pub(super) fn try_acquire(&self, tenant: TenantId, principal: &Principal) -> Option<Permit> {
        let mut tenants = lock(&self.tenants);
        let principals = tenants.entry(tenant).or_default();
        let in_flight: usize = principals.values().sum();
        let held = principals.get(principal).copied().unwrap_or_default();
        let limit = if held == 0 {
            self.total_permits
        } else {
            self.unreserved_permits
        };
        // A tenant without requests in flight always gets a permit, so no empty entry is left
        // behind here.
        if in_flight >= limit {
            return None;
        }
        principals.insert(principal.clone(), held + 1);
        Some(Permit {
            tenant,
            principal: principal.clone(),
            tenants: Arc::clone(&self.tenants),
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut tenants = lock(&self.tenants);
        let Some(principals) = tenants.get_mut(&self.tenant) else {
            return;
        };
        if let Some(held) = principals.get_mut(&self.principal) {
            *held -= 1;
            if *held == 0 {
                principals.remove(&self.principal);
            }
        }
        if principals.is_empty() {
            tenants.remove(&self.tenant);
        }
    }
}

/// A std mutex: held for a few map operations, never across an await, and nothing panics meanwhile.
fn lock(tenants: &Mutex<Tenants>) -> MutexGuard<'_, Tenants> {
    tenants.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_its_own_permits_and_dropping_one_releases_it() {
        let in_flight = InFlightLimit::new(NonZeroUsize::new(4).expect("not zero"));
        let (tenant, other) = (TenantId::HEAD_OFFICE, TenantId::from(uuid::Uuid::max()));
        let principal = |name: &str| name.parse::<Principal>().expect("a principal");
        let greedy = principal("apikey:abcdefghijk0");
        let mut permits: Vec<_> = (0..4)
            .map(|_| in_flight.try_acquire(tenant, &greedy).expect("a permit"))
            .collect();
        assert!(in_flight.try_acquire(tenant, &greedy).is_none());
        assert!(in_flight.try_acquire(other, &greedy).is_some());
        // The reserved permit is for a principal that holds none.
        let modest = principal("apikey:abcdefghijk1");
        let reserved = in_flight
            .try_acquire(tenant, &modest)
            .expect("the reserved permit");
        assert!(in_flight.try_acquire(tenant, &modest).is_none());
        assert!(
            in_flight
                .try_acquire(tenant, &principal("apikey:abcdefghijk2"))
                .is_none()
        );
        drop(permits.pop());
        assert!(
            in_flight.try_acquire(tenant, &greedy).is_none(),
            "four are taken"
        );
        drop(reserved);
        assert!(in_flight.try_acquire(tenant, &greedy).is_some());
        permits.clear();
        assert!(
            lock(&in_flight.tenants).is_empty(),
            "no entry is left of a tenant without requests"
        );
    }
}
