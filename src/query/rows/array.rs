//! Converts the text form of an array to a JSON array.
//!
//! The text form: <https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO>.

use std::borrow::Cow;

use super::form::Scalar;
use super::value;

/// The maximum number of dimensions of an array (`MAXDIM` in PostgreSQL).
const MAX_DIMENSIONS: usize = 6;

/// Appends an array as a JSON array, nested by dimension. Returns `false` and appends nothing when
/// the text is not the text form of an array.
pub(super) fn write(element: Scalar, delimiter: u8, text: &str, json: &mut String) -> bool {
    let before = json.len();
    let mut reader = Reader {
        element,
        delimiter: char::from(delimiter),
        rest: strip_bounds(text),
        json,
    };
    let is_array = reader.dimension(1).is_some() && reader.rest.is_empty();
    if !is_array {
        json.truncate(before);
    }
    is_array
}

/// Removes the bounds: an array with lower bounds other than 1 starts with them, as in
/// `[2:3]={1,2}`. JSON arrays have no bounds.
fn strip_bounds(text: &str) -> &str {
    match text.split_once('=') {
        Some((bounds, body)) if bounds.starts_with('[') => body,
        _ => text,
    }
}

struct Reader<'t, 'j> {
    element: Scalar,
    delimiter: char,
    rest: &'t str,
    json: &'j mut String,
}

impl Reader<'_, '_> {
    /// Reads from `{` to the matching `}`. `None` when the text is malformed.
    fn dimension(&mut self, depth: usize) -> Option<()> {
        self.skip('{').filter(|()| depth <= MAX_DIMENSIONS)?;
        self.json.push('[');
        if self.skip('}').is_none() {
            loop {
                match self.rest.chars().next()? {
                    '{' => self.dimension(depth + 1)?,
                    '"' => self.quoted_element()?,
                    _ => self.unquoted_element()?,
                }
                if self.skip(self.delimiter).is_none() {
                    break;
                }
                self.json.push(',');
            }
            self.skip('}')?;
        }
        self.json.push(']');
        Some(())
    }

    /// Reads a quoted element, in which a backslash escapes quotes and backslashes.
    fn quoted_element(&mut self) -> Option<()> {
        self.skip('"')?;
        let mut unquoted = Cow::Borrowed("");
        loop {
            let (plain, rest) = self.rest.split_at(self.rest.find(['"', '\\'])?);
            unquoted += plain;
            let mut rest = rest.chars();
            let is_end = rest.next()? == '"';
            if !is_end {
                unquoted.to_mut().push(rest.next()?);
            }
            self.rest = rest.as_str();
            if is_end {
                break;
            }
        }
        value::write_scalar(self.element, &unquoted, self.json);
        Some(())
    }

    /// Reads an unquoted element, which has no characters that need quotes.
    fn unquoted_element(&mut self) -> Option<()> {
        let end = self.rest.find([self.delimiter, '{', '}', '"', '\\'])?;
        let (element, rest) = self.rest.split_at(end);
        if element.is_empty() {
            return None;
        }
        self.rest = rest;
        if element == "NULL" {
            self.json.push_str("null");
        } else {
            value::write_scalar(self.element, element, self.json);
        }
        Some(())
    }

    fn skip(&mut self, character: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(character)?;
        Some(())
    }
}
