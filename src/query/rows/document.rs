//! Embeds `json` and `jsonb` values in the result.
//!
//! This server and the client parse the result again, so a document is embedded only when their
//! parsers can read it, and only with numbers that they do not change.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{number, text, value};

/// Common JSON parsers reject more than 128 levels, a few of which the enclosing result takes.
const MAX_DEPTH: usize = 100;

/// Appends a document, with a string of digits for each number that some parser would change.
/// Returns `false` and appends nothing when some parser would reject the document.
pub(super) fn write(document: &str, json: &mut String) -> bool {
    let before = json.len();
    // PostgreSQL accepts documents that other parsers reject, such as `json` with half a surrogate
    // pair.
    let is_readable = append(document, json).is_some()
        && serde_json::from_str::<AnyJson>(&json[before..]).is_ok();
    if !is_readable {
        json.truncate(before);
    }
    is_readable
}

fn append(document: &str, json: &mut String) -> Option<()> {
    let bytes = document.as_bytes();
    let (mut depth, mut at, mut copied) = (0_usize, 0, 0);
    while let Some(byte) = bytes.get(at) {
        let length = match byte {
            b'[' | b'{' => {
                depth += 1;
                1
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                1
            }
            b'"' => string_length(&bytes[at..]),
            b'-' | b'0'..=b'9' => {
                let rest = bytes[at..].iter();
                let length = rest.take_while(|byte| is_number_byte(**byte)).count();
                let number = &document[at..at + length];
                if !number::is_number(number) {
                    return None;
                }
                if !keeps_value_as_double(number) {
                    text::write_document(&document[copied..at], json);
                    text::write_string(number, json);
                    copied = at + length;
                }
                length
            }
            _ => 1,
        };
        at += length;
        if depth > MAX_DEPTH {
            return None;
        }
    }
    text::write_document(&document[copied..], json);
    Some(())
}

/// The length of the string at the start of `bytes`, with its quotes.
fn string_length(bytes: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = bytes.iter().skip(1).position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(bytes.len(), |end| end + 2)
}

fn is_number_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')
}

/// Whether a parser that stores numbers as doubles keeps the exact value.
fn keeps_value_as_double(number: &str) -> bool {
    if number::is_integer(number) {
        return value::is_safe_integer(number);
    }
    let double = number
        .parse()
        .ok()
        .filter(|double: &f64| double.is_finite());
    double.is_some_and(|double| Decimal::parse(number) == Decimal::parse(&format!("{double:e}")))
}

/// Any JSON document. Parsing it checks everything that building a tree of JSON values checks, but
/// stores nothing.
struct AnyJson;

impl<'de> Deserialize<'de> for AnyJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for AnyJson {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self, A::Error> {
        while elements.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

/// A number as its significant digits, and the position of the decimal point relative to the first
/// of them. Without the sign.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    digits: String,
    point: i64,
}

impl Decimal {
    /// `None` when the exponent overflows an `i64`.
    fn parse(number: &str) -> Option<Self> {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let exponent: i64 = exponent.parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{}{fraction}", whole.trim_start_matches('-'));
        let significant = all.trim_start_matches('0');
        let zeros = i64::try_from(all.len() - significant.len()).ok()?;
        let whole = i64::try_from(all.len() - fraction.len()).ok()?;
        let digits = significant.trim_end_matches('0').to_owned();
        let point = if digits.is_empty() {
            0
        } else {
            exponent.checked_add(whole - zeros)?
        };
        Some(Self { digits, point })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &str, expected: &str) {
        let mut json = String::new();
        assert!(write(document, &mut json), "{document}");
        assert_eq!(json, expected);
    }

    #[test]
    fn documents_that_every_parser_keeps_are_unchanged() {
        for text in [
            "null",
            "0",
            "-0",
            "0.10",
            "1.50",
            "-12e3",
            "9007199254740991",
            "-9007199254740991",
            "0.000",
            "1e-300",
            "1E+22",
            // The shortest texts that parse to these doubles.
            "0.3333333333333333",
            "0.30000000000000004",
            "1.7976931348623157e+308",
            "5e-324",
            r#"{"a": [1, "12345678901234567890123", "\\"], "b\"": {}}"#,
            r#"{"12345678901234567890": "\\\" 12345678901234567890"}"#,
            "[ ]",
        ] {
            check(text, text);
        }
        let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
        check(&nested, &nested);
    }

    #[test]
    fn numbers_that_some_parser_would_change_become_strings() {
        for (text, expected) in [
            ("9007199254740992", r#""9007199254740992""#),
            ("-9223372036854775808", r#""-9223372036854775808""#),
            ("1e400", r#""1e400""#),
            ("1e-400", r#""1e-400""#),
            ("1e99999999999999999999", r#""1e99999999999999999999""#),
            ("0.1234567890123456789", r#""0.1234567890123456789""#),
            ("123456789012345678.5", r#""123456789012345678.5""#),
            (
                r#"{"id": 1567417727310704641, "n": [-9007199254740993,1], "s":"9007199254740993" }"#,
                r#"{"id": "1567417727310704641", "n": ["-9007199254740993",1], "s":"9007199254740993" }"#,
            ),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn documents_that_some_parser_rejects_are_not_embedded() {
        let deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
        for text in [
            r#""\ud800""#,
            r#"[{"a": "\udc00"}]"#,
            r#"{"\ud800": 1}"#,
            &deep,
            "",
            "007",
            "[1-2]",
            "1e400.5",
            "{\"a\":",
            "\"a",
        ] {
            let mut json = "before".to_owned();
            assert!(!write(text, &mut json), "{text}");
            assert_eq!(json, "before");
        }
    }
}
