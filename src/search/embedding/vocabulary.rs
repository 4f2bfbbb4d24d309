//! The tokenizer's tables, read from `l2_supercat_tokenizer_config.json`.
//!
//! Invariant: every id a [`Vocabulary`] gives out is below the number of rows it was read for.
//!
//! The file must be the published one, byte for byte: other tables would cut words elsewhere, and
//! vectors made with them would be compared with stored ones as if they meant the same. As its
//! layout is thereby known (one entry a line), it is read line by line, without a JSON tree.
use std::{borrow::Cow, collections::HashMap, str};

use sha2::{Digest, Sha256};

use super::error::ModelFileError;

/// Length of the published file.
pub(super) const FILE_BYTES: u64 = 1_842_796;

/// SHA-256 of the published file: `sha256sum l2_supercat_tokenizer_config.json`, from the wheel
/// `wordllama` 0.4.0.post1.
const FILE_SHA256: [u8; 32] = [
    0x93, 0x24, 0x8f, 0x2a, 0x9e, 0xc3, 0x6c, 0x7b, 0x35, 0xf7, 0x00, 0xa0, 0x33, 0xd5, 0xf3, 0x62,
    0x28, 0xaa, 0xe4, 0x8d, 0xb6, 0x1a, 0xee, 0x31, 0x00, 0x7f, 0xa4, 0x90, 0x62, 0xcd, 0xeb, 0x68,
];

/// Maps characters, bytes and pairs of adjacent tokens to tokens.
///
/// Ids and ranks fit 16 bits (32,000 and 61,249), so a merge takes 8 bytes and a sorted slice is
/// smaller than a hash map and quick enough: 16 steps.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// Tokens of one character, sorted by it.
    characters: Box<[(char, u16)]>,
    /// The token of each byte, for characters without a token.
    bytes: Box<[u16; 256]>,
    /// Sorted by left and right token.
    merges: Box<[(u16, u16, Merge)]>,
}

/// The token that replaces two adjacent ones.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merge {
    /// Merges of a lower rank apply first.
    pub(super) rank: u16,
    /// The token that replaces both.
    pub(super) token: u16,
}

impl Vocabulary {
    /// The token for `character` alone, if there is one.
    pub(super) fn character(&self, character: char) -> Option<u16> {
        let found = self
            .characters
            .binary_search_by_key(&character, |&(key, _)| key);
        found.ok().map(|index| self.characters[index].1)
    }

    /// The token for one byte of a character without a token.
    pub(super) fn byte(&self, byte: u8) -> u16 {
        self.bytes[usize::from(byte)]
    }

    /// The merge of `left` followed by `right`, if there is one.
    pub(super) fn merge(&self, left: u16, right: u16) -> Option<Merge> {
        let found = self
            .merges
            .binary_search_by_key(&(left, right), |&(left, right, _)| (left, right));
        found.ok().map(|index| self.merges[index].2)
    }
}

/// Reads the published file; ids of `rows` or more are rejected.
pub(super) fn read(file: &[u8], rows: u16) -> Result<Vocabulary, ModelFileError> {
    if Sha256::digest(file).as_slice() != FILE_SHA256 {
        return Err(ModelFileError::Checksum);
    }
    let text = str::from_utf8(file).map_err(|_| ModelFileError::Checksum)?;
    parse(text, rows)
}

fn parse(text: &str, rows: u16) -> Result<Vocabulary, ModelFileError> {
    let mut lines = Lines::new(text);
    lines.skip_past(r#""vocab": {"#)?;
    let mut ids: HashMap<Cow<'_, str>, u16> = HashMap::with_capacity(usize::from(rows));
    while let Some(entry) = lines.next_until("}")? {
        let (token, id) = parse_token(entry)
            .filter(|&(_, id)| id < rows)
            .ok_or(lines.error())?;
        ids.insert(token, id);
    }

    lines.skip_past(r#""merges": ["#)?;
    let mut merges = Vec::with_capacity(2 * usize::from(rows));
    let mut joined = String::new();
    while let Some(entry) = lines.next_until("]")? {
        let merge = parse_merge(entry, merges.len(), &ids, &mut joined).ok_or(lines.error())?;
        merges.push(merge);
    }
    merges.sort_unstable_by_key(|&(left, right, _)| (left, right));

    let mut characters: Vec<(char, u16)> = ids
        .iter()
        .filter_map(|(token, &id)| Some((single_character(token)?, id)))
        .collect();
    characters.sort_unstable();

    let mut bytes = Box::new([0; 256]);
    for (byte, id) in bytes.iter_mut().enumerate() {
        let name = format!("<0x{byte:02X}>");
        *id = *ids.get(name.as_str()).ok_or(lines.error())?;
    }
    Ok(Vocabulary {
        characters: characters.into(),
        bytes,
        merges: merges.into(),
    })
}

/// Reads `"token": 17`.
fn parse_token(entry: &str) -> Option<(Cow<'_, str>, u16)> {
    let (token, id) = entry.rsplit_once(": ")?;
    Some((unquote_json(token)?, id.parse().ok()?))
}

/// Reads `"left right"`. The rank of a merge is its index in the list.
fn parse_merge(
    entry: &str,
    rank: usize,
    ids: &HashMap<Cow<'_, str>, u16>,
    joined: &mut String,
) -> Option<(u16, u16, Merge)> {
    let pair = unquote_json(entry)?;
    let (left, right) = pair.split_once(' ')?;
    joined.clear();
    joined.push_str(left);
    joined.push_str(right);
    let merge = Merge {
        rank: u16::try_from(rank).ok()?,
        token: *ids.get(joined.as_str())?,
    };
    Some((*ids.get(left)?, *ids.get(right)?, merge))
}

/// The character of a token that has only one.
fn single_character(token: &str) -> Option<char> {
    let mut characters = token.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// Removes the quotes and the escapes of a JSON string. The file has three kinds of escape.
fn unquote_json(quoted: &str) -> Option<Cow<'_, str>> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                escaped @ ('"' | '\\') => escaped,
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(Cow::Owned(plain))
}

/// The file's lines, counted for the error.
struct Lines<'file> {
    lines: str::Lines<'file>,
    number: usize,
}

impl<'file> Lines<'file> {
    fn new(text: &'file str) -> Self {
        Self {
            lines: text.lines(),
            number: 0,
        }
    }

    fn error(&self) -> ModelFileError {
        ModelFileError::Line { line: self.number }
    }

    /// The next line without indentation.
    fn next(&mut self) -> Result<&'file str, ModelFileError> {
        self.number += 1;
        let line = self.lines.next().ok_or(self.error())?;
        Ok(line.trim_ascii())
    }

    fn skip_past(&mut self, opening: &str) -> Result<(), ModelFileError> {
        while self.next()? != opening {}
        Ok(())
    }

    /// The next entry without its comma, or `None` at the line that closes the list.
    fn next_until(&mut self, closing: &str) -> Result<Option<&'file str>, ModelFileError> {
        let line = self.next()?;
        let entry = line.strip_suffix(',').unwrap_or(line);
        Ok(Some(entry).filter(|&entry| entry != closing))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    /// A file with all byte tokens, `entries` in its vocabulary and `merges` in its merges.
    fn file(entries: &str, merges: &str) -> String {
        let mut text = String::from("{\n \"model\": {\n  \"vocab\": {\n");
        for byte in 0..=255 {
            writeln!(text, "\"<0x{byte:02X}>\": {},", 100 + byte).expect("a String takes all");
        }
        write!(text, "{entries}\n}},\n\"merges\": [\n{merges}\n]\n}}\n}}")
            .expect("a String takes all");
        text
    }

    #[test]
    fn published_layout_is_parsed() {
        let text = file(
            "\"a\": 0,\n\"\\\\\": 1,\n\"a\\\\\": 2,\n\": \": 3,\n\"\\\"\": 4",
            "\"a \\\\\"",
        );
        let vocabulary = parse(&text, 400).unwrap();
        assert_eq!(vocabulary.character('a'), Some(0));
        assert_eq!(vocabulary.character('\\'), Some(1));
        assert_eq!(vocabulary.character('"'), Some(4));
        assert_eq!(vocabulary.character('b'), None);
        assert_eq!(vocabulary.byte(0xff), 355);
        let merge = vocabulary.merge(0, 1).unwrap();
        assert_eq!((merge.rank, merge.token), (0, 2));
        assert!(vocabulary.merge(1, 0).is_none());
    }

    #[track_caller]
    fn check_rejected(text: &str, line: usize) {
        assert_eq!(parse(text, 400).unwrap_err(), ModelFileError::Line { line });
    }

    #[test]
    fn malformed_lines_are_rejected_by_number() {
        check_rejected("", 1);
        check_rejected("{\"model\": 1}", 2);
        check_rejected("\"vocab\": {", 2); //                             ends within the vocabulary
        check_rejected("\"vocab\": {\n}\n", 3); //                        no merges
        check_rejected("\"vocab\": {\n}\n\"merges\": [\n]", 4); //        no byte tokens
        check_rejected("\"vocab\": {\n\"a\": 400\n}", 2); //              id beyond the table
        check_rejected("\"vocab\": {\n\"a\": -1\n}", 2);
        check_rejected("\"vocab\": {\n\"a\": 99999999999\n}", 2);
        check_rejected("\"vocab\": {\n\"a\" 1\n}", 2);
        check_rejected("\"vocab\": {\n\": 1\n}", 2); //                   one quote
        check_rejected("\"vocab\": {\n\"\\x\": 1\n}", 2); //              unknown escape
        check_rejected("\"vocab\": {\n\"\\\": 1\n}", 2); //               escape at the end
        check_rejected(&file("\"a\": 0", "\"aa\""), 263); //              no second half
        check_rejected(&file("\"a\": 0", "\"a b\""), 263); //             half is no token
        check_rejected(&file("\"a\": 0", "\"a a\""), 263); //             result is no token
    }

    #[test]
    fn other_bytes_fail_the_checksum() {
        assert_eq!(read(b"{}", 1).unwrap_err(), ModelFileError::Checksum);
        assert_eq!(read(&[0xff; 64], 1).unwrap_err(), ModelFileError::Checksum);
    }
}
