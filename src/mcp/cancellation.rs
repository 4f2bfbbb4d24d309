//! Finds the call in flight that a client cancels by `notifications/cancelled`.
//!
//! Over HTTP that notification arrives in a separate request, so a call is registered under its
//! sender: the principal, the tenant, the session and the request id.
//!
//! Invariants:
//! - a caller can cancel only their own calls;
//! - an entry lives no longer than its call;
//! - there are at most [`MAX_CALLS`] entries.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::RequestId;
use tokio_util::sync::CancellationToken;

use super::SessionId;
use crate::identity::{Caller, Principal, TenantId};

/// How many calls can be cancelled by id at once. The in-flight limit of each tenant bounds the
/// calls; one beyond this limit runs, and can be cancelled only by closing its connection.
const MAX_CALLS: usize = 4_096;

/// The longest request id that is registered. A call with a longer id cannot be cancelled by id.
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

/// The registration of one call, removed when it is dropped.
#[derive(Debug)]
pub(super) struct CancellableCall {
    calls: CancellableCalls,
    key: Option<CallKey>,
    cancelled: CancellationToken,
}

impl CancellableCalls {
    /// Registers a call under its session. Without a session the call cannot be cancelled by id.
    pub(super) fn register(
        &self,
        caller: &Caller,
        session: Option<SessionId>,
        request: &RequestId,
    ) -> CancellableCall {
        let cancelled = CancellationToken::new();
        let has_short_id = match request {
            RequestId::Number(_) => true,
            RequestId::String(id) => id.len() <= MAX_ID_BYTES,
        };
        let key = session.filter(|_| has_short_id).and_then(|session| {
            let key = CallKey::new(caller, session, request);
            let mut calls = self.lock();
            if calls.len() >= MAX_CALLS {
                return None;
            }
            match calls.entry(key.clone()) {
                // An id used by two calls is ambiguous, so it stays with the first.
                Entry::Occupied(_) => None,
                Entry::Vacant(entry) => {
                    entry.insert(cancelled.clone());
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

    /// Cancels the caller's own call with this id, if it is in flight on this instance.
    pub fn cancel(&self, caller: &Caller, session: SessionId, request: &RequestId) {
        let key = CallKey::new(caller, session, request);
        if let Some(cancelled) = self.lock().get(&key) {
            cancelled.cancel();
        }
    }

    /// A std mutex: it is held for one map operation, never across an await, and no code under it
    /// can panic.
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
    /// Resolves when the client cancels the call. Cancel-safe.
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
