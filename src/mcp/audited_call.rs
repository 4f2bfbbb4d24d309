//! Records a tool call in the audit log when it ends, however it ends.

use std::borrow::Cow;

use tokio::time::Instant;

use super::tools::CallDetails;
use crate::identity::Caller;
use crate::telemetry::TraceId;
use crate::telemetry::audit::{AuditLog, Decision, Event, EventKind};

/// A tool call in progress.
///
/// Dropping it before [`finish`](Self::finish) records it as cancelled: over HTTP, the future of a
/// call is dropped when the client disconnects.
#[derive(Debug)]
pub(super) struct AuditedCall<'a> {
    audit_log: &'a AuditLog,
    caller: &'a Caller,
    tool: &'static str,
    trace_id: TraceId,
    started_at: Instant,
    is_recorded: bool,
    /// What the call has requested and received so far.
    pub(super) details: CallDetails,
}

impl<'a> AuditedCall<'a> {
    /// Starts the clock of a call.
    pub(super) fn start(
        audit_log: &'a AuditLog,
        caller: &'a Caller,
        tool: &'static str,
        trace_id: TraceId,
    ) -> Self {
        Self {
            audit_log,
            caller,
            tool,
            trace_id,
            started_at: Instant::now(),
            is_recorded: false,
            details: CallDetails::default(),
        }
    }

    /// Records the outcome of the call.
    pub(super) fn finish(mut self, decision: Decision, reason: Option<Cow<'static, str>>) {
        self.record(decision, reason);
    }

    fn record(&mut self, decision: Decision, reason: Option<Cow<'static, str>>) {
        self.is_recorded = true;
        let details = std::mem::take(&mut self.details);
        self.audit_log.record(Event {
            kind: EventKind::Call,
            decision,
            reason,
            principal: Some(self.caller.principal().clone()),
            tenant: Some(self.caller.tenant()),
            tool: Some(self.tool),
            address: None,
            statement: details.statement,
            rows: details.rows,
            bytes: details.bytes,
            duration: self.started_at.elapsed(),
            trace_id: self.trace_id,
        });
    }
}

impl Drop for AuditedCall<'_> {
    fn drop(&mut self) {
        if !self.is_recorded {
            self.record(Decision::Cancelled, None);
        }
    }
}
