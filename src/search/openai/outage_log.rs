//! Logs when an outage begins, when its reason changes, and when it ends: not each failed call.

use std::error::Error;
use std::mem::{Discriminant, discriminant};
use std::sync::{Mutex, PoisonError};

use super::error::OpenAiError;

/// The outage that was logged last.
#[derive(Debug, Default)]
pub(super) struct OutageLog(Mutex<Option<Outage>>);

#[derive(Clone, Copy, Debug)]
struct Outage {
    reason: Discriminant<OpenAiError>,
    failed_calls: u64,
}

/// What is logged about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Begins,
    Ends { failed_calls: u64 },
}

impl OutageLog {
    /// Logs what the outcome of a call changes. The log names the service and the model.
    pub(super) fn observe(&self, error: Option<&OpenAiError>, host: &str, model: &str) {
        match self.update(error) {
            Some(Event::Begins) => {
                let error = error.map(|error| error as &dyn Error);
                tracing::warn!(host, model, error, "embedding service unavailable");
            }
            Some(Event::Ends { failed_calls }) => {
                tracing::info!(
                    host,
                    model,
                    failed_calls,
                    "embedding service available again"
                );
            }
            None => {}
        }
    }

    fn update(&self, error: Option<&OpenAiError>) -> Option<Event> {
        let mut outage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (error, *outage) {
            (None, Some(Outage { failed_calls, .. })) => {
                *outage = None;
                Some(Event::Ends { failed_calls })
            }
            // Says nothing about the service, or repeats an earlier error.
            (None | Some(OpenAiError::TextRejected), _) => None,
            (Some(OpenAiError::CircuitOpen | OpenAiError::Busy), last) => {
                *outage = last.map(Outage::with_another_call);
                None
            }
            (Some(error), last) => {
                let reason = discriminant(error);
                let current = last.unwrap_or(Outage {
                    reason,
                    failed_calls: 0,
                });
                let is_known = last.is_some_and(|last| last.reason == reason);
                *outage = Some(Outage { reason, ..current }.with_another_call());
                (!is_known).then_some(Event::Begins)
            }
        }
    }
}

impl Outage {
    fn with_another_call(self) -> Self {
        Self {
            failed_calls: self.failed_calls.saturating_add(1),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_outage_is_logged_when_it_begins_changes_and_ends() {
        let log = OutageLog::default();
        let timed_out = || OpenAiError::TimedOut(Duration::ZERO);
        let limited = || OpenAiError::RateLimited(None);
        for (error, event) in [
            (None, None),
            (Some(OpenAiError::TextRejected), None),
            (Some(OpenAiError::Busy), None),
            (Some(timed_out()), Some(Event::Begins)),
            (Some(timed_out()), None),
            (Some(OpenAiError::CircuitOpen), None),
            (Some(limited()), Some(Event::Begins)),
            (Some(limited()), None),
            (Some(OpenAiError::TextRejected), None),
            (None, Some(Event::Ends { failed_calls: 5 })),
            (None, None),
            (Some(limited()), Some(Event::Begins)),
            (None, Some(Event::Ends { failed_calls: 1 })),
        ] {
            assert_eq!(log.update(error.as_ref()), event, "{error:?}");
        }
    }
}
