//! A tool's arguments: lenient in form, strict in meaning.
//!
//! Models and client libraries vary the form: `2.0` or `"2"` for 2, an array as a JSON string,
//! `null` for an absent member, `maxRows`, members of their own such as `toolCallId`. A value whose
//! meaning is certain is taken; any other is a tool error, which models read and correct. rmcp
//! would answer a protocol error, which they do not get to read.
//! Invariant: a value is never rounded, and never replaced by a default.

use rmcp::model::JsonObject;
use serde_json::Value;

use super::ToolError;
use crate::query::guard::visible;

/// How many of the given members an error names.
const MAX_NAMES_SHOWN: usize = 5;

/// The arguments of one call. Unknown members are ignored.
pub(super) struct Arguments {
    members: JsonObject,
    example: &'static str,
}

impl Arguments {
    /// The members of a call, and a call's arguments as an error shows them.
    pub(super) fn new(members: JsonObject, example: &'static str) -> Self {
        Self { members, example }
    }

    /// A text that must be there. One that is itself written as a JSON string is decoded.
    pub(super) fn text(&self, name: &str) -> Result<String, ToolError> {
        match self.required(name)? {
            Value::String(text) => Ok(decoded_text(text)),
            other => Err(self.wrong_type(name, other, "text")),
        }
    }

    /// Texts that must be there: an array, an array written as a JSON string, or names separated by
    /// commas.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, ToolError> {
        let value = self.required(name)?;
        let texts = match value {
            Value::Array(values) => as_texts(values),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(Value::Array(values)) => as_texts(&values),
                _ => Some(
                    decoded_text(text)
                        .split(',')
                        .map(str::trim)
                        .filter(|part| !part.is_empty())
                        .map(str::to_owned)
                        .collect(),
                ),
            },
            _ => None,
        };
        texts.ok_or_else(|| self.wrong_type(name, value, "an array of texts"))
    }

    /// A whole number, if there is one. `2.0`, `"2"` and `"2.0"` are 2; numbers beyond the range of
    /// an `i64` are its ends.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, ToolError> {
        let Some(value) = self.optional(name) else {
            return Ok(None);
        };
        let integer = match value {
            Value::String(text) => text.trim().parse().ok(),
            _ => value.as_i64(),
        };
        integer
            .or_else(|| as_number(value).and_then(as_integer))
            .map(Some)
            .ok_or_else(|| self.wrong_type(name, value, "a whole number"))
    }

    /// A number, if there is one. `"30"` is 30.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, ToolError> {
        let Some(value) = self.optional(name) else {
            return Ok(None);
        };
        as_number(value)
            .map(Some)
            .ok_or_else(|| self.wrong_type(name, value, "a number"))
    }

    /// The member of a name. Case, `_` and `-` make no difference, unless the exact name is there
    /// too.
    fn member(&self, name: &str) -> Option<&Value> {
        let same = |given: &str| plain_name(given).eq(plain_name(name));
        self.members.get(name).or_else(|| {
            let mut found = self.members.iter().filter(|(given, _)| same(given));
            found.next().map(|(_, value)| value)
        })
    }

    /// A member that is there and says something: some clients send `null` or an empty text for
    /// what their user has left out.
    fn optional(&self, name: &str) -> Option<&Value> {
        self.member(name).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            _ => true,
        })
    }

    fn required(&self, name: &str) -> Result<&Value, ToolError> {
        self.member(name)
            .filter(|value| !value.is_null())
            .ok_or_else(|| {
                let given: Vec<&str> = self.members.keys().map(String::as_str).collect();
                let shown = &given[..given.len().min(MAX_NAMES_SHOWN)];
                let given = match shown {
                    [] => String::new(),
                    _ if self.members.contains_key(name) => String::new(),
                    names => format!(" (given: {})", visible(&names.join(", "))),
                };
                self.error(&format!("{name} is missing{given}"))
            })
    }

    fn wrong_type(&self, name: &str, value: &Value, wanted: &str) -> ToolError {
        let given = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("the text {:?}", short(text)),
            Value::Array(_) => "an array".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.error(&format!("{name} is {given}; it must be {wanted}"))
    }

    fn error(&self, what: &str) -> ToolError {
        ToolError::Argument(format!("{what}; for example {}", self.example))
    }
}

fn plain_name(name: &str) -> impl Iterator<Item = char> {
    name.chars()
        .filter(|character| !matches!(character, '_' | '-'))
        .map(|character| character.to_ascii_lowercase())
}

/// No SQL and no plain words begin and end with a double quote and are a JSON string too.
fn decoded_text(text: &str) -> String {
    let trimmed = text.trim();
    let quoted = trimmed.starts_with('"').then_some(trimmed);
    quoted
        .and_then(|quoted| serde_json::from_str(quoted).ok())
        .unwrap_or_else(|| text.to_owned())
}

fn as_texts(values: &[Value]) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(|text| text.trim().to_owned());
    values.iter().map(text).collect()
}

fn as_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_f64(),
    };
    number.filter(|number: &f64| number.is_finite())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a number without fraction; the cast saturates"
)]
fn as_integer(number: f64) -> Option<i64> {
    (number.fract() == 0.0).then_some(number as i64)
}

/// The beginning of a text, in characters that show themselves.
fn short(text: &str) -> String {
    const MAX_CHARS_SHOWN: usize = 40;
    let more = if text.chars().count() > MAX_CHARS_SHOWN {
        "…"
    } else {
        ""
    };
    let start: String = text.chars().take(MAX_CHARS_SHOWN).collect();
    format!("{}{more}", visible(&start))
}
