//! PostgreSQL's reply to one transaction, step by step.

use std::ops::ControlFlow;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{Message, RowDescriptionBody};

use super::row::Row;
use super::{Column, RowSink, TransactionMode, WireError, database_error};

/// The statement of the transaction to which the next message belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begin,
    /// Sets the context, the timeout and the planner's settings.
    SetContext,
    Query,
    Unlock,
    End,
    Done,
}

impl Step {
    /// Whether the statement of this step completes with this command tag. Any other tag means that
    /// another command ran, such as a DO or a COMMIT that the guard should have refused; then the
    /// state of the session is unknown.
    fn completes_with(self, tag: &str, mode: TransactionMode) -> bool {
        match self {
            Self::Begin => tag == "BEGIN",
            Self::SetContext | Self::Unlock => tag == "SELECT 1",
            Self::Query => tag.starts_with("SELECT ") || tag == "EXPLAIN",
            // The COMMIT of a failed transaction completes with the tag ROLLBACK.
            Self::End => match mode {
                TransactionMode::Read => tag == "ROLLBACK",
                TransactionMode::Append => tag == "COMMIT",
            },
            Self::Done => false,
        }
    }
}

/// The reply to one transaction: how far it has come, and what it has shown.
pub(super) struct Reply {
    step: Step,
    mode: TransactionMode,
    has_context: bool,
    started: bool,
    /// Whether the sink takes more rows.
    wants_rows: bool,
    /// Whether the query had more rows than were fetched.
    suspended: bool,
    drained_bytes: usize,
    error: Option<WireError>,
}

impl Reply {
    pub(super) fn new(first: Step, mode: TransactionMode, has_context: bool) -> Self {
        Self {
            step: first,
            mode,
            has_context,
            started: false,
            wants_rows: true,
            suspended: false,
            drained_bytes: 0,
            error: None,
        }
    }

    /// Whether any part of the reply has arrived.
    pub(super) fn has_started(&self) -> bool {
        self.started
    }

    /// Whether an internal statement failed for another reason than its context or signature. Then
    /// the session is not as this server set it up, and must not be used again.
    pub(super) fn is_session_suspect(&self) -> bool {
        matches!(&self.error, Some(WireError::Server(error)) if !error.sqlstate.starts_with("ZV"))
    }

    /// Whether every statement has completed with its command tag, without an error.
    pub(super) fn has_succeeded(&self) -> bool {
        self.step == Step::Done && self.error.is_none() && !self.suspended
    }

    /// The bytes of rows that arrived after the sink had taken enough.
    pub(super) fn drained_bytes(&self) -> usize {
        self.drained_bytes
    }

    /// Handles one message other than a row. Returns the transaction status if it was the last.
    pub(super) fn handle_message(
        &mut self,
        message: Message,
        sink: &mut dyn RowSink,
    ) -> Result<Option<u8>, WireError> {
        self.started |= !self.is_idle_termination(&message);
        match message {
            Message::ReadyForQuery(ready) => return Ok(Some(ready.status())),
            Message::ErrorResponse(body) => {
                let error = database_error(&body);
                // Class 57P and 53 errors concern PostgreSQL itself, whatever it was running,
                // except 53400: a statement has reached a configured limit. ZV00 is an invalid
                // context: the policies verify it while a client's statement runs.
                let is_of_server = error.sqlstate.starts_with("57P")
                    || error.sqlstate.starts_with("53") && error.sqlstate != "53400"
                    || error.sqlstate.starts_with("ZV00");
                self.error = Some(match self.step {
                    Step::Query if !is_of_server => WireError::Statement(error),
                    _ => WireError::Server(error),
                });
            }
            Message::CommandComplete(body) => {
                if !self.step.completes_with(body.tag()?, self.mode) {
                    return Err(WireError::Protocol("the command tag of another command"));
                }
                self.step = self.next_step();
            }
            Message::PortalSuspended if self.step == Step::Query => {
                self.suspended = true;
                self.step = self.next_step();
            }
            Message::RowDescription(body) if self.step == Step::Query => {
                sink.columns(columns(&body)?)
            }
            // Acknowledgements and notices carry nothing that is needed.
            Message::RowDescription(_)
            | Message::NoData
            | Message::CloseComplete
            | Message::ParseComplete
            | Message::BindComplete
            | Message::NoticeResponse(_)
            | Message::ParameterStatus(_) => {}
            _ => {
                return Err(WireError::Protocol(
                    "a message that does not belong to a query",
                ));
            }
        }
        Ok(None)
    }

    /// Handles the body of one row. The rows of other steps than the query are discarded.
    pub(super) fn handle_row(
        &mut self,
        body: &[u8],
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        self.started = true;
        if self.step != Step::Query {
            return Ok(());
        }
        if !self.wants_rows {
            self.drained_bytes += body.len();
            return Ok(());
        }
        let mut values = Row::parse(body)?;
        self.wants_rows = sink.row(&mut values) == ControlFlow::Continue(());
        Ok(())
    }

    /// Whether a message reports that the backend was terminated while it was idle, before it
    /// handled any part of this transaction.
    fn is_idle_termination(&self, message: &Message) -> bool {
        match message {
            Message::ErrorResponse(body) if !self.started => {
                database_error(body).sqlstate.starts_with("57P")
            }
            _ => false,
        }
    }

    /// The result of the transaction.
    pub(super) fn into_result(self) -> Result<(), WireError> {
        match self.error {
            Some(error) => Err(error),
            None if self.step == Step::Done => Ok(()),
            None => Err(WireError::Protocol("the transaction ended early")),
        }
    }

    fn next_step(&self) -> Step {
        match self.step {
            Step::Begin if self.has_context => Step::SetContext,
            Step::Begin | Step::SetContext => Step::Query,
            Step::Query => Step::Unlock,
            Step::Unlock => Step::End,
            Step::End | Step::Done => Step::Done,
        }
    }
}

fn columns(body: &RowDescriptionBody) -> Result<Vec<Column>, WireError> {
    Ok(body
        .fields()
        .map(|field| {
            Ok(Column {
                name: field.name().to_owned(),
                type_oid: field.type_oid(),
            })
        })
        .collect()?)
}
