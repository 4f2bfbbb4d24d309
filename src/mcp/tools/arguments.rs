//! Reads the arguments of a tool call: lenient in form, strict in meaning.
//!
//! Models and client libraries vary the form: `2.0` or `"2"` for 2, an array as a JSON string,
//! `null` for an absent member, `maxRows` for `max_rows`, additional members such as `toolCallId`.
//! A value whose meaning is certain is accepted. Any other value is a tool error, which models read
//! and correct; rmcp would return a protocol error, which clients do not show to models.
//!
//! Invariant: a value is never rounded, and never replaced by a default.

use rmcp::model::JsonObject;
use serde_json::Value;

use super::ToolError;
use crate::mcp::error_text::shortened;
use crate::query::guard::visible;

/// How many of the received members an error names.
const MAX_NAMES_SHOWN: usize = 5;

/// How many characters of a value an error shows.
const MAX_CHARS_SHOWN: usize = 40;

/// The arguments of one call. Unknown members are ignored.
pub(super) struct Arguments {
    members: JsonObject,
    example: &'static str,
}

impl Arguments {
    /// Wraps the members of a call. `example` is a valid set of arguments, shown in errors.
    pub(super) fn new(members: JsonObject, example: &'static str) -> Self {
        Self { members, example }
    }

    /// A required string. One that is itself a JSON string literal is decoded.
    pub(super) fn string(&self, name: &str) -> Result<String, ToolError> {
        match self.required(name)? {
            Value::String(text) => Ok(decode_json_string(text)),
            other => Err(self.type_error(name, other, "a string")),
        }
    }

    /// A required string that may be a number: an integer is returned as its digits.
    pub(super) fn string_or_integer(&self, name: &str) -> Result<String, ToolError> {
        /// Larger integers may have been rounded by the client.
        const MAX_EXACT: f64 = 9_007_199_254_740_991.0;
        let value = self.required(name)?;
        if !value.is_number() {
            return self.string(name);
        }
        as_number(value)
            .filter(|number| number.abs() <= MAX_EXACT)
            .and_then(as_integer)
            .map(|integer| integer.to_string())
            .ok_or_else(|| self.type_error(name, value, "a string"))
    }

    /// An optional choice. The case of a choice, `_`, `-` and spaces are ignored.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, ToolError> {
        let Some(value) = self.optional(name) else {
            return Ok(None);
        };
        let text = value.as_str().map(decode_json_string);
        let chosen = text.and_then(|text| {
            let is_chosen = |choice: &str| normalized_name(choice).eq(normalized_name(&text));
            choices.iter().find(|(choice, _)| is_chosen(choice))
        });
        chosen.map(|(_, choice)| Some(*choice)).ok_or_else(|| {
            let choices: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
            self.type_error(name, value, &format!("one of {}", choices.join(", ")))
        })
    }

    /// A required list of strings: an array, a string that holds a JSON array, or a string of names
    /// separated by commas.
    pub(super) fn strings(&self, name: &str) -> Result<Vec<String>, ToolError> {
        let value = self.required(name)?;
        let strings = match value {
            Value::Array(values) => as_strings(values),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(Value::Array(values)) => as_strings(&values),
                _ => Some(
                    decode_json_string(text)
                        .split(',')
                        .map(str::trim)
                        .filter(|part| !part.is_empty())
                        .map(str::to_owned)
                        .collect(),
                ),
            },
            _ => None,
        };
        strings.ok_or_else(|| self.type_error(name, value, "an array of strings"))
    }

    /// An optional integer. `2.0`, `"2"` and `"2.0"` are 2; a number outside the range of `i64` is
    /// clamped to it.
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
            .ok_or_else(|| self.type_error(name, value, "an integer"))
    }

    /// An optional number. `"30"` is 30.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, ToolError> {
        let Some(value) = self.optional(name) else {
            return Ok(None);
        };
        as_number(value)
            .map(Some)
            .ok_or_else(|| self.type_error(name, value, "a number"))
    }

    /// An optional string. One that is itself a JSON string literal is decoded.
    pub(super) fn optional_string(&self, name: &str) -> Result<Option<String>, ToolError> {
        match self.optional(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(decode_json_string(text).trim().to_owned())),
            Some(other) => Err(self.type_error(name, other, "a string")),
        }
    }

    /// An optional boolean, `false` by default. `"true"` is true.
    pub(super) fn boolean(&self, name: &str) -> Result<bool, ToolError> {
        let Some(value) = self.optional(name) else {
            return Ok(false);
        };
        let boolean = match value {
            Value::Bool(value) => Some(*value),
            Value::String(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        };
        boolean.ok_or_else(|| self.type_error(name, value, "true or false"))
    }

    /// The member with this name. Without an exact match, case, `_`, `-` and spaces are ignored.
    fn member(&self, name: &str) -> Option<&Value> {
        let matches = |received: &str| normalized_name(received).eq(normalized_name(name));
        self.members.get(name).or_else(|| {
            let mut matching = self
                .members
                .iter()
                .filter(|(received, _)| matches(received));
            matching.next().map(|(_, value)| value)
        })
    }

    /// A member with a value. Some clients send `null` or an empty string for an argument that
    /// their user has left out.
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
                let names: Vec<&str> = self.members.keys().map(String::as_str).collect();
                let received = match &names[..names.len().min(MAX_NAMES_SHOWN)] {
                    [] => String::new(),
                    _ if self.members.contains_key(name) => String::new(),
                    shown => format!(" (received: {})", visible(&shown.join(", "))),
                };
                self.error(&format!("{name} is missing{received}"))
            })
    }

    fn type_error(&self, name: &str, value: &Value, expected: &str) -> ToolError {
        let received = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => format!("the string {:?}", shortened(text, MAX_CHARS_SHOWN)),
            Value::Array(_) => "an array".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.error(&format!("{name} is {received}; it must be {expected}"))
    }

    /// An error that shows the example.
    pub(super) fn error(&self, message: &str) -> ToolError {
        ToolError::Argument(format!("{message}; for example {}", self.example))
    }
}

fn normalized_name(name: &str) -> impl Iterator<Item = char> {
    name.chars()
        .filter(|character| !matches!(character, '_' | '-' | ' '))
        .map(|character| character.to_ascii_lowercase())
}

/// Decodes a text that is a JSON string literal. No SQL statement and no plain wording is one.
fn decode_json_string(text: &str) -> String {
    let trimmed = text.trim();
    let quoted = trimmed.starts_with('"').then_some(trimmed);
    quoted
        .and_then(|quoted| serde_json::from_str(quoted).ok())
        .unwrap_or_else(|| text.to_owned())
}

fn as_strings(values: &[Value]) -> Option<Vec<String>> {
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
    reason = "the number has no fraction, and the cast saturates"
)]
fn as_integer(number: f64) -> Option<i64> {
    (number.fract() == 0.0).then_some(number as i64)
}
