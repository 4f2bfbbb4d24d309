//! Mistakes in the structure of a statement: quotes, parentheses, CASE without END, JOIN without a
//! condition.

use super::tokens::{TokenKind, Tokens};

const QUOTE: &str = "write a quote inside a string twice, as in SELECT 'Women''s'";
const CURLY: &str = "put strings in straight single quotes, as in SELECT 'text'";
const OPEN: &str = "a parenthesis is not closed";
const CASE: &str = "CASE has no END";
const JOIN: &str =
    "JOIN needs ON or USING, as in SELECT count(*) FROM {table} JOIN {parent} USING ({group})";

/// Quotes that word processors insert.
pub(super) const CURLY_QUOTES: [char; 6] = ['‘', '’', '“', '”', '„', '´'];

/// Spaces and invisible characters that PostgreSQL takes for letters.
const INVISIBLE_CHARS: [char; 6] = [
    '\u{a0}', '\u{2003}', '\u{200b}', '\u{202f}', '\u{3000}', '\u{feff}',
];

/// First keywords of clauses of SELECT that cannot appear inside an open parenthesis or CASE.
const CLAUSES: [&str; 6] = ["from", "where", "group", "having", "order", "limit"];

/// The template of the hint for a mistake; `at` is the index of the token at which the parser
/// stopped, if known.
pub(super) fn hint(message: &str, tokens: &Tokens<'_>, at: Option<usize>) -> Option<&'static str> {
    if message.starts_with("unterminated quoted string") {
        return Some(QUOTE);
    }
    if message.starts_with("unterminated quoted identifier") {
        return Some("a double quote is not closed; put strings in single quotes");
    }
    if message.starts_with("unterminated /* comment") {
        return Some("close the comment with */, or omit it");
    }
    if message.contains(CURLY_QUOTES) {
        return Some(CURLY);
    }
    if message.contains(INVISIBLE_CHARS) {
        return Some("the text contains an invisible character; use plain spaces");
    }
    if tokens.scan_failed() {
        return Some(QUOTE);
    }
    if message.ends_with("at end of input") {
        let end = tokens.len();
        return unclosed_part(tokens, end).or_else(|| lacks_condition(tokens, end).then_some(JOIN));
    }
    let at = at?;
    let is_clause = CLAUSES.iter().any(|word| tokens.is(at, word));
    if is_clause && lacks_condition(tokens, at) {
        return Some(JOIN);
    }
    if is_clause && let Some(open) = unclosed_part(tokens, at) {
        return Some(open);
    }
    if tokens.get(at) == ")" && count(tokens, ..at + 1, ")") > count(tokens, ..at + 1, "(") {
        return Some("there is an extra closing parenthesis");
    }
    // 'O'Brien' is scanned as a string and a name.
    let touches_string = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| tokens.span(before));
        let starts = tokens.span(at).map(|(start, _)| start);
        before.map(|(_, end)| end) == starts
            && tokens.kind(at) == Some(TokenKind::Name)
            && at.checked_sub(1).and_then(|before| tokens.kind(before)) == Some(TokenKind::String)
    };
    (touches_string(at) || at > 0 && touches_string(at - 1)).then_some(QUOTE)
}

/// The hint for a CASE or a parenthesis that opens before a token and is closed nowhere.
fn unclosed_part(tokens: &Tokens<'_>, end: usize) -> Option<&'static str> {
    let all = tokens.len();
    if count(tokens, ..all, "case") > count(tokens, ..all, "end")
        && count(tokens, ..end, "case") > count(tokens, ..end, "end")
    {
        return Some(CASE);
    }
    let is_open = count(tokens, ..all, "(") > count(tokens, ..all, ")")
        && count(tokens, ..end, "(") > count(tokens, ..end, ")");
    is_open.then_some(OPEN)
}

/// Whether the last JOIN before a token needs a condition and has none.
fn lacks_condition(tokens: &Tokens<'_>, end: usize) -> bool {
    let Some(join) = (0..end).rev().find(|at| tokens.is(*at, "join")) else {
        return false;
    };
    let needs_none = tokens.follows(join, "cross")
        || (1..=3).any(|distance| {
            join.checked_sub(distance)
                .is_some_and(|at| tokens.is(at, "natural"))
        });
    // If there is a WHERE or SELECT after the JOIN, a missing condition is hardly the reason.
    let ends = ["on", "using", "where", "select"];
    let has_condition = (join..end).any(|at| ends.iter().any(|word| tokens.is(at, word)));
    !needs_none && !has_condition
}

fn count(tokens: &Tokens<'_>, range: std::ops::RangeTo<usize>, word: &str) -> usize {
    (0..range.end).filter(|at| tokens.is(*at, word)).count()
}
