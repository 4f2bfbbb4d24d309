//! Converts a result from PostgreSQL's text form to bounded JSON.
//!
//! Knows types and limits; must not know where the rows come from, or for whom. `value::write` and
//! `docs/results.md` have the table of types and their JSON.
//!
//! Invariants:
//! - the JSON is valid whatever the values contain;
//! - the JSON of the rows stays within its limit in bytes;
//! - a row is written with all its columns or not at all;
//! - a value that is not written whole is marked and listed.
mod array; //    text form of an array → JSON array
mod document; // json and jsonb values embedded in the result
mod form; //     type OID → form of its JSON
mod number; //   number grammar of JSON
mod text; //     JSON strings
mod value; //    one value → JSON

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;

use crate::query::scope::{Column, RowSink};

use form::Form;
use value::Written;

/// The maximum number of columns of a result. PostgreSQL allows 1,664.
pub const MAX_COLUMNS: usize = 256;

/// The maximum length of a column's name, in characters. PostgreSQL truncates names to 63 bytes;
/// this limit protects against a server that does not.
const MAX_NAME_CHARS: usize = 128;

/// The maximum size of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLimits {
    /// The maximum number of rows.
    pub rows: NonZeroU32,
    /// The maximum length of the rows as JSON, in bytes.
    pub bytes: NonZeroUsize,
    /// The maximum length of one value in PostgreSQL's text form, in bytes. A longer value is cut.
    pub cell_bytes: NonZeroUsize,
    /// Rows beyond the other limits are counted while the total is at most this number. If it is
    /// less than `rows`, none are counted.
    pub counted_rows: u32,
}

/// Counting rows stops after reading this many bytes of them.
const MAX_COUNTED_BYTES: usize = 256 << 10;

impl RowLimits {
    /// The number of rows to fetch: one more than are returned or counted, which shows whether the
    /// result has more.
    #[must_use]
    pub fn fetch_limit(self) -> NonZeroU32 {
        self.rows
            .saturating_add(1)
            .max(NonZeroU32::MIN.saturating_add(self.counted_rows))
    }
}

/// Which limit cut a result off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutReason {
    /// The result has more rows than [`RowLimits::rows`].
    RowLimit,
    /// The rows as JSON are longer than [`RowLimits::bytes`].
    ByteLimit,
}

/// The position of a value that was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutCell {
    /// Its row in the result, from 0.
    pub row: u32,
    /// Its column, from 0.
    pub column: usize,
}

/// A result as JSON: the column names, and the rows as an array of arrays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonRows {
    /// A JSON array of the columns' names in order. Names may repeat.
    pub columns: String,
    /// A JSON array of arrays, one per row.
    pub rows: String,
    /// The number of rows in `rows`.
    pub count: u32,
    /// Why rows are missing; `None` if none are.
    pub cut: Option<CutReason>,
    /// The number of rows of the whole result, if rows are missing and all were counted.
    pub total: Option<u32>,
    /// The positions of the values that were cut, in order.
    pub cut_cells: Vec<CutCell>,
    /// The limits that applied.
    pub limits: RowLimits,
}

/// A result has more than [`MAX_COLUMNS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the result has {columns} columns")]
pub struct TooManyColumns {
    /// The number of columns.
    pub columns: usize,
}

/// Converts one value of a type (`pg_type.oid`) to JSON. The JSON is valid whatever the bytes, and
/// at most six times as long plus a few bytes.
#[must_use]
pub fn to_json(type_oid: u32, value: Option<&[u8]>) -> String {
    let mut json = String::new();
    value::write(Form::from_oid(type_oid), value, usize::MAX, &mut json);
    json
}

/// Collects a result as JSON, within limits.
#[derive(Debug)]
pub struct Collector {
    limits: RowLimits,
    /// The columns' names, as JSON.
    columns: String,
    forms: Vec<Form>,
    too_many_columns: Option<TooManyColumns>,
    json: String,
    count: u32,
    cut: Option<CutReason>,
    cut_cells: Vec<CutCell>,
    skipped_rows: SkippedRows,
}

/// The number of rows beyond the limits.
#[derive(Clone, Copy, Debug)]
enum SkippedRows {
    /// Exact so far.
    Counted { rows: u32, bytes: usize },
    /// Too many rows, or too large ones, to count.
    Unknown,
}

impl Collector {
    /// A collector without rows.
    #[must_use]
    pub fn new(limits: RowLimits) -> Self {
        Self {
            limits,
            columns: String::from("[]"),
            forms: Vec::new(),
            too_many_columns: None,
            json: String::from("["),
            count: 0,
            cut: None,
            cut_cells: Vec::new(),
            skipped_rows: SkippedRows::Counted { rows: 0, bytes: 0 },
        }
    }

    /// Returns the collected result.
    ///
    /// # Errors
    /// [`TooManyColumns`], even if the result has no rows.
    pub fn finish(mut self) -> Result<JsonRows, TooManyColumns> {
        if let Some(error) = self.too_many_columns {
            return Err(error);
        }
        self.json.push(']');
        Ok(JsonRows {
            columns: self.columns,
            rows: self.json,
            count: self.count,
            cut: self.cut,
            total: match self.skipped_rows {
                SkippedRows::Counted { rows, .. } if self.cut.is_some() => Some(self.count + rows),
                SkippedRows::Counted { .. } | SkippedRows::Unknown => None,
            },
            cut_cells: self.cut_cells,
            limits: self.limits,
        })
    }

    /// Counts a row beyond the limits, while counting is cheap.
    fn count_skipped_row(
        &mut self,
        values: &mut dyn Iterator<Item = Option<&[u8]>>,
    ) -> ControlFlow<()> {
        let SkippedRows::Counted { rows, bytes } = self.skipped_rows else {
            return ControlFlow::Break(());
        };
        let (rows, bytes) = (
            rows + 1,
            bytes + values.flatten().map(<[u8]>::len).sum::<usize>(),
        );
        if self.count + rows > self.limits.counted_rows || bytes > MAX_COUNTED_BYTES {
            self.skipped_rows = SkippedRows::Unknown;
            return ControlFlow::Break(());
        }
        self.skipped_rows = SkippedRows::Counted { rows, bytes };
        ControlFlow::Continue(())
    }

    /// Appends a row. Returns `false`, with a part of the row appended, when it exceeds the limit.
    fn append_row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> bool {
        self.json.push_str(if self.count == 0 { "[" } else { ",[" });
        for (column, form) in self.forms.iter().enumerate() {
            if column > 0 {
                self.json.push(',');
            }
            // The missing values of a row that has fewer of them than columns are NULL.
            let value = values.next().flatten();
            let max_bytes = self.limits.cell_bytes.get();
            if value::write(*form, value, max_bytes, &mut self.json) == Written::Cut {
                let row = self.count;
                self.cut_cells.push(CutCell { row, column });
            }
            if self.json.len() > self.limits.bytes.get() {
                return false;
            }
        }
        self.json.push(']');
        true
    }
}

impl RowSink for Collector {
    fn columns(&mut self, columns: Vec<Column>) {
        if columns.len() > MAX_COLUMNS {
            let columns = columns.len();
            self.too_many_columns = Some(TooManyColumns { columns });
            return;
        }
        self.columns.truncate(1);
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                self.columns.push(',');
            }
            text::write_name(&column.name, MAX_NAME_CHARS, &mut self.columns);
        }
        self.columns.push(']');
        self.forms = columns
            .iter()
            .map(|column| Form::from_oid(column.type_oid))
            .collect();
    }

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        if self.too_many_columns.is_some() {
            return ControlFlow::Break(());
        }
        if self.cut.is_some() {
            return self.count_skipped_row(values);
        }
        if self.count == self.limits.rows.get() {
            self.cut = Some(CutReason::RowLimit);
            return self.count_skipped_row(values);
        }
        let before = (self.json.len(), self.cut_cells.len());
        if !self.append_row(values) {
            // A row is written whole or not at all.
            self.json.truncate(before.0);
            self.cut_cells.truncate(before.1);
            self.cut = Some(CutReason::ByteLimit);
            // The iterator has been read, so the row counts without its bytes.
            return self.count_skipped_row(&mut std::iter::empty());
        }
        self.count += 1;
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {
        self.cut = self.cut.or(Some(CutReason::ByteLimit));
        self.skipped_rows = SkippedRows::Unknown;
    }
}

#[cfg(test)]
mod properties; // properties over generated values
#[cfg(test)]
mod tests;
