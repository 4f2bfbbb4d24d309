//! Hints for a refusal of the guard or an error of PostgreSQL: what to write instead.
//!
//! Knows the client's text, the schema and the SQL of other databases; must not know connections or
//! MCP. Works on tokens, so that there are hints for a text that does not parse.
//!
//! Invariants:
//! - a hint consists of the client's own words, names of the allow-list and literals of this crate,
//!   and holds nothing that the database has said of other tenants;
//! - every example in a hint runs (a test).
mod callable; // whether an example calls only functions that a statement may call
mod column; // columns that do not exist or are ambiguous
mod compared; // values that a statement compares columns with
mod database; // hints for PostgreSQL's errors
mod foreign; // functions, types and operators of other databases
mod location; // where the parser stopped
mod mistakes; // quotes, parentheses, a JOIN without a condition
mod names; // the tables that a text reads, and their columns
mod syntax; // finds an entry of the syntax table
mod syntax_table; // syntax of other databases and common mistakes, each with a hint
mod tokens; // the tokens of a text

pub use compared::{ComparedName, Folding, compared_names};
pub use database::{ERROR_HINTS, ErrorHint};
pub(super) use foreign::hint as foreign_name;
pub use foreign::{FOREIGN_NAMES, ForeignKind, ForeignName};
pub use syntax_table::{FOREIGN_SYNTAX, ForeignSyntax};

use super::allowed::Allowed;
use tokens::Tokens;

/// Details of a syntax error that the parser's message does not hold.
pub(super) struct SyntaxError {
    /// The byte offset at which the parser stopped.
    pub(super) byte: Option<usize>,
    /// The part of the line around that offset.
    pub(super) snippet: Option<String>,
    /// What to write instead.
    pub(super) hint: Option<String>,
}

/// Finds the location of a parser's error, and a hint. Parses prefixes of the text to do so, about
/// ten times at most.
pub(super) fn syntax_error(allowed: Allowed<'_>, text: &str, message: &str) -> SyntaxError {
    let byte = location::error_byte(text, message);
    let tokens = Tokens::new(text);
    let at = byte.map(|byte| tokens.index_at_byte(byte));
    SyntaxError {
        byte,
        snippet: byte.and_then(|byte| location::snippet(text, byte)),
        hint: syntax::hint(allowed, message, &tokens, at),
    }
}

/// A hint for an error of PostgreSQL in the statement `text`. `message` is PostgreSQL's message;
/// `byte` is the error's byte offset in `text`, if known.
pub(super) fn for_error(
    allowed: Allowed<'_>,
    text: &str,
    sqlstate: &str,
    message: &str,
    byte: Option<usize>,
) -> Option<String> {
    let tokens = Tokens::new(text);
    let at = byte.map(|byte| tokens.index_at_byte(byte));
    let hint = database::hint(allowed, &tokens, sqlstate, message, at);
    hint.map(|hint| super::visible(&hint))
}
