//! Splits an input into lines of bounded length.
use std::io;
use std::num::NonZeroUsize;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// One line of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The bytes of a line, without its line end. The last line may end with the input instead.
    Complete(Vec<u8>),
    /// The first bytes of a line that exceeds the maximum length. The rest is skipped.
    TooLong(Vec<u8>),
}

/// The lines of an input.
pub(super) struct Lines<R> {
    input: BufReader<R>,
    /// The maximum length of a line.
    max_bytes: usize,
    /// What has been read of the current line.
    line: Vec<u8>,
    /// The current line exceeds the maximum length.
    is_skipping: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(input: R, max_bytes: NonZeroUsize) -> Self {
        Self {
            input: BufReader::new(input),
            max_bytes: max_bytes.get(),
            line: Vec::new(),
            is_skipping: false,
        }
    }

    /// The next line that is not empty; `None` at the end of the input.
    ///
    /// # Errors
    /// When the input cannot be read.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped: bytes that were read are kept for the next call.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let available = self.input.fill_buf().await?;
            if available.is_empty() {
                let last = std::mem::take(&mut self.line);
                let is_line = !std::mem::take(&mut self.is_skipping) && !last.is_empty();
                return Ok(is_line.then_some(Line::Complete(last)));
            }
            let line_end = available.iter().position(|byte| *byte == b'\n');
            let part = &available[..line_end.unwrap_or(available.len())];
            if !self.is_skipping {
                let room = self.max_bytes - self.line.len();
                self.line.extend_from_slice(&part[..part.len().min(room)]);
                self.is_skipping = part.len() > room;
            }
            let is_too_long = self.is_skipping && !self.line.is_empty();
            let consumed = line_end.map_or(available.len(), |end| end + 1);
            self.input.consume(consumed);
            if line_end.is_some() {
                self.is_skipping = false;
            }
            if is_too_long {
                return Ok(Some(Line::TooLong(std::mem::take(&mut self.line))));
            }
            if line_end.is_some() {
                let mut line = std::mem::take(&mut self.line);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                if !line.is_empty() {
                    return Ok(Some(Line::Complete(line)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines as text; a line that is too long as its beginning and `…`.
    async fn split(input: &str, max_bytes: usize) -> Vec<String> {
        let max_bytes = NonZeroUsize::new(max_bytes).expect("not zero");
        let mut lines = Lines::new(input.as_bytes(), max_bytes);
        let mut split = Vec::new();
        while let Some(line) = lines.next().await.expect("it can be read") {
            split.push(match line {
                Line::Complete(line) => String::from_utf8(line).expect("text"),
                Line::TooLong(head) => format!("{}…", String::from_utf8(head).expect("text")),
            });
        }
        split
    }

    #[tokio::test]
    async fn splits_an_input_into_lines_of_bounded_length() {
        let long = "x".repeat(20_000);
        let head = "x".repeat(9_000);
        let cases: [(&str, usize, &[&str]); 9] = [
            ("", 4, &[]),
            ("\n\r\n\n", 4, &[]),
            ("one\ntwo\n", 4, &["one", "two"]),
            ("one\r\ntwo\r\n", 4, &["one", "two"]),
            ("one\ntwo", 4, &["one", "two"]),
            ("four\nfives\nsix\n", 4, &["four", "five…", "six"]),
            ("fives", 4, &["five…"]),
            (
                &format!("{long}\nnext"),
                9_000,
                &[&format!("{head}…"), "next"],
            ),
            (&long, 20_000, &[&long]),
        ];
        for (input, max_bytes, expected) in cases {
            assert_eq!(split(input, max_bytes).await, expected, "{input:.20}");
        }
    }
}
