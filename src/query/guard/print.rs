use std::sync::Arc;

use pg_query::protobuf::ParseResult;
use serde_json::Value;

use super::refusal::Refusal;

/// What the parser notes about the text and not about its meaning.
const PLACES: [&str; 9] = [
    "location",
    "name_location",
    "arg_location",
    "stmt_location",
    "stmt_len",
    "list_start",
    "list_end",
    "rexpr_list_start",
    "rexpr_list_end",
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
    let value = |tree| serde_json::to_value(tree).map_err(|_| Refusal::unprintable());
    let mut places = Vec::new();
    if same(&value(tree)?, &value(&again)?, &mut places) {
        Ok((sql, Places::of(places)))
    } else {
        Err(Refusal::unprintable())
    }
}

/// Whether two trees mean the same; on the way, where the parts of the second stand in the text of the first.
fn same(original: &Value, printed: &Value, places: &mut Vec<(u32, u32)>) -> bool {
    match (original, printed) {
        (Value::Object(original), Value::Object(printed)) => {
            let place = |fields: &serde_json::Map<String, Value>| {
                let place = fields.get("location")?.as_i64()?;
                u32::try_from(place).ok()
            };
            places.extend(place(printed).zip(place(original)));
            let meaning = |name: &String| !PLACES.contains(&name.as_str());
            let fields = |fields: &serde_json::Map<String, Value>| {
                fields.keys().filter(|name| meaning(name)).count()
            };
            fields(original) == fields(printed)
                && original
                    .iter()
                    .filter(|(name, _)| meaning(name))
                    .all(|(name, value)| {
                        printed
                            .get(name)
                            .is_some_and(|other| same(value, other, places))
                    })
        }
        (Value::Array(original), Value::Array(printed)) => {
            original.len() == printed.len()
                && original
                    .iter()
                    .zip(printed)
                    .all(|(original, printed)| same(original, printed, places))
        }
        (original, printed) => original == printed,
    }
}
