//! Builds tool results: rows or text, as a text block and as structured content.

use std::fmt::Write as _;

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use super::error_text::tool_error_text;
use super::rendered::RenderedResult;
use super::tool_error::ToolError;
use crate::catalog::VisibleStores;
use crate::query::rows::{CutCell, CutReason, JsonRows};
use crate::telemetry::TraceId;

/// The parts of a result that describe its rows.
pub(super) struct RowsContext<'a> {
    /// Whose rows the caller sees.
    pub(super) scope: &'a VisibleStores,
    /// The message for a result without rows.
    pub(super) no_rows_message: &'a str,
    /// How to get the missing rows of a truncated result. May be empty.
    pub(super) next_step: &'a str,
    /// Further messages about these rows.
    pub(super) notes: &'a [String],
}

/// The result of a tool call.
pub(super) enum ToolResult {
    /// Rows, or the error of a tool that returns rows: a JSON object, sent as a text block and as
    /// structured content. The text is built directly: a map of JSON values would sort the members
    /// by name, and hold every value a second time.
    Rows { json: String, is_error: bool },
    /// A text, or the error of a tool that returns text.
    Text(CallToolResult),
}

impl ToolResult {
    /// The length of the result as text, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Rows { json, .. } => json.len() as u64,
            Self::Text(result) => {
                let texts = result.content.iter().filter_map(ContentBlock::as_text);
                texts.map(|text| text.text.len() as u64).sum()
            }
        }
    }

    /// Converts to rmcp's type. Rows go into the request's extension `rendered`, from which the
    /// transport inserts them into the message.
    pub(super) fn into_rmcp(self, rendered: &RenderedResult) -> CallToolResult {
        match self {
            Self::Rows { json, is_error } => {
                rendered.put(json);
                let mut result = CallToolResult::success(Vec::new());
                result.is_error = Some(is_error);
                result
            }
            Self::Text(result) => result,
        }
    }
}

/// The shape of a tool's results, including its errors.
#[derive(Clone, Copy, Debug)]
pub(super) enum ResultShape {
    /// A JSON object with rows, built by [`rows`]. An error is in its member `err`.
    Rows,
    /// A text, built by [`text`].
    Text,
}

impl ResultShape {
    /// The output schema of a tool whose results have this shape.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Rows => json!({
                "type": "object",
                "properties": {
                    "c": {"type": "array", "items": {"type": "string"}, "description": "columns"},
                    "r": {"type": "array", "items": {"type": "array"}, "description": "rows"},
                    "n": {"type": "integer", "description": "row count"},
                    "scope": {"type": "string", "description": "whose rows"},
                    "truncated": {"type": "boolean"},
                    "total": {"type": "integer", "description": "total row count"},
                    "cut": {"type": "array", "items": {"type": "array"}, "description": "truncated values: [row, column]"},
                    "msg": {"type": "string"},
                    "err": {"type": "string"}
                },
                "required": ["c", "r", "n"]
            }),
            Self::Text => {
                json!({"type": "object", "properties": {"result": {"type": "string"}}, "required": ["result"]})
            }
        }
    }

    /// The result of a call that has failed.
    pub(super) fn error(self, error: &ToolError, trace_id: TraceId) -> ToolResult {
        let text = tool_error_text(error, trace_id);
        match self {
            Self::Rows => {
                let err = Value::from(text);
                ToolResult::Rows {
                    json: format!(r#"{{"c":[],"r":[],"n":0,"err":{err}}}"#),
                    is_error: true,
                }
            }
            Self::Text => ToolResult::Text(CallToolResult::error(vec![ContentBlock::text(text)])),
        }
    }
}

/// Rows in the compact shape `{"c":[columns],"r":[[values]],"n":count,"scope":whose}`.
pub(super) fn rows(rows: JsonRows, context: &RowsContext<'_>) -> ToolResult {
    let prefix = format!(r#"{{"c":{},"r":"#, rows.columns);
    let suffix = members_after_rows(&rows, context);
    // Built in the memory of the rows, which may be long.
    let mut text = rows.rows;
    text.reserve_exact(prefix.len() + suffix.len());
    text.insert_str(0, &prefix);
    text.push_str(&suffix);
    ToolResult::Rows {
        json: text,
        is_error: false,
    }
}

/// The members after the rows: their number, whose they are, what is missing, and how to get it.
fn members_after_rows(rows: &JsonRows, context: &RowsContext<'_>) -> String {
    let scope = Value::from(context.scope.to_string());
    let mut text = format!(r#","n":{},"scope":{scope}"#, rows.count);
    let missing_rows = rows
        .cut
        .map(|reason| missing_rows_message(reason, rows, context));
    let mut messages: Vec<String> = missing_rows
        .into_iter()
        .chain(cut_cells_message(rows))
        .collect();
    if messages.is_empty() && rows.count == 0 {
        messages.push(context.no_rows_message.to_owned());
    } else if !messages.is_empty() {
        text.push_str(r#","truncated":true"#);
        if let Some(total) = rows.total {
            // Writing to a string cannot fail.
            let _ = write!(text, r#","total":{total}"#);
        }
        if !rows.cut_cells.is_empty() {
            let position = |cell: &CutCell| json!([cell.row, cell.column]);
            let positions: Vec<Value> = rows.cut_cells.iter().map(position).collect();
            let _ = write!(text, r#","cut":{}"#, Value::from(positions));
        }
    }
    messages.extend_from_slice(context.notes);
    if !messages.is_empty() {
        let _ = write!(text, r#","msg":{}"#, Value::from(join_messages(&messages)));
    }
    text.push('}');
    text
}

/// A text, with the structured content `{"result": text}`.
pub(super) fn text(text: String) -> ToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text.clone())]);
    result.structured_content = Some(json!({ "result": text }));
    ToolResult::Text(result)
}

/// Joins messages to one text: by `. ` before a capital letter, otherwise by `; `.
fn join_messages(messages: &[String]) -> String {
    let mut text = String::new();
    for message in messages {
        let starts_sentence = message.starts_with(|first: char| !first.is_lowercase());
        text.push_str(match text.chars().last() {
            None => "",
            Some('?') => " ",
            Some(_) if starts_sentence => ". ",
            Some(_) => "; ",
        });
        text.push_str(message);
    }
    text
}

fn missing_rows_message(reason: CutReason, rows: &JsonRows, context: &RowsContext<'_>) -> String {
    let (count, max_bytes) = (rows.count, rows.limits.bytes);
    let first = match (count, rows.total) {
        (1, None) => "Only the first row".to_owned(),
        (1, Some(total)) => format!("Only the first of {total} rows"),
        (_, None) => format!("Only the first {count} rows"),
        (_, Some(total)) => format!("Only the first {count} of {total} rows"),
    };
    let cause = match (reason, count, rows.total) {
        (CutReason::RowLimit, _, Some(_)) => first,
        (CutReason::RowLimit, _, None) => format!("{first}; there are more"),
        (CutReason::ByteLimit, 0, _) => format!(
            "The first row alone exceeds the result limit of {max_bytes} bytes. Select fewer columns, or shorten \
             long values with left(value, 1000)"
        ),
        (CutReason::ByteLimit, ..) => format!(
            "{first}; the next one would exceed the result limit of {max_bytes} bytes. Select fewer columns"
        ),
    };
    let sentences = [cause.as_str(), context.next_step].into_iter();
    let sentences: Vec<&str> = sentences.filter(|sentence| !sentence.is_empty()).collect();
    sentences.join(". ")
}

fn cut_cells_message(rows: &JsonRows) -> Option<String> {
    let count = rows.cut_cells.len();
    let max_bytes = rows.limits.cell_bytes;
    (count > 0).then(|| {
        format!(
            "{count} {} cut; each ends in …[cut: …] and is listed in `cut` as [row, column], from 0. Read the rest with \
             substr(value, start, count), or less with left(value, count)",
            if count == 1 {
                format!("value longer than {max_bytes} bytes was")
            } else {
                format!("values longer than {max_bytes} bytes were")
            }
        )
    })
}
