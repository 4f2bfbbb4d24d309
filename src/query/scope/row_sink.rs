use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, as the statement gave it.
    pub name: String,
    /// The type's object id in `pg_type`.
    pub type_oid: u32,
}

/// Receives a result as it arrives.
pub trait RowSink: Send {
    /// The result's columns; once, before the first row.
    fn columns(&mut self, columns: Vec<Column>);

    /// One row: each value in PostgreSQL's text form, `None` for NULL. `Break` ends the result: no
    /// further row is delivered.
    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()>;

    /// A row arrived that is larger than a whole result may be. It is not delivered, and nothing
    /// follows it.
    fn oversized(&mut self);
}

/// A sink for a result that is not needed.
pub(super) struct IgnoreRows;

impl RowSink for IgnoreRows {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, _: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn oversized(&mut self) {}
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

/// Passes a result on from its first row. Until then nothing was delivered, and the statement can
/// run again on another server.
pub(super) struct DeferredSink<'a> {
    sink: &'a mut dyn RowSink,
    columns: Option<Vec<Column>>,
    /// Set with the first row.
    delivered: &'a AtomicBool,
}

impl<'a> DeferredSink<'a> {
    pub(super) fn new(sink: &'a mut dyn RowSink, delivered: &'a AtomicBool) -> Self {
        Self {
            sink,
            columns: None,
            delivered,
        }
    }

    /// Ends a result: delivers the columns of one without rows.
    pub(super) fn finish(mut self) {
        self.deliver_columns();
    }

    fn deliver_columns(&mut self) {
        if let Some(columns) = self.columns.take() {
            self.sink.columns(columns);
        }
    }

    fn begin_row(&mut self) {
        self.delivered.store(true, Ordering::Relaxed);
        self.deliver_columns();
    }
}

impl RowSink for DeferredSink<'_> {
    fn columns(&mut self, columns: Vec<Column>) {
        self.columns = Some(columns);
    }

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        self.begin_row();
        self.sink.row(values)
    }

    fn oversized(&mut self) {
        self.begin_row();
        self.sink.oversized();
    }
}
