//! What the server answers to one transaction, step by step.

use std::ops::ControlFlow;

use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{Message, RowDescriptionBody};

use super::row::Row;
use super::{Column, RowSink, TransactionMode, WireError, database_error};

/// Which statement of the transaction the server is answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begin,
    /// The context, the timeout and the planner's settings are set.
    Set,
    Query,
    Unlock,
    End,
    Done,
}

impl Step {
    /// Whether a statement of this step ends with this command tag. Any other tag means that something else ran, such as
    /// a DO or a COMMIT that the guard should have stopped, and then nobody knows what it has left behind.
    fn ends_with(self, tag: &str, mode: TransactionMode) -> bool {
        match self {
            Self::Begin => tag == "BEGIN",
            Self::Set | Self::Unlock => tag == "SELECT 1",
            Self::Query => tag.starts_with("SELECT ") || tag == "EXPLAIN",
            // A COMMIT of a transaction that has failed says ROLLBACK.
            Self::End => match mode {
                TransactionMode::Read => tag == "ROLLBACK",
                TransactionMode::Append => tag == "COMMIT",
            },
            Self::Done => false,
        }
    }
}

/// What the server answers to one transaction, step by step.
pub(super) struct Reply {
    step: Step,
    mode: TransactionMode,
    has_context: bool,
    begun: bool,
    wanted: bool,
    suspended: bool,
    drained: usize,
    error: Option<WireError>,
}

impl Reply {
    pub(super) fn new(first: Step, mode: TransactionMode, has_context: bool) -> Self {
        Self {
            step: first,
            mode,
            has_context,
            begun: false,
            wanted: true,
            suspended: false,
            drained: 0,
            error: None,
        }
    }

    /// Whether the server has answered anything yet.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Whether a statement of the server's own failed, for another reason than the context: the
    /// session is not what it should be, and must not be used again.
    pub(super) fn shows_damage(&self) -> bool {
        matches!(&self.error, Some(WireError::Server(error)) if !error.sqlstate.starts_with("ZV"))
    }

    /// Whether every statement has told its command tag, none of them an error.
    pub(super) fn is_plain(&self) -> bool {
        self.step == Step::Done && self.error.is_none() && !self.suspended
    }

    /// The bytes of rows that came after nobody wanted any more.
    pub(super) fn drained(&self) -> usize {
        self.drained
    }

    /// Takes one message that is no row; the transaction status when it was the last.
    pub(super) fn take(
        &mut self,
        message: Message,
        sink: &mut dyn RowSink,
    ) -> Result<Option<u8>, WireError> {
        self.begun |= !self.is_farewell(&message);
        match message {
            Message::ReadyForQuery(ready) => return Ok(Some(ready.status())),
            Message::ErrorResponse(body) => {
                let error = database_error(&body);
                // Classes 57P and 53 speak of the server, whatever it was doing; but for a limit
                // that a statement has reached. ZV00 is an invalid context: the policies verify it
                // while a client's statement runs.
                let of_server = error.sqlstate.starts_with("57P")
                    || error.sqlstate.starts_with("53") && error.sqlstate != "53400"
                    || error.sqlstate.starts_with("ZV00");
                self.error = Some(match self.step {
                    Step::Query if !of_server => WireError::Statement(error),
                    _ => WireError::Server(error),
                });
            }
            Message::CommandComplete(body) => {
                if !self.step.ends_with(body.tag()?, self.mode) {
                    return Err(WireError::Protocol("another command than asked for ran"));
                }
                self.step = self.after();
            }
            Message::PortalSuspended if self.step == Step::Query => {
                self.suspended = true;
                self.step = self.after();
            }
            Message::RowDescription(body) if self.step == Step::Query => {
                sink.columns(columns(&body)?)
            }
            // What says only that a message was understood.
            Message::RowDescription(_)
            | Message::NoData
            | Message::CloseComplete
            | Message::ParseComplete
            | Message::BindComplete
            | Message::NoticeResponse(_)
            | Message::ParameterStatus(_) => {}
            _ => {
                return Err(WireError::Protocol(
                    "a message that has no place in a query",
                ));
            }
        }
        Ok(None)
    }

    /// Takes the body of one row. The server's own statements have single rows, which nobody needs.
    pub(super) fn take_row(
        &mut self,
        body: &[u8],
        sink: &mut dyn RowSink,
    ) -> Result<(), WireError> {
        self.begun = true;
        if self.step != Step::Query {
            return Ok(());
        }
        if !self.wanted {
            self.drained += body.len();
            return Ok(());
        }
        let mut values = Row::parse(body)?;
        self.wanted = sink.row(&mut values) == ControlFlow::Continue(());
        Ok(())
    }

    /// Whether a backend that was ended while nobody asked it anything says so, before it has done anything of this transaction.
    fn is_farewell(&self, message: &Message) -> bool {
        match message {
            Message::ErrorResponse(body) if !self.begun => {
                database_error(body).sqlstate.starts_with("57P")
            }
            _ => false,
        }
    }

    /// How the transaction went.
    pub(super) fn outcome(self) -> Result<(), WireError> {
        match self.error {
            Some(error) => Err(error),
            None if self.step == Step::Done => Ok(()),
            None => Err(WireError::Protocol("the transaction ended early")),
        }
    }

    fn after(&self) -> Step {
        match self.step {
            Step::Begin if self.has_context => Step::Set,
            Step::Begin | Step::Set => Step::Query,
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
