//! Explains an answer: the place and the fix of an error, and whether a result is empty.

use serde_json::Value;

use super::ToolError;
use crate::mcp::tool_error::Explanation;
use crate::query::guard::{CheckedQuery, hints, line_and_column};
use crate::query::rows::JsonRows;
use crate::query::scope::ScopeError;

/// An error of a statement, with its place in the text and what to write instead.
pub(super) fn explain(text: &str, query: &CheckedQuery, error: ScopeError) -> ToolError {
    let position = error.position();
    let byte = position.and_then(|position| query.original_byte(position));
    let place = byte.and_then(|byte| line_and_column(text, byte));
    let hint = match &error {
        ScopeError::Database(error) => {
            hints::for_error(text, &error.sqlstate, &error.message, byte)
        }
        ScopeError::TimedOut(_)
        | ScopeError::UnknownTenant
        | ScopeError::Busy
        | ScopeError::PlanRefused
        | ScopeError::Unavailable(_)
        | ScopeError::Stopping
        | ScopeError::Misconfigured(_)
        | ScopeError::Posture(_) => None,
    };
    ToolError::Statement(error, Box::new(Explanation { place, hint }))
}

/// A longer row is not empty: 256 columns of NULL take 1,283 bytes.
const MAX_ROW_BYTES: usize = 2048;

/// Whether an answer has no rows, or one of nothing but NULL and zeros: what an aggregate gives of
/// no rows.
pub(super) fn is_empty_or_zero(rows: &JsonRows) -> bool {
    let is_nothing = |value: &Value| match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        // Of numeric.
        Value::String(text) => text.parse() == Ok(0.0),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    match rows.count {
        0 => rows.cut.is_none(),
        1 if rows.rows.len() <= MAX_ROW_BYTES => serde_json::from_str(&rows.rows)
            .is_ok_and(|rows: Vec<Vec<Value>>| rows.iter().flatten().all(is_nothing)),
        _ => false,
    }
}
