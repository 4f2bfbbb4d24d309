use std::fmt::Write as _;

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use super::failure::Failure;
use crate::query::rows::{Cut, JsonRows};

/// Rows in the compact shape `{"c":[columns],"r":[[values]],"n":count}`, as text and as structured content.
pub(super) fn rows(rows: &JsonRows, nothing_found: &str) -> CallToolResult {
    if rows.count == 0 && rows.cut.is_none() {
        return compact(json!({"c": [], "r": [], "n": 0, "msg": nothing_found}).to_string());
    }
    let columns = Value::from(rows.columns.clone());
    let mut text = String::with_capacity(rows.rows.len() + 256);
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        r#"{{"c":{columns},"r":{},"n":{}"#,
        rows.rows, rows.count
    );
    if let Some(cut) = rows.cut {
        let message = Value::from(cut_message(cut, rows.count));
        let _ = write!(text, r#","truncated":true,"msg":{message}"#);
    }
    text.push('}');
    compact(text)
}

/// One text under the name `result`.
pub(super) fn text(text: String) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text.clone())]);
    result.structured_content = Some(json!({ "result": text }));
    result
}

/// A failure of a tool that answers rows, in the same shape with `err`.
pub(super) fn failed_rows(failure: &Failure) -> CallToolResult {
    let content = json!({"c": [], "r": [], "n": 0, "err": failure.client_text()});
    let mut result = CallToolResult::error(vec![ContentBlock::text(content.to_string())]);
    result.structured_content = Some(content);
    result
}

/// A failure of a tool that answers text.
pub(super) fn failed_text(failure: &Failure) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(failure.client_text())])
}

fn compact(text: String) -> CallToolResult {
    let structured = serde_json::from_str(&text).ok();
    debug_assert!(structured.is_some(), "our own JSON can be read");
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = structured;
    result
}

fn cut_message(cut: Cut, count: u32) -> String {
    match cut {
        Cut::Rows => format!(
            "Only the first {count} rows; there are more. Aggregate, filter, or page with ORDER BY, LIMIT and OFFSET"
        ),
        Cut::Bytes => format!(
            "Only the first {count} rows; the next would make the answer too long. Name fewer columns, aggregate or filter"
        ),
    }
}
