//! Finds the syntax of other databases where the parser stopped.

use super::slips;
use super::syntax_table::{ForeignSyntax, SYNTAX, Whereabouts};
use super::tokens::{TokenKind, Tokens};
use crate::query::guard::relations::nearest;

/// How far behind the words the parser may have stopped.
const MAX_DISTANCE: usize = 2;

/// … within the parentheses of a call.
const MAX_DISTANCE_IN_CALL: usize = 8;

/// What to write instead, where the parser stopped; `at` is the token at fault, if known.
pub(super) fn hint(message: &str, tokens: &Tokens<'_>, at: Option<usize>) -> Option<String> {
    if let Some(slip) = slips::find(message, tokens, at) {
        return Some(slip.to_owned());
    }
    let found = SYNTAX.iter().find(|entry| {
        let found = |words: &&str| entry.is_found(words, tokens, at);
        entry.words.iter().any(found)
    });
    match found {
        Some(entry) if entry.form.is_empty() => Some(entry.says.to_owned()),
        Some(entry) => Some(format!("{}, as in {}", entry.says, entry.form)),
        None if at == Some(0) => Some(first_word(tokens)),
        None => None,
    }
}

/// The words that statements begin with.
const BEGINNINGS: [&str; 5] = ["SELECT", "WITH", "VALUES", "TABLE", "EXPLAIN"];

/// What is said of a text that does not begin like SQL.
fn first_word(tokens: &Tokens<'_>) -> String {
    let word = tokens.get(0).to_uppercase();
    nearest(&word, BEGINNINGS.into_iter()).map_or_else(
        || "send the SQL alone, beginning with SELECT or WITH".to_owned(),
        |beginning| format!("did you mean {beginning}?"),
    )
}

impl ForeignSyntax {
    fn is_found(&self, words: &str, tokens: &Tokens<'_>, at: Option<usize>) -> bool {
        let words: Vec<&str> = words.split(' ').collect();
        let stands = |first: usize| {
            let mut pairs = words.iter().zip(first..);
            pairs.all(|(word, token)| fits(word, tokens, token))
        };
        // A call is where it stopped, however long its arguments are, as long as it is open.
        let is_call = words.last() == Some(&"(");
        let reaches = |first: usize, at: usize| {
            let behind = first + words.len();
            at <= behind + MAX_DISTANCE
                || is_call && at <= behind + MAX_DISTANCE_IN_CALL && tokens.is_open(behind - 1, at)
        };
        match (self.whereabouts, at) {
            (Whereabouts::Anywhere, _) | (Whereabouts::Near, None) => (0..tokens.len()).any(stands),
            (Whereabouts::At, None) => false,
            (Whereabouts::At, Some(at)) => stands(at),
            (Whereabouts::Near, Some(at)) => {
                let earliest = (at + 1).saturating_sub(MAX_DISTANCE_IN_CALL + words.len());
                (earliest..at + 1).any(|first| reaches(first, at) && stands(first))
            }
        }
    }
}

fn fits(word: &str, tokens: &Tokens<'_>, at: usize) -> bool {
    match word {
        "0" => tokens.kind(at) == Some(TokenKind::Number),
        "'" => tokens.kind(at) == Some(TokenKind::Text),
        "_" => tokens.kind(at) == Some(TokenKind::Word),
        "`" => tokens.kind(at) == Some(TokenKind::Symbol) && tokens.get(at).contains('`'),
        _ => tokens.is(at, word),
    }
}
