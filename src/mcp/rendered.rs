//! A tool's result as JSON text, on its way past rmcp.
//!
//! rmcp's types hold structured content as a tree of values, several times as large as its text:
//! rows would be parsed into it and printed again. So the handler leaves the text in an extension
//! of the request, rmcp writes a message whose result has no content, and the transport puts the
//! text into it, twice: as the text block and as the structured content.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use memchr::memmem;

use crate::reactor::{SLICE_BYTES, slice_permit};

/// An extension of a request, in which the handler leaves the JSON text of a tool's result.
#[derive(Clone, Debug, Default)]
pub struct RenderedResult(Arc<Mutex<Option<Bytes>>>);

impl RenderedResult {
    /// Leaves the result.
    pub(super) fn put(&self, json: String) {
        *self.lock() = Some(json.into());
    }

    /// The result, if the request was a call of a tool that has rendered one.
    #[must_use]
    pub fn take(&self) -> Option<Bytes> {
        self.lock().take()
    }

    /// A std mutex: held for one move, and nothing can panic meanwhile.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What rmcp writes of a result without content. Quotes within a JSON string are escaped, so
/// nothing in a message reads like this but the member itself.
const NO_CONTENT: &[u8] = br#""content":[]"#;

const BEFORE_TEXT: &[u8] = br#""content":[{"type":"text","text":""#;
const BEFORE_STRUCTURED: &[u8] = br#""}],"structuredContent":"#;

/// A message with a rendered result. It is written in slices: the result stands there twice, and
/// its second copy, with escapes, never exists as a whole.
#[derive(Debug)]
pub struct RenderedMessage {
    parts: VecDeque<Part>,
    unwritten_bytes: usize,
}

#[derive(Debug)]
struct Part {
    bytes: Bytes,
    /// Whether it stands within a JSON string.
    is_escaped: bool,
}

impl RenderedMessage {
    /// Puts a result into the message that rmcp has written. A message without a result, such as
    /// an error, remains as it is. The result is read once for the message's length, a slice at a
    /// time: other tasks have their turn in between.
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
        let length = escaped_bytes(&result).await;
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

    /// How many bytes are still to be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.unwritten_bytes
    }

    /// Whether all bytes are written.
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

    /// The next bytes, made of at most `max_bytes` of the message's parts: escapes make them more,
    /// in JSON by about a quarter.
    #[must_use]
    pub fn next_slice(&mut self, max_bytes: usize) -> Bytes {
        let with_escapes = max_bytes.saturating_add(max_bytes / 2);
        let mut slice = Vec::with_capacity(with_escapes.min(self.unwritten_bytes));
        self.write(max_bytes, &mut slice);
        self.unwritten_bytes -= slice.len();
        slice.into()
    }

    fn write(&mut self, max_bytes: usize, slice: &mut Vec<u8>) {
        let mut room = max_bytes;
        while room > 0
            && let Some(part) = self.parts.front_mut()
        {
            let taken = part.bytes.split_to(room.min(part.bytes.len()));
            room -= taken.len();
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

/// How many bytes text becomes within a JSON string.
async fn escaped_bytes(text: &[u8]) -> usize {
    let mut length = 0;
    for (n, slice) in text.chunks(SLICE_BYTES).enumerate() {
        if n > 0 {
            slice_permit().await;
        }
        length += slice.iter().map(escaped_len).sum::<usize>();
    }
    length
}

/// How many bytes a byte becomes within a JSON string.
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

/// Appends text as it stands within a JSON string, escaped as serde_json does it.
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

    fn written(message: &ServerJsonRpcMessage) -> Bytes {
        serde_json::to_vec(message)
            .expect("a message is JSON")
            .into()
    }

    fn response(id: &str, result: CallToolResult) -> Bytes {
        let id = RequestId::String(id.into());
        written(&ServerJsonRpcMessage::response(
            ServerResult::CallToolResult(result),
            id,
        ))
    }

    fn rendered(message: Bytes, result: Bytes) -> RenderedMessage {
        let counting = RenderedMessage::new(message, result);
        counting.now_or_never().expect("it is short")
    }

    fn read_whole(mut message: RenderedMessage, max_bytes: usize) -> String {
        let (announced, mut whole) = (message.len(), Vec::new());
        while !message.is_empty() {
            whole.extend_from_slice(&message.next_slice(max_bytes));
        }
        assert_eq!(whole.len(), announced);
        String::from_utf8(whole).expect("UTF-8")
    }

    /// JSON that a tree of values prints again as it was.
    fn printed_json() -> impl Strategy<Value = String> {
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
        /// The message is the one that rmcp writes of a result which holds its content.
        #[test]
        fn a_rendered_message_is_what_rmcp_writes_of_the_same_result(
            json in printed_json(), id in any::<String>(), is_error: bool, is_of_2026: bool, max_bytes in 1..200_usize,
        ) {
            let mut result = CallToolResult::success(vec![ContentBlock::text(json.clone())]);
            result.is_error = Some(is_error);
            if !is_of_2026 {
                result.result_type = None;
            }
            let mut without_content = result.clone();
            without_content.content = Vec::new();
            result.structured_content = Some(serde_json::from_str(&json).expect("JSON"));
            let message = rendered(response(&id, without_content), json.into());
            let expected = response(&id, result);
            let expected = String::from_utf8(expected.to_vec()).expect("UTF-8");
            prop_assert_eq!(read_whole(message, max_bytes), expected);
        }

        /// Whatever the text: the block holds it, and the structured content is the same bytes.
        #[test]
        fn text_block_and_structured_content_are_the_same_text(
            text in any::<String>(), max_bytes in 1..64_usize,
        ) {
            let message = response("1", CallToolResult::success(Vec::new()));
            let message = rendered(message, Bytes::from(text.clone()));
            let whole = read_whole(message, max_bytes);
            let block = serde_json::to_string(&text).expect("a string");
            let expected = format!("\"content\":[{{\"type\":\"text\",\"text\":{block}}}],\"structuredContent\":{text},");
            prop_assert!(whole.contains(&expected), "{whole}");
        }
    }

    #[tokio::test]
    async fn other_tasks_have_their_turn_while_a_long_result_is_counted() {
        let text = "\"".repeat(4 * SLICE_BYTES);
        let message = response("1", CallToolResult::success(Vec::new()));
        let mut counting = Box::pin(RenderedMessage::new(message, text.into()));
        let mut polls = 0;
        std::future::poll_fn(|context| {
            polls += 1;
            counting.as_mut().poll(context)
        })
        .await;
        assert!(polls >= 3, "{polls}");
    }

    #[test]
    fn a_message_without_a_result_remains_as_it_is() {
        let error = ErrorData::internal_error(r#"no "content":[] here"#, None);
        let error = written(&ServerJsonRpcMessage::error(error, None));
        let message = rendered(error.clone(), Bytes::from_static(b"{}"));
        assert_eq!(read_whole(message, 10).as_bytes(), &error[..]);
    }

    /// An id may hold what looks like the result's member.
    #[test]
    fn the_place_of_the_result_is_not_taken_for_an_id() {
        let message = response(r#""content":[]"#, CallToolResult::success(Vec::new()));
        let message = rendered(message, Bytes::from_static(b"{\"n\":0}"));
        let whole: Value = serde_json::from_str(&read_whole(message, 1_000)).expect("JSON");
        assert_eq!(whole["id"], r#""content":[]"#);
        assert_eq!(whole["result"]["structuredContent"], json!({"n": 0}));
        assert_eq!(whole["result"]["content"][0]["text"], r#"{"n":0}"#);
    }
}
