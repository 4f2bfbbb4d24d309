//! Finds the names of stores, categories and product types that resemble one that does not exist.

use super::text_rows::TextRows;
use crate::query::guard::hints::{ComparedName, Folding, NamedEntity};

/// The minimum similarity (Jaro-Winkler) of a suggestion.
const MIN_SIMILARITY: f64 = 0.88;

/// A shorter value is not searched for within names.
const MIN_PART_BYTES: usize = 3;

/// How many similar names are suggested.
const MAX_SUGGESTED: usize = 3;

/// How many names are listed when none is similar.
const MAX_LISTED: usize = 12;

/// A name that a statement compares with and that nothing visible to the caller has.
#[derive(Debug)]
pub struct UnknownName {
    /// The name, as in the statement.
    pub compared: ComparedName,
    /// Names to use instead.
    pub suggestion: NameSuggestion,
}

/// Names that exist, as alternatives to one that does not.
#[derive(Debug)]
pub enum NameSuggestion {
    /// Equal or similar names of the same kind, best match first; at least one.
    Similar(Vec<String>),
    /// An equal or similar name of another kind.
    OtherKind(NamedEntity, String),
    /// All names of the kind, of which none is similar.
    All(Vec<String>),
    /// None is similar, and there are too many to list.
    Unlisted,
}

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

    /// The name and what to use instead; `None` when the name exists.
    pub(super) fn unknown_name(&self, compared: &ComparedName) -> Option<UnknownName> {
        let ComparedName {
            entity,
            folding,
            value,
        } = compared;
        let matches = |name: &str| match folding {
            Folding::None => name == value,
            Folding::Lower => name.to_lowercase() == *value,
            Folding::Upper => name.to_uppercase() == *value,
        };
        if self.names_of(*entity).any(matches) {
            return None;
        }
        Some(UnknownName {
            compared: compared.clone(),
            suggestion: self.suggestion(*entity, value),
        })
    }

    fn names_of(&self, named: NamedEntity) -> impl Iterator<Item = &str> {
        let names = self.0.iter().filter(move |(other, _)| *other == named);
        names.map(|(_, name)| name.as_str())
    }

    fn suggestion(&self, entity: NamedEntity, value: &str) -> NameSuggestion {
        let others = || {
            NamedEntity::ALL
                .into_iter()
                .filter(|other| *other != entity)
        };
        let is_equal = |name: &&str| normalized(name) == normalized(value);
        if let Some(name) = self.names_of(entity).find(is_equal) {
            return NameSuggestion::Similar(vec![name.to_owned()]);
        }
        // An equal name of another kind is a better suggestion than a similar one of this kind.
        let equal = others().find_map(|other| Some((other, self.names_of(other).find(is_equal)?)));
        if let Some((other, name)) = equal {
            return NameSuggestion::OtherKind(other, name.to_owned());
        }
        let similar: Vec<String> = self
            .most_similar(entity, value)
            .map(str::to_owned)
            .collect();
        if !similar.is_empty() {
            return NameSuggestion::Similar(similar);
        }
        let similar =
            others().find_map(|other| Some((other, self.most_similar(other, value).next()?)));
        if let Some((other, name)) = similar {
            return NameSuggestion::OtherKind(other, name.to_owned());
        }
        let names: Vec<String> = self.names_of(entity).map(str::to_owned).collect();
        if names.len() <= MAX_LISTED {
            NameSuggestion::All(names)
        } else {
            NameSuggestion::Unlisted
        }
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

/// The letters and digits of a name, in lower case. Users vary the other characters.
fn normalized(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
