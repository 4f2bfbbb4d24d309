use std::fmt;

use serde::Deserializer as _;
use serde::de::{Deserialize as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// The longest id that is echoed, in bytes as written: a response must not grow with its request.
const MAX_ID_BYTES: usize = 256;

/// The `id` of a JSON-RPC request, as far as it can be read: `text` may be the beginning of a
/// message, or a message whose parameters are not valid.
///
/// Time and memory grow with the length of `text` alone. `None` for what has no id, for an id that
/// is neither a text nor an integer (JSON-RPC 2.0, section 4), and for one of more than
/// [`MAX_ID_BYTES`].
pub(super) fn read(text: &[u8]) -> Option<Value> {
    let mut id = None;
    let mut json = serde_json::Deserializer::from_slice(text);
    // An error ends the search, with what was found before it.
    let _ = json.deserialize_map(Members(&mut id));
    id.filter(|id| id.is_string() || id.is_i64() || id.is_u64())
}

struct Members<'a>(&'a mut Option<Value>);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<(), M::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "id" {
                *self.0 = Some(members.next_value_seed(Scalar)?);
                return Ok(());
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// A value without members or elements: an array or object is skipped without being built.
struct Scalar;

impl<'de> serde::de::DeserializeSeed<'de> for Scalar {
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
    fn the_id_is_found_as_far_as_it_can_be_read() {
        let deep = format!(r#"{{"params": {}"#, "[".repeat(100_000));
        for (text, expected) in [
            (r#"{"jsonrpc": "2.0", "id": 7, "method": "ping"}"#, json!(7)),
            (
                r#"{"method": "x", "params": {"id": 1}, "id": "a"}"#,
                json!("a"),
            ),
            // The beginning of a message.
            (r#"{"id": -3, "params": {"text": "abc"#, json!(-3)),
            // Half a surrogate pair, before and behind.
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
                read(text.as_bytes()).unwrap_or_default(),
                expected,
                "{text:.60}"
            );
        }
    }
}
