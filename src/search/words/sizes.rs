//! Sizes: numbers with units, and dimensions.

use super::Part;
use super::tokens::{Token, is_possessive, without_article, without_hyphen, without_space};

/// Units of measurement: what people write, and how it is indexed.
const UNITS: [(&str, &str); 75] = [
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
    ("centimeter", "cm"),
    ("centimeters", "cm"),
    ("centimetre", "cm"),
    ("centimetres", "cm"),
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

/// A size at the beginning of the tokens, and what follows: `3/4 in`, `2x4`, `4 ft x 8 ft`.
pub(super) fn size(tokens: &[Token]) -> Option<(Part, &[Token])> {
    let (first, rest) = number(tokens)?;
    let (first_unit, rest) = unit(rest).unwrap_or(("", rest));
    let second = times(rest).and_then(number);
    let Some((second, rest)) = second else {
        // Of `Grade 5 1/2 in`, too, only the fraction may be the size.
        let fraction = first
            .split_once('p')
            .map(|(_, fraction)| fraction.to_owned());
        let of = fraction.map(|fraction| (fraction, first_unit));
        let size = Part::Size {
            number: first,
            unit: first_unit,
            of: of.into_iter().collect(),
        };
        return Some((size, rest));
    };
    let (second_unit, rest) = unit(rest).unwrap_or(("", rest));
    // In `1/2 x 3 in`, both are inches.
    let first_unit = if first_unit.is_empty() {
        second_unit
    } else {
        first_unit
    };
    let size = Part::Size {
        number: format!("{first}x{second}"),
        unit: "",
        of: vec![(first, first_unit), (second, second_unit)],
    };
    Some((size, rest))
}

/// A size such as `half an inch` or `three-quarter inch`, and what follows.
pub(super) fn size_in_words<'a>(word: &str, after: &'a [Token]) -> Option<(Part, &'a [Token])> {
    let quarters = match without_hyphen(after) {
        [Token::Word(next), rest @ ..] if word == "three" && next.starts_with("quarter") => {
            Some(("3f4", rest))
        }
        _ => None,
    };
    let named = FRACTIONS.iter().find(|(name, _)| *name == word);
    let (number, after) = quarters.or(named.map(|(_, number)| (*number, after)))?;
    let (unit, rest) = unit(without_article(after))?;
    let size = Part::Size {
        number: number.to_owned(),
        unit,
        of: Vec::new(),
    };
    Some((size, rest))
}

/// A number at the beginning of the tokens as one word, and what follows: `1-1/4` and `1.25` are
/// `1p1f4`, `.3` is `0d3`, `5,000` is `5000`.
pub(super) fn number(tokens: &[Token]) -> Option<(String, &[Token])> {
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
        [Sign('.'), Digits(part), rest @ ..] => Some((decimal("0", part), rest)),
        [Digits(_), Sign(','), Digits(thousand), ..] if thousand.len() == 3 => {
            Some(whole_number(tokens))
        }
        [Digits(whole), Sign('.' | ','), Digits(part), rest @ ..] => {
            Some((decimal(whole, part), rest))
        }
        [Digits(digits), rest @ ..] => Some((digits.clone(), rest)),
        _ => None,
    }
}

/// A number with commas between its thousands, and what follows.
fn whole_number(tokens: &[Token]) -> (String, &[Token]) {
    use Token::{Digits, Sign};
    let (mut word, mut rest) = (String::new(), tokens);
    if let [Digits(first), after @ ..] = rest {
        word.push_str(first);
        rest = after;
    }
    while let [Sign(','), Digits(thousand), after @ ..] = rest
        && thousand.len() == 3
    {
        word.push_str(thousand);
        rest = after;
    }
    match rest {
        [Sign('.'), Digits(part), after @ ..] => (decimal(&word, part), after),
        _ => (word, rest),
    }
}

/// A decimal number as a fraction, if it is a common one.
fn decimal(whole: &str, part: &str) -> String {
    let fraction = match part.trim_end_matches('0') {
        "" => return whole.to_owned(),
        "5" => "1f2",
        "25" => "1f4",
        "75" => "3f4",
        other => return format!("{whole}d{other}"),
    };
    match whole.trim_start_matches('0') {
        "" => fraction.to_owned(),
        whole => format!("{whole}p{fraction}"),
    }
}

/// What follows `x` or `by` between two numbers.
pub(super) fn times(tokens: &[Token]) -> Option<&[Token]> {
    match without_space(tokens) {
        [Token::Word(word), rest @ ..] if word == "x" || word == "by" => {
            let rest = without_space(rest);
            number(rest).is_some().then_some(rest)
        }
        _ => None,
    }
}

/// A unit at the beginning of the tokens, and what follows.
fn unit(tokens: &[Token]) -> Option<(&'static str, &[Token])> {
    let (first, rest) = without_hyphen(tokens).split_first()?;
    let written = match first {
        Token::Word(word) => word.as_str(),
        Token::Sign('"') => "\"",
        // Not the possessive of `2x4's`.
        Token::Sign('\'') if !is_possessive(without_hyphen(tokens)) => "'",
        Token::Sign(_) | Token::Digits(_) | Token::Space => return None,
    };
    let unit = UNITS.iter().find(|(name, _)| *name == written)?;
    Some((unit.1, rest))
}
