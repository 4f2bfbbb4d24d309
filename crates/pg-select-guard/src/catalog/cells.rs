//! What the cells of all tables can say.

/// What is wrong with a row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowError(pub(super) String);

/// A value that one word stands for in a table.
pub(super) trait Word: Copy + 'static {
    /// Each word, with its value.
    const WORDS: &'static [(&'static str, Self)];

    /// Reads the cell of a column.
    fn parse(column: &str, cell: &str) -> Result<Self, RowError> {
        let word = Self::WORDS.iter().find(|(word, _)| *word == cell);
        word.map(|(_, value)| *value)
            .ok_or_else(|| unknown(column, cell))
    }
}

/// The error of a cell with an unknown word or number.
pub(super) fn unknown(column: &str, cell: &str) -> RowError {
    RowError(format!("{column} cannot be {cell:?}"))
}

/// Splits a line into exactly as many cells as a table has columns.
pub(super) fn cells<const COLUMNS: usize>(
    line: &'static str,
) -> Result<[&'static str; COLUMNS], RowError> {
    let cells: Vec<&str> = line.split('\t').collect();
    let count = cells.len();
    cells
        .try_into()
        .map_err(|_| RowError(format!("{count} cells for {COLUMNS} columns: {line}")))
}

/// Whether a result may be a text that parses as a number. A short text can denote a long number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberRule {
    /// It may.
    Always,
    /// If one of the arguments may.
    OfArguments,
    /// It certainly is none.
    Never,
}

impl Word for NumberRule {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("always", Self::Always),
        ("arguments", Self::OfArguments),
        ("never", Self::Never),
    ];
}

/// What PostgreSQL holds beyond arguments and result while a function or an operator runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBytes {
    /// Nothing.
    Nothing,
    /// The matches of a regular expression, for each byte of the text.
    Regex,
    /// The words of a text, for each of its bytes.
    Words,
    /// A tree of the JSON document or `tsquery`, for each byte of the result.
    Rebuild,
}

impl Word for HeldBytes {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("-", Self::Nothing),
        ("regex", Self::Regex),
        ("words", Self::Words),
        ("rebuild", Self::Rebuild),
    ];
}
