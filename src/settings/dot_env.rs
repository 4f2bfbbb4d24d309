//! The `.env` file: lines of text become names and values, exactly as they stand there.
//!
//! Knows the format and nothing of what the values mean. Invariants:
//! - A value is taken literally: no `$` substitution and no backslash escapes, inside quotes or
//!   not.
//! - Only lines that assign a setting of this server count; whatever else stands in the file is
//!   passed over.
//! - No error holds text of the file but a setting's name: lines hold secrets.
//!
//! `scripts/lib/settings.sh` reads the same format; `tests/it/dot_env.rs` holds the two together.

use std::fmt;
use std::io;

use super::variables::is_setting;

/// `.env` is there but cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DotEnvError {
    /// The file cannot be opened or read.
    #[error("the file .env cannot be read")]
    Unreadable(#[source] io::Error),
    /// It holds NUL bytes.
    #[error("the file .env is not text in UTF-8; save it in that encoding (UTF-16 cannot be read)")]
    NotText,
    /// Lines that assign a setting and cannot be used, in the order of the file; never empty.
    #[error("the file .env cannot be used{}", Lines(.0))]
    Malformed(Vec<LineError>),
}

/// What is wrong with one line of `.env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Counted from 1.
    pub line: usize,
    /// The setting that the line names.
    pub name: String,
    /// What is wrong, and what to write instead; without the value.
    pub what: String,
}

struct Lines<'a>(&'a [LineError]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for LineError { line, name, what } in self.0 {
            write!(f, "\n  line {line}: {name} {what}")?;
        }
        Ok(())
    }
}

/// The settings that the text of a `.env` file assigns, in its order. An assignment of nothing is
/// there too.
pub(super) fn parse(text: &[u8]) -> Result<Vec<(String, String)>, DotEnvError> {
    if text.contains(&0) {
        return Err(DotEnvError::NotText);
    }
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut settings: Vec<(String, String)> = Vec::new();
    let mut lines_of: Vec<usize> = Vec::new();
    let mut errors = Vec::new();
    for (line, bytes) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        // What is not UTF-8 becomes U+FFFD here, so that the names around it are still found.
        let content = String::from_utf8_lossy(bytes);
        let Some((name, rest)) = setting_of(&content) else {
            continue;
        };
        let mut refuse = |what: String| {
            let name = name.to_owned();
            errors.push(LineError { line, name, what });
        };
        if let Some(first) = settings.iter().position(|(known, _)| known == name) {
            let first = lines_of[first];
            refuse(format!(
                "stands in line {first} already; keep one of the two"
            ));
            continue;
        }
        let value = if std::str::from_utf8(bytes).is_err() {
            Err("has a value that is not UTF-8; save the file in that encoding")
        } else {
            value_of(rest)
        };
        match value {
            Ok(value) => {
                settings.push((name.to_owned(), value.to_owned()));
                lines_of.push(line);
            }
            Err(what) => refuse(what.to_owned()),
        }
    }
    if errors.is_empty() {
        Ok(settings)
    } else {
        Err(DotEnvError::Malformed(errors))
    }
}

/// The setting that a line begins with, `export` left out, and what follows its name.
fn setting_of(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_ascii();
    let line = match line.strip_prefix("export") {
        Some(rest) if rest.starts_with(|after: char| after.is_ascii_whitespace()) => {
            rest.trim_ascii_start()
        }
        _ => line,
    };
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let end = line
        .find(|letter| !is_of_name(letter))
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    is_setting(name).then(|| (name, rest.trim_ascii_start()))
}

/// What stands behind the `=`. A quoted value ends at the next quote of its kind, another one at a
/// comment.
fn value_of(rest: &str) -> Result<&str, &'static str> {
    let text = rest
        .strip_prefix('=')
        .ok_or("is not followed by =; write NAME=value")?
        .trim_ascii_start();
    let quote = text
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''));
    let Some(quote) = quote else {
        return Ok(without_comment(text));
    };
    let (value, after) = text[1..]
        .split_once(quote)
        .ok_or("has an opening quote without a closing one in the same line")?;
    let after = after.trim_ascii_start();
    if after.is_empty() || after.starts_with('#') {
        Ok(value)
    } else {
        Err("has text behind the closing quote; put the whole value into quotes of the other kind")
    }
}

/// An unquoted value up to a `#` at its beginning or behind white space.
fn without_comment(text: &str) -> &str {
    let is_comment = |at: &(usize, &str)| {
        let before = text[..at.0].chars().next_back();
        before.is_none_or(|letter| letter.is_ascii_whitespace())
    };
    let end = text
        .match_indices('#')
        .find(is_comment)
        .map_or(text.len(), |(at, _)| at);
    text[..end].trim_ascii_end()
}
