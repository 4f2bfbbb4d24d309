//! Finds the location of a syntax error. pg_query returns only the message, so prefixes of the text
//! are parsed: the shortest one that fails with the same message ends with the token at fault.

use super::tokens::scans_in_linear_time;

/// The byte offset of a syntax error. `None` if the message names no token.
pub(super) fn error_byte(text: &str, message: &str) -> Option<usize> {
    if message.ends_with("at end of input") {
        return Some(text.trim_end().len());
    }
    let (_, rest) = message.split_once(" at or near \"")?;
    let token = rest.strip_suffix('"')?;
    // For an open quote or comment, the message repeats the text from there to its end.
    if message.starts_with("unterminated") && text.ends_with(token) {
        return Some(text.len() - token.len());
    }
    if !scans_in_linear_time(text) {
        return None;
    }
    let candidates: Vec<usize> = text.match_indices(token).map(|(start, _)| start).collect();
    let fails_before = |end: usize| {
        let prefix = text.get(..end).unwrap_or(text);
        matches!(pg_query::parse(prefix, 0), Err(pg_query::Error::Parse(same)) if same == message)
    };
    // Text after the token at fault does not change the message, so a binary search finds the
    // token. After a few keywords the parser looks one token ahead (NOT IN); the second search
    // includes it.
    [false, true].into_iter().find_map(|has_lookahead| {
        let is_before = |start: &usize| {
            let end = start + token.len();
            let end = if has_lookahead {
                next_word_end(text, end)
            } else {
                end
            };
            !fails_before(end)
        };
        candidates
            .get(candidates.partition_point(is_before))
            .copied()
    })
}

/// The end of the word that follows a byte offset.
fn next_word_end(text: &str, byte: usize) -> usize {
    let rest = text.get(byte..).unwrap_or_default();
    let word = rest.trim_start();
    let length = word.find(char::is_whitespace).unwrap_or(word.len());
    byte + (rest.len() - word.len()) + length
}

/// Characters of the line that a snippet shows before and after the error.
const MAX_CHARS_BEFORE: usize = 30;
const MAX_CHARS_AFTER: usize = 40;

/// The part of the line around a byte offset, which `>>>` marks.
pub(super) fn snippet(text: &str, byte: usize) -> Option<String> {
    let (before, after) = (text.get(..byte)?, text.get(byte..)?);
    let before = before.rsplit('\n').next().unwrap_or(before).trim_start();
    let after = after.split('\n').next().unwrap_or(after).trim_end();
    let skipped = before.chars().count().saturating_sub(MAX_CHARS_BEFORE);
    let mut shown = String::from(if skipped > 0 { "…" } else { "" });
    shown.extend(before.chars().skip(skipped));
    shown.push_str(">>>");
    shown.extend(after.chars().take(MAX_CHARS_AFTER));
    if after.chars().count() > MAX_CHARS_AFTER {
        shown.push('…');
    }
    Some(shown)
}
