use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Decision, Event, EventKind};
use crate::identity::{Principal, TenantId};

/// Maximum number of distinct refusals. Beyond it, refusals that differ only in the caller are
/// counted together.
const MAX_KEYS: usize = 256;

/// The refusals that were logged in the current interval. The first of equal refusals is logged at
/// once, and the number of further ones at the end of the interval. Tool calls are all logged,
/// because the rate limit of a principal bounds their number.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    logged: HashMap<Key, Repeat>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: EventKind,
    decision: Decision,
    reason: Option<Cow<'static, str>>,
    principal: Option<Principal>,
    tenant: Option<TenantId>,
}

#[derive(Debug)]
struct Repeat {
    /// The last repetition; `None` if there was none.
    event: Option<Event>,
    times: u64,
}

impl Repeats {
    /// Whether an equal event has been logged in this interval. If so, the event is counted.
    pub(super) fn is_repeat(&mut self, event: &Event) -> bool {
        if event.kind == EventKind::Call {
            return false;
        }
        let mut key = Key {
            kind: event.kind,
            decision: event.decision,
            reason: event.reason.clone(),
            principal: event.principal.clone(),
            tenant: event.tenant,
        };
        let mut event = Cow::Borrowed(event);
        if self.logged.len() >= MAX_KEYS && !self.logged.contains_key(&key) {
            (key.principal, key.tenant) = (None, None);
            let event = event.to_mut();
            (event.principal, event.tenant) = (None, None);
        }
        match self.logged.entry(key) {
            Entry::Occupied(mut repeat) => {
                let repeat = repeat.get_mut();
                repeat.event = Some(event.into_owned());
                repeat.times += 1;
                true
            }
            Entry::Vacant(entry) => {
                entry.insert(Repeat {
                    event: None,
                    times: 0,
                });
                false
            }
        }
    }

    /// Ends the interval and returns the events that were repeated, with how often.
    pub(super) fn take(&mut self) -> Vec<(Event, u64)> {
        let mut repeated = Vec::new();
        // A repeated event is likely to continue, so it stays, and the next interval only logs the
        // number of its repetitions.
        self.logged.retain(|_, Repeat { event, times }| {
            let last = event.take();
            let was_repeated = last.is_some();
            repeated.extend(last.map(|event| (event, std::mem::take(times))));
            was_repeated
        });
        repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::TraceId;

    fn event(kind: EventKind, reason: &'static str, key: Option<usize>) -> Event {
        Event {
            principal: key.map(|key| format!("apikey:abcdefgh{key:04}").parse().expect("a key")),
            ..Event::refused(kind, reason, None, TraceId::from_traceparent(None))
        }
    }

    #[test]
    fn the_first_of_equal_refusals_is_logged_and_the_rest_is_counted() {
        let mut repeats = Repeats::default();
        let mut logged = 0;
        for _ in 0..1000 {
            for reason in ["no credential", "too many requests from an address"] {
                logged += usize::from(!repeats.is_repeat(&event(EventKind::Request, reason, None)));
            }
        }
        assert_eq!(logged, 2);
        let times: Vec<u64> = repeats.take().into_iter().map(|(_, times)| times).collect();
        assert_eq!(times, [999, 999]);
        // An event that continues is only counted; one that has ended is removed.
        assert!(repeats.is_repeat(&event(EventKind::Request, "no credential", None)));
        assert_eq!(repeats.take().len(), 1);
        assert_eq!(repeats.take().len(), 0);
        assert!(!repeats.is_repeat(&event(EventKind::Request, "no credential", None)));
    }

    #[test]
    fn each_tool_call_is_logged() {
        let mut repeats = Repeats::default();
        assert!((0..1000).all(|_| !repeats.is_repeat(&event(
            EventKind::Call,
            "function",
            Some(1)
        ))));
    }

    #[test]
    fn many_callers_cause_a_bounded_number_of_lines() {
        let mut repeats = Repeats::default();
        let events = (0..10_000).map(|key| event(EventKind::Request, "too many", Some(key)));
        let logged = events.filter(|event| !repeats.is_repeat(event)).count();
        assert_eq!(logged, MAX_KEYS + 1);
        let repeated = repeats.take();
        let times: u64 = repeated.iter().map(|(_, times)| times).sum();
        assert_eq!(times, 10_000 - (MAX_KEYS as u64 + 1));
        assert!(repeated.iter().all(|(event, _)| event.principal.is_none()));
    }
}
