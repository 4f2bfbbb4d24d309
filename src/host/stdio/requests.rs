//! The requests in flight of a session on standard input and output.
//!
//! Knows MCP's message types; must not know how lines are read or written.
//! Invariant: a response is only written for the request that it answers, also when a client reuses
//! the id of a cancelled request.
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, GetExtensions as _, JsonRpcMessage, RequestId,
    ServerJsonRpcMessage,
};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::mcp::RenderedResult;

/// The requests that were read and are not answered yet.
///
/// Each has an internal number, which replaces the client's id in the message that rmcp sees: a
/// client may reuse the id of a request that it has cancelled, and the responses to the two must
/// not be confused.
#[derive(Default)]
pub(super) struct Requests {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    last_number: i64,
    /// The requests that are being handled, by their number.
    running: HashMap<i64, RunningRequest>,
    /// The requests whose responses are being written, by the client's id.
    responding: HashSet<RequestId>,
}

struct RunningRequest {
    /// The client's id.
    id: RequestId,
    /// Where the handler leaves a result as text.
    result: RenderedResult,
}

/// A response that is being written. Its request is in flight until this is dropped.
pub(super) struct PendingResponse {
    id: RequestId,
    result: RenderedResult,
    requests: Arc<Requests>,
}

impl Drop for PendingResponse {
    fn drop(&mut self) {
        self.requests.lock().responding.remove(&self.id);
        self.requests.changed.notify_waiters();
    }
}

impl PendingResponse {
    /// The result as text, if the handler left one.
    pub(super) fn take_result(&self) -> Option<Bytes> {
        self.result.take()
    }
}

impl Requests {
    /// Whether a request with this id is in flight.
    pub(super) fn contains(&self, id: &RequestId) -> bool {
        let state = self.lock();
        state.responding.contains(id) || state.running.values().any(|running| running.id == *id)
    }

    /// Records a message that was read, and replaces the id with the internal number. A cancelled
    /// request gets no response, unless that is already being written.
    pub(super) fn record_read(&self, message: &mut ClientJsonRpcMessage) {
        let mut state = self.lock();
        match message {
            JsonRpcMessage::Request(request) => {
                state.last_number += 1;
                let number = state.last_number;
                let id = std::mem::replace(&mut request.id, RequestId::Number(number));
                let result = RenderedResult::default();
                request.request.extensions_mut().insert(result.clone());
                state.running.insert(number, RunningRequest { id, result });
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) =
                    &mut notification.notification
                    && let Some(id) = &mut cancelled.params.request_id
                {
                    let mut running = state.running.iter();
                    let number = running
                        .find_map(|(number, request)| (request.id == *id).then_some(*number));
                    // No request has the number zero.
                    let number = number.unwrap_or_default();
                    state.running.remove(&number);
                    *id = RequestId::Number(number);
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Starts writing a response: replaces the internal number with the client's id. Returns `None`
    /// for a message that is not a response to a request.
    ///
    /// # Errors
    /// [`CancelledError`] when the client has cancelled the request, so the response must not be
    /// written.
    pub(super) fn begin_response(
        self: &Arc<Self>,
        message: &mut ServerJsonRpcMessage,
    ) -> Result<Option<PendingResponse>, CancelledError> {
        let id = match message {
            JsonRpcMessage::Response(response) => Some(&mut response.id),
            JsonRpcMessage::Error(error) => error.id.as_mut(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        let Some(id) = id else {
            return Ok(None);
        };
        let RequestId::Number(number) = *id else {
            return Err(CancelledError);
        };
        let mut state = self.lock();
        let request = state.running.remove(&number).ok_or(CancelledError)?;
        let RunningRequest {
            id: client_id,
            result,
        } = request;
        *id = client_id;
        state.responding.insert(id.clone());
        drop(state);
        self.changed.notify_waiters();
        Ok(Some(PendingResponse {
            id: id.clone(),
            result,
            requests: Arc::clone(self),
        }))
    }

    /// Waits until fewer than `limit` requests are in flight.
    ///
    /// # Cancel safety
    /// Cancel-safe, like the other methods that wait: they change nothing.
    pub(super) async fn wait_until_fewer_than(&self, limit: usize) {
        self.wait_until(|state| state.running.len() + state.responding.len() < limit)
            .await;
    }

    /// Waits until every request is answered, except that responses may still be being written.
    pub(super) async fn wait_until_none_running(&self) {
        self.wait_until(|state| state.running.is_empty()).await;
    }

    /// Waits until no request has been read, handled or answered for some time.
    pub(super) async fn wait_until_unchanged_for(&self, time: Duration) {
        while timeout(time, self.changed.notified()).await.is_ok() {}
    }

    async fn wait_until(&self, condition: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if condition(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// A std mutex: held for a few operations, never across an await, and nothing panics meanwhile.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client has cancelled the request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CancelledError;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(requests: &Requests, message: &Value) -> Value {
        let mut message = serde_json::from_value(message.clone()).expect("a message");
        requests.record_read(&mut message);
        serde_json::to_value(message).expect("JSON")
    }

    fn respond(
        requests: &Arc<Requests>,
        number: &Value,
    ) -> Result<(Value, PendingResponse), CancelledError> {
        let message = json!({"jsonrpc": "2.0", "id": number, "result": {}});
        let mut message = serde_json::from_value(message).expect("a message");
        let response = requests.begin_response(&mut message)?;
        let message = serde_json::to_value(message).expect("JSON");
        Ok((message["id"].clone(), response.expect("a response")))
    }

    #[test]
    fn the_id_of_a_cancelled_request_may_be_reused() {
        let requests = Arc::new(Requests::default());
        let cancel = |id: &Value| {
            let params = json!({"requestId": id});
            let cancel =
                json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
            read(&requests, &cancel)["params"]["requestId"].clone()
        };
        for id in [json!(5), json!("5"), json!("five")] {
            let ping = json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
            let key = serde_json::from_value(id.clone()).expect("an id");
            let first = read(&requests, &ping)["id"].clone();
            assert!(requests.contains(&key));
            assert_eq!(cancel(&id), first);
            assert!(!requests.contains(&key), "{id} is free");
            let second = read(&requests, &ping)["id"].clone();
            assert_ne!(first, second);
            assert_eq!(respond(&requests, &first).err(), Some(CancelledError));
            let (response_id, response) = respond(&requests, &second).expect("not cancelled");
            assert_eq!(response_id, id);
            // Too late to cancel: the response is being written.
            assert_eq!(cancel(&id), json!(0));
            assert!(requests.contains(&key), "{id} is in use");
            drop(response);
            assert!(!requests.contains(&key));
        }
    }
}
