//! Turns a result's values from PostgreSQL's text form into bounded JSON.
//!
//! Knows types and limits; must not know where the rows come from or who asked. The table of what a type becomes stands at
//! `value::write` and in `docs/results.md`.
//! Invariant: the JSON never grows past its byte cap, whatever the rows hold.
mod document; // whether a json value may stand as it is
mod value; // one value → JSON

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;

use crate::query::scope::{Column, RowSink};

/// How much of a result is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLimits {
    /// The most rows.
    pub rows: NonZeroU32,
    /// The most bytes of JSON for the rows.
    pub bytes: NonZeroUsize,
}

impl RowLimits {
    /// The rows to ask the database for: one more than is kept tells whether there are more.
    #[must_use]
    pub fn to_ask(self) -> NonZeroU32 {
        self.rows.saturating_add(1)
    }
}

/// Why a result is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// There are more rows than an answer may have.
    Rows,
    /// The rows are longer than an answer may be.
    Bytes,
}

/// A result as JSON: the column names, and the rows as an array of arrays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonRows {
    /// The columns' names in order; two may be the same.
    pub columns: Vec<String>,
    /// A JSON array of arrays, one per row.
    pub rows: String,
    /// The number of rows in it.
    pub count: u32,
    /// Why rows are missing, if any are.
    pub cut: Option<Cut>,
}

/// Collects a result within limits.
#[derive(Debug)]
pub struct Collector {
    limits: RowLimits,
    columns: Vec<Column>,
    json: String,
    count: u32,
    cut: Option<Cut>,
}

impl Collector {
    /// An empty result.
    #[must_use]
    pub fn new(limits: RowLimits) -> Self {
        Self {
            limits,
            columns: Vec::new(),
            json: String::from("["),
            count: 0,
            cut: None,
        }
    }

    /// What was collected.
    #[must_use]
    pub fn finish(mut self) -> JsonRows {
        self.json.push(']');
        JsonRows {
            columns: self.columns.into_iter().map(|column| column.name).collect(),
            rows: self.json,
            count: self.count,
            cut: self.cut,
        }
    }
}

impl RowSink for Collector {
    fn columns(&mut self, columns: Vec<Column>) {
        self.columns = columns;
    }

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        if self.count == self.limits.rows.get() {
            self.cut = Some(Cut::Rows);
            return ControlFlow::Break(());
        }
        let before = self.json.len();
        self.json.push_str(if self.count == 0 { "[" } else { ",[" });
        for (column, value) in self.columns.iter().zip(values) {
            value::write(column.type_oid, value, &mut self.json);
            self.json.push(',');
            if self.json.len() > self.limits.bytes.get() {
                // A row is given whole or not at all.
                self.json.truncate(before);
                self.cut = Some(Cut::Bytes);
                return ControlFlow::Break(());
            }
        }
        if self.json.ends_with(',') {
            self.json.pop();
        }
        self.json.push(']');
        self.count += 1;
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {
        self.cut = Some(Cut::Bytes);
    }
}

#[cfg(test)]
mod tests;
