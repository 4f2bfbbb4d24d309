//! Converts one value from PostgreSQL's text form to JSON.

use std::borrow::Cow;

use super::form::{Form, Scalar};
use super::{array, document, number, text};

/// JavaScript's `Number.MAX_SAFE_INTEGER`, 2^53 − 1: the largest integer that JSON parsers keep
/// exactly when they store numbers as doubles.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
const MAX_SAFE_INTEGER_DIGITS: usize = 16;

/// Whether a value was written whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Whole,
    Cut,
}

/// Appends one value as JSON. A value longer than `max_bytes` is cut: it becomes a string of its
/// first bytes that ends in a mark.
///
/// | PostgreSQL | JSON |
/// |---|---|
/// | NULL | `null` |
/// | `boolean` | `true`, `false` |
/// | `smallint`, `integer`, `oid`, `bigint` up to ±(2^53 − 1) | number |
/// | larger `bigint` | string, so that no JSON parser rounds it |
/// | `real`, `double precision` | number; `"NaN"`, `"Infinity"`, `"-Infinity"` as strings |
/// | `json`, `jsonb` | the value itself; see below |
/// | arrays of built-in types | array, nested by dimension |
/// | all other types, such as `numeric`, text, dates and ranges | string in PostgreSQL's text form |
///
/// In `json` and `jsonb`, larger integers and numbers with more digits or range than a double
/// become strings. The whole value becomes a string when a JSON parser could not read it: more than
/// 100 levels, or half a surrogate pair.
///
/// Text that does not have its type's form becomes a string too, so the JSON is valid whatever the
/// database sends.
pub(super) fn write(
    form: Form,
    value: Option<&[u8]>,
    max_bytes: usize,
    json: &mut String,
) -> Written {
    let Some(value) = value else {
        json.push_str("null");
        return Written::Whole;
    };
    if value.len() > max_bytes {
        text::write_cut(value, max_bytes, json);
        return Written::Cut;
    }
    // Most values are valid UTF-8, and this check is several times as fast as the lossy conversion.
    let value = match str::from_utf8(value) {
        Ok(value) => Cow::Borrowed(value),
        Err(_) => String::from_utf8_lossy(value),
    };
    match form {
        Form::Single(form) => write_scalar(form, &value, json),
        Form::Array(element, delimiter) => {
            if !array::write(element, delimiter, &value, json) {
                text::write_string(&value, json);
            }
        }
    }
    Written::Whole
}

/// Appends one value that is neither NULL nor an array.
pub(super) fn write_scalar(form: Scalar, value: &str, json: &mut String) {
    match form {
        Scalar::Boolean if value == "t" => json.push_str("true"),
        Scalar::Boolean if value == "f" => json.push_str("false"),
        Scalar::Integer if number::is_integer(value) && is_safe_integer(value) => {
            json.push_str(value)
        }
        Scalar::Float if number::is_number(value) && value.parse().is_ok_and(f64::is_finite) => {
            json.push_str(value);
        }
        Scalar::Json if document::write(value.trim_ascii(), json) => {}
        Scalar::Boolean | Scalar::Integer | Scalar::Float | Scalar::Json | Scalar::Text => {
            text::write_string(value, json)
        }
    }
}

/// Whether JSON parsers that store numbers as doubles keep an integer exactly.
pub(super) fn is_safe_integer(integer: &str) -> bool {
    integer.len() < MAX_SAFE_INTEGER_DIGITS
        || integer
            .parse::<i64>()
            .is_ok_and(|number| number.unsigned_abs() <= MAX_SAFE_INTEGER)
}
