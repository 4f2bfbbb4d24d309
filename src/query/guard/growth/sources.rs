//! What stands in FROM, and which of it a name means.

use pg_query::protobuf::Node;

use super::size::{Parts, Size};
use crate::query::guard::name::names;

/// A column that an item of FROM has.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) size: Size,
}

/// An item of FROM.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Of how many queries its rows are put together: what is said about them is said to each.
    pub(super) branches: u64,
}

impl Source {
    /// The same under the names of an alias.
    pub(super) fn renamed(mut self, name: &str, columns: &[Node]) -> Self {
        name.clone_into(&mut self.name);
        for (column, name) in self.columns.iter_mut().zip(names(columns)) {
            name.clone_into(&mut column.name);
        }
        self
    }

    /// A whole row of it.
    pub(super) fn row(&self) -> Size {
        let parts: Parts = self.columns.iter().map(|column| column.size).collect();
        Size::over(parts.all, parts.sum)
    }

    fn column(&self, name: &str) -> Option<Size> {
        let mut named = self.columns.iter().filter(|column| column.name == name);
        let first = named.next()?.size;
        Some(named.fold(first, |all, column| all.beside(column.size)))
    }

    /// The largest of its columns, for a name that is not known here.
    fn any(&self) -> Size {
        let largest = |one: Size, other: &Column| Size {
            nodes: one.nodes.max(other.size.nodes),
            value: one.value.max(other.size.value),
            held: one.held.max(other.size.held),
        };
        self.columns.iter().fold(Size::leaf(0), largest)
    }
}

/// The items of FROM that a name may mean: by query, innermost last.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<Vec<Source>>);

impl Sources {
    pub(super) fn enter(&mut self) {
        self.0.push(Vec::new());
    }

    pub(super) fn leave(&mut self) -> Vec<Source> {
        self.0.pop().unwrap_or_default()
    }

    pub(super) fn add(&mut self, source: Source) {
        if let Some(level) = self.0.last_mut() {
            level.push(source);
        }
    }

    /// The items of the innermost query.
    pub(super) fn here(&self) -> &[Source] {
        self.0.last().map_or(&[], Vec::as_slice)
    }

    /// Takes the items of the innermost query that came after the first `count`.
    pub(super) fn split_off(&mut self, count: usize) -> Vec<Source> {
        self.0
            .last_mut()
            .map(|level| level.split_off(count))
            .unwrap_or_default()
    }

    /// What `qualifier.name` can be at most. A name that is found nowhere is taken for the largest there is: PostgreSQL will
    /// say that it does not exist, or it is one that only PostgreSQL knows.
    pub(super) fn qualified(&self, qualifier: &str, name: &str) -> Size {
        let source = self
            .0
            .iter()
            .rev()
            .find_map(|level| level.iter().find(|source| source.name == qualifier));
        source.map_or_else(
            || self.largest(),
            |source| source.column(name).unwrap_or_else(|| source.any()),
        )
    }

    /// What `name` can be at most: a column, or the whole row of an item of that name.
    pub(super) fn unqualified(&self, name: &str) -> Size {
        let column = self.0.iter().rev().find_map(|level| {
            level
                .iter()
                .filter_map(|source| source.column(name))
                // A column that USING has merged stands for both.
                .reduce(Size::beside)
        });
        let row = || {
            let mut sources = self.0.iter().rev().flatten();
            sources.find(|source| source.name == name).map(Source::row)
        };
        column.or_else(row).unwrap_or_else(|| self.largest())
    }

    fn largest(&self) -> Size {
        let largest = |one: Size, other: Size| Size {
            nodes: one.nodes.max(other.nodes),
            value: one.value.max(other.value),
            held: one.held.max(other.held),
        };
        self.0
            .iter()
            .flatten()
            .map(Source::any)
            .fold(Size::leaf(0), largest)
    }
}
