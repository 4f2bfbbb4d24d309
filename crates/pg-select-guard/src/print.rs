//! Deparses an accepted tree into the text that runs, and maps its error positions back to the
//! client's text.

use std::sync::Arc;

use pg_query::protobuf::ParseResult;

use super::refusal::Refusal;

/// Fields of the tree that describe the source text and not the meaning of the statement.
const LOCATION_FIELDS: [&[u8]; 9] = [
    br#""location""#,
    br#""name_location""#,
    br#""arg_location""#,
    br#""stmt_location""#,
    br#""stmt_len""#,
    br#""list_start""#,
    br#""list_end""#,
    br#""rexpr_list_start""#,
    br#""rexpr_list_end""#,
];

/// Maps byte offsets of a deparsed text to byte offsets of the original text, for the location of
/// each node. The pairs are sorted by the deparsed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SourceMap(Option<Arc<[(u32, u32)]>>);

impl SourceMap {
    pub(super) const fn none() -> Self {
        Self(None)
    }

    fn new(mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup_by_key(|(deparsed, _)| *deparsed);
        Self(Some(pairs.into()))
    }

    /// The byte offset in the original text of the node at a byte offset of the deparsed text.
    pub(super) fn original_byte(&self, deparsed: usize) -> Option<usize> {
        let pairs = self.0.as_deref()?;
        let deparsed = u32::try_from(deparsed).ok()?;
        let found = pairs
            .binary_search_by_key(&deparsed, |(offset, _)| *offset)
            .ok()?;
        pairs
            .get(found)
            .and_then(|(_, original)| usize::try_from(*original).ok())
    }

    /// The memory that the map takes.
    pub(super) fn bytes(&self) -> usize {
        self.0.as_deref().map_or(0, std::mem::size_of_val)
    }
}

/// Deparses a tree and verifies the text: it is parsed again, and the trees must be equal.
///
/// Without this check a statement could run that the guard has not accepted. The deparser of
/// pg_query 18.1 writes some names without quotes (`OVER "(), version() --"`), drops arguments, and
/// prints `bpchar` as `char`.
pub(super) fn deparse_verified(tree: &ParseResult) -> Result<(String, SourceMap), Refusal> {
    let sql = pg_query::deparse(tree, pg_query::DeparseOptions::default())
        .map_err(|_| Refusal::unprintable())?;
    let reparsed = pg_query::parse(&sql, 0)
        .map_err(|_| Refusal::unprintable())?
        .protobuf;
    let json = |tree| serde_json::to_vec(tree).map_err(|_| Refusal::unprintable());
    let mut pairs = Vec::new();
    if trees_match(&json(tree)?, &json(&reparsed)?, &mut pairs) {
        Ok((sql, SourceMap::new(pairs)))
    } else {
        Err(Refusal::unprintable())
    }
}

/// Whether two trees are equal except for their location fields. `pairs` collects the locations of
/// nodes: the offset in the second tree's text, then the one in the first tree's text.
///
/// Both trees are given as JSON and compared token by token. As values in memory they took
/// thousands of times the statement's length.
fn trees_match(original: &[u8], deparsed: &[u8], pairs: &mut Vec<(u32, u32)>) -> bool {
    let (mut original, mut deparsed) = (JsonTokens(original), JsonTokens(deparsed));
    loop {
        let (one, other) = (original.next(), deparsed.next());
        if one != other {
            return false;
        }
        let Some(token) = one else { return true };
        // A colon follows a key, but not a string value of the same letters.
        if !(LOCATION_FIELDS.contains(&token)
            && original.0.starts_with(b":")
            && deparsed.0.starts_with(b":"))
        {
            continue;
        }
        let number = |tokens: &mut JsonTokens<'_>| -> Option<u32> {
            std::str::from_utf8(tokens.nth(1)?).ok()?.parse().ok()
        };
        let pair = number(&mut deparsed).zip(number(&mut original));
        pairs.extend(pair.filter(|_| token == LOCATION_FIELDS[0]));
    }
}

/// The tokens of a JSON text without white space.
struct JsonTokens<'a>(&'a [u8]);

impl<'a> Iterator for JsonTokens<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let length = match self.0.first()? {
            b'"' => {
                let mut is_escaped = false;
                let end = self.0[1..].iter().position(|byte| {
                    let ends = *byte == b'"' && !is_escaped;
                    is_escaped = *byte == b'\\' && !is_escaped;
                    ends
                });
                end.map_or(self.0.len(), |end| end + 2)
            }
            b'{' | b'}' | b'[' | b']' | b':' | b',' => 1,
            _ => {
                let end = self.0.iter().position(|byte| b",:]}".contains(byte));
                end.unwrap_or(self.0.len())
            }
        };
        let (token, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(token)
    }
}
