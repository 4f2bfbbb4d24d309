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
/// rmcp knows each by a number of its own: a client may use the id of a request that it has
/// cancelled again, and the answer to the one must not be taken for the other's.
#[derive(Default)]
pub(super) struct Requests {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    last_number: i64,
    /// Those that are being handled.
    running: HashMap<i64, Running>,
    /// Those whose answers are being written.
    unwritten: HashSet<RequestId>,
}

struct Running {
    id: RequestId,
    /// Where the handler leaves a result as text.
    result: RenderedResult,
}

/// A request's answer that is being written, until this is dropped.
pub(super) struct Answer {
    id: RequestId,
    result: RenderedResult,
    requests: Arc<Requests>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.requests.lock().unwritten.remove(&self.id);
        self.requests.changed.notify_waiters();
    }
}

impl Answer {
    /// The result, if it was left as text.
    pub(super) fn take_result(&self) -> Option<Bytes> {
        self.result.take()
    }
}

impl Requests {
    /// Whether an answer under this id would be taken for that of another request.
    pub(super) fn contains(&self, id: &RequestId) -> bool {
        let state = self.lock();
        state.unwritten.contains(id) || state.running.values().any(|running| running.id == *id)
    }

    /// Notes a message that was read, and puts the number in place of the id. A request that its
    /// client has cancelled is never answered, unless its answer is being written already.
    pub(super) fn note_read(&self, message: &mut ClientJsonRpcMessage) {
        let mut state = self.lock();
        match message {
            JsonRpcMessage::Request(request) => {
                state.last_number += 1;
                let number = state.last_number;
                let id = std::mem::replace(&mut request.id, RequestId::Number(number));
                let result = RenderedResult::default();
                request.request.extensions_mut().insert(result.clone());
                state.running.insert(number, Running { id, result });
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) =
                    &mut notification.notification
                    && let Some(id) = &mut cancelled.params.request_id
                {
                    let mut running = state.running.iter();
                    let number = running.find_map(|(number, of)| (of.id == *id).then_some(*number));
                    // Zero is the number of none.
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

    /// Puts the id back in place of the number in an answer; `Err` if its client has cancelled the
    /// request. `None` for what answers no request.
    pub(super) fn begin_answer(
        self: &Arc<Self>,
        message: &mut ServerJsonRpcMessage,
    ) -> Result<Option<Answer>, Cancelled> {
        let id = match message {
            JsonRpcMessage::Response(response) => Some(&mut response.id),
            JsonRpcMessage::Error(error) => error.id.as_mut(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        let Some(id) = id else {
            return Ok(None);
        };
        let RequestId::Number(number) = *id else {
            return Err(Cancelled);
        };
        let mut state = self.lock();
        let Running { id: own, result } = state.running.remove(&number).ok_or(Cancelled)?;
        *id = own;
        state.unwritten.insert(id.clone());
        drop(state);
        self.changed.notify_waiters();
        Ok(Some(Answer {
            id: id.clone(),
            result,
            requests: Arc::clone(self),
        }))
    }

    /// Cancel-safe, like those below.
    pub(super) async fn until_fewer_than(&self, number: usize) {
        self.until(|state| state.running.len() + state.unwritten.len() < number)
            .await;
    }

    /// Until no answer is missing but those that are being written.
    pub(super) async fn until_none_runs(&self) {
        self.until(|state| state.running.is_empty()).await;
    }

    /// Until nothing has been read, handled or answered for a time.
    pub(super) async fn until_unchanged_for(&self, time: Duration) {
        while timeout(time, self.changed.notified()).await.is_ok() {}
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if holds(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// A std mutex: held for a short look, never across an await, and nothing panics meanwhile.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client does not wait for the answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cancelled;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(requests: &Requests, message: &Value) -> Value {
        let mut message = serde_json::from_value(message.clone()).expect("a message");
        requests.note_read(&mut message);
        serde_json::to_value(message).expect("JSON")
    }

    fn answer(requests: &Arc<Requests>, number: &Value) -> Result<(Value, Answer), Cancelled> {
        let message = json!({"jsonrpc": "2.0", "id": number, "result": {}});
        let mut message = serde_json::from_value(message).expect("a message");
        let answer = requests.begin_answer(&mut message)?;
        let message = serde_json::to_value(message).expect("JSON");
        Ok((message["id"].clone(), answer.expect("it answers one")))
    }

    #[test]
    fn the_id_of_a_cancelled_request_may_be_used_again() {
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
            assert_eq!(answer(&requests, &first).err(), Some(Cancelled));
            let (answered, writing) = answer(&requests, &second).expect("it is waited for");
            assert_eq!(answered, id);
            // Too late: the answer is on its way.
            assert_eq!(cancel(&id), json!(0));
            assert!(requests.contains(&key), "{id} is in use");
            drop(writing);
            assert!(!requests.contains(&key));
        }
    }
}
