use serde::Serialize;

use super::{Decision, Event, EventKind};

/// The number of decisions of each kind, and the amount of data returned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests without a valid credential, or for a tenant that is not the caller's.
    pub authentications_refused: u64,
    /// Requests whose authentication could not be decided, for example without the database.
    pub authentications_failed: u64,
    /// Requests over a rate limit, malformed ones, and ones whose token lacks the scope.
    pub requests_refused: u64,
    /// Tool calls that were answered.
    pub calls_allowed: u64,
    /// Tool calls that were refused.
    pub calls_refused: u64,
    /// Tool calls that were allowed and failed.
    pub calls_failed: u64,
    /// Tool calls whose client did not wait for the answer.
    pub calls_cancelled: u64,
    /// Rows returned.
    pub rows: u64,
    /// Bytes returned.
    pub bytes: u64,
}

impl Counts {
    /// The numbers of decisions, with the names of their kinds and of the decisions.
    pub(in crate::telemetry) fn by_decision(&self) -> [(&'static str, &'static str, u64); 7] {
        [
            ("authentication", "refused", self.authentications_refused),
            ("authentication", "failed", self.authentications_failed),
            ("request", "refused", self.requests_refused),
            ("call", "allowed", self.calls_allowed),
            ("call", "refused", self.calls_refused),
            ("call", "failed", self.calls_failed),
            ("call", "cancelled", self.calls_cancelled),
        ]
    }

    pub(super) fn add(&mut self, event: &Event) {
        let count = match (event.kind, event.decision) {
            (EventKind::Authentication, Decision::Failed) => &mut self.authentications_failed,
            (EventKind::Authentication, _) => &mut self.authentications_refused,
            (EventKind::Request, _) => &mut self.requests_refused,
            (EventKind::Call, Decision::Allowed) => &mut self.calls_allowed,
            (EventKind::Call, Decision::Refused) => &mut self.calls_refused,
            (EventKind::Call, Decision::Failed) => &mut self.calls_failed,
            (EventKind::Call, Decision::Cancelled) => &mut self.calls_cancelled,
        };
        *count += 1;
        self.rows += event.rows;
        self.bytes += event.bytes;
    }
}
