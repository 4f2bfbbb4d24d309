//! Finds a call in flight that its client gives up by `notifications/cancelled`.
//!
//! Over HTTP that notification comes in a request of its own, so the call is found by who sent it:
//! the principal, the tenant, the session and the request's id. Invariants: a caller can cancel
//! only their own calls, an entry lives no longer than its call, and there are at most
//! [`MAX_CALLS`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::RequestId;
use tokio_util::sync::CancellationToken;

use super::SessionId;
use crate::identity::{Caller, Principal, TenantId};

/// The most calls that can be cancelled by id at once. Requests in flight are bounded for each
/// tenant; a call beyond this limit runs, and can be cancelled only by closing its connection.
const MAX_CALLS: usize = 4_096;

/// The longest request id that is kept, in bytes; a call with a longer one cannot be cancelled by
/// its id.
const MAX_ID_BYTES: usize = 256;

/// The calls in flight on this instance that can be cancelled by id.
#[derive(Clone, Debug, Default)]
pub struct CancellableCalls(Arc<Mutex<HashMap<CallKey, CancellationToken>>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CallKey {
    principal: Principal,
    tenant: TenantId,
    session: SessionId,
    request: RequestId,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct CancellableCall {
    calls: CancellableCalls,
    key: Option<CallKey>,
    cancelled: CancellationToken,
}

impl CancellableCalls {
    /// Registers a call under its session, if it has one.
    pub(super) fn register(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        request: &RequestId,
    ) -> CancellableCall {
        let cancelled = CancellationToken::new();
        let is_short = match request {
            RequestId::Number(_) => true,
            RequestId::String(id) => id.len() <= MAX_ID_BYTES,
        };
        let key = session.filter(|_| is_short).and_then(|session| {
            let key = CallKey::new(caller, session, request);
            let mut calls = self.lock();
            if calls.len() >= MAX_CALLS {
                return None;
            }
            match calls.entry(key.clone()) {
                // Two calls with one id are ambiguous, so the first keeps it.
                Entry::Occupied(_) => None,
                Entry::Vacant(free) => {
                    free.insert(cancelled.clone());
                    Some(key)
                }
            }
        });
        CancellableCall {
            calls: self.clone(),
            key,
            cancelled,
        }
    }

    /// Cancels the caller's own call of that id, if it is in flight here.
    pub fn cancel(&self, caller: &Caller, session: SessionId, request: &RequestId) {
        let key = CallKey::new(caller, session, request);
        if let Some(cancelled) = self.lock().get(&key) {
            cancelled.cancel();
        }
    }

    /// A std mutex: it is held for one look into a map, never across an await, and nothing can
    /// panic meanwhile.
    fn lock(&self) -> MutexGuard<'_, HashMap<CallKey, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallKey {
    fn new(caller: &Caller, session: SessionId, request: &RequestId) -> Self {
        Self {
            principal: caller.principal().clone(),
            tenant: caller.tenant(),
            session,
            request: request.clone(),
        }
    }
}

impl CancellableCall {
    /// Resolves when the client gives the call up. Cancel-safe.
    pub(super) async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }
}

impl Drop for CancellableCall {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.calls.lock().remove(key);
        }
    }
}
