use std::fmt::Write as _;

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Value, json};

use super::failure::Failure;
use crate::query::rows::{Cut, CutCell, JsonRows};

/// What a tool says beside its rows.
pub(super) struct Remarks<'a> {
    /// When there are none.
    pub(super) nothing_found: &'a str,
    /// When there are more than were given: how to get to them.
    pub(super) how_to_go_on: &'a str,
    /// Whatever else the caller should know of these rows.
    pub(super) notes: &'a [String],
}

/// Rows in the compact shape `{"c":[columns],"r":[[values]],"n":count}`, as text and as structured content.
pub(super) fn rows(rows: JsonRows, remarks: &Remarks<'_>) -> CallToolResult {
    if rows.count == 0 && rows.cut.is_none() {
        let nothing_found = [remarks.nothing_found.to_owned()];
        let messages = [&nothing_found, remarks.notes].concat();
        return compact(no_rows("msg", &messages.join(". ")));
    }
    let before = format!(r#"{{"c":{},"r":"#, rows.columns);
    let after = after_rows(&rows, remarks);
    // In the rows' own memory: they may be long.
    let mut text = rows.rows;
    text.reserve_exact(before.len() + after.len());
    text.insert_str(0, &before);
    text.push_str(&after);
    compact(text)
}

/// What follows the rows: their number, and whether something is missing, where, and how to go on.
fn after_rows(rows: &JsonRows, remarks: &Remarks<'_>) -> String {
    let mut text = format!(r#","n":{}"#, rows.count);
    let missing_rows = rows.cut.map(|cut| rows_message(cut, rows, remarks));
    let mut messages: Vec<String> = missing_rows
        .into_iter()
        .chain(cells_message(rows))
        .collect();
    if !messages.is_empty() {
        text.push_str(r#","truncated":true"#);
        if !rows.cut_cells.is_empty() {
            let place = |cell: &CutCell| json!([cell.row, cell.column]);
            let places: Vec<Value> = rows.cut_cells.iter().map(place).collect();
            // Writing to a string cannot fail.
            let _ = write!(text, r#","cut":{}"#, Value::from(places));
        }
    }
    messages.extend_from_slice(remarks.notes);
    if !messages.is_empty() {
        let _ = write!(text, r#","msg":{}"#, Value::from(messages.join(". ")));
    }
    text.push('}');
    text
}

/// One text under the name `result`.
pub(super) fn text(text: String) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text.clone())]);
    result.structured_content = Some(json!({ "result": text }));
    result
}

/// A failure of a tool that answers rows, in the same shape with `err`.
pub(super) fn failed_rows(failure: &Failure) -> CallToolResult {
    let mut result = compact(no_rows("err", &failure.client_text()));
    result.is_error = Some(true);
    result
}

/// A failure of a tool that answers text.
pub(super) fn failed_text(failure: &Failure) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(failure.client_text())])
}

/// How long an answer is, as text.
pub(super) fn bytes(result: &CallToolResult) -> u64 {
    let texts = result.content.iter().filter_map(ContentBlock::as_text);
    texts.map(|text| text.text.len() as u64).sum()
}

/// Written by hand, like the rows: a map of JSON values would sort its members by name.
fn no_rows(member: &str, text: &str) -> String {
    format!(
        r#"{{"c":[],"r":[],"n":0,"{member}":{}}}"#,
        Value::from(text)
    )
}

fn compact(text: String) -> CallToolResult {
    let structured = serde_json::from_str(&text).ok();
    debug_assert!(structured.is_some(), "our own JSON can be read");
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = structured;
    result
}

fn rows_message(cut: Cut, rows: &JsonRows, remarks: &Remarks<'_>) -> String {
    let (count, longest, more) = (rows.count, rows.limits.bytes, remarks.how_to_go_on);
    match (cut, count) {
        (Cut::Rows, _) => format!("Only the first {}; there are more. {more}", counted(count)),
        (Cut::Bytes, 0) => format!(
            "The first row alone is longer than an answer may be ({longest} bytes). Name fewer columns, or take parts of \
             long values with left(value, 1000)"
        ),
        (Cut::Bytes, _) => format!(
            "Only the first {}; the next would make the answer longer than it may be ({longest} bytes). Name fewer columns. {more}",
            counted(count)
        ),
    }
}

fn counted(rows: u32) -> String {
    match rows {
        1 => "row".to_owned(),
        _ => format!("{rows} rows"),
    }
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
