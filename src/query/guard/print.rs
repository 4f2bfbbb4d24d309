use std::sync::Arc;

use pg_query::protobuf::ParseResult;

use super::refusal::Refusal;

/// What the parser notes about the text and not about its meaning.
const PLACES: [&[u8]; 9] = [
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

/// Where parts of a printed text stood in the text that it was made of: bytes of both, in the order of the printed ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Places(Option<Arc<[(u32, u32)]>>);

impl Places {
    pub(super) const fn none() -> Self {
        Self(None)
    }

    fn of(mut pairs: Vec<(u32, u32)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup_by_key(|(printed, _)| *printed);
        Self(Some(pairs.into()))
    }

    /// The byte of the original text from which the part at a byte of the printed one came.
    pub(super) fn original(&self, printed: usize) -> Option<usize> {
        let places = self.0.as_deref()?;
        let printed = u32::try_from(printed).ok()?;
        let found = places
            .binary_search_by_key(&printed, |(place, _)| *place)
            .ok()?;
        places
            .get(found)
            .and_then(|(_, original)| usize::try_from(*original).ok())
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.as_deref().map_or(0, std::mem::size_of_val)
    }
}

/// Prints a tree, and proves that the text means that tree: it is read again and compared.
///
/// Without the proof a statement could run that nobody has judged. The printer of pg_query 18.1 writes some names without
/// quotes (`OVER "(), version() --"`), leaves out arguments, and prints `bpchar` as `char`.
pub(super) fn faithfully(tree: &ParseResult) -> Result<(String, Places), Refusal> {
    let sql = pg_query::deparse(tree, pg_query::DeparseOptions::default())
        .map_err(|_| Refusal::unprintable())?;
    let again = pg_query::parse(&sql, 0)
        .map_err(|_| Refusal::unprintable())?
        .protobuf;
    let json = |tree| serde_json::to_vec(tree).map_err(|_| Refusal::unprintable());
    let mut places = Vec::new();
    if same(&json(tree)?, &json(&again)?, &mut places) {
        Ok((sql, Places::of(places)))
    } else {
        Err(Refusal::unprintable())
    }
}

/// Whether two trees mean the same; on the way, where the parts of the second stand in the text of the first. Both are given as
/// the same types serialised, token by token: as values in memory they took thousands of times the statement's length.
fn same(original: &[u8], printed: &[u8], places: &mut Vec<(u32, u32)>) -> bool {
    let (mut original, mut printed) = (Tokens(original), Tokens(printed));
    loop {
        let (one, other) = (original.next(), printed.next());
        if one != other {
            return false;
        }
        let Some(token) = one else { return true };
        // A key is followed by a colon, a text of the same letters is not.
        if !(PLACES.contains(&token) && original.0.starts_with(b":") && printed.0.starts_with(b":"))
        {
            continue;
        }
        let number = |tokens: &mut Tokens<'_>| -> Option<u32> {
            std::str::from_utf8(tokens.nth(1)?).ok()?.parse().ok()
        };
        let pair = number(&mut printed).zip(number(&mut original));
        places.extend(pair.filter(|_| token == PLACES[0]));
    }
}

/// The tokens of a JSON text without white space.
struct Tokens<'a>(&'a [u8]);

impl<'a> Iterator for Tokens<'a> {
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
