//! Explains errors by their position and a fix, and detects empty results.

use serde_json::Value;

use super::ToolError;
use crate::mcp::tool_error::Explanation;
use crate::query::guard::{self, CheckedQuery, line_and_column};
use crate::query::rows::JsonRows;
use crate::query::scope::ScopeError;

/// Adds the position in the client's text, and a hint, to a statement's error.
pub(super) fn explain(text: &str, query: &CheckedQuery, error: ScopeError) -> ToolError {
    let position = error.position();
    let byte = position.and_then(|position| query.original_byte(position));
    let line_and_column = byte.and_then(|byte| line_and_column(text, byte));
    let hint = match &error {
        ScopeError::Database(error) => {
            guard::hint_for_error(text, &error.sqlstate, &error.message, byte)
        }
        ScopeError::ErrorTooLong
        | ScopeError::VersionTooOld { .. }
        | ScopeError::TimedOut(_)
        | ScopeError::UnknownTenant
        | ScopeError::Busy
        | ScopeError::PlanRefused
        | ScopeError::Unavailable(_)
        | ScopeError::Stopping
        | ScopeError::Misconfigured(_)
        | ScopeError::Posture(_) => None,
    };
    let explanation = Explanation {
        line_and_column,
        hint,
    };
    ToolError::Statement(error, Box::new(explanation))
}

/// A longer row is not parsed: it cannot be all NULL, as 256 columns of NULL take 1,283 bytes.
const MAX_EMPTY_ROW_BYTES: usize = 2048;

/// Whether a result has no rows, or a single row of NULL and zeros only, which is what aggregates
/// return for no rows.
pub(super) fn is_empty_or_zero(rows: &JsonRows) -> bool {
    let is_null_or_zero = |value: &Value| match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        // A value of type numeric.
        Value::String(text) => text.parse() == Ok(0.0),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    };
    match rows.count {
        0 => rows.cut.is_none(),
        1 if rows.rows.len() <= MAX_EMPTY_ROW_BYTES => serde_json::from_str(&rows.rows)
            .is_ok_and(|rows: Vec<Vec<Value>>| rows.iter().flatten().all(is_null_or_zero)),
        _ => false,
    }
}
