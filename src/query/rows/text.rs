//! Text as JSON strings. Control characters become escapes, so a terminal is never steered by data.

use std::fmt::Write as _;

/// Appends a JSON string.
pub(super) fn string(text: &str, json: &mut String) {
    json.push('"');
    inside(text, json);
    json.push('"');
}

/// Appends a string of the first `longest` bytes, less the rest of a character that the cut falls into, and a mark that says
/// so: a reader who sees nothing but this value must not take it for the whole.
pub(super) fn beginning(value: &[u8], longest: usize, json: &mut String) {
    // A character has at most four bytes, so the cut falls into one that began at most three bytes before it.
    let begins = |at: &usize| value[*at] & 0b1100_0000 != 0b1000_0000;
    let at = (longest.saturating_sub(3)..=longest)
        .rev()
        .find(begins)
        .unwrap_or(longest);
    json.push('"');
    inside(&String::from_utf8_lossy(&value[..at]), json);
    // Writing to a string cannot fail.
    let _ = write!(json, "…[cut: the first {at} of {} bytes]\"", value.len());
}

/// Appends a name of at most `longest` characters.
pub(super) fn name(name: &str, longest: usize, json: &mut String) {
    json.push('"');
    match name.char_indices().nth(longest) {
        None => inside(name, json),
        Some((at, _)) => {
            inside(&name[..at], json);
            json.push('…');
        }
    }
    json.push('"');
}

/// Appends valid JSON with those control characters escaped that JSON allows as they are (DEL and C1, in strings only).
pub(super) fn escaped(document: &str, json: &mut String) {
    let needs_escape = |character: char| character.is_control() && !character.is_ascii_whitespace();
    append(document, needs_escape, json);
}

fn inside(text: &str, json: &mut String) {
    let needs_escape = |character: char| matches!(character, '"' | '\\') || character.is_control();
    append(text, needs_escape, json);
}

/// Appends text with some of its characters escaped: of quotes, backslashes and control characters
/// those that `needs_escape` names.
fn append(text: &str, needs_escape: impl Fn(char) -> bool, json: &mut String) {
    let (mut rest, mut at) = (text, 0);
    while let Some(found) = rest.as_bytes()[at..].iter().position(may_need_escape) {
        at += found;
        let Some(character) = rest[at..].chars().next() else {
            break;
        };
        let after = at + character.len_utf8();
        if needs_escape(character) {
            json.push_str(&rest[..at]);
            escape(character, json);
            (rest, at) = (&rest[after..], 0);
        } else {
            at = after;
        }
    }
    json.push_str(rest);
}

/// Whether a byte may begin a character that needs an escape. Most text has no such byte, and so
/// its characters need not be told apart.
fn may_need_escape(byte: &u8) -> bool {
    MAY_NEED_ESCAPE[usize::from(*byte)]
}

/// Begins U+0080 to U+00BF, of which the first half are control characters (C1).
const BEFORE_C1: u8 = 0xc2;

static MAY_NEED_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        table[byte as usize] = byte.is_ascii_control() || matches!(byte, b'"' | b'\\' | BEFORE_C1);
        byte += 1;
    }
    table
};

fn escape(character: char, json: &mut String) {
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
