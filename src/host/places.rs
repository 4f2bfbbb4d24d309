use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::identity::TenantId;

/// Counts each tenant's requests under way, up to a limit: what comes on top is turned away before anything is read of
/// it, so that a queue that only grows costs its own tenant an answer and nobody memory.
pub(super) struct Places {
    most: NonZeroUsize,
    taken: Arc<Mutex<HashMap<TenantId, usize>>>,
}

/// One of them; free again when dropped.
pub(super) struct Place {
    tenant: TenantId,
    taken: Arc<Mutex<HashMap<TenantId, usize>>>,
}

impl Places {
    pub(super) fn new(most: NonZeroUsize) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// A place for one request of a tenant, if there is one left.
    pub(super) fn take(&self, tenant: TenantId) -> Option<Place> {
        let mut taken = lock(&self.taken);
        let count = taken.entry(tenant).or_default();
        if *count >= self.most.get() {
            return None;
        }
        *count += 1;
        Some(Place {
            tenant,
            taken: Arc::clone(&self.taken),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        if let Some(count) = taken.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

/// A std mutex: it is held for one look into a map, never across an await, and nothing can panic meanwhile.
fn lock(taken: &Mutex<HashMap<TenantId, usize>>) -> MutexGuard<'_, HashMap<TenantId, usize>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenant_has_its_own_places_and_gets_them_back() {
        let places = Places::new(NonZeroUsize::new(2).expect("not zero"));
        let (one, other) = (TenantId::HEAD_OFFICE, TenantId::from(uuid::Uuid::max()));
        let first = places.take(one);
        let second = places.take(one);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(one).is_none());
        assert!(places.take(other).is_some());
        drop(first);
        assert!(places.take(one).is_some());
        drop(second);
        assert!(
            lock(&places.taken).is_empty(),
            "nothing is kept of who has gone"
        );
    }
}
