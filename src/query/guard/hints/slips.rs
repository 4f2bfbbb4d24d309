//! Slips that no words give away: quotes, parentheses, a JOIN without a condition.

use super::tokens::{TokenKind, Tokens};

const QUOTE: &str = "a quote inside a text is written twice, as in SELECT 'Women''s'";
const CURLY: &str = "text stands in straight single quotes, as in SELECT 'text'";
const OPEN: &str = "a parenthesis is not closed";
const CASE: &str = "CASE ends with END";
const JOIN: &str = "JOIN needs ON or USING, as in SELECT count(*) FROM retail.orders JOIN retail.stores USING (store_id)";

/// Quotes that word processors make.
pub(super) const CURLY_QUOTES: [char; 6] = ['‘', '’', '“', '”', '„', '´'];

/// Spaces that are letters to PostgreSQL, or that nobody sees.
const INVISIBLE: [char; 6] = [
    '\u{a0}', '\u{2003}', '\u{200b}', '\u{202f}', '\u{3000}', '\u{feff}',
];

/// Keywords that begin a part of a SELECT which cannot stand within parentheses or a CASE.
const CLAUSES: [&str; 6] = ["from", "where", "group", "having", "order", "limit"];

/// What slipped, where the parser stopped at this token.
pub(super) fn find(message: &str, tokens: &Tokens<'_>, at: Option<usize>) -> Option<&'static str> {
    if message.starts_with("unterminated quoted string") {
        return Some(QUOTE);
    }
    if message.starts_with("unterminated quoted identifier") {
        return Some("a double quote is not closed; text stands in single quotes");
    }
    if message.starts_with("unterminated /* comment") {
        return Some("close the comment with */, or leave it out");
    }
    if message.contains(CURLY_QUOTES) {
        return Some(CURLY);
    }
    if message.contains(INVISIBLE) {
        return Some("there is an invisible character; write plain spaces");
    }
    if tokens.is_broken() {
        return Some(QUOTE);
    }
    if message.ends_with("at end of input") {
        let end = tokens.len();
        return open_parts(tokens, end).or_else(|| lacks_condition(tokens, end).then_some(JOIN));
    }
    let at = at?;
    let is_clause = CLAUSES.iter().any(|word| tokens.is(at, word));
    if is_clause && lacks_condition(tokens, at) {
        return Some(JOIN);
    }
    if is_clause && let Some(open) = open_parts(tokens, at) {
        return Some(open);
    }
    if tokens.get(at) == ")" && count(tokens, ..at + 1, ")") > count(tokens, ..at + 1, "(") {
        return Some("there is a closing parenthesis too many");
    }
    // 'O'Brien' is a text and a name.
    let touches_text = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| tokens.span(before));
        let starts = tokens.span(at).map(|(start, _)| start);
        before.map(|(_, end)| end) == starts
            && tokens.kind(at) == Some(TokenKind::Word)
            && at.checked_sub(1).and_then(|before| tokens.kind(before)) == Some(TokenKind::Text)
    };
    (touches_text(at) || at > 0 && touches_text(at - 1)).then_some(QUOTE)
}

/// What is open before a token.
fn open_parts(tokens: &Tokens<'_>, end: usize) -> Option<&'static str> {
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

/// Whether the last JOIN before a token has no condition and needs one.
fn lacks_condition(tokens: &Tokens<'_>, end: usize) -> bool {
    let Some(join) = (0..end).rev().find(|at| tokens.is(*at, "join")) else {
        return false;
    };
    let is_free = tokens.is_before(join, "cross")
        || (1..=3).any(|distance| {
            join.checked_sub(distance)
                .is_some_and(|at| tokens.is(at, "natural"))
        });
    // What else stands between a JOIN and the place speaks against this being the reason.
    let ends = ["on", "using", "where", "select"];
    let has_condition = (join..end).any(|at| ends.iter().any(|word| tokens.is(at, word)));
    !is_free && !has_condition
}

fn count(tokens: &Tokens<'_>, range: std::ops::RangeTo<usize>, word: &str) -> usize {
    (0..range.end).filter(|at| tokens.is(*at, word)).count()
}
