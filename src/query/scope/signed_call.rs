use std::ops::ControlFlow;
use std::time::Duration;

use base64::Engine as _;

use super::context::Signature;
use super::wire::{Connection, Query, Transaction, TransactionMode, WireError};
use super::{Column, RowSink, Scope, ScopeError, Task};

/// A call of a function that the database answers to the holder of the signing key alone (`guard.must_be_asked` of
/// `migrations/0007_callers.sql`).
#[derive(Clone, Copy)]
pub(super) struct SignedCall<'a> {
    /// What the signature is for.
    pub(super) purpose: &'static str,
    pub(super) mode: TransactionMode,
    pub(super) statement: &'static str,
    /// What exactly is asked, as JSON.
    pub(super) text: &'a str,
}

impl SignedCall<'_> {
    pub(super) async fn ask(
        self,
        connection: &mut Connection,
        signature: &Signature,
        is_open: bool,
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        let (key_id, expires) = (signature.key_id.to_string(), signature.expires.to_string());
        let mac = base64::engine::general_purpose::STANDARD.encode(signature.mac);
        let parameters = [key_id.as_str(), self.text, &expires, &mac];
        let transaction = Transaction {
            mode: self.mode,
            is_open,
            context: None,
            statement_timeout: Duration::ZERO,
            query: Query::own(self.statement, &parameters),
        };
        connection
            .transact(&transaction, sink)
            .await
            .map_err(WireError::of_own_statement)
    }
}

impl Scope {
    /// The answer, row by row.
    pub(super) async fn rows<T: Send>(
        &self,
        question: SignedCall<'_>,
        read: fn(&[Option<&str>]) -> Option<T>,
    ) -> Result<Vec<T>, ScopeError> {
        let mut answer = Answer::new(read);
        let asking = self.transact(None, Task::Ask(question), &mut answer);
        match question.mode {
            TransactionMode::Read => self.unless_closing(asking).await?,
            // The last calls are recorded when they have ended.
            TransactionMode::Append => asking.await?,
        }
        answer.into_rows().ok_or_else(|| {
            ScopeError::of_wire(WireError::Protocol("an answer that cannot be read"))
        })
    }
}

/// The rows of an answer; `None` when one could not be read, for what is not understood means nothing.
pub(super) struct Answer<T> {
    read: fn(&[Option<&str>]) -> Option<T>,
    rows: Option<Vec<T>>,
}

impl<T> Answer<T> {
    pub(super) fn new(read: fn(&[Option<&str>]) -> Option<T>) -> Self {
        Self {
            read,
            rows: Some(Vec::new()),
        }
    }

    pub(super) fn into_rows(self) -> Option<Vec<T>> {
        self.rows
    }
}

impl<T: Send> RowSink for Answer<T> {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let values: Vec<Option<&str>> = values
            .map(|value| value.and_then(|value| std::str::from_utf8(value).ok()))
            .collect();
        let row = (self.read)(&values);
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
