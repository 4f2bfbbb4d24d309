use std::borrow::Cow;

use super::form::{Form, Scalar};
use super::{array, document, number, text};

/// The largest integer that JavaScript, and so many a JSON reader, keeps exactly: 2^53 − 1.
const LARGEST_EXACT: u64 = (1 << 53) - 1;
const LARGEST_EXACT_DIGITS: usize = 16;

/// Whether a value was given whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Whole,
    Cut,
}

/// Appends one value as JSON; of one that is longer than `longest` bytes, a string of its beginning that ends in a mark.
///
/// | PostgreSQL | JSON |
/// |---|---|
/// | NULL | `null` |
/// | `boolean` | `true`, `false` |
/// | `smallint`, `integer`, `oid`, `bigint` up to ±(2^53 − 1) | number |
/// | `bigint` beyond | string, so that no reader rounds it |
/// | `real`, `double precision` | number; `"NaN"`, `"Infinity"`, `"-Infinity"` as strings |
/// | `json`, `jsonb` | itself, with strings for integers beyond and for numbers of more digits or range than a double has; a string when a reader could not read it (more than 100 levels, half a surrogate pair) |
/// | arrays of built-in types | array, nested by dimension |
/// | everything else (`numeric`, text, dates, intervals, ranges, `bytea`, …) | string, PostgreSQL's own text form |
///
/// Text that its type's form does not fit becomes a string too: what the database says decides nothing about our JSON's
/// validity.
pub(super) fn write(
    form: Form,
    value: Option<&[u8]>,
    longest: usize,
    json: &mut String,
) -> Written {
    let Some(value) = value else {
        json.push_str("null");
        return Written::Whole;
    };
    if value.len() > longest {
        text::beginning(value, longest, json);
        return Written::Cut;
    }
    // Most values are valid, which this finds out several times as fast as the other.
    let value = match str::from_utf8(value) {
        Ok(value) => Cow::Borrowed(value),
        Err(_) => String::from_utf8_lossy(value),
    };
    match form {
        Form::Single(kind) => scalar(kind, &value, json),
        Form::Array(element, delimiter) => {
            if !array::write(element, delimiter, &value, json) {
                text::string(&value, json);
            }
        }
    }
    Written::Whole
}

/// Appends one value that is neither NULL nor an array.
pub(super) fn scalar(kind: Scalar, value: &str, json: &mut String) {
    match kind {
        Scalar::Boolean if value == "t" => json.push_str("true"),
        Scalar::Boolean if value == "f" => json.push_str("false"),
        Scalar::Integer if number::is_integer(value) && is_kept(value) => json.push_str(value),
        Scalar::Float if number::is_number(value) && value.parse().is_ok_and(f64::is_finite) => {
            json.push_str(value);
        }
        Scalar::Json if document::write(value.trim_ascii(), json) => {}
        Scalar::Boolean | Scalar::Integer | Scalar::Float | Scalar::Json | Scalar::Text => {
            text::string(value, json)
        }
    }
}

/// Whether an integer is kept by a reader that takes numbers for doubles.
pub(super) fn is_kept(integer: &str) -> bool {
    integer.len() < LARGEST_EXACT_DIGITS
        || integer
            .parse::<i64>()
            .is_ok_and(|number| number.unsigned_abs() <= LARGEST_EXACT)
}
