//! The columns of a query's result, or of an item of FROM.

use std::collections::HashMap;

/// The name of the first column of `(SELECT * …)`, which only PostgreSQL knows. No column can have
/// this name.
pub(super) const UNKNOWN_NAME: &str = "";

/// What an analysis knows of a column beside its name.
pub(crate) trait ColumnData: Copy {
    /// What holds for a column of which nothing is read.
    fn nothing() -> Self;

    /// What holds for one column that denotes two: USING merges both, or both have one name.
    fn merged(self, other: Self) -> Self;

    /// What holds for a reference to one of two columns, if only PostgreSQL knows which.
    fn alternative(self, other: Self) -> Self;

    /// What holds for a row of these columns as one value.
    fn row<'a>(columns: impl Iterator<Item = (&'a str, Self)>) -> Self;

    /// What holds for these rows together, as `*` denotes them.
    fn all_rows(rows: impl Iterator<Item = Self>) -> Self;
}

/// A column, and what is known of it.
#[derive(Clone, Debug)]
pub(crate) struct Column<C> {
    pub(crate) name: String,
    pub(crate) data: C,
    /// Whether the column certainly exists. The columns of some functions in FROM are known only to
    /// PostgreSQL.
    pub(crate) must_exist: bool,
}

impl<C> Column<C> {
    pub(crate) fn new(name: impl Into<String>, data: C) -> Self {
        Self {
            name: name.into(),
            data,
            must_exist: true,
        }
    }

    /// A column that may or may not exist.
    pub(crate) fn may_exist(name: impl Into<String>, data: C) -> Self {
        Self {
            must_exist: false,
            ..Self::new(name, data)
        }
    }
}

/// Columns, in their order if all of them are known.
#[derive(Clone, Debug)]
pub(crate) struct Columns<C> {
    all: Vec<Column<C>>,
    /// Lookup by name. Only items of FROM have one, as every column reference of the query consults
    /// it.
    index: Option<Index<C>>,
}

impl<C> Default for Columns<C> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            index: None,
        }
    }
}

#[derive(Clone, Debug)]
struct Index<C> {
    by_name: HashMap<String, ColumnMatch<C>>,
    any: C,
}

/// All columns of one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnMatch<C> {
    pub(super) data: C,
    /// Whether at least one of them certainly exists.
    pub(super) must_exist: bool,
}

impl<C: ColumnData> ColumnMatch<C> {
    fn new(column: &Column<C>) -> Self {
        Self {
            data: column.data,
            must_exist: column.must_exist,
        }
    }

    pub(super) fn combine(self, other: Self) -> Self {
        Self {
            data: self.data.merged(other.data),
            must_exist: self.must_exist || other.must_exist,
        }
    }
}

impl<C: ColumnData> Columns<C> {
    pub(crate) fn push(&mut self, column: Column<C>) {
        self.index = None;
        self.all.push(column);
    }

    pub(crate) fn extend(&mut self, columns: impl IntoIterator<Item = Column<C>>) {
        self.index = None;
        self.all.extend(columns);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Column<C>> {
        self.all.iter()
    }

    /// What is known of each column.
    pub(crate) fn data(&self) -> impl Iterator<Item = C> {
        self.all.iter().map(|column| column.data)
    }

    /// Replaces what is known of each column. `change` gets its position, counted from 0.
    pub(crate) fn map_data(&mut self, mut change: impl FnMut(usize, C) -> C) {
        self.index = None;
        for (position, column) in self.all.iter_mut().enumerate() {
            column.data = change(position, column.data);
        }
    }

    /// Builds the lookup by name. The columns do not change afterwards.
    pub(super) fn index(&mut self) {
        let mut by_name: HashMap<String, ColumnMatch<C>> = HashMap::with_capacity(self.all.len());
        for column in &self.all {
            let found = ColumnMatch::new(column);
            by_name
                .entry(column.name.clone())
                .and_modify(|other| *other = other.combine(found))
                .or_insert(found);
        }
        self.index = Some(Index {
            by_name,
            any: self.any(),
        });
    }

    /// Number of columns, counting those that may exist.
    pub(crate) fn max_count(&self) -> usize {
        self.all.len()
    }

    /// Number of columns, if all of them certainly exist.
    pub(crate) fn exact_count(&self) -> Option<usize> {
        self.all
            .iter()
            .all(|column| column.must_exist)
            .then_some(self.all.len())
    }

    /// The names of all columns, if each certainly exists and has a name that the text determines.
    pub(crate) fn known_names(&self) -> Option<Vec<String>> {
        let mut all = self.all.iter();
        all.all(|column| column.must_exist && column.name != UNKNOWN_NAME)
            .then(|| self.all.iter().map(|column| column.name.clone()).collect())
    }

    /// Renames the first columns, as an alias list does.
    pub(crate) fn rename(&mut self, new_names: &[&str]) {
        self.index = None;
        if self.exact_count().is_some() {
            for (column, name) in self.all.iter_mut().zip(new_names) {
                (*name).clone_into(&mut column.name);
            }
        } else {
            let any = self.any();
            self.extend(new_names.iter().map(|name| Column::new(*name, any)));
        }
    }

    /// The column at a position, counted from 1.
    pub(super) fn at_position(&self, position: u64) -> Option<C> {
        if self.exact_count().is_none() {
            return Some(self.any());
        }
        let position = usize::try_from(position).ok()?.checked_sub(1)?;
        self.all.get(position).map(|column| column.data)
    }

    /// The columns of this name, combined.
    pub(super) fn find(&self, name: &str) -> Option<ColumnMatch<C>> {
        if let Some(index) = &self.index {
            return index.by_name.get(name).copied();
        }
        let found = self.all.iter().filter(|column| column.name == name);
        found.map(ColumnMatch::new).reduce(ColumnMatch::combine)
    }

    /// Any of the columns, for a name that cannot be resolved.
    pub(crate) fn any(&self) -> C {
        if let Some(index) = &self.index {
            return index.any;
        }
        self.data().fold(C::nothing(), C::alternative)
    }

    /// The whole row as one value.
    pub(crate) fn row(&self) -> C {
        C::row(
            self.all
                .iter()
                .map(|column| (column.name.as_str(), column.data)),
        )
    }
}
