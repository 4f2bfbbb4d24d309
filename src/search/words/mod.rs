//! Normalizes texts for keyword search: lower case, with numbers and their units as one word each,
//! so that `3/4"`, `3/4 in` and `¾ inch` are the same.
//!
//! PostgreSQL does the rest (`to_tsvector` with the configuration `english`): it splits the result,
//! drops stop words, and reduces words to their stems. Its own parser would take `3/4` for two
//! numbers and `15A` for another word than `15 amp`.

mod sizes; //  numbers, units and dimensions
mod tokens; // words, digits and signs

#[cfg(test)]
mod tests;

use sizes::{number, size, size_in_words, times};
use tokens::{Token, possessive, tokens, without_dot, without_space};

/// The longest text whose words are searched, in bytes. Longer texts are cut.
const MAX_QUERY_BYTES: usize = 2_048;

/// The longest text of a product whose words are indexed, in bytes: a document of PostgreSQL has at
/// most a megabyte.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

/// The most words of a search text that are searched.
const MAX_QUERY_WORDS: usize = 64;

/// The words of a product's text. Numbers with a unit follow without it, because people leave units
/// out, and dimensions in parts.
#[must_use]
pub fn normalize_document(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_DOCUMENT_BYTES);
    let parsed = parse(&tokens(&text[..end]));
    let mut words: Vec<String> = parsed.iter().map(Part::to_word).collect();
    // At the end, so that words that follow each other in the text still do.
    for part in &parsed {
        let Part::Size { number, unit, of } = part else {
            continue;
        };
        let bare = (!unit.is_empty()).then(|| number.clone());
        let parts = of.iter().flat_map(|(number, unit)| {
            [
                Some(number.clone()),
                (!unit.is_empty()).then(|| format!("{number}{unit}")),
            ]
        });
        words.extend(std::iter::once(bare).chain(parts).flatten());
    }
    words.join(" ")
}

/// The words of a search text; empty if it has none.
#[must_use]
pub fn normalize_query(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_QUERY_BYTES);
    let parsed = parse(&tokens(&text[..end]));
    let words = parsed.iter().take(MAX_QUERY_WORDS).map(Part::to_word);
    words.collect::<Vec<_>>().join(" ")
}

/// A word, or a size.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Word(String),
    Size {
        /// A number, or two of them as in `2x4`.
        number: String,
        /// Empty without a unit, and for two numbers.
        unit: &'static str,
        /// What a size consists of: numbers with their units.
        of: Vec<(String, &'static str)>,
    },
}

impl Part {
    fn to_word(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Size { number, unit, .. } => format!("{number}{unit}"),
        }
    }
}

fn parse(tokens: &[Token]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        if let Some((size, after)) = size(rest) {
            parts.push(size);
            rest = possessive(after);
            // The third number of `2 x 4 x 8 ft` is a size of its own.
            rest = times(rest)
                .filter(|after| number(after).is_some())
                .unwrap_or(rest);
            continue;
        }
        rest = after;
        match first {
            Token::Word(word) => {
                if let Some((size, after)) = size_in_words(word, after) {
                    parts.push(size);
                    rest = after;
                } else if is_number_sign(word)
                    && let Some((number, after)) = number(without_dot(after))
                {
                    parts.push(Part::Word(format!("no{number}")));
                    rest = times(after).unwrap_or(after);
                } else {
                    parts.push(Part::Word(word.clone()));
                    rest = possessive(after);
                }
            }
            Token::Sign('#') => {
                if let Some((number, after)) = number(without_space(after)) {
                    parts.push(Part::Word(format!("no{number}")));
                    rest = times(after).unwrap_or(after);
                }
            }
            Token::Digits(_) | Token::Sign(_) | Token::Space => {}
        }
    }
    parts
}

/// Whether a word announces a number, such as the size of a screw.
fn is_number_sign(word: &str) -> bool {
    matches!(word, "no" | "nr" | "number" | "size")
}
