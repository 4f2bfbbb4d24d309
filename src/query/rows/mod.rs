//! Turns a result's values from PostgreSQL's text form into bounded JSON.
//!
//! Knows types and limits; must not know where the rows come from or who asked. The table of what a type becomes stands at
//! `value::write` and in `docs/results.md`.
//! Invariants: the JSON is valid whatever the values hold, and never grows past its byte cap; a row is given with all its
//! columns or not at all; a value that is not given whole is marked and listed.
mod array; // an array's text form → a JSON array
mod document; // a json value within the answer
mod form; // the type's id → what its values become
mod number; // what JSON takes for a number
mod text; // JSON strings
mod value; // one value → JSON

use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;

use crate::query::scope::{Column, RowSink};

use form::Form;
use value::Written;

/// The most columns of a result. PostgreSQL knows up to 1,664.
pub const MOST_COLUMNS: usize = 256;

/// The most characters of a column's name. PostgreSQL keeps 63 bytes of it; this is for a server that does not.
const LONGEST_NAME: usize = 128;

/// How much of a result is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLimits {
    /// The most rows.
    pub rows: NonZeroU32,
    /// The most bytes of JSON for the rows.
    pub bytes: NonZeroUsize,
    /// The most bytes of one value, as PostgreSQL writes it; of a longer one the beginning is kept.
    pub cell_bytes: NonZeroUsize,
    /// Rows that are not kept are counted up to this many of all, to tell the total; fewer than
    /// `rows` counts none.
    pub counted_rows: u32,
}

/// Counting rows stops after this many bytes of them.
const MAX_COUNTED_BYTES: usize = 256 << 10;

impl RowLimits {
    /// The rows to ask the database for: one more than is kept or counted tells whether there are
    /// more.
    #[must_use]
    pub fn to_ask(self) -> NonZeroU32 {
        self.rows
            .saturating_add(1)
            .max(NonZeroU32::MIN.saturating_add(self.counted_rows))
    }
}

/// Why rows are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// There are more rows than an answer may have.
    Rows,
    /// The rows are longer than an answer may be.
    Bytes,
}

/// Where a value stands that is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutCell {
    /// Its row in the answer, from 0.
    pub row: u32,
    /// Its column, from 0.
    pub column: usize,
}

/// A result as JSON: the column names, and the rows as an array of arrays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonRows {
    /// A JSON array of the columns' names in order; two may be the same.
    pub columns: String,
    /// A JSON array of arrays, one per row.
    pub rows: String,
    /// The number of rows in it.
    pub count: u32,
    /// Why rows are missing, if any are.
    pub cut: Option<Cut>,
    /// How many rows the result has, when some are missing and the others were counted.
    pub total: Option<u32>,
    /// The values that are given as their beginning, in order.
    pub cut_cells: Vec<CutCell>,
    /// The limits that were kept.
    pub limits: RowLimits,
}

/// A result has more than [`MOST_COLUMNS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the result has {columns} columns")]
pub struct TooManyColumns {
    /// How many it has.
    pub columns: usize,
}

/// One value of a type (`pg_type.oid`) as JSON: valid whatever the bytes, and at most six times as long and a few bytes more.
#[must_use]
pub fn to_json(type_oid: u32, value: Option<&[u8]>) -> String {
    let mut json = String::new();
    value::write(Form::of(type_oid), value, usize::MAX, &mut json);
    json
}

/// Collects a result within limits.
#[derive(Debug)]
pub struct Collector {
    limits: RowLimits,
    /// The columns' names, as JSON.
    columns: String,
    forms: Vec<Form>,
    too_many: Option<TooManyColumns>,
    json: String,
    count: u32,
    cut: Option<Cut>,
    cut_cells: Vec<CutCell>,
    uncollected: Uncollected,
}

/// The number of rows that are not kept.
#[derive(Clone, Copy, Debug)]
enum Uncollected {
    /// Exact so far.
    Counted { rows: u32, bytes: usize },
    /// More than are counted.
    Unknown,
}

impl Collector {
    /// An empty result.
    #[must_use]
    pub fn new(limits: RowLimits) -> Self {
        Self {
            limits,
            columns: String::from("[]"),
            forms: Vec::new(),
            too_many: None,
            json: String::from("["),
            count: 0,
            cut: None,
            cut_cells: Vec::new(),
            uncollected: Uncollected::Counted { rows: 0, bytes: 0 },
        }
    }

    /// What was collected.
    ///
    /// # Errors
    /// [`TooManyColumns`], with rows or without.
    pub fn finish(mut self) -> Result<JsonRows, TooManyColumns> {
        if let Some(too_many) = self.too_many {
            return Err(too_many);
        }
        self.json.push(']');
        Ok(JsonRows {
            columns: self.columns,
            rows: self.json,
            count: self.count,
            cut: self.cut,
            total: match self.uncollected {
                Uncollected::Counted { rows, .. } if self.cut.is_some() => Some(self.count + rows),
                Uncollected::Counted { .. } | Uncollected::Unknown => None,
            },
            cut_cells: self.cut_cells,
            limits: self.limits,
        })
    }

    /// Counts a row that is not kept, as long as that is cheap.
    fn count_row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let Uncollected::Counted { rows, bytes } = self.uncollected else {
            return ControlFlow::Break(());
        };
        let (rows, bytes) = (
            rows + 1,
            bytes + values.flatten().map(<[u8]>::len).sum::<usize>(),
        );
        if self.count + rows > self.limits.counted_rows || bytes > MAX_COUNTED_BYTES {
            self.uncollected = Uncollected::Unknown;
            return ControlFlow::Break(());
        }
        self.uncollected = Uncollected::Counted { rows, bytes };
        ControlFlow::Continue(())
    }

    /// Appends a row; `false`, with a part of it appended, when it is too long.
    fn append(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> bool {
        self.json.push_str(if self.count == 0 { "[" } else { ",[" });
        for (column, form) in self.forms.iter().enumerate() {
            if column > 0 {
                self.json.push(',');
            }
            // A row of fewer values than columns has NULLs for the others.
            let value = values.next().flatten();
            let longest = self.limits.cell_bytes.get();
            if value::write(*form, value, longest, &mut self.json) == Written::Cut {
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
        if columns.len() > MOST_COLUMNS {
            let columns = columns.len();
            self.too_many = Some(TooManyColumns { columns });
            return;
        }
        self.columns.truncate(1);
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                self.columns.push(',');
            }
            text::name(&column.name, LONGEST_NAME, &mut self.columns);
        }
        self.columns.push(']');
        self.forms = columns
            .iter()
            .map(|column| Form::of(column.type_oid))
            .collect();
    }

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        if self.too_many.is_some() {
            return ControlFlow::Break(());
        }
        if self.cut.is_some() {
            return self.count_row(values);
        }
        if self.count == self.limits.rows.get() {
            self.cut = Some(Cut::Rows);
            return self.count_row(values);
        }
        let before = (self.json.len(), self.cut_cells.len());
        if !self.append(values) {
            // A row is given whole or not at all.
            self.json.truncate(before.0);
            self.cut_cells.truncate(before.1);
            self.cut = Some(Cut::Bytes);
            // Its values have been read.
            return self.count_row(&mut std::iter::empty());
        }
        self.count += 1;
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {
        self.cut = self.cut.or(Some(Cut::Bytes));
        self.uncollected = Uncollected::Unknown;
    }
}

#[cfg(test)]
mod properties; // laws, over generated values
#[cfg(test)]
mod tests;
