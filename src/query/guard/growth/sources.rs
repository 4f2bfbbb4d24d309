//! What stands in FROM, and which of it a name means.

use std::cell::Cell;

use pg_query::protobuf::Alias;

use super::columns::{Columns, Found};
use super::size::{Parts, Size};
use crate::query::guard::name::names;
use crate::query::guard::relations::Relation;

/// An item of FROM.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) columns: Columns,
    /// Of how many queries its rows are put together: what is said about them is said to each.
    pub(super) branches: u64,
    /// Whether it has no more rows than some table has.
    pub(super) few_rows: bool,
    /// The table of the database that it is.
    pub(super) table: Option<&'static Relation>,
    /// Whether it bears the table's own name.
    pub(super) is_unaliased: bool,
    /// Whether something stands for all of its columns, or for one that only PostgreSQL could know.
    pub(super) is_read_whole: Cell<bool>,
    /// Whether its row stands somewhere as one value.
    pub(super) is_row_read: Cell<bool>,
}

impl Source {
    /// The table that it is, where that withholds a column of this name.
    fn withholding(&self, name: &str) -> Option<&'static Relation> {
        let table = self.table.filter(|table| table.withheld.contains(&name))?;
        self.columns.named(name).is_none().then_some(table)
    }

    /// Notes that its row stands somewhere as one value.
    fn mark_row_read(&self) {
        self.is_read_whole.set(true);
        self.is_row_read.set(true);
    }

    /// The same under the names of an alias, where there is one.
    pub(super) fn renamed(mut self, alias: Option<&Alias>) -> Self {
        if let Some(alias) = alias {
            self.is_unaliased = false;
            alias.aliasname.clone_into(&mut self.name);
            self.columns.rename(&names(&alias.colnames));
        }
        self
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meaning {
    pub(super) size: Size,
    /// Of which query, counted from the outermost; `None` where only PostgreSQL knows.
    pub(super) level: Option<usize>,
}

impl Meaning {
    fn new(size: Size, level: usize) -> Self {
        Self {
            size,
            level: Some(level),
        }
    }

    /// Either of two.
    fn or(self, other: Self) -> Self {
        Self {
            size: self.size.beside(other.size),
            level: self.level.filter(|level| other.level == Some(*level)),
        }
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

    /// The level of the innermost query.
    pub(super) fn level(&self) -> Option<usize> {
        self.0.len().checked_sub(1)
    }

    pub(super) fn add(&mut self, mut source: Source) {
        source.columns.index();
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

    /// Takes away the first `count` items of the innermost query, which cannot be seen for a while.
    pub(super) fn hide(&mut self, count: usize) -> Vec<Source> {
        self.0
            .last_mut()
            .map(|level| level.drain(..count).collect())
            .unwrap_or_default()
    }

    /// Brings back what `hide` took.
    pub(super) fn show(&mut self, hidden: Vec<Source>) {
        if let Some(level) = self.0.last_mut() {
            level.splice(..0, hidden);
        }
    }

    /// Whether `qualifier.name` surely is a column.
    pub(super) fn is_column(&self, qualifier: &str, name: &str) -> bool {
        let item = self.item(qualifier);
        let found = item.and_then(|(_, source)| source.columns.named(name));
        found.is_some_and(|found| found.sure)
    }

    /// What `qualifier.name` can be at most.
    pub(super) fn qualified(&self, qualifier: &str, name: &str) -> Meaning {
        self.item(qualifier).map_or_else(
            || self.unknown(),
            |(level, source)| {
                let found = source.columns.named(name).map(|found| found.size);
                if found.is_none() {
                    source.is_read_whole.set(true);
                }
                Meaning::new(found.unwrap_or_else(|| source.columns.any()), level)
            },
        )
    }

    /// What `schema.table.name` can be at most.
    pub(super) fn of_table(&self, table: &str, name: &str) -> Meaning {
        let mut levels = self.0.iter().enumerate().rev();
        let found = levels.find_map(|(level, sources)| {
            let source = sources
                .iter()
                .find(|source| source.is_unaliased && source.name == table)?;
            Some(Meaning::new(source.columns.named(name)?.size, level))
        });
        found.unwrap_or_else(|| self.unknown())
    }

    /// What `name` can be at most: a column, or the whole row of an item of that name.
    pub(super) fn unqualified(&self, name: &str) -> Meaning {
        let mut sources = self.0.iter().flatten();
        let is_column =
            sources.any(|source| source.columns.named(name).is_some_and(|found| found.sure));
        if self.any_withholding(name).is_some() {
            self.mark_all_read_whole();
        }
        if !is_column {
            // An item of this name is meant and no other, whichever query it is of.
            let all = self.0.iter().flatten();
            let mut bearing = all.filter(|source| source.name == name).peekable();
            if bearing.peek().is_none() {
                self.mark_all_read_whole();
            }
            bearing.for_each(Source::mark_row_read);
        }
        self.known(name).unwrap_or_else(|| self.unknown())
    }

    /// The same, where the name is known.
    pub(super) fn known(&self, name: &str) -> Option<Meaning> {
        // A column that may be there hides nothing for certain: the name can mean one further out.
        let mut perhaps: Option<Meaning> = None;
        for (level, sources) in self.0.iter().enumerate().rev() {
            let named = sources
                .iter()
                .filter_map(|source| source.columns.named(name));
            // A column that USING has merged stands for both.
            let found = named.reduce(Found::and);
            let mut meaning = found.map(|found| Meaning::new(found.size, level));
            if found.is_none_or(|found| !found.sure) {
                // An item of which not all columns are known may have one of this name.
                let unknown = sources
                    .iter()
                    .filter(|source| source.columns.count().is_none())
                    .map(|source| Meaning::new(source.columns.any(), level));
                meaning = unknown.chain(meaning).reduce(Meaning::or);
            }
            let Some(meaning) = meaning else { continue };
            let meaning = perhaps.map_or(meaning, |other| other.or(meaning));
            if found.is_some_and(|found| found.sure) {
                return Some(meaning);
            }
            perhaps = Some(meaning);
        }
        let row = self
            .item(name)
            .map(|(level, source)| Meaning::new(source.columns.row(), level));
        match (perhaps, row) {
            (Some(column), Some(row)) => Some(column.or(row)),
            (column, row) => column.or(row),
        }
    }

    /// What `qualifier.*` or `*` can be at most.
    pub(super) fn rows(&self, of: Option<&str>) -> Meaning {
        let Some(qualifier) = of else {
            let here = self.here().iter();
            let rows = here.map(|source| {
                source.is_read_whole.set(true);
                source.columns.row()
            });
            let all: Parts = rows.collect();
            return Meaning {
                size: Size::over(all.all, all.sum),
                level: self.level(),
            };
        };
        self.item(qualifier).map_or_else(
            || self.unknown(),
            |(level, source)| {
                source.mark_row_read();
                Meaning::new(source.columns.row(), level)
            },
        )
    }

    /// The table that withholds a column of this name, where the name can mean no other column: of
    /// an item that bears the qualifier, or of any.
    pub(super) fn withholding(
        &self,
        qualifier: Option<&str>,
        name: &str,
    ) -> Option<&'static Relation> {
        match qualifier {
            Some(qualifier) => self.item(qualifier)?.1.withholding(name),
            None => {
                let table = self.any_withholding(name)?;
                self.known(name).is_none().then_some(table)
            }
        }
    }

    /// A table that withholds a column of this name, whatever else bears it.
    pub(super) fn any_withholding(&self, name: &str) -> Option<&'static Relation> {
        let mut all = self.0.iter().flatten();
        all.find_map(|source| source.withholding(name))
    }

    /// Notes that something could mean any column of any item.
    pub(super) fn mark_all_read_whole(&self) {
        let all = self.0.iter().flatten();
        all.for_each(|source| source.is_read_whole.set(true));
    }

    /// The item that a qualifier names, and of which query it is.
    pub(super) fn item(&self, name: &str) -> Option<(usize, &Source)> {
        let mut levels = self.0.iter().enumerate().rev();
        levels.find_map(|(level, sources)| {
            let source = sources.iter().find(|source| source.name == name)?;
            Some((level, source))
        })
    }

    /// A name that is found nowhere is taken for the largest there is: PostgreSQL will say that it does not exist, or it is one
    /// that only PostgreSQL knows.
    fn unknown(&self) -> Meaning {
        self.mark_all_read_whole();
        let all = self.0.iter().flatten();
        Meaning {
            size: all
                .map(|source| source.columns.any())
                .fold(Size::leaf(0), Size::or),
            level: None,
        }
    }
}
