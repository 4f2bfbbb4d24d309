//! Bounds the cost of parsing a JSON text before it reaches a parser.
//!
//! Knows strings, brackets and scalars; must not decide whether the text is valid JSON. A parser's
//! time and memory depend on the number of values far more than on the length: 1 MiB of nested
//! brackets costs 0.5 s and 250 MiB, 1 MiB of one string costs a millisecond.

/// The maximum number of values; member names count as values. The largest request of a known
/// client is an `initialize` with about 200.
pub(super) const MAX_VALUES: usize = 1_024;

/// The maximum nesting of arrays and objects. A tool call nests 4 deep.
pub(super) const MAX_DEPTH: usize = 32;

/// The maximum length of a scalar outside strings: a number, `true`, `false` or `null`.
const MAX_SCALAR_BYTES: usize = 512;

/// Scans a text in pieces as they arrive.
#[derive(Debug, Default)]
pub(super) struct JsonScan {
    values: usize,
    depth: usize,
    scalar_bytes: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    BetweenValues,
    InScalar,
    InString,
    AfterBackslash,
}

/// The text has too many values, nests too deeply, or has too long a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ComplexityError;

impl JsonScan {
    /// Scans the next piece.
    ///
    /// # Errors
    /// [`ComplexityError`] when the text so far exceeds a limit.
    pub(super) fn scan(&mut self, piece: &[u8]) -> Result<(), ComplexityError> {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            self.state = match (self.state, byte) {
                (State::AfterBackslash, _) => State::InString,
                (State::InString, b'\\') => match rest.split_first() {
                    Some((_, after)) => {
                        rest = after;
                        State::InString
                    }
                    None => State::AfterBackslash,
                },
                (State::InString, b'"') => State::BetweenValues,
                (State::InString, _) => {
                    rest = &rest[unescaped_len(rest)..];
                    State::InString
                }
                (_, b'"') => {
                    self.values += 1;
                    State::InString
                }
                (_, b'[' | b'{') => {
                    self.values += 1;
                    self.depth += 1;
                    State::BetweenValues
                }
                (_, b']' | b'}') => {
                    self.depth = self.depth.saturating_sub(1);
                    State::BetweenValues
                }
                (_, b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') => State::BetweenValues,
                (State::BetweenValues, _) => {
                    self.values += 1;
                    self.scalar_bytes = 1;
                    State::InScalar
                }
                (State::InScalar, _) => {
                    self.scalar_bytes += 1;
                    State::InScalar
                }
            };
            if self.values > MAX_VALUES
                || self.depth > MAX_DEPTH
                || self.scalar_bytes > MAX_SCALAR_BYTES
            {
                return Err(ComplexityError);
            }
        }
        Ok(())
    }
}

/// The number of bytes before the next quote or backslash of a string. The first 16 are compared
/// one by one, because escapes often follow each other closely; the rest is searched with memchr,
/// because SQL statements are long.
fn unescaped_len(text: &[u8]) -> usize {
    let mut at = 0;
    while at < 16 {
        match text.get(at) {
            None | Some(b'"' | b'\\') => return at,
            Some(_) => at += 1,
        }
    }
    at + memchr::memchr2(b'"', b'\\', &text[at..]).unwrap_or(text.len() - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str, piece: usize) -> Result<usize, ComplexityError> {
        let mut scan = JsonScan::default();
        for piece in text.as_bytes().chunks(piece) {
            scan.scan(piece)?;
        }
        Ok(scan.values)
    }

    #[test]
    fn counts_values_and_depth_wherever_the_text_is_split() {
        let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let flat = |values| format!("[{}1]", "1,".repeat(values - 2));
        let table = [
            (String::new(), Ok(0)),
            (
                r#"{"a": [1, true, null, -2.5e3], "b": {}}"#.to_owned(),
                Ok(9),
            ),
            (r#"["[[[", "\"[[[", "\\", {"\\\"": 1}]"#.to_owned(), Ok(7)),
            (format!(r#"["{}"]"#, "[,".repeat(10 * MAX_VALUES)), Ok(2)),
            (
                format!(r#"["{}"]"#, r#"\u0000\\\""#.repeat(MAX_VALUES)),
                Ok(2),
            ),
            (deep(MAX_DEPTH), Ok(MAX_DEPTH)),
            (deep(MAX_DEPTH + 1), Err(ComplexityError)),
            (
                format!("[{}]", vec![deep(MAX_DEPTH - 1); 33].join(",")),
                Ok(1_024),
            ),
            (
                format!("[{}]", vec![deep(MAX_DEPTH - 1); 34].join(",")),
                Err(ComplexityError),
            ),
            (flat(MAX_VALUES), Ok(MAX_VALUES)),
            (flat(MAX_VALUES + 1), Err(ComplexityError)),
            ("{\"a\":{}".repeat(MAX_VALUES), Err(ComplexityError)),
            ("\"\"".repeat(MAX_VALUES + 1), Err(ComplexityError)),
            ("]".repeat(MAX_VALUES * 2), Ok(0)),
            ("1".repeat(MAX_SCALAR_BYTES), Ok(1)),
            ("1".repeat(MAX_SCALAR_BYTES + 1), Err(ComplexityError)),
        ];
        for (text, expected) in table {
            for piece in [1, 2, 3, 7, 4_096, usize::MAX] {
                assert_eq!(
                    scan(&text, piece),
                    expected,
                    "{text:.60} in pieces of {piece}"
                );
            }
        }
    }
}
