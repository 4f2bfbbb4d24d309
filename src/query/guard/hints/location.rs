//! Where the parser stopped. pg_query gives the message alone; the place is found by parsing
//! beginnings of the text: the first one that fails with the same message ends with the token at
//! fault.

use super::tokens::scans_quickly;

/// The byte at which a syntax error stands. `None` when the message names no token.
pub(super) fn error_byte(text: &str, message: &str) -> Option<usize> {
    if message.ends_with("at end of input") {
        return Some(text.trim_end().len());
    }
    let (_, rest) = message.split_once(" at or near \"")?;
    let token = rest.strip_suffix('"')?;
    // An open quote or comment is repeated to the end of the text.
    if message.starts_with("unterminated") && text.ends_with(token) {
        return Some(text.len() - token.len());
    }
    if !scans_quickly(text) {
        return None;
    }
    let candidates: Vec<usize> = text.match_indices(token).map(|(start, _)| start).collect();
    let fails_before = |end: usize| {
        let beginning = text.get(..end).unwrap_or(text);
        matches!(pg_query::parse(beginning, 0), Err(pg_query::Error::Parse(same)) if same == message)
    };
    // What follows the token at fault changes nothing, so this is a binary search. Of a few
    // keywords the parser reads the next one too (NOT IN), which the second search lets it.
    [false, true].into_iter().find_map(|reads_on| {
        let is_before = |start: &usize| {
            let end = start + token.len();
            let end = if reads_on {
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

/// The end of the word that follows a byte.
fn next_word_end(text: &str, byte: usize) -> usize {
    let rest = text.get(byte..).unwrap_or_default();
    let word = rest.trim_start();
    let length = word.find(char::is_whitespace).unwrap_or(word.len());
    byte + (rest.len() - word.len()) + length
}

/// How much of its line is shown before and behind a place, in characters.
const SNIPPET_BEFORE: usize = 30;
const SNIPPET_AFTER: usize = 40;

/// The part of a line around a place, which `>>>` marks.
pub(super) fn snippet(text: &str, byte: usize) -> Option<String> {
    let (before, after) = (text.get(..byte)?, text.get(byte..)?);
    let before = before.rsplit('\n').next().unwrap_or(before).trim_start();
    let after = after.split('\n').next().unwrap_or(after).trim_end();
    let skipped = before.chars().count().saturating_sub(SNIPPET_BEFORE);
    let mut shown = String::from(if skipped > 0 { "…" } else { "" });
    shown.extend(before.chars().skip(skipped));
    shown.push_str(">>>");
    shown.extend(after.chars().take(SNIPPET_AFTER));
    if after.chars().count() > SNIPPET_AFTER {
        shown.push('…');
    }
    Some(shown)
}
