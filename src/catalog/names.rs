//! The names of stores, categories and product types, to suggest one where a statement compared
//! with a name that does not exist.

use super::text_rows::TextRows;
use crate::query::guard::hints::{ComparedName, Folding, NamedEntity};
use crate::query::guard::visible;

/// The similarity (Jaro-Winkler) from which a name is suggested.
const MIN_LIKENESS: f64 = 0.88;

/// A shorter part of a name is not compared.
const MIN_PART_BYTES: usize = 3;

/// The most names that are suggested, and that are listed when none is similar.
const MAX_SUGGESTED: usize = 3;
const MAX_LISTED: usize = 12;

/// The names of one tenant's view.
#[derive(Debug)]
pub(super) struct Names(Vec<(NamedEntity, String)>);

impl Names {
    /// From the rows of `read_names.sql`.
    pub(super) fn from_rows(rows: &TextRows) -> Self {
        let of = |named: NamedEntity| {
            let names = rows.of(named.column(), "");
            names.filter_map(move |row| Some((named, row.first()?.clone())))
        };
        Self(NamedEntity::ALL.into_iter().flat_map(of).collect())
    }

    /// `no category is called 'Power Tools'; did you mean 'POWER TOOLS'?`; `None` when there is
    /// one.
    pub(super) fn remark(&self, compared: &ComparedName) -> Option<String> {
        let ComparedName {
            entity: named,
            folding,
            value,
        } = compared;
        let is_called = |name: &str| match folding {
            Folding::None => name == value,
            Folding::Lower => name.to_lowercase() == *value,
            Folding::Upper => name.to_uppercase() == *value,
        };
        if self.names_of(*named).any(is_called) {
            return None;
        }
        let what = match folding {
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
            "{what}; {}",
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
        let other_kind = |other: NamedEntity, name: &str| {
            let (what, column) = (singular(other), other.column());
            format!("a {what} is: {column} = {}", quoted(name))
        };
        let same = |name: &&str| normalized(name) == normalized(value);
        if let Some(name) = self.names_of(named).find(same) {
            return format!("did you mean {}?", folded(name));
        }
        // A name of another kind that is the same says more than one of this kind that is alike.
        let found = others().find_map(|other| Some((other, self.names_of(other).find(same)?)));
        if let Some((other, name)) = found {
            return other_kind(other, name);
        }
        let near: Vec<String> = self.nearest(named, value).map(folded).collect();
        if !near.is_empty() {
            return format!("did you mean {}?", near.join(" or "));
        }
        let found = others().find_map(|other| Some((other, self.nearest(other, value).next()?)));
        if let Some((other, name)) = found {
            return other_kind(other, name);
        }
        let names: Vec<String> = self.names_of(named).map(folded).collect();
        if names.len() <= MAX_LISTED {
            return format!("there are {}", names.join(", "));
        }
        let table = match named {
            NamedEntity::Store => "retail.stores",
            NamedEntity::Category => "retail.categories",
            NamedEntity::ProductType => "retail.product_types",
        };
        format!("get_multiple_table_schemas of {table} lists them")
    }

    /// Names that hold the value or are held by it, or else are alike; the nearest first.
    fn nearest(&self, named: NamedEntity, value: &str) -> impl Iterator<Item = &str> {
        let value = normalized(value);
        let likeness = |name: &str| {
            let name = normalized(name);
            let holds =
                value.len() >= MIN_PART_BYTES && (name.contains(&value) || value.contains(&name));
            if holds {
                1.0
            } else {
                strsim::jaro_winkler(&name, &value)
            }
        };
        let mut near: Vec<(&str, f64)> = self
            .names_of(named)
            .map(|name| (name, likeness(name)))
            .filter(|(_, likeness)| *likeness >= MIN_LIKENESS)
            .collect();
        near.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        near.into_iter().map(|(name, _)| name).take(MAX_SUGGESTED)
    }
}

fn singular(named: NamedEntity) -> &'static str {
    match named {
        NamedEntity::Store => "store",
        NamedEntity::Category => "category",
        NamedEntity::ProductType => "product type",
    }
}

/// As a literal of SQL.
fn quoted(name: &str) -> String {
    format!("'{}'", visible(name).replace('\'', "''"))
}

/// The letters and digits of a name in lower case; people vary the rest.
fn normalized(name: &str) -> String {
    name.chars()
        .filter(|character| character.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}
