//! Writes text as JSON strings. Control characters are escaped, so data cannot control a terminal.

use std::fmt::Write as _;

/// Appends a JSON string.
pub(super) fn write_string(text: &str, json: &mut String) {
    json.push('"');
    write_content(text, json);
    json.push('"');
}

/// Appends a string of the first `max_bytes` bytes of a value, cut at the end of a whole character,
/// and a mark. The mark keeps a reader who sees only this value from taking it for the whole.
pub(super) fn write_cut(value: &[u8], max_bytes: usize, json: &mut String) {
    // A character has at most four bytes, so one that the cut would split starts at most three
    // bytes earlier.
    let starts_character = |at: &usize| value[*at] & 0b1100_0000 != 0b1000_0000;
    let at = (max_bytes.saturating_sub(3)..=max_bytes)
        .rev()
        .find(starts_character)
        .unwrap_or(max_bytes);
    json.push('"');
    write_content(&String::from_utf8_lossy(&value[..at]), json);
    // Writing to a string cannot fail.
    let _ = write!(json, "…[cut: the first {at} of {} bytes]\"", value.len());
}

/// Appends a column name as a string of at most `max_chars` characters.
pub(super) fn write_name(name: &str, max_chars: usize, json: &mut String) {
    json.push('"');
    match name.char_indices().nth(max_chars) {
        None => write_content(name, json),
        Some((at, _)) => {
            write_content(&name[..at], json);
            json.push('…');
        }
    }
    json.push('"');
}

/// Appends valid JSON, and escapes the control characters that JSON allows unescaped: DEL and C1,
/// which occur only in strings.
pub(super) fn write_document(document: &str, json: &mut String) {
    let needs_escape = |character: char| character.is_control() && !character.is_ascii_whitespace();
    write_escaped(document, needs_escape, json);
}

/// Appends text as the content of a JSON string.
fn write_content(text: &str, json: &mut String) {
    let needs_escape = |character: char| matches!(character, '"' | '\\') || character.is_control();
    write_escaped(text, needs_escape, json);
}

/// Appends text, and escapes the quotes, backslashes and control characters for which
/// `needs_escape` returns true.
fn write_escaped(text: &str, needs_escape: impl Fn(char) -> bool, json: &mut String) {
    let (mut rest, mut at) = (text, 0);
    while let Some(found) = rest.as_bytes()[at..].iter().position(may_need_escape) {
        at += found;
        let Some(character) = rest[at..].chars().next() else {
            break;
        };
        let after = at + character.len_utf8();
        if needs_escape(character) {
            json.push_str(&rest[..at]);
            write_escape(character, json);
            (rest, at) = (&rest[after..], 0);
        } else {
            at = after;
        }
    }
    json.push_str(rest);
}

/// Whether a byte may start a character that needs an escape. Most text has no such byte, so its
/// characters need not be decoded.
fn may_need_escape(byte: &u8) -> bool {
    MAY_NEED_ESCAPE[usize::from(*byte)]
}

/// The first byte of U+0080 to U+00BF. The first half of that range are control characters (C1).
const C1_LEAD_BYTE: u8 = 0xc2;

static MAY_NEED_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        table[byte as usize] =
            byte.is_ascii_control() || matches!(byte, b'"' | b'\\' | C1_LEAD_BYTE);
        byte += 1;
    }
    table
};

fn write_escape(character: char, json: &mut String) {
    match character {
        '"' => json.push_str("\\\""),
        '\\' => json.push_str("\\\\"),
        '\n' => json.push_str("\\n"),
        '\r' => json.push_str("\\r"),
        '\t' => json.push_str("\\t"),
        // C0, DEL and C1. Writing to a string cannot fail.
        control => {
            let _ = write!(json, "\\u{:04x}", u32::from(control));
        }
    }
}
