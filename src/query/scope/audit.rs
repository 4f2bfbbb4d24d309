use super::signed_call::SignedCall;
use super::wire::{TransactionMode, WireError};
use super::{Scope, ScopeError};
use crate::telemetry::audit::ChainHead;

impl Scope {
    /// Appends records, a JSON array of objects, to the audit log, and returns its new chain head.
    ///
    /// # Errors
    /// [`ScopeError`]. Either all records were appended or none; which of the two may be unknown.
    pub async fn record(&self, records: &str) -> Result<ChainHead, ScopeError> {
        let call = SignedCall {
            purpose: "record",
            mode: TransactionMode::Append,
            statement: "SELECT r.audit_id, r.hash FROM guard.record($1, $2, $3, pg_catalog.decode($4, 'base64')) AS r",
            payload: records,
        };
        let heads = self.rows(call, |values| match values {
            [Some(id), Some(hash)] => Some(ChainHead {
                audit_id: id.parse().ok()?,
                hash: (*hash).to_owned(),
            }),
            _ => None,
        });
        heads
            .await?
            .pop()
            .ok_or_else(|| ScopeError::from_wire(WireError::Protocol("no audit chain head")))
    }
}
