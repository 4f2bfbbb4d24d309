//! Limits the requests in flight: of each tenant, and of each principal within it.
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::identity::{Principal, TenantId};

/// For every four permits of a tenant there is one more that only a principal without a request in
/// flight may take.
const PERMITS_PER_RESERVED: usize = 4;

/// Counts requests in flight and refuses those above the limits, so that a tenant's growing queue
/// ends in an error for that tenant and not in memory. A request is in flight from the moment its
/// body has arrived until its response has been handed to the connection.
pub(super) struct InFlight {
    /// The permits of a tenant that any of its principals may take.
    unreserved: usize,
    /// All permits of a tenant.
    total: usize,
    tenants: Arc<Mutex<Tenants>>,
}

type Tenants = HashMap<TenantId, HashMap<Principal, usize>>;

/// The right to one request in flight; released when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    tenant: TenantId,
    principal: Principal,
    tenants: Arc<Mutex<Tenants>>,
}

impl InFlight {
    /// `permits` for each tenant, and a quarter more for its principals that hold none, so that one
    /// principal cannot keep the others out.
    pub(super) fn new(permits: NonZeroUsize) -> Self {
        let unreserved = permits.get();
        Self {
            unreserved,
            total: unreserved + unreserved.div_ceil(PERMITS_PER_RESERVED),
            tenants: Arc::default(),
        }
    }

    /// A permit for one more request, if one is left.
    pub(super) fn acquire(&self, tenant: TenantId, principal: &Principal) -> Option<Permit> {
        let mut tenants = lock(&self.tenants);
        let principals = tenants.entry(tenant).or_default();
        let in_flight: usize = principals.values().sum();
        let own = principals.get(principal).copied().unwrap_or_default();
        let limit = if own == 0 {
            self.total
        } else {
            self.unreserved
        };
        // Without any in flight there is always a permit, so no empty entry is left behind.
        if in_flight >= limit {
            return None;
        }
        principals.insert(principal.clone(), own + 1);
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
        if let Some(own) = principals.get_mut(&self.principal) {
            *own -= 1;
            if *own == 0 {
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
    fn each_tenant_has_its_own_permits_and_gets_them_back() {
        let in_flight = InFlight::new(NonZeroUsize::new(4).expect("not zero"));
        let (tenant, other) = (TenantId::HEAD_OFFICE, TenantId::from(uuid::Uuid::max()));
        let principal = |name: &str| name.parse::<Principal>().expect("a principal");
        let greedy = principal("apikey:abcdefghijk0");
        let mut permits: Vec<_> = (0..4)
            .map(|_| in_flight.acquire(tenant, &greedy).expect("a permit"))
            .collect();
        assert!(in_flight.acquire(tenant, &greedy).is_none());
        assert!(in_flight.acquire(other, &greedy).is_some());
        // The reserved one is for a principal that holds none.
        let modest = principal("apikey:abcdefghijk1");
        let reserved = in_flight
            .acquire(tenant, &modest)
            .expect("the reserved one");
        assert!(in_flight.acquire(tenant, &modest).is_none());
        assert!(
            in_flight
                .acquire(tenant, &principal("apikey:abcdefghijk2"))
                .is_none()
        );
        drop(permits.pop());
        assert!(
            in_flight.acquire(tenant, &greedy).is_none(),
            "four are taken"
        );
        drop(reserved);
        assert!(in_flight.acquire(tenant, &greedy).is_some());
        permits.clear();
        assert!(
            lock(&in_flight.tenants).is_empty(),
            "nothing is left of who has gone"
        );
    }
}
