//! The columns of a query's result, or of a range table entry.

use std::collections::HashMap;

use super::bound::{Bound, Parts};

/// Bytes of a field of a row beside its name and its value.
const FIELD_OVERHEAD_BYTES: usize = 24;

/// A column and the bound of its values.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) bound: Bound,
    /// Whether the column certainly exists. The columns of some functions in FROM are known only to
    /// PostgreSQL.
    must_exist: bool,
}

impl Column {
    pub(super) fn new(name: impl Into<String>, bound: Bound) -> Self {
        Self {
            name: name.into(),
            bound,
            must_exist: true,
        }
    }

    /// A column that may or may not exist.
    pub(super) fn may_exist(name: impl Into<String>, bound: Bound) -> Self {
        Self {
            must_exist: false,
            ..Self::new(name, bound)
        }
    }
}

/// Columns, in their order if all of them are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    all: Vec<Column>,
    /// Lookup by name. Only range table entries have one, as every column reference of the query
    /// consults it.
    index: Option<Index>,
}

#[derive(Clone, Debug)]
struct Index {
    by_name: HashMap<String, ColumnMatch>,
    largest: Bound,
}

/// All columns of one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnMatch {
    pub(super) bound: Bound,
    /// Whether at least one of them certainly exists.
    pub(super) must_exist: bool,
}

impl ColumnMatch {
    pub(super) fn combine(self, other: Self) -> Self {
        Self {
            bound: self.bound.with_sibling(other.bound),
            must_exist: self.must_exist || other.must_exist,
        }
    }
}

impl Columns {
    pub(super) fn push(&mut self, column: Column) {
        self.index = None;
        self.all.push(column);
    }

    pub(super) fn extend(&mut self, columns: impl IntoIterator<Item = Column>) {
        self.index = None;
        self.all.extend(columns);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Column> {
        self.all.iter()
    }

    pub(super) fn bounds(&self) -> impl Iterator<Item = Bound> {
        self.all.iter().map(|column| column.bound)
    }

    /// Builds the lookup by name. The columns do not change afterwards.
    pub(super) fn index(&mut self) {
        let mut by_name: HashMap<String, ColumnMatch> = HashMap::with_capacity(self.all.len());
        for Column {
            name,
            bound,
            must_exist,
        } in &self.all
        {
            let found = ColumnMatch {
                bound: *bound,
                must_exist: *must_exist,
            };
            by_name
                .entry(name.clone())
                .and_modify(|other| *other = other.combine(found))
                .or_insert(found);
        }
        self.index = Some(Index {
            by_name,
            largest: self.largest(),
        });
    }

    /// Number of columns, counting those that may exist.
    pub(super) fn max_count(&self) -> usize {
        self.all.len()
    }

    /// Number of columns, if all of them certainly exist.
    pub(super) fn exact_count(&self) -> Option<usize> {
        self.all
            .iter()
            .all(|column| column.must_exist)
            .then_some(self.all.len())
    }

    /// Renames the first columns, as an alias list does.
    pub(super) fn rename(&mut self, new_names: &[&str]) {
        self.index = None;
        if self.exact_count().is_some() {
            for (column, name) in self.all.iter_mut().zip(new_names) {
                (*name).clone_into(&mut column.name);
            }
        } else {
            let largest = self.largest();
            self.extend(new_names.iter().map(|name| Column::new(*name, largest)));
        }
    }

    /// The bound of the column at a position, counted from 1.
    pub(super) fn at_position(&self, position: u64) -> Option<Bound> {
        if self.exact_count().is_none() {
            return Some(self.largest());
        }
        let position = usize::try_from(position).ok()?.checked_sub(1)?;
        self.all.get(position).map(|column| column.bound)
    }

    /// The columns of this name, combined.
    pub(super) fn find(&self, name: &str) -> Option<ColumnMatch> {
        if let Some(index) = &self.index {
            return index.by_name.get(name).copied();
        }
        let found = self.all.iter().filter(|column| column.name == name);
        found
            .map(|column| ColumnMatch {
                bound: column.bound,
                must_exist: column.must_exist,
            })
            .reduce(ColumnMatch::combine)
    }

    /// Replaces each bound by `combine` of it and the bound at the same position of `others`.
    pub(super) fn merge(&mut self, others: &Self, mut combine: impl FnMut(Bound, Bound) -> Bound) {
        self.index = None;
        let largest = others.largest();
        let is_known = self.exact_count().is_some() && others.exact_count().is_some();
        for (position, column) in self.all.iter_mut().enumerate() {
            let other = match others.all.get(position) {
                Some(other) if is_known => other.bound,
                _ => largest,
            };
            column.bound = combine(column.bound, other);
        }
    }

    /// The largest bound of all columns, for a name that cannot be resolved.
    pub(super) fn largest(&self) -> Bound {
        if let Some(index) = &self.index {
            return index.largest;
        }
        self.bounds().fold(Bound::leaf(0), Bound::either)
    }

    /// The whole row as one value; as JSON it contains the name of each column.
    pub(super) fn row_bound(&self) -> Bound {
        let parts: Parts = self.bounds().collect();
        let names = self
            .all
            .iter()
            .map(|column| column.name.len() + FIELD_OVERHEAD_BYTES);
        let names = u64::try_from(names.sum::<usize>()).unwrap_or(u64::MAX);
        let value = parts.total_bytes.saturating_mul(2).saturating_add(names);
        Bound::parent(parts.combined, value)
    }

    /// Sum of the sizes of a row's values. All columns that may exist count as one, the longest.
    pub(super) fn row_bytes(&self) -> u64 {
        let (certain, possible): (Vec<&Column>, Vec<&Column>) =
            self.all.iter().partition(|column| column.must_exist);
        let value = |column: &&Column| column.bound.max_bytes;
        let possible = possible.iter().map(value).fold(0, u64::max);
        certain
            .iter()
            .map(value)
            .fold(possible, u64::saturating_add)
    }

    /// Replaces each bound.
    pub(super) fn map_bounds(&mut self, change: impl Fn(Bound) -> Bound) {
        self.index = None;
        for column in &mut self.all {
            column.bound = change(column.bound);
        }
    }

    /// Puts the columns behind an optimization fence: references read values from now on.
    pub(super) fn fence(&mut self) {
        self.map_bounds(Bound::fenced);
    }
}
