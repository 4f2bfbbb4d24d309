//! The words of a text as they are indexed and searched: lower case, with numbers and their units as
//! one word each, so that `3/4"`, `3/4 in` and `¾ inch` are the same.
//!
//! PostgreSQL does the rest (`to_tsvector` with the configuration `english`): it splits the result,
//! drops stop words, and reduces words to their stems. Its own parser would take `3/4` for two
//! numbers and `15A` for another word than `15 amp`.

/// The longest text whose words are searched, in bytes. Longer texts are cut.
const MAX_QUERY_BYTES: usize = 2_048;

/// The most words of a search text that are searched.
const MAX_QUERY_WORDS: usize = 64;

/// Units of measurement: what people write, and how it is indexed.
const UNITS: [(&str, &str); 71] = [
    ("\"", "in"),
    ("in", "in"),
    ("inch", "in"),
    ("inches", "in"),
    ("'", "ft"),
    ("ft", "ft"),
    ("foot", "ft"),
    ("feet", "ft"),
    ("yd", "yd"),
    ("yard", "yd"),
    ("yards", "yd"),
    ("mm", "mm"),
    ("millimeter", "mm"),
    ("millimeters", "mm"),
    ("millimetre", "mm"),
    ("millimetres", "mm"),
    ("cm", "cm"),
    ("m", "m"),
    ("meter", "m"),
    ("meters", "m"),
    ("metre", "m"),
    ("metres", "m"),
    ("mil", "mil"),
    ("a", "a"),
    ("amp", "a"),
    ("amps", "a"),
    ("ampere", "a"),
    ("amperes", "a"),
    ("ah", "ah"),
    ("v", "v"),
    ("volt", "v"),
    ("volts", "v"),
    ("w", "w"),
    ("watt", "w"),
    ("watts", "w"),
    ("kw", "kw"),
    ("hp", "hp"),
    ("horsepower", "hp"),
    ("psi", "psi"),
    ("btu", "btu"),
    ("cfm", "cfm"),
    ("gpm", "gpm"),
    ("k", "k"),
    ("kelvin", "k"),
    ("gal", "gal"),
    ("gallon", "gal"),
    ("gallons", "gal"),
    ("qt", "qt"),
    ("quart", "qt"),
    ("quarts", "qt"),
    ("pt", "pt"),
    ("pint", "pt"),
    ("pints", "pt"),
    ("l", "l"),
    ("liter", "l"),
    ("liters", "l"),
    ("litre", "l"),
    ("litres", "l"),
    ("oz", "oz"),
    ("ounce", "oz"),
    ("ounces", "oz"),
    ("lb", "lb"),
    ("lbs", "lb"),
    ("pound", "lb"),
    ("pounds", "lb"),
    ("ga", "ga"),
    ("gauge", "ga"),
    ("awg", "ga"),
    ("d", "d"),
    ("penny", "d"),
    ("grit", "grit"),
];

/// Sizes in words, which only stand for numbers in front of a unit.
const FRACTIONS: [(&str, &str); 4] = [
    ("half", "1f2"),
    ("quarter", "1f4"),
    ("third", "1f3"),
    ("eighth", "1f8"),
];

/// The words of a product's text. A number with a unit is also indexed without it, because people
/// leave units out.
#[must_use]
pub fn of_document(text: &str) -> String {
    let mut words = Vec::new();
    for word in measured(&tokens(text)) {
        let (number, unit) = word;
        if !unit.is_empty() {
            words.push(format!("{number}{unit}"));
        }
        words.push(number);
    }
    words.join(" ")
}

/// The words of a search text; empty if it has none.
#[must_use]
pub fn of_query(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_QUERY_BYTES);
    let words = measured(&tokens(&text[..end]));
    let words = words.into_iter().take(MAX_QUERY_WORDS);
    let words: Vec<_> = words
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    words.join(" ")
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Decimal digits.
    Digits(String),
    /// Letters, or letters and digits.
    Word(String),
    /// Another character that is neither a letter nor white space.
    Sign(char),
    Space,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        let expanded: &str = match letter {
            '½' => " 1/2",
            '¼' => " 1/4",
            '¾' => " 3/4",
            '⅓' => " 1/3",
            '⅛' => " 1/8",
            '⅜' => " 3/8",
            '⅝' => " 5/8",
            '⅞' => " 7/8",
            '×' => "x",
            '″' | '”' | '“' => "\"",
            '′' | '’' | '‘' => "'",
            '–' | '—' | '‑' => "-",
            _ => {
                push(&mut tokens, letter);
                continue;
            }
        };
        expanded.chars().for_each(|one| push(&mut tokens, one));
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
        (_, sign) => tokens.push(Token::Sign(sign)),
    }
}

/// Whether a digit continues a word, as in a SKU; it does not after the `x` of `2x4`.
fn is_within_word(tokens: &[Token]) -> bool {
    match tokens {
        [.., Token::Digits(_), Token::Word(word)] if word == "x" => false,
        [.., Token::Word(_)] => true,
        _ => false,
    }
}

/// The words of a text, each with its unit if it is a number that has one.
fn measured(tokens: &[Token]) -> Vec<(String, &'static str)> {
    let mut words = Vec::new();
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        if let Some((number, after)) = number(rest) {
            let (unit, after) = unit(after).unwrap_or(("", after));
            words.push((number, unit));
            rest = after;
            continue;
        }
        let from_first = rest;
        rest = after;
        match first {
            Token::Word(word) => {
                let fraction = FRACTIONS.iter().find(|(name, _)| name == word);
                if let Some((_, number)) = fraction
                    && let Some((unit, after)) = unit(without_article(after))
                {
                    words.push(((*number).to_owned(), unit));
                    rest = after;
                } else if is_number_sign(word)
                    && let Some((number, after)) = number(without_dot(after))
                {
                    words.push((format!("no{number}"), ""));
                    rest = after;
                } else if times(from_first).and_then(simple_number).is_none() {
                    rest = possessive(after);
                    words.push((word.clone(), ""));
                }
            }
            Token::Sign('#') => {
                if let Some((number, after)) = number(without_space(after)) {
                    words.push((format!("no{number}"), ""));
                    rest = after;
                }
            }
            Token::Digits(_) | Token::Sign(_) | Token::Space => {}
        }
    }
    words
}

/// A number at the beginning of the tokens as one word, and what follows: `1-1/4` is `1p1f4`, `2.5`
/// is `2d5`, `2 x 4` is `2x4`. A third number is a word of its own: in `2 x 4 x 8 ft`, it is the
/// length.
fn number(tokens: &[Token]) -> Option<(String, &[Token])> {
    let (word, rest) = simple_number(tokens)?;
    match times(rest).and_then(simple_number) {
        Some((next, rest)) => Some((format!("{word}x{next}"), rest)),
        None => Some((word, rest)),
    }
}

fn simple_number(tokens: &[Token]) -> Option<(String, &[Token])> {
    use Token::{Digits, Sign, Space};
    match tokens {
        [
            Digits(whole),
            Sign('-') | Space,
            Digits(above),
            Sign('/'),
            Digits(below),
            rest @ ..,
        ] => Some((format!("{whole}p{above}f{below}"), rest)),
        [Digits(above), Sign('/'), Digits(below), rest @ ..] => {
            Some((format!("{above}f{below}"), rest))
        }
        [Digits(whole), Sign('.'), Digits(part), rest @ ..] => {
            Some((format!("{whole}d{part}"), rest))
        }
        [Digits(thousands), Sign(','), Digits(units), rest @ ..] if units.len() == 3 => {
            Some((format!("{thousands}{units}"), rest))
        }
        [Digits(digits), rest @ ..] => Some((digits.clone(), rest)),
        _ => None,
    }
}

/// What follows `x` or `by` between two numbers.
fn times(tokens: &[Token]) -> Option<&[Token]> {
    match without_space(tokens) {
        [Token::Word(word), rest @ ..] if word == "x" || word == "by" => Some(without_space(rest)),
        _ => None,
    }
}

/// A unit at the beginning of the tokens, and what follows.
fn unit(tokens: &[Token]) -> Option<(&'static str, &[Token])> {
    let tokens = match tokens {
        [Token::Space | Token::Sign('-'), rest @ ..] => rest,
        _ => tokens,
    };
    let (first, rest) = tokens.split_first()?;
    let written = match first {
        Token::Word(word) => word.as_str(),
        Token::Sign('"') => "\"",
        Token::Sign('\'') => "'",
        Token::Sign(_) | Token::Digits(_) | Token::Space => return None,
    };
    let unit = UNITS.iter().find(|(name, _)| *name == written)?;
    Some((unit.1, rest))
}

/// Whether a word announces a number, such as the size of a screw.
fn is_number_sign(word: &str) -> bool {
    matches!(word, "no" | "nr" | "number" | "size")
}

fn without_space(tokens: &[Token]) -> &[Token] {
    match tokens {
        [Token::Space, rest @ ..] => rest,
        _ => tokens,
    }
}

fn without_dot(tokens: &[Token]) -> &[Token] {
    match tokens {
        [Token::Sign('.'), rest @ ..] => without_space(rest),
        _ => without_space(tokens),
    }
}

/// What follows `an`, as in `half an inch`, or the tokens themselves.
fn without_article(tokens: &[Token]) -> &[Token] {
    match without_space(tokens) {
        [Token::Word(word), rest @ ..] if word == "an" || word == "a" => rest,
        _ => tokens,
    }
}

/// What follows the `'s` of a possessive.
fn possessive(tokens: &[Token]) -> &[Token] {
    match tokens {
        [Token::Sign('\''), Token::Word(word), rest @ ..] if word == "s" => rest,
        _ => tokens,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_units_are_one_word_however_they_are_written() {
        for (word, texts) in [
            (
                "3f4in",
                &["3/4 in", "3/4\"", "3/4 inch", "3/4-inch", "¾ in", "3/4in"][..],
            ),
            (
                "1f2in",
                &["half inch", "half an inch", "half-inch", "½\"", "1/2 IN"],
            ),
            ("1p1f4in", &["1-1/4 in", "1 1/4 inch", "1¼ in", "1-1/4”"]),
            ("15a", &["15A", "15 amp", "15-Amp", "15 amps", "15 AMPERES"]),
            ("12v", &["12 V", "12v", "12-volt", "12 volts"]),
            ("2x4", &["2x4", "2 x 4", "2 by 4", "2 X 4", "2×4"]),
            ("no10", &["#10", "# 10", "no. 10", "No 10", "number 10"]),
            ("10ft", &["10 feet", "10'", "10-foot", "10ft", "10 ft"]),
            ("2d5gal", &["2.5 gallons", "2.5-gal"]),
            ("5000btu", &["5,000 BTU", "5000 btu"]),
            ("16d", &["16 penny", "16d"]),
        ] {
            for text in texts {
                assert_eq!(of_query(text), word, "{text}");
            }
        }
    }

    #[test]
    fn other_words_are_kept_in_lower_case_without_punctuation() {
        for (text, words) in [
            ("CORDLESS Drill!", "cordless drill"),
            ("plumber's tape, white", "plumber tape white"),
            ("push-fit", "push fit"),
            ("pbft000100", "pbft000100"),
            ("Can you find a tap?", "can you find a tap"),
            ("half of it", "half of it"),
            ("no smell", "no smell"),
            ("fünf Nägel", "fünf nägel"),
            ("水管 🔧 \u{0} --; DROP", "水管 drop"),
            ("?!…", ""),
            ("", ""),
        ] {
            assert_eq!(of_query(text), words, "{text}");
        }
    }

    #[test]
    fn a_third_number_is_a_word_of_its_own() {
        assert_eq!(of_query("Stud 2 x 4 x 8 ft"), "stud 2x4 8ft");
        assert_eq!(of_query("1/2 in x 4 x 8 ft"), "1f2in 4x8ft");
        assert_eq!(of_query("2x4x8"), "2x4 8");
    }

    #[test]
    fn documents_hold_numbers_with_and_without_their_unit() {
        assert_eq!(
            of_document("Brass Ball Valve 3/4 in, 2 Pack"),
            "brass ball valve 3f4in 3f4 2 pack"
        );
    }

    #[test]
    fn search_texts_are_bounded() {
        let long = "word ".repeat(5_000);
        assert_eq!(of_query(&long).split(' ').count(), MAX_QUERY_WORDS);
        let wide = "ü".repeat(5_000);
        assert!(of_query(&wide).len() <= MAX_QUERY_BYTES);
    }
}
