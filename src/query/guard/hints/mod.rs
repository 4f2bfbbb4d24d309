//! What to write instead: hints beside a refusal of the guard or an error of PostgreSQL.
//!
//! Knows the client's text, the tables of `relations` and what other databases write; must not know
//! connections or MCP. Looks at tokens, so that a text which does not parse has hints too.
//! Invariants: a hint holds the client's own words, names of the allow-list and literals of this
//! crate, and nothing that the database has said of other tenants; every form that a hint shows
//! runs (a test).
mod column; // a column that does not exist
mod compared; // names that a text compares with
mod database; // what PostgreSQL finds
mod foreign; // what other databases call it
mod location; // where the parser stopped
mod names; // which tables a text reads
mod slips; // quotes, parentheses, a JOIN without a condition
mod syntax; // what other databases write: where it is found
mod syntax_table; // … and what to write instead
mod tokens; // a text as the scanner reads it

pub use compared::{ComparedName, Folding, Named, compared_names};
pub use database::{ERRORS, ErrorHint};
pub(super) use foreign::hint as foreign;
pub use foreign::{FOREIGN, Foreign, ForeignKind};
pub use syntax_table::{ForeignSyntax, SYNTAX};

use tokens::Tokens;

/// What is known of a syntax error beside the parser's message.
pub(super) struct SyntaxError {
    /// The byte of the text at which the parser stopped.
    pub(super) byte: Option<usize>,
    /// The part of the line around it.
    pub(super) snippet: Option<String>,
    /// What to write instead.
    pub(super) hint: Option<String>,
}

/// Explains a message of the parser. Parses beginnings of the text, some ten times at most.
pub(super) fn syntax_error(text: &str, message: &str) -> SyntaxError {
    let byte = location::error_byte(text, message);
    let tokens = Tokens::new(text);
    let at = byte.map(|byte| tokens.at_byte(byte));
    SyntaxError {
        byte,
        snippet: byte.and_then(|byte| location::snippet(text, byte)),
        hint: syntax::hint(message, &tokens, at),
    }
}

/// What to write instead, where PostgreSQL has found an error in the statement that `text` is:
/// `message` is PostgreSQL's, `byte` the place in `text` if it is known.
#[must_use]
pub fn for_error(text: &str, sqlstate: &str, message: &str, byte: Option<usize>) -> Option<String> {
    let tokens = Tokens::new(text);
    let at = byte.map(|byte| tokens.at_byte(byte));
    database::hint(&tokens, sqlstate, message, at).map(|hint| super::visible(&hint))
}
