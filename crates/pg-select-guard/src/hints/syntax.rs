//! Finds the hint for a syntax error: the entry of the syntax table whose words are where the
//! parser stopped.

use super::callable::is_callable;
use super::example::render;
use super::mistakes;
use super::syntax_table::{DESCRIBE, FOREIGN_SYNTAX, ForeignSyntax, MatchPosition};
use super::tokens::{TokenKind, Tokens};
use crate::allowed::Allowed;
use crate::schema::nearest;

/// How many tokens after the words the parser may have stopped.
const MAX_DISTANCE_TOKENS: usize = 2;

/// As above, if the words open a call that is not closed where the parser stopped.
const MAX_DISTANCE_IN_CALL_TOKENS: usize = 8;

/// The hint for a syntax error; `at` is the index of the token at fault, if known.
pub(super) fn hint(
    allowed: Allowed<'_>,
    message: &str,
    tokens: &Tokens<'_>,
    at: Option<usize>,
) -> Option<String> {
    if let Some(mistake) = mistakes::hint(message, tokens, at) {
        return is_callable(allowed.functions, mistake).then(|| render(allowed.schema, mistake));
    }
    let found = FOREIGN_SYNTAX.iter().find(|entry| {
        let is_found = |words: &&str| entry.matches(words, tokens, at);
        entry.words.iter().any(is_found)
    });
    match found {
        Some(entry) if entry.advice == DESCRIBE => Some(allowed.schema.description_hint()),
        Some(entry) if entry.example.is_empty() => Some(entry.advice.to_owned()),
        Some(entry) if !is_callable(allowed.functions, entry.example) => None,
        Some(entry) => Some(format!(
            "{}, as in {}",
            entry.advice,
            render(allowed.schema, entry.example)
        )),
        None if at == Some(0) => Some(first_word_hint(tokens)),
        None => None,
    }
}

/// The first words of allowed statements.
const FIRST_KEYWORDS: [&str; 5] = ["SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN"];

/// The hint for a text that does not begin like SQL.
fn first_word_hint(tokens: &Tokens<'_>) -> String {
    let word = tokens.get(0).to_uppercase();
    nearest(&word, FIRST_KEYWORDS.into_iter()).map_or_else(
        || "send only the SQL, beginning with SELECT or WITH".to_owned(),
        |keyword| format!("did you mean {keyword}?"),
    )
}

impl ForeignSyntax {
    fn matches(&self, words: &str, tokens: &Tokens<'_>, at: Option<usize>) -> bool {
        let words: Vec<&str> = words.split(' ').collect();
        let is_at = |first: usize| {
            let mut pairs = words.iter().zip(first..);
            pairs.all(|(word, token)| token_matches(word, tokens, token))
        };
        // In an open call the parser may stop further on, because arguments consist of more tokens.
        let is_call = words.last() == Some(&"(");
        let reaches = |first: usize, at: usize| {
            let end = first + words.len();
            at <= end + MAX_DISTANCE_TOKENS
                || is_call && at <= end + MAX_DISTANCE_IN_CALL_TOKENS && tokens.is_open(end - 1, at)
        };
        match (self.position, at) {
            (MatchPosition::Anywhere, _) | (MatchPosition::NearError, None) => {
                (0..tokens.len()).any(is_at)
            }
            (MatchPosition::AtError, None) => false,
            (MatchPosition::AtError, Some(at)) => is_at(at),
            (MatchPosition::NearError, Some(at)) => {
                let earliest = (at + 1).saturating_sub(MAX_DISTANCE_IN_CALL_TOKENS + words.len());
                (earliest..at + 1).any(|first| reaches(first, at) && is_at(first))
            }
        }
    }
}

fn token_matches(word: &str, tokens: &Tokens<'_>, at: usize) -> bool {
    match word {
        "0" => tokens.kind(at) == Some(TokenKind::Number),
        "'" => tokens.kind(at) == Some(TokenKind::String),
        "_" => tokens.kind(at) == Some(TokenKind::Name),
        "`" => tokens.kind(at) == Some(TokenKind::Symbol) && tokens.get(at).contains('`'),
        _ => tokens.is(at, word),
    }
}
