//! A tool result as JSON text, passed around rmcp's types.
//!
//! rmcp holds structured content as a tree of JSON values, which takes several times the memory of
//! the text: rows would be parsed into the tree and serialized again. So the handler puts the text
//! into an extension of the request, rmcp serializes a response without content, and the transport
//! inserts the text into that response twice: as the text block and as the structured content.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use memchr::memmem;

use crate::reactor::{SLICE_BYTES, slice_permit};

/// An extension of a request that receives the JSON text of a tool result from the handler.
#[derive(Clone, Debug, Default)]
pub struct RenderedResult(Arc<Mutex<Option<Bytes>>>);

impl RenderedResult {
    /// Stores the result.
    pub(super) fn put(&self, json: String) {
        *self.lock() = Some(json.into());
    }

    /// Takes the result out. `None` if the request called no tool that returns rows.
    #[must_use]
    pub fn take(&self) -> Option<Bytes> {
        self.lock().take()
    }

    /// A std mutex: it is held for one move, and no code under it can panic.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What rmcp serializes for a result without content. Quotes in a JSON string are escaped, so these
/// bytes occur in a message only as the member itself.
const NO_CONTENT: &[u8] = br#""content":[]"#;

const BEFORE_TEXT: &[u8] = br#""content":[{"type":"text","text":""#;
const BEFORE_STRUCTURED: &[u8] = br#""}],"structuredContent":"#;

/// A message with a rendered result.
///
/// It is written in slices, because it contains the result twice: the escaped copy never exists as
/// a whole.
#[derive(Debug)]
pub struct RenderedMessage {
    parts: VecDeque<Part>,
    unwritten_bytes: usize,
}

#[derive(Debug)]
struct Part {
    bytes: Bytes,
    /// Whether the bytes are the content of a JSON string, so that writing escapes them.
    is_escaped: bool,
}

impl RenderedMessage {
    /// Inserts a result into the message that rmcp has serialized. A message without a result, such
    /// as an error, stays unchanged.
    ///
    /// Computing the message's length reads the result once, in slices, and yields to other tasks
    /// between them.
    ///
    /// # Panics
    /// Outside a tokio runtime, when the result is longer than a slice.
    pub async fn new(mut message: Bytes, result: Bytes) -> Self {
        let plain = |bytes| Part {
            bytes,
            is_escaped: false,
        };
        let Some(at) = memmem::find(&message, NO_CONTENT) else {
            return Self {
                unwritten_bytes: message.len(),
                parts: [plain(message)].into(),
            };
        };
        let before = message.split_to(at);
        let after = message.split_off(NO_CONTENT.len());
        let length = escaped_text_len(&result).await;
        let unwritten_bytes = before.len()
            + BEFORE_TEXT.len()
            + length
            + BEFORE_STRUCTURED.len()
            + result.len()
            + after.len();
        let text = Part {
            bytes: result.clone(),
            is_escaped: true,
        };
        let parts = [
            plain(before),
            plain(Bytes::from_static(BEFORE_TEXT)),
            text,
            plain(Bytes::from_static(BEFORE_STRUCTURED)),
            plain(result),
            plain(after),
        ];
        Self {
            unwritten_bytes,
            parts: parts.into(),
        }
    }

    /// The number of bytes that are not yet written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.unwritten_bytes
    }

    /// Whether all bytes have been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.unwritten_bytes == 0
    }

    /// The whole message.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.unwritten_bytes);
        self.write(usize::MAX, &mut message);
        message
    }

    /// The next slice, from at most `max_bytes` bytes of the message's parts. Escaping makes the
    /// slice longer: for JSON by about a quarter.
    #[must_use]
    pub fn next_slice(&mut self, max_bytes: usize) -> Bytes {
        let capacity = max_bytes.saturating_add(max_bytes / 2);
        let mut slice = Vec::with_capacity(capacity.min(self.unwritten_bytes));
        self.write(max_bytes, &mut slice);
        self.unwritten_bytes -= slice.len();
        slice.into()
    }

    fn write(&mut self, max_bytes: usize, slice: &mut Vec<u8>) {
        let mut remaining = max_bytes;
        while remaining > 0
            && let Some(part) = self.parts.front_mut()
        {
            let taken = part.bytes.split_to(remaining.min(part.bytes.len()));
            remaining -= taken.len();
            if part.is_escaped {
                escape(&taken, slice);
            } else {
                slice.extend_from_slice(&taken);
            }
            if part.bytes.is_empty() {
                self.parts.pop_front();
            }
        }
    }
}

/// The length of a text as the content of a JSON string.
async fn escaped_text_len(text: &[u8]) -> usize {
    let mut length = 0;
    for (n, slice) in text.chunks(SLICE_BYTES).enumerate() {
        if n > 0 {
            slice_permit().await;
        }
        length += slice.iter().map(escaped_len).sum::<usize>();
    }
    length
}

/// The length of each byte as the content of a JSON string.
static ESCAPED_LEN: [u8; 256] = {
    let mut table = [1; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = match byte as u8 {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | BACKSPACE | FORM_FEED => 2,
            0..b' ' => 6,
            _ => 1,
        };
        byte += 1;
    }
    table
};

const BACKSPACE: u8 = 0x08;
const FORM_FEED: u8 = 0x0c;

fn escaped_len(byte: &u8) -> usize {
    ESCAPED_LEN[usize::from(*byte)].into()
}

/// Appends text as the content of a JSON string, with the same escapes as serde_json.
fn escape(text: &[u8], json: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| escaped_len(byte) > 1) {
        json.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => json.extend_from_slice(b"\\n"),
            b'\r' => json.extend_from_slice(b"\\r"),
            b'\t' => json.extend_from_slice(b"\\t"),
            BACKSPACE => json.extend_from_slice(b"\\b"),
            FORM_FEED => json.extend_from_slice(b"\\f"),
            control @ 0..b' ' => json.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
            other => json.extend_from_slice(&[b'\\', other]),
        }
        rest = &rest[at + 1..];
    }
    json.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;
    use rmcp::model::{
        CallToolResult, ContentBlock, ErrorData, RequestId, ServerJsonRpcMessage, ServerResult,
    };
    use serde_json::{Value, json};

    use super::*;

    fn serialize(message: &ServerJsonRpcMessage) -> Bytes {
        serde_json::to_vec(message)
            .expect("a message is JSON")
            .into()
    }

    fn response(id: &str, result: CallToolResult) -> Bytes {
        let id = RequestId::String(id.into());
        serialize(&ServerJsonRpcMessage::response(
            ServerResult::CallToolResult(result),
            id,
        ))
    }

    fn render(message: Bytes, result: Bytes) -> RenderedMessage {
        let rendering = RenderedMessage::new(message, result);
        rendering
            .now_or_never()
            .expect("a short result is rendered without yielding")
    }

    fn read_whole(mut message: RenderedMessage, max_bytes: usize) -> String {
        let (expected_len, mut whole) = (message.len(), Vec::new());
        while !message.is_empty() {
            whole.extend_from_slice(&message.next_slice(max_bytes));
        }
        assert_eq!(whole.len(), expected_len);
        String::from_utf8(whole).expect("UTF-8")
    }

    /// JSON that a tree of JSON values serializes back to the same text.
    fn canonical_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-z\"\\\\\u{0}-\u{20}\u{7f}\u{9b}é😀]{0,8}".prop_map(Value::from),
        ];
        let rows = prop::collection::vec(prop::collection::vec(leaf, 0..4), 0..8);
        rows.prop_map(|rows| json!({"c": ["a", "b"], "n": rows.len(), "r": rows}).to_string())
    }

    proptest! {
        /// The message equals the one that rmcp serializes for a result with content.
        #[test]
        fn a_rendered_message_equals_what_rmcp_serializes(
            json in canonical_json(), id in any::<String>(), is_error: bool, is_version_2026: bool, max_bytes in 1..200_usize,
        ) {
            let mut result = CallToolResult::success(vec![ContentBlock::text(json.clone())]);
            result.is_error = Some(is_error);
            if !is_version_2026 {
                result.result_type = None;
            }
            let mut without_content = result.clone();
            without_content.content = Vec::new();
            result.structured_content = Some(serde_json::from_str(&json).expect("JSON"));
            let message = render(response(&id, without_content), json.into());
            let expected = response(&id, result);
            let expected = String::from_utf8(expected.to_vec()).expect("UTF-8");
            prop_assert_eq!(read_whole(message, max_bytes), expected);
        }

        /// The text block and the structured content are the same text, whatever it is.
        #[test]
        fn text_block_and_structured_content_are_the_same_text(
            text in any::<String>(), max_bytes in 1..64_usize,
        ) {
            let message = response("1", CallToolResult::success(Vec::new()));
            let message = render(message, Bytes::from(text.clone()));
            let whole = read_whole(message, max_bytes);
            let block = serde_json::to_string(&text).expect("a string");
            let expected = format!("\"content\":[{{\"type\":\"text\",\"text\":{block}}}],\"structuredContent\":{text},");
            prop_assert!(whole.contains(&expected), "{whole}");
        }
    }

    #[tokio::test]
    async fn measuring_a_long_result_yields_to_other_tasks() {
        let text = "\"".repeat(4 * SLICE_BYTES);
        let message = response("1", CallToolResult::success(Vec::new()));
        let mut rendering = Box::pin(RenderedMessage::new(message, text.into()));
        let mut polls = 0;
        std::future::poll_fn(|context| {
            polls += 1;
            rendering.as_mut().poll(context)
        })
        .await;
        assert!(polls >= 3, "{polls}");
    }

    #[test]
    fn a_message_without_a_result_stays_unchanged() {
        let error = ErrorData::internal_error(r#"no "content":[] here"#, None);
        let error = serialize(&ServerJsonRpcMessage::error(error, None));
        let message = render(error.clone(), Bytes::from_static(b"{}"));
        assert_eq!(read_whole(message, 10).as_bytes(), &error[..]);
    }

    /// An id may contain text that looks like the member `content`.
    #[test]
    fn an_id_is_not_mistaken_for_the_result() {
        let message = response(r#""content":[]"#, CallToolResult::success(Vec::new()));
        let message = render(message, Bytes::from_static(b"{\"n\":0}"));
        let whole: Value = serde_json::from_str(&read_whole(message, 1_000)).expect("JSON");
        assert_eq!(whole["id"], r#""content":[]"#);
        assert_eq!(whole["result"]["structuredContent"], json!({"n": 0}));
        assert_eq!(whole["result"]["content"][0]["text"], r#"{"n":0}"#);
    }
}
