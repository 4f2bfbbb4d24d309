//! The functions and operators that a statement may call, the types that it may name, and
//! everything that is known of each.
//!
//! `functions.tsv`, `operators.tsv` and `types.tsv` hold one row per name. A column has a value in
//! every row, so nothing can be added without a decision on each. What is not in the tables is
//! refused, so a new version of PostgreSQL allows nothing more by itself.
//!
//! ```
//! use pg_select_guard::catalog::{Plans, data_type, function};
//!
//! let max = function("max").expect("an allowed function");
//! assert!(max.kinds.aggregate);
//! assert_eq!(max.plans, Plans::Twice);
//! assert!(function("pg_sleep").is_none());
//! assert!(data_type("regclass").is_none());
//! ```
//!
//! Knows the columns; must not know what the cost analysis concludes from them. Invariant: a row
//! that cannot be read is no row, so its name is refused. A test reads every row.
mod calls; // what a call of a function reads and costs
mod cells; // what the cells of all tables can say
mod functions; // the rows of functions.tsv
mod operators; // the rows of operators.tsv
mod results; // what a function returns
mod types; // the rows of types.tsv

pub use calls::{FromColumns, InputRule, Plans, Replacement, StepRule, ZoneArgument};
pub use cells::{HeldBytes, NumberRule};
pub use functions::{Function, FunctionKinds, Volatility, function, functions};
pub use operators::{
    Equality, Operator, OperatorDocumentRule, OperatorKinds, OperatorSizeRule, OperatorStepRule,
    Pattern, operator, operators,
};
pub use results::{AggregateState, DocumentRule, Element, SizeRule};
pub use types::{
    DataType, Digits, ElementInput, InputHeld, Modifier, Returning, TypeDocument, TypeSchema,
    TypeSizeRule, data_type, data_types,
};

/// The rows of a table: its lines without comments, blank lines and the header.
fn rows(file: &'static str) -> impl Iterator<Item = &'static str> {
    // Some operators begin with #.
    let is_comment = |line: &str| line == "#" || line.starts_with("# ");
    file.lines()
        .filter(move |line| !line.is_empty() && !is_comment(line))
        .skip(1)
}

#[cfg(test)]
mod tests;
