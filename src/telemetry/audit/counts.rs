use serde::Serialize;

use super::{Decision, Event, EventKind};

/// How many decisions there were of each kind, and how much was given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests whose sender was not recognised, or asked for a tenant that is not theirs.
    pub authentications_refused: u64,
    /// Requests whose sender could not be looked up.
    pub authentications_failed: u64,
    /// Requests that were too many, could not be read, or whose token was too narrow.
    pub requests_refused: u64,
    /// Tool calls that were answered.
    pub calls_allowed: u64,
    /// Tool calls that were refused.
    pub calls_refused: u64,
    /// Tool calls that gave nothing.
    pub calls_failed: u64,
    /// Tool calls that nobody waited for.
    pub calls_cancelled: u64,
    /// Rows given.
    pub rows: u64,
    /// Bytes given.
    pub bytes: u64,
}

impl Counts {
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
