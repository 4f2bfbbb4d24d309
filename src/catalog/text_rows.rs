//! Collects a small result with every value as text.

use std::ops::ControlFlow;

use crate::query::scope::{Column, RowSink};

/// A small result. NULL is an empty text.
#[derive(Debug, Default)]
pub(super) struct TextRows(Vec<Vec<String>>);

impl TextRows {
    /// All rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[String]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// The first row.
    pub(super) fn first(&self) -> Option<&[String]> {
        self.iter().next()
    }

    /// The rows whose first two values are `kind` and `table`, without those two values.
    pub(super) fn matching<'a>(
        &'a self,
        kind: &'a str,
        table: &'a str,
    ) -> impl Iterator<Item = &'a [String]> {
        self.0
            .iter()
            .filter(move |row| row[0] == kind && row[1] == table)
            .map(|row| &row[2..])
    }
}

impl RowSink for TextRows {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let text =
            |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
        self.0.push(values.map(text).collect());
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {}
}
