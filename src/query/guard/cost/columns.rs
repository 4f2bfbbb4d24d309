//! The columns of a query's result, or of an item of FROM.

use std::collections::HashMap;

use super::bound::{Bound, Parts};

/// What a field of a row takes beside its name and its value.
const FIELD_OVERHEAD_BYTES: usize = 24;

/// A column and how large its values can be.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) bound: Bound,
    /// What some functions in FROM give only PostgreSQL knows: such a column may be there or not.
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

    /// A column that may be there.
    pub(super) fn may_exist(name: impl Into<String>, bound: Bound) -> Self {
        Self {
            must_exist: false,
            ..Self::new(name, bound)
        }
    }
}

/// Columns, in order where all of them are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    all: Vec<Column>,
    /// By name, once there is an index: of an item of FROM, which is asked for each name of the query.
    index: Option<Index>,
}

#[derive(Clone, Debug)]
struct Index {
    by_name: HashMap<String, ColumnMatch>,
    largest: Bound,
}

/// The columns of one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnMatch {
    pub(super) bound: Bound,
    /// Whether one of them is there for certain.
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

    /// Makes it quick to find one of them by its name. They do not change any more.
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

    /// How many there may be.
    pub(super) fn max_count(&self) -> usize {
        self.all.len()
    }

    /// How many there are, where that is known.
    pub(super) fn exact_count(&self) -> Option<usize> {
        self.all
            .iter()
            .all(|column| column.must_exist)
            .then_some(self.all.len())
    }

    /// The first are called so from now on.
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

    /// What stands at a place, counted from 1.
    pub(super) fn at_position(&self, position: u64) -> Option<Bound> {
        if self.exact_count().is_none() {
            return Some(self.largest());
        }
        let position = usize::try_from(position).ok()?.checked_sub(1)?;
        self.all.get(position).map(|column| column.bound)
    }

    /// What bears this name; several columns of one name are taken together.
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

    /// Makes each as large as `combine` says of it and of what stands at the same place in `others`.
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

    /// The largest of them, for a name that is not known.
    pub(super) fn largest(&self) -> Bound {
        if let Some(index) = &self.index {
            return index.largest;
        }
        self.bounds().fold(Bound::leaf(0), Bound::either)
    }

    /// A whole row; as JSON it names each column.
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

    /// The bytes of the values of a row. Those that may be there stand for one.
    pub(super) fn row_bytes(&self) -> u64 {
        let (must_exist, may): (Vec<&Column>, Vec<&Column>) =
            self.all.iter().partition(|column| column.must_exist);
        let value = |column: &&Column| column.bound.max_bytes;
        let may = may.iter().map(value).fold(0, u64::max);
        must_exist.iter().map(value).fold(may, u64::saturating_add)
    }

    /// Changes each one's size.
    pub(super) fn map_bounds(&mut self, change: impl Fn(Bound) -> Bound) {
        self.index = None;
        for column in &mut self.all {
            column.bound = change(column.bound);
        }
    }

    /// Names of these columns stand for their values from now on.
    pub(super) fn fence(&mut self) {
        self.map_bounds(Bound::fenced);
    }
}
