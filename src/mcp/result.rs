use std::fmt::Write as _;

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use super::rendered::RenderedResult;
use super::tool_error::ToolError;
use crate::catalog::VisibleStores;
use crate::query::rows::{Cut, CutCell, JsonRows};

/// What a tool says beside its rows.
pub(super) struct Remarks<'a> {
    /// Whose rows the caller sees.
    pub(super) scope: &'a VisibleStores,
    /// When there are none.
    pub(super) nothing_found: &'a str,
    /// When there are more than were given: how to get to them.
    pub(super) how_to_go_on: &'a str,
    /// Whatever else the caller should know of these rows.
    pub(super) notes: &'a [String],
}

/// A tool's answer.
pub(super) enum Answer {
    /// Rows, or why there are none: a JSON object, as text and as structured content alike. It is
    /// written by hand: a map of JSON values would sort its members by name, and hold each value.
    Rows { json: String, is_error: bool },
    /// A text, or why there is none.
    Text(CallToolResult),
}

impl Answer {
    /// How long an answer is, as text.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Rows { json, .. } => json.len() as u64,
            Self::Text(result) => {
                let texts = result.content.iter().filter_map(ContentBlock::as_text);
                texts.map(|text| text.text.len() as u64).sum()
            }
        }
    }

    /// The result as rmcp knows it. Rows are left in the extension of the request, from which the
    /// transport puts them into the message.
    pub(super) fn into_result(self, rendered: &RenderedResult) -> CallToolResult {
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

/// Rows in the compact shape `{"c":[columns],"r":[[values]],"n":count,"scope":whose}`.
pub(super) fn rows(rows: JsonRows, remarks: &Remarks<'_>) -> Answer {
    let before = format!(r#"{{"c":{},"r":"#, rows.columns);
    let after = after_rows(&rows, remarks);
    // In the rows' own memory: they may be long.
    let mut text = rows.rows;
    text.reserve_exact(before.len() + after.len());
    text.insert_str(0, &before);
    text.push_str(&after);
    Answer::Rows {
        json: text,
        is_error: false,
    }
}

/// What follows the rows: their number, whose they are, and whether something is missing, where,
/// and how to go on.
fn after_rows(rows: &JsonRows, remarks: &Remarks<'_>) -> String {
    let scope = Value::from(remarks.scope.to_string());
    let mut text = format!(r#","n":{},"scope":{scope}"#, rows.count);
    let missing_rows = rows.cut.map(|cut| rows_message(cut, rows, remarks));
    let mut messages: Vec<String> = missing_rows
        .into_iter()
        .chain(cells_message(rows))
        .collect();
    if messages.is_empty() && rows.count == 0 {
        messages.push(remarks.nothing_found.to_owned());
    } else if !messages.is_empty() {
        text.push_str(r#","truncated":true"#);
        if let Some(total) = rows.total {
            // Writing to a string cannot fail.
            let _ = write!(text, r#","total":{total}"#);
        }
        if !rows.cut_cells.is_empty() {
            let place = |cell: &CutCell| json!([cell.row, cell.column]);
            let places: Vec<Value> = rows.cut_cells.iter().map(place).collect();
            let _ = write!(text, r#","cut":{}"#, Value::from(places));
        }
    }
    messages.extend_from_slice(remarks.notes);
    if !messages.is_empty() {
        let _ = write!(text, r#","msg":{}"#, Value::from(joined(&messages)));
    }
    text.push('}');
    text
}

/// One text under the name `result`.
pub(super) fn text(text: String) -> Answer {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text.clone())]);
    result.structured_content = Some(json!({ "result": text }));
    Answer::Text(result)
}

/// A failure of a tool that answers rows, in the same shape with `err`.
pub(super) fn failed_rows(failure: &ToolError) -> Answer {
    let err = Value::from(failure.client_text());
    Answer::Rows {
        json: format!(r#"{{"c":[],"r":[],"n":0,"err":{err}}}"#),
        is_error: true,
    }
}

/// A failure of a tool that answers text.
pub(super) fn failed_text(failure: &ToolError) -> Answer {
    Answer::Text(CallToolResult::error(vec![ContentBlock::text(
        failure.client_text(),
    )]))
}

/// Messages in one text.
fn joined(messages: &[String]) -> String {
    let mut text = String::new();
    for message in messages {
        let begins_a_sentence = message.starts_with(|first: char| !first.is_lowercase());
        text.push_str(match text.chars().last() {
            None => "",
            Some('?') => " ",
            Some(_) if begins_a_sentence => ". ",
            Some(_) => "; ",
        });
        text.push_str(message);
    }
    text
}

fn rows_message(cut: Cut, rows: &JsonRows, remarks: &Remarks<'_>) -> String {
    let (count, longest, more) = (rows.count, rows.limits.bytes, remarks.how_to_go_on);
    let first = match (count, rows.total) {
        (1, None) => "Only the first row".to_owned(),
        (1, Some(total)) => format!("Only the first of {total} rows"),
        (_, None) => format!("Only the first {count} rows"),
        (_, Some(total)) => format!("Only the first {count} of {total} rows"),
    };
    let what = match (cut, count, rows.total) {
        (Cut::Rows, _, Some(_)) => first,
        (Cut::Rows, _, None) => format!("{first}; there are more"),
        (Cut::Bytes, 0, _) => format!(
            "The first row alone is longer than an answer may be ({longest} bytes). Name fewer columns, or take parts of \
             long values with left(value, 1000)"
        ),
        (Cut::Bytes, ..) => format!(
            "{first}; the next would make the answer longer than it may be ({longest} bytes). Name fewer columns"
        ),
    };
    let sentences = [what.as_str(), more].into_iter();
    let sentences: Vec<&str> = sentences.filter(|sentence| !sentence.is_empty()).collect();
    sentences.join(". ")
}

fn cells_message(rows: &JsonRows) -> Option<String> {
    let count = rows.cut_cells.len();
    let longest = rows.limits.cell_bytes;
    (count > 0).then(|| {
        format!(
            "{count} of the values {} longer than {longest} bytes and cut there; each ends in …[cut: …] and stands in `cut` by row \
             and column, from 0. Read on with substr(value, start, count), or take less with left(value, count)",
            if count == 1 { "is" } else { "are" }
        )
    })
}
