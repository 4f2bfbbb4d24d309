//! Suggests the names of stores, categories and product types to a caller whose statement compared
//! with a name that does not exist.

use super::text_rows::TextRows;
use crate::query::guard::hints::{ComparedName, Folding, NamedEntity};
use crate::query::guard::visible;

/// The minimum similarity (Jaro-Winkler) of a suggestion.
const MIN_SIMILARITY: f64 = 0.88;

/// A shorter value is not searched for within names.
const MIN_PART_BYTES: usize = 3;

/// How many similar names are suggested.
const MAX_SUGGESTED: usize = 3;

/// How many names are listed when none is similar.
const MAX_LISTED: usize = 12;

/// The names that one tenant sees.
#[derive(Debug)]
pub(super) struct EntityNames(Vec<(NamedEntity, String)>);

impl EntityNames {
    /// Reads the result of `read_names.sql`.
    pub(super) fn from_rows(rows: &TextRows) -> Self {
        let names_of = |named: NamedEntity| {
            let names = rows.matching(named.column(), "");
            names.filter_map(move |row| Some((named, row.first()?.clone())))
        };
        Self(NamedEntity::ALL.into_iter().flat_map(names_of).collect())
    }

    /// `no category is called 'Power Tools'; did you mean 'POWER TOOLS'?`, or `None` when the name
    /// exists.
    pub(super) fn unknown_name_hint(&self, compared: &ComparedName) -> Option<String> {
        let ComparedName {
            entity: named,
            folding,
            value,
        } = compared;
        let matches = |name: &str| match folding {
            Folding::None => name == value,
            Folding::Lower => name.to_lowercase() == *value,
            Folding::Upper => name.to_uppercase() == *value,
        };
        if self.names_of(*named).any(matches) {
            return None;
        }
        let problem = match folding {
            Folding::None => format!("no {} is called {}", singular(*named), quoted(value)),
            Folding::Lower | Folding::Upper => format!(
                "no {} is called {} in {} case",
                singular(*named),
                quoted(value),
                if *folding == Folding::Lower {
                    "lower"
                } else {
                    "upper"
                }
            ),
        };
        Some(format!(
            "{problem}; {}",
            self.suggestion(*named, *folding, value)
        ))
    }

    fn names_of(&self, named: NamedEntity) -> impl Iterator<Item = &str> {
        let names = self.0.iter().filter(move |(other, _)| *other == named);
        names.map(|(_, name)| name.as_str())
    }

    fn suggestion(&self, named: NamedEntity, folding: Folding, value: &str) -> String {
        let folded = |name: &str| match folding {
            Folding::None => quoted(name),
            Folding::Lower => quoted(&name.to_lowercase()),
            Folding::Upper => quoted(&name.to_uppercase()),
        };
        let others = || NamedEntity::ALL.into_iter().filter(|other| *other != named);
        let suggest_other = |other: NamedEntity, name: &str| {
            let (kind, column) = (singular(other), other.column());
            format!("a {kind} is: {column} = {}", quoted(name))
        };
        let is_equal = |name: &&str| normalized(name) == normalized(value);
        if let Some(name) = self.names_of(named).find(is_equal) {
            return format!("did you mean {}?", folded(name));
        }
        // An equal name of another kind is a better suggestion than a similar one of this kind.
        let equal = others().find_map(|other| Some((other, self.names_of(other).find(is_equal)?)));
        if let Some((other, name)) = equal {
            return suggest_other(other, name);
        }
        let similar: Vec<String> = self.most_similar(named, value).map(folded).collect();
        if !similar.is_empty() {
            return format!("did you mean {}?", similar.join(" or "));
        }
        let similar =
            others().find_map(|other| Some((other, self.most_similar(other, value).next()?)));
        if let Some((other, name)) = similar {
            return suggest_other(other, name);
        }
        let names: Vec<String> = self.names_of(named).map(folded).collect();
        if names.len() <= MAX_LISTED {
            return format!("existing names: {}", names.join(", "));
        }
        let table = match named {
            NamedEntity::Store => "retail.stores",
            NamedEntity::Category => "retail.categories",
            NamedEntity::ProductType => "retail.product_types",
        };
        format!("get_multiple_table_schemas of {table} lists the names")
    }

    /// Names that contain the value or are contained in it, or are similar to it; best match first.
    fn most_similar(&self, named: NamedEntity, value: &str) -> impl Iterator<Item = &str> {
        let value = normalized(value);
        let similarity = |name: &str| {
            let name = normalized(name);
            let is_part =
                value.len() >= MIN_PART_BYTES && (name.contains(&value) || value.contains(&name));
            if is_part {
                1.0
            } else {
                strsim::jaro_winkler(&name, &value)
            }
        };
        let mut similar: Vec<(&str, f64)> = self
            .names_of(named)
            .map(|name| (name, similarity(name)))
            .filter(|(_, similarity)| *similarity >= MIN_SIMILARITY)
            .collect();
        similar.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        similar
            .into_iter()
            .map(|(name, _)| name)
            .take(MAX_SUGGESTED)
    }
}

fn singular(named: NamedEntity) -> &'static str {
    match named {
        NamedEntity::Store => "store",
        NamedEntity::Category => "category",
        NamedEntity::ProductType => "product type",
    }
}

/// The name as an SQL literal.
fn quoted(name: &str) -> String {
    format!("'{}'", visible(name).replace('\'', "''"))
}

/// The letters and digits of a name, in lower case. Users vary the other characters.
fn normalized(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
