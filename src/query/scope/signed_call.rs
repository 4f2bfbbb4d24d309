use std::time::Duration;

use base64::Engine as _;

use super::context::Signature;
use super::row_sink::RowSink;
use super::wire::{Connection, Query, Transaction, TransactionMode, WireError};

/// A call of a function of the guard that needs a signature instead of a tenant's context. The
/// function verifies it with `guard.must_be_asked` (`migrations/0007_callers.sql`).
#[derive(Clone, Copy)]
pub(super) struct SignedCall<'a> {
    /// Which function the signature is valid for.
    pub(super) purpose: &'static str,
    pub(super) mode: TransactionMode,
    pub(super) statement: &'static str,
    /// The function's argument, as JSON.
    pub(super) payload: &'a str,
}

impl SignedCall<'_> {
    /// Runs the call in one transaction; `is_open` tells whether [`Connection::begin`] has opened
    /// it.
    pub(super) async fn execute(
        self,
        connection: &mut Connection,
        signature: &Signature,
        is_open: bool,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        let (key_id, expires) = (signature.key_id.to_string(), signature.expires.to_string());
        let mac = base64::engine::general_purpose::STANDARD.encode(signature.mac);
        let parameters = [key_id.as_str(), self.payload, &expires, &mac];
        let transaction = Transaction {
            mode: self.mode,
            is_open,
            requires_replica: false,
            context: None,
            statement_timeout: Duration::ZERO,
            query: Query::internal(self.statement, &parameters),
        };
        connection
            .transact(&transaction, sink)
            .await
            .map_err(WireError::into_internal)
    }
}
