//! An array's text form (<https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO>) → a JSON array.

use std::borrow::Cow;

use super::form::Scalar;
use super::value;

/// The most dimensions an array has (`MAXDIM` of PostgreSQL).
const MOST_DIMENSIONS: usize = 6;

/// Appends an array's text form as a JSON array, nested by dimension; `false`, with nothing appended, when it is not one.
pub(super) fn write(element: Scalar, delimiter: u8, text: &str, json: &mut String) -> bool {
    let before = json.len();
    let mut reader = Reader {
        element,
        delimiter: char::from(delimiter),
        rest: after_bounds(text),
        json,
    };
    let is_array = reader.dimension(1).is_some() && reader.rest.is_empty();
    if !is_array {
        json.truncate(before);
    }
    is_array
}

/// An array with other lower bounds than 1 begins with them: `[2:3]={1,2}`. JSON has no such thing.
fn after_bounds(text: &str) -> &str {
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
    /// From `{` to its `}`. `None` when the text is something else.
    fn dimension(&mut self, depth: usize) -> Option<()> {
        self.skip('{').filter(|()| depth <= MOST_DIMENSIONS)?;
        self.json.push('[');
        if self.skip('}').is_none() {
            loop {
                match self.rest.chars().next()? {
                    '{' => self.dimension(depth + 1)?,
                    '"' => self.quoted()?,
                    _ => self.bare()?,
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

    /// An element in quotes, where a backslash stands before a quote and before itself.
    fn quoted(&mut self) -> Option<()> {
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
        value::scalar(self.element, &unquoted, self.json);
        Some(())
    }

    /// An element without quotes: it holds nothing that would need them.
    fn bare(&mut self) -> Option<()> {
        let end = self.rest.find([self.delimiter, '{', '}', '"', '\\'])?;
        let (element, rest) = self.rest.split_at(end);
        if element.is_empty() {
            return None;
        }
        self.rest = rest;
        if element == "NULL" {
            self.json.push_str("null");
        } else {
            value::scalar(self.element, element, self.json);
        }
        Some(())
    }

    fn skip(&mut self, character: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(character)?;
        Some(())
    }
}
