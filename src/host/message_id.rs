//! Finds the id of a JSON-RPC message that may be incomplete or invalid.
//!
//! Knows JSON; must not know MCP's messages. A response to a rejected request needs its id,
//! although the request was not parsed.
use std::fmt;

use serde::Deserializer as _;
use serde::de::{Deserialize as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// The longest id that a response repeats, in bytes of JSON, so that the size of a response does
/// not depend on the client.
const MAX_ID_BYTES: usize = 256;

/// The `id` of a JSON-RPC request. `text` may be the beginning of a message, or a message with
/// invalid parameters.
///
/// Time and memory are linear in the length of `text`. `None` if there is no id, if the id is
/// neither a string nor an integer (JSON-RPC 2.0, section 4), or if it is longer than
/// [`MAX_ID_BYTES`].
pub(super) fn extract(text: &[u8]) -> Option<Value> {
    let mut id = None;
    let mut json = serde_json::Deserializer::from_slice(text);
    // A syntax error ends the search; an id before it counts.
    let _ = json.deserialize_map(IdVisitor(&mut id));
    id.filter(|id| id.is_string() || id.is_i64() || id.is_u64())
}

/// Visits the members of the message up to `id`.
struct IdVisitor<'a>(&'a mut Option<Value>);

impl<'de> Visitor<'de> for IdVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "id" {
                *self.0 = Some(members.next_value_seed(ScalarSeed)?);
                return Ok(());
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Deserializes a scalar. An array, an object or a value that is too long becomes null, without
/// being built in memory.
struct ScalarSeed;

impl<'de> serde::de::DeserializeSeed<'de> for ScalarSeed {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        let raw = <&serde_json::value::RawValue>::deserialize(json)?;
        let raw = raw.get();
        if raw.starts_with(['{', '[']) || raw.len() > MAX_ID_BYTES {
            return Ok(Value::Null);
        }
        serde_json::from_str(raw).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_the_id_in_incomplete_and_invalid_messages() {
        let deep = format!(r#"{{"params": {}"#, "[".repeat(100_000));
        for (text, expected) in [
            (r#"{"jsonrpc": "2.0", "id": 7, "method": "ping"}"#, json!(7)),
            (
                r#"{"method": "x", "params": {"id": 1}, "id": "a"}"#,
                json!("a"),
            ),
            // The beginning of a message.
            (r#"{"id": -3, "params": {"text": "abc"#, json!(-3)),
            // An unpaired surrogate before and after the id.
            (r#"{"params": {"x": "\ud83d"}, "id": 4}"#, json!(4)),
            (r#"{"id": 4, "params": {"x": "\ud83d"}}"#, json!(4)),
            (r#"{"id": {"a": 1}}"#, Value::Null),
            (r#"{"id": [[[["#, Value::Null),
            (r#"{"id": null}"#, Value::Null),
            (r#"{"id": 1.5}"#, Value::Null),
            (r#"{"id": "\ud83d"}"#, Value::Null),
            (r#"[{"id": 1}]"#, Value::Null),
            ("no JSON", Value::Null),
            (&deep, Value::Null),
        ] {
            assert_eq!(
                extract(text.as_bytes()).unwrap_or_default(),
                expected,
                "{text:.60}"
            );
        }
    }
}
