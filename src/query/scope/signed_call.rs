use std::ops::ControlFlow;
use std::time::Duration;

use base64::Engine as _;

use super::context::Signature;
use super::wire::{Connection, Query, Transaction, TransactionMode, WireError};
use super::{Column, Operation, RowSink, Scope, ScopeError};

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

impl Scope {
    /// The rows that a signed call returns, each parsed by `parse`.
    ///
    /// # Errors
    /// [`ScopeError`], also when `parse` rejects a row.
    pub(super) async fn rows<T: Send>(
        &self,
        call: SignedCall<'_>,
        parse: fn(&[Option<&str>]) -> Option<T>,
    ) -> Result<Vec<T>, ScopeError> {
        let mut collector = RowCollector::new(parse);
        let calling = self.transact(None, Operation::SignedCall(call), &mut collector);
        match call.mode {
            TransactionMode::Read => self.unless_stopping(calling).await?,
            // The audit records of the last calls are appended after `cancel_all`.
            TransactionMode::Append => calling.await?,
        }
        collector.into_rows().ok_or_else(|| {
            ScopeError::from_wire(WireError::Protocol("a row that cannot be parsed"))
        })
    }
}

/// Parses and collects all rows of a result.
pub(super) struct RowCollector<T> {
    parse: fn(&[Option<&str>]) -> Option<T>,
    /// `None` once a row could not be parsed: then no row is trusted.
    rows: Option<Vec<T>>,
}

impl<T> RowCollector<T> {
    pub(super) fn new(parse: fn(&[Option<&str>]) -> Option<T>) -> Self {
        Self {
            parse,
            rows: Some(Vec::new()),
        }
    }

    /// The rows; `None` if one could not be parsed.
    pub(super) fn into_rows(self) -> Option<Vec<T>> {
        self.rows
    }
}

impl<T: Send> RowSink for RowCollector<T> {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let values: Vec<Option<&str>> = values
            .map(|value| value.and_then(|value| std::str::from_utf8(value).ok()))
            .collect();
        let row = (self.parse)(&values);
        self.rows = self.rows.take().zip(row).map(|(mut rows, row)| {
            rows.push(row);
            rows
        });
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {
        self.rows = None;
    }
}
