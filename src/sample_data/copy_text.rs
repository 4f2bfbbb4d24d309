//! Rows in the text format of COPY:
//! <https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS>.
use std::fmt::{self, Display, Write as _};

/// Characters that must be escaped.
const SPECIAL: [char; 4] = ['\\', '\t', '\n', '\r'];

/// Rows for one COPY. NULL is not supported, because no column of the sample needs it.
#[derive(Debug, Default)]
pub(super) struct CopyText(String);

impl CopyText {
    /// Appends a row, its cells in the order of the statement's columns.
    pub(super) fn push<const COLUMNS: usize>(&mut self, cells: [&dyn Display; COLUMNS]) {
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                self.0.push('\t');
            }
            // Writing to a string cannot fail.
            let _ = write!(Escaped(&mut self.0), "{cell}");
        }
        self.0.push('\n');
    }

    /// All rows in COPY's format.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Removes all rows and keeps the memory for the next ones.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// A writer that escapes a cell's text, so that COPY does not take it for the end of the cell, of
/// the row or of the data, or for NULL.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(position) = rest.find(SPECIAL) {
            let (plain, special) = rest.split_at(position);
            self.0.push_str(plain);
            self.0.push_str(match special.as_bytes()[0] {
                b'\t' => "\\t",
                b'\n' => "\\n",
                b'\r' => "\\r",
                _ => "\\\\",
            });
            rest = &special[1..];
        }
        self.0.push_str(rest);
        Ok(())
    }
}

/// A non-negative amount of money in cents, displayed in dollars: `1205` as `12.05`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cents(pub(super) i64);

impl Display for Cents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_separated_by_tabs_and_rows_by_newlines() {
        let mut text = CopyText::default();
        text.push([&1, &"O'Brien", &Cents(1_205)]);
        text.push([&2, &"", &Cents(7)]);
        assert_eq!(text.as_bytes(), b"1\tO'Brien\t12.05\n2\t\t0.07\n");
        text.clear();
        assert_eq!(text.as_bytes(), b"");
    }

    #[test]
    fn special_characters_are_escaped() {
        let mut text = CopyText::default();
        text.push([&"a\tb\nc\rd", &"\\N", &"\\.", &"é\\"]);
        assert_eq!(
            text.as_bytes(),
            "a\\tb\\nc\\rd\t\\\\N\t\\\\.\té\\\\\n".as_bytes()
        );
    }
}
