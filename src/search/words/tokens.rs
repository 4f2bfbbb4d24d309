//! Splits a text into words, digits and signs.

use unicode_normalization::UnicodeNormalization as _;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Decimal digits.
    Digits(String),
    /// Letters, or letters and digits.
    Word(String),
    /// Another character that is neither a letter nor white space.
    Sign(char),
    Space,
}

/// The parts of a text in lower case, with composed letters and one form of each sign.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let expanded = text.chars().flat_map(|letter| {
        // Before the normalization, which would join 1½ to 11/2.
        let fraction = match letter {
            '½' => " 1/2",
            '¼' => " 1/4",
            '¾' => " 3/4",
            '⅓' => " 1/3",
            '⅔' => " 2/3",
            '⅛' => " 1/8",
            '⅜' => " 3/8",
            '⅝' => " 5/8",
            '⅞' => " 7/8",
            _ => "",
        };
        let letter = fraction.is_empty().then_some(letter);
        fraction.chars().chain(letter)
    });
    // Composed letters, and the common form of wide letters and digits.
    let mut tokens: Vec<Token> = Vec::new();
    for letter in expanded.nfkc().flat_map(char::to_lowercase) {
        match letter {
            '×' => push(&mut tokens, 'x'),
            '″' | '”' | '“' => push(&mut tokens, '"'),
            '′' | '’' | '‘' => push(&mut tokens, '\''),
            '–' | '—' | '‑' | '‐' => push(&mut tokens, '-'),
            '⁄' => push(&mut tokens, '/'),
            _ => push(&mut tokens, letter),
        }
    }
    tokens
}

fn push(tokens: &mut Vec<Token>, letter: char) {
    let is_within_word = is_within_word(tokens);
    match (tokens.last_mut(), letter) {
        (Some(Token::Digits(digits)), '0'..='9') => digits.push(letter),
        (_, '0'..='9') if !is_within_word => {
            tokens.push(Token::Digits(letter.to_string()));
        }
        (Some(Token::Word(word)), _) if letter.is_alphanumeric() => word.push(letter),
        (_, _) if letter.is_alphanumeric() => tokens.push(Token::Word(letter.to_string())),
        (Some(Token::Space), _) if letter.is_whitespace() => {}
        (_, _) if letter.is_whitespace() || letter.is_control() => tokens.push(Token::Space),
        // Two apostrophes stand for inches.
        (Some(Token::Sign(sign @ '\'')), '\'') => *sign = '"',
        (_, sign) => tokens.push(Token::Sign(sign)),
    }
}

/// Whether a digit continues a word, as in a SKU; it does not after the `x` of `2x4`.
fn is_within_word(tokens: &[Token]) -> bool {
    match tokens {
        [
            ..,
            Token::Digits(_) | Token::Sign('\'' | '"'),
            Token::Word(word),
        ] if word == "x" => false,
        [.., Token::Word(_)] => true,
        _ => false,
    }
}

pub(super) fn without_space(tokens: &[Token]) -> &[Token] {
    match tokens {
        [Token::Space, rest @ ..] => rest,
        _ => tokens,
    }
}

pub(super) fn without_hyphen(tokens: &[Token]) -> &[Token] {
    match tokens {
        [Token::Space | Token::Sign('-'), rest @ ..] => rest,
        _ => tokens,
    }
}

pub(super) fn without_dot(tokens: &[Token]) -> &[Token] {
    match tokens {
        [Token::Sign('.'), rest @ ..] => without_space(rest),
        _ => without_space(tokens),
    }
}

/// What follows `an`, as in `half an inch`, or the tokens themselves.
pub(super) fn without_article(tokens: &[Token]) -> &[Token] {
    match without_space(tokens) {
        [Token::Word(word), rest @ ..] if word == "an" || word == "a" => rest,
        _ => tokens,
    }
}

/// What follows the `'s` of a possessive, or the tokens themselves.
pub(super) fn possessive(tokens: &[Token]) -> &[Token] {
    match tokens {
        [_, _, rest @ ..] if is_possessive(tokens) => rest,
        _ => tokens,
    }
}

pub(super) fn is_possessive(tokens: &[Token]) -> bool {
    matches!(tokens, [Token::Sign('\''), Token::Word(word), ..] if word == "s")
}
