//! Parses a `.env` file into names and literal values.
//!
//! Knows the format; must not know what the values mean.
//!
//! Invariants:
//! - a value is taken literally: there are no `$` substitutions and no backslash escapes, quoted or
//!   not;
//! - only lines that assign a setting of this server are read; all other lines are ignored;
//! - the only part of the file that an error contains is a setting's name, because lines hold
//!   secrets.
//!
//! `scripts/lib/settings.sh` parses the same format; `tests/it/dot_env.rs` compares the two.

use std::fmt;
use std::io;

use super::variables::is_setting;

/// Why an existing `.env` file could not be read or parsed.
#[derive(Debug, thiserror::Error)]
pub enum DotEnvError {
    /// The file cannot be opened or read.
    #[error("the file .env could not be read")]
    Unreadable(#[source] io::Error),
    /// The file contains NUL bytes, as UTF-16 does.
    #[error("the file .env is not UTF-8 text; save it as UTF-8 (UTF-16 is not supported)")]
    NotText,
    /// Malformed lines that assign a setting, in the order of the file; never empty.
    #[error("the file .env is malformed{}", Lines(.0))]
    Malformed(Vec<LineError>),
}

/// One malformed line of `.env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Line number, counted from 1.
    pub line: usize,
    /// The setting that the line names.
    pub name: String,
    /// What is wrong, and how to fix it; never contains the value.
    pub message: String,
}

struct Lines<'a>(&'a [LineError]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for LineError {
            line,
            name,
            message,
        } in self.0
        {
            write!(f, "\n  line {line}: {name} {message}")?;
        }
        Ok(())
    }
}

/// Parses the text of a `.env` file: its settings in the order of the file, including empty ones.
pub(super) fn parse(text: &[u8]) -> Result<Vec<(String, String)>, DotEnvError> {
    if text.contains(&0) {
        return Err(DotEnvError::NotText);
    }
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut settings: Vec<(String, String)> = Vec::new();
    // The line number of each setting.
    let mut setting_lines: Vec<usize> = Vec::new();
    let mut errors = Vec::new();
    for (line, bytes) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        // Replaces invalid UTF-8 by U+FFFD, so that the setting's name is still found.
        let content = String::from_utf8_lossy(bytes);
        let Some((name, rest)) = split_setting(&content) else {
            continue;
        };
        let mut add_error = |message: String| {
            errors.push(LineError {
                line,
                name: name.to_owned(),
                message,
            });
        };
        if let Some(first) = settings.iter().position(|(known, _)| known == name) {
            let first = setting_lines[first];
            add_error(format!("is already set in line {first}; keep only one"));
            continue;
        }
        let value = if std::str::from_utf8(bytes).is_err() {
            Err("is not valid UTF-8; save the file as UTF-8")
        } else {
            parse_value(rest)
        };
        match value {
            Ok(value) => {
                settings.push((name.to_owned(), value.to_owned()));
                setting_lines.push(line);
            }
            Err(message) => add_error(message.to_owned()),
        }
    }
    if errors.is_empty() {
        Ok(settings)
    } else {
        Err(DotEnvError::Malformed(errors))
    }
}

/// Splits a line into the name of a setting, without `export`, and the text after the name. `None`
/// if the line does not begin with a setting of this server.
fn split_setting(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_ascii();
    let line = match line.strip_prefix("export") {
        Some(rest) if rest.starts_with(|after: char| after.is_ascii_whitespace()) => {
            rest.trim_ascii_start()
        }
        _ => line,
    };
    let is_name_character = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let end = line
        .find(|letter| !is_name_character(letter))
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    is_setting(name).then(|| (name, rest.trim_ascii_start()))
}

/// Parses `=` and the value after it. A quoted value ends at the next quote of the same kind, an
/// unquoted one at a comment.
fn parse_value(rest: &str) -> Result<&str, &'static str> {
    let text = rest
        .strip_prefix('=')
        .ok_or("is not followed by `=`; write NAME=value")?
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
        .ok_or("has no closing quote in the same line")?;
    let after = after.trim_ascii_start();
    if after.is_empty() || after.starts_with('#') {
        Ok(value)
    } else {
        Err("has text after the closing quote; quote the whole value with the other kind of quotes")
    }
}

/// Removes a comment from an unquoted value: a `#` at its beginning or after white space.
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
