//! Hints for a refusal of the guard or an error of PostgreSQL: what to write instead.
//!
//! Knows the client's text, the schema and the SQL of other databases; must not know connections or
//! MCP. Works on tokens, so that there are hints for a text that does not parse.
//!
//! Invariants:
//! - a hint consists of the client's own words, names of the allow-list and literals of this crate,
//!   and holds nothing that the database has said of other tenants;
//! - every example in a hint runs: [`examples`] returns them, and a test of the server runs them.
mod callable; // whether an example calls only functions that a statement may call
mod column; // columns that do not exist or are ambiguous
mod compared; // values that a statement compares columns with
mod database; // finds the hint for an error of PostgreSQL
mod error_table; // errors of PostgreSQL, each with a hint
mod example; // examples over the tables of the schema
mod foreign; // functions, types and operators of other databases
mod location; // where the parser stopped
mod mistakes; // quotes, parentheses, a JOIN without a condition
mod names; // the tables that a text reads, and their columns
mod syntax; // finds an entry of the syntax table
mod syntax_table; // syntax of other databases and common mistakes, each with a hint
mod tokens; // the tokens of a text

pub use compared::{ComparedName, Folding, compared_names};
pub(super) use foreign::{ForeignKind, hint as foreign_name};

use super::allowed::Allowed;
use super::schema::Schema;
use error_table::ERROR_HINTS;
use foreign::FOREIGN_NAMES;
use syntax_table::FOREIGN_SYNTAX;
use tokens::Tokens;

/// All examples that hints show over the tables of this schema, as statements. A test of the
/// calling program can run them.
///
/// ```
/// use pg_select_guard::{Guard, Limits, Schema, hints};
///
/// let schema = Schema::parse("shop", "orders: *order_id 8, ordered_on 4 date, total 16 number")?;
/// assert!(hints::examples(&schema).any(|sql| sql.contains("FROM shop.orders")));
///
/// let guard = Guard::new(schema, Limits::STANDARD);
/// let text = "SELECT datediff(now(), ordered_on) FROM orders";
/// let refusal = guard.check(text).expect_err("foreign");
/// assert!(refusal.to_string().contains("use for example CURRENT_DATE - ordered_on"));
/// # Ok::<(), pg_select_guard::SchemaError>(())
/// ```
pub fn examples(schema: &Schema) -> impl Iterator<Item = String> {
    let foreign = FOREIGN_NAMES.iter().map(|entry| entry.example);
    let syntax = FOREIGN_SYNTAX.iter().map(|entry| entry.example);
    let errors = ERROR_HINTS.iter().map(|entry| entry.example);
    let all = foreign.chain(syntax).chain(errors);
    let shown = all.filter(|example| !example.is_empty());
    shown.map(|example| example::statement(schema, example))
}

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
