//! The number grammar of JSON (RFC 8259, section 6). Rust's parsers accept more: `+1`, `007`, `.5`,
//! `inf`.

/// Whether a text is a JSON number without a fraction or an exponent.
pub(super) fn is_integer(text: &str) -> bool {
    after_integer(text.as_bytes()).is_some_and(<[u8]>::is_empty)
}

/// Whether a text is a JSON number.
pub(super) fn is_number(text: &str) -> bool {
    let Some(mut rest) = after_integer(text.as_bytes()) else {
        return false;
    };
    if let [b'.', fraction @ ..] = rest {
        let Some(after) = after_digits(fraction) else {
            return false;
        };
        rest = after;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let digits = match exponent {
            [b'+' | b'-', digits @ ..] => digits,
            digits => digits,
        };
        let Some(after) = after_digits(digits) else {
            return false;
        };
        rest = after;
    }
    rest.is_empty()
}

/// The text after the integer part; `None` without one.
fn after_integer(text: &[u8]) -> Option<&[u8]> {
    match text.strip_prefix(b"-").unwrap_or(text) {
        [b'0', rest @ ..] => Some(rest),
        digits => after_digits(digits),
    }
}

/// The text after one or more digits; `None` without a digit.
fn after_digits(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then(|| &text[digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_numbers_are_numbers() {
        for text in ["0", "-0", "7", "-12", "4294967295"] {
            assert!(is_integer(text) && is_number(text), "{text}");
        }
        for text in ["0.5", "-1.25", "1e+300", "5e-324", "1.5E3", "0e0"] {
            assert!(!is_integer(text) && is_number(text), "{text}");
        }
        for text in [
            "", "-", "+1", "007", "-01", ".5", "1.", "1e", "1e+", "1 ", " 1", "NaN", "inf", "1_0",
            "0x1",
        ] {
            assert!(!is_integer(text) && !is_number(text), "{text}");
        }
    }
}
