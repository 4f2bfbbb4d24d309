//! Limits on the length and the number of parts of one statement.
//!
//! Statements above the limits need no cost rule of their own, and within the limits a cost rule
//! that is wrong by a factor does less harm.

/// The maximum length of a statement, and the maximum number of each part in it.
///
/// The standard numbers are three to four times what people write in analytic statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of the text in bytes. Parsing takes memory and time that grow with it.
    pub text_bytes: usize,
    /// Tables, functions and subqueries of all FROM clauses. PostgreSQL searches for a join order
    /// of them.
    pub items: u64,
    /// Comparisons of columns with columns by `=` and `<>`; a comparison of rows counts once for
    /// each pair of values. PostgreSQL may join by each of them, and derives further ones from
    /// them.
    pub equalities: u64,
    /// Columns of a select list, and so of a subquery; `*` counts as the columns that it expands
    /// to.
    pub columns: u64,
    /// Columns of all items in one FROM clause, added up.
    pub from_columns: u64,
}

impl Limits {
    /// The limits that the cost analysis was tested with, and texts of at most 32 KiB.
    pub const STANDARD: Self = Self {
        text_bytes: 32 << 10,
        items: 40,
        equalities: 24,
        columns: 128,
        from_columns: 128,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::STANDARD
    }
}
