use super::signed_call::SignedCall;
use super::wire::{TransactionMode, WireError};
use super::{Scope, ScopeError};
use crate::telemetry::audit::ChainHead;

impl Scope {
    /// Appends records to the audit trail, a JSON array of objects; the end of its chain then.
    ///
    /// # Errors
    /// [`ScopeError`]; whether all of it was appended, or nothing, is not always known then.
    pub async fn record(&self, records: &str) -> Result<ChainHead, ScopeError> {
        let question = SignedCall {
            purpose: "record",
            mode: TransactionMode::Append,
            statement: "SELECT r.audit_id, r.hash FROM guard.record($1, $2, $3, pg_catalog.decode($4, 'base64')) AS r",
            text: records,
        };
        let ends = self.rows(question, |values| match values {
            [Some(id), Some(hash)] => Some(ChainHead {
                audit_id: id.parse().ok()?,
                hash: (*hash).to_owned(),
            }),
            _ => None,
        });
        ends.await?
            .pop()
            .ok_or_else(|| ScopeError::of_wire(WireError::Protocol("no end of the audit trail")))
    }
}
