//! Records a call of a tool in the audit audit_log when it ends, however it ends.

use std::borrow::Cow;

use tokio::time::Instant;

use super::ToolName;
use super::tools::Access;
use crate::identity::Caller;
use crate::telemetry::TraceId;
use crate::telemetry::audit::{AuditLog, Decision, Event, EventKind};

/// A call under way. It counts as cancelled when it is dropped before its end: over HTTP the future
/// of a call is dropped when its client has gone.
#[derive(Debug)]
pub(super) struct AuditedCall<'a> {
    audit_log: &'a AuditLog,
    caller: &'a Caller,
    tool: ToolName,
    trace_id: TraceId,
    began: Instant,
    is_recorded: bool,
    /// What it has asked for and been given so far.
    pub(super) access: Access,
}

impl<'a> AuditedCall<'a> {
    /// A call that begins now.
    pub(super) fn begin(
        audit_log: &'a AuditLog,
        caller: &'a Caller,
        tool: ToolName,
        trace_id: TraceId,
    ) -> Self {
        Self {
            audit_log,
            caller,
            tool,
            trace_id,
            began: Instant::now(),
            is_recorded: false,
            access: Access::default(),
        }
    }

    /// Records what became of the call.
    pub(super) fn end(mut self, decision: Decision, reason: Option<Cow<'static, str>>) {
        self.record(decision, reason);
    }

    fn record(&mut self, decision: Decision, reason: Option<Cow<'static, str>>) {
        self.is_recorded = true;
        let access = std::mem::take(&mut self.access);
        self.audit_log.record(Event {
            kind: EventKind::Call,
            decision,
            reason,
            principal: Some(self.caller.principal().clone()),
            tenant: Some(self.caller.tenant()),
            tool: Some(self.tool.as_str()),
            address: None,
            statement: access.statement,
            rows: access.rows,
            bytes: access.bytes,
            duration: self.began.elapsed(),
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
