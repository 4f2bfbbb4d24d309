//! A `json` value that becomes part of the answer is read again by our own code and by the client's: it must survive that.

use serde_json::Value;

/// Readers give up at 128 levels, of which the answer around it takes a few.
const DEEPEST: usize = 100;

/// Decimal digits that a double always keeps (`f64::DIGITS`).
const DIGITS_KEPT: usize = 15;

/// Whether a document reads as the same in every reader that takes numbers for doubles or 64-bit integers.
pub(super) fn is_exact(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => rest = after_string(after),
            b'-' | b'0'..=b'9' => {
                let length = after.iter().take_while(|byte| is_of_number(**byte)).count();
                let (more, after) = after.split_at(length);
                if !is_exact_number(byte, more) {
                    return false;
                }
                rest = after;
            }
            _ => {}
        }
        if depth > DEEPEST {
            return false;
        }
    }
    // PostgreSQL accepts what others do not, such as half a surrogate pair in `json`.
    serde_json::from_str::<Value>(text).is_ok()
}

fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => return after,
            b'\\' => after.get(1..).unwrap_or_default(),
            _ => after,
        };
    }
    rest
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-')
}

fn is_exact_number(first: u8, more: &[u8]) -> bool {
    let number: Vec<u8> = std::iter::once(first).chain(more.iter().copied()).collect();
    let Ok(number) = str::from_utf8(&number) else {
        return false;
    };
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let digits = number
        .split(['e', 'E'])
        .next()
        .unwrap_or_default()
        .bytes()
        .filter(u8::is_ascii_digit);
    let significant = digits.skip_while(|digit| *digit == b'0').count();
    // Small enough for a double, and neither beyond its range nor lost below it.
    number
        .parse::<f64>()
        .is_ok_and(|double| double.is_finite() && (double != 0.0 || significant == 0))
        && significant <= DIGITS_KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_reader_keeps_stands_as_it_is() {
        for text in [
            "null",
            "0",
            "-0",
            "1.50",
            "-12e3",
            "9223372036854775807",
            "18446744073709551615",
            "0.000",
            "1e-300",
            r#"{"a": [1, "12345678901234567890123", "\\"], "b\"": {}}"#,
            "  [ ] ",
        ] {
            assert!(is_exact(text), "{text}");
        }
        assert!(is_exact(&format!("{}{}", "[".repeat(100), "]".repeat(100))));
    }

    #[test]
    fn what_some_reader_would_change_does_not() {
        for text in [
            "1e400",
            "12345678901234567890123",
            "0.1234567890123456789",
            "1e-400",
            r#""\ud800""#,
            r#"{"a": [1e999]}"#,
        ] {
            assert!(!is_exact(text), "{text}");
        }
        assert!(!is_exact(&format!(
            "{}{}",
            "[".repeat(101),
            "]".repeat(101)
        )));
    }
}
