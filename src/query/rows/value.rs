use std::fmt::Write as _;

use super::document;

use oid::{BOOL, FLOAT4, FLOAT8, INT2, INT4, INT8, JSON, JSONB, OID};

/// Object ids of built-in types (`pg_type.oid`), fixed since the types exist.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const OID: u32 = 26;
    pub(super) const JSON: u32 = 114;
    pub(super) const FLOAT4: u32 = 700;
    pub(super) const FLOAT8: u32 = 701;
    pub(super) const JSONB: u32 = 3802;
}

/// The largest integer that JavaScript, and so many a JSON reader, keeps exactly: 2^53 − 1.
const LARGEST_EXACT: u64 = (1 << 53) - 1;

/// Appends one value as JSON.
///
/// | PostgreSQL | JSON |
/// |---|---|
/// | NULL | `null` |
/// | `boolean` | `true`, `false` |
/// | `smallint`, `integer`, `bigint` up to ±(2^53 − 1) | number |
/// | `bigint` beyond | string, so that no reader rounds it |
/// | `real`, `double precision` | number; `"NaN"`, `"Infinity"`, `"-Infinity"` as strings |
/// | `json`, `jsonb` | itself; a string when a reader could not keep it whole (a number of more digits than a double has, more than 100 levels, half a surrogate pair) |
/// | arrays of the above and of others | array, nested by dimension |
/// | everything else (`numeric`, text, dates, intervals, ranges, `bytea`, …) | string, PostgreSQL's own text form |
pub(super) fn write(type_oid: u32, value: Option<&[u8]>, json: &mut String) {
    let Some(value) = value else {
        json.push_str("null");
        return;
    };
    let text = String::from_utf8_lossy(value);
    if let Some(element) = element_of(type_oid)
        && array(element, &text, json)
    {
        return;
    }
    scalar(type_oid, &text, json);
}

fn scalar(type_oid: u32, text: &str, json: &mut String) {
    match type_oid {
        BOOL => json.push_str(if text == "t" { "true" } else { "false" }),
        INT2 | INT4 | OID => json.push_str(text),
        INT8 if text
            .parse::<i64>()
            .is_ok_and(|number| number.unsigned_abs() <= LARGEST_EXACT) =>
        {
            json.push_str(text)
        }
        FLOAT4 | FLOAT8 if text.parse::<f64>().is_ok_and(f64::is_finite) => json.push_str(text),
        JSON | JSONB if document::is_exact(text) => json.push_str(text.trim()),
        _ => string(text, json),
    }
}

/// Appends a JSON string; control characters become escapes, so a terminal is never steered by data.
pub(super) fn string(text: &str, json: &mut String) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            // C0, DEL and C1.
            character if character.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            character => json.push(character),
        }
    }
    json.push('"');
}

/// The element type of a built-in array type.
fn element_of(type_oid: u32) -> Option<u32> {
    Some(match type_oid {
        1000 => BOOL,
        1005 => INT2,
        1007 => INT4,
        1016 => INT8,
        1021 => FLOAT4,
        1022 => FLOAT8,
        199 => JSON,
        3807 => JSONB,
        // bytea, "char", name, text, bpchar, varchar, timestamp, date, time, timestamptz, interval, numeric, timetz, bit,
        // varbit, uuid, ranges, inet, cidr, money: elements become strings.
        1001 | 1002 | 1003 | 1009 | 1014 | 1015 | 1115 | 1182 | 1183 | 1185 | 1187 | 1231
        | 1270 | 1561 | 1563 | 2951 | 3905 | 3907 | 3909 | 3911 | 3913 | 3927 | 1041 | 651
        | 791 => 25,
        _ => return None,
    })
}

/// Appends an array literal (<https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO>) as a JSON array; `false`, with
/// nothing appended, when it is not one.
fn array(element: u32, text: &str, json: &mut String) -> bool {
    let before = json.len();
    // An array with other lower bounds begins with them: [2:3]={1,2}. JSON has no such thing.
    let body = text.split_once('=').map_or(
        text,
        |(bounds, body)| if bounds.starts_with('[') { body } else { text },
    );
    let mut rest = body.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '{' => json.push('['),
            '}' => json.push(']'),
            ',' => json.push(','),
            '"' => {
                let mut value = String::new();
                loop {
                    match rest.next() {
                        Some('"') => break,
                        Some('\\') => value.extend(rest.next()),
                        Some(character) => value.push(character),
                        None => {
                            json.truncate(before);
                            return false;
                        }
                    }
                }
                scalar(element, &value, json);
            }
            first => {
                let mut value = String::from(first);
                while let Some(character) = rest.next_if(|next| !matches!(next, ',' | '}')) {
                    value.push(character);
                }
                if value == "NULL" {
                    json.push_str("null")
                } else {
                    scalar(element, &value, json)
                }
            }
        }
    }
    true
}
