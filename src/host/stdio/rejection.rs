//! Every error response of the session itself, with its text.
//!
//! Invariant: a text says what is wrong and then what the client can do about it. It repeats
//! nothing that the client sent but a request's id.

use rmcp::model::{ErrorData, RequestId};

use crate::host::json_text::is_json;

/// The line is longer than `max_bytes`.
pub(super) fn line_too_long(max_bytes: usize) -> ErrorData {
    let text = format!("the line is longer than {max_bytes} bytes; send a shorter message");
    ErrorData::invalid_request(text, None)
}

/// A request has the id of another one that is in flight.
pub(super) fn id_in_flight(id: &RequestId) -> ErrorData {
    let text = format!("the id {id} belongs to a request in flight; use another id");
    ErrorData::invalid_request(text, None)
}

/// The line is not a message; `error` says where.
pub(super) fn invalid_line(text: &[u8], error: &serde_json::Error) -> ErrorData {
    let text = match std::str::from_utf8(text) {
        Err(_) => "the line is not UTF-8; send UTF-8".to_owned(),
        Ok(text) if !is_json(text) => format!(
            "the line is not valid JSON (column {}); send one JSON-RPC 2.0 message per line",
            error.column()
        ),
        Ok(text) if text.trim_start().starts_with('[') => {
            let text = "batches are not supported; send one JSON-RPC 2.0 message per line";
            return ErrorData::invalid_request(text, None);
        }
        // The line is valid JSON, so the syntax error is a limit of serde_json.
        Ok(_) if error.is_syntax() => {
            let reason = error.to_string();
            let problem = if reason.starts_with("number out of range") {
                "holds a number out of range"
            } else if reason.starts_with("recursion limit") {
                "is nested too deeply"
            } else {
                "holds half of a surrogate pair (\\ud800 to \\udfff)"
            };
            format!("the line {problem}, before column {}", error.column())
        }
        Ok(_) => {
            let text = "the line is not a JSON-RPC 2.0 message of MCP; \
                send {\"jsonrpc\": \"2.0\", \"id\": …, \"method\": …, \"params\": {…}}";
            return ErrorData::invalid_request(text, None);
        }
    };
    ErrorData::parse_error(text, None)
}
