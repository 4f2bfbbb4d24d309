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
    for character in document.chars() {
        if character.is_control() && !character.is_ascii_whitespace() {
            escape(character, json);
        } else {
            json.push(character);
        }
    }
}

fn inside(text: &str, json: &mut String) {
    let mut plain = 0;
    for (at, character) in text.char_indices() {
        if !matches!(character, '"' | '\\') && !character.is_control() {
            continue;
        }
        json.push_str(&text[plain..at]);
        plain = at + character.len_utf8();
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            // C0, DEL and C1.
            control => escape(control, json),
        }
    }
    json.push_str(&text[plain..]);
}

fn escape(control: char, json: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(json, "\\u{:04x}", u32::from(control));
}
