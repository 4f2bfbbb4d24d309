//! The range table: the items of FROM, and resolution of column references.

use std::cell::Cell;

use pg_query::protobuf::Alias;

use super::bound::{Bound, Parts};
use super::columns::{ColumnMatch, Columns};
use crate::name::names;
use crate::relations::Relation;

/// An item of FROM.
#[derive(Clone, Debug, Default)]
pub(super) struct RangeTableEntry {
    pub(super) name: String,
    pub(super) columns: Columns,
    /// Number of queries that its rows are appended from; conditions on them are copied into each.
    pub(super) append_children: u64,
    /// Whether it has at most as many rows as the largest table.
    pub(super) row_count_known: bool,
    /// The stored table, if it is one.
    pub(super) table: Option<&'static Relation>,
    /// Whether it has the table's own name.
    pub(super) is_unaliased: bool,
    /// Whether something denotes all of its columns, or a column that only PostgreSQL can resolve.
    pub(super) is_read_whole: Cell<bool>,
    /// Whether something reads its whole row as one value.
    pub(super) is_row_read: Cell<bool>,
}

impl RangeTableEntry {
    /// The table of this entry, if it withholds a column of this name.
    fn withholding(&self, name: &str) -> Option<&'static Relation> {
        let table = self.table.filter(|table| table.withheld.contains(&name))?;
        self.columns.find(name).is_none().then_some(table)
    }

    /// Records that something reads the whole row as one value.
    fn mark_row_read(&self) {
        self.is_read_whole.set(true);
        self.is_row_read.set(true);
    }

    /// The entry under the names of an alias, if there is one.
    pub(super) fn renamed(mut self, alias: Option<&Alias>) -> Self {
        if let Some(alias) = alias {
            self.is_unaliased = false;
            alias.aliasname.clone_into(&mut self.name);
            self.columns.rename(&names(&alias.colnames));
        }
        self
    }
}

/// What a column reference resolves to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolved {
    pub(super) bound: Bound,
    /// Nesting level of its query, counted from the outermost; `None` if only PostgreSQL can
    /// resolve it.
    pub(super) level: Option<usize>,
}

impl Resolved {
    fn new(bound: Bound, level: usize) -> Self {
        Self {
            bound,
            level: Some(level),
        }
    }

    /// Either of two resolutions.
    fn either(self, other: Self) -> Self {
        Self {
            bound: self.bound.with_sibling(other.bound),
            level: self.level.filter(|level| other.level == Some(*level)),
        }
    }
}

/// The range table entries in scope, by query, innermost last.
#[derive(Debug, Default)]
pub(super) struct RangeTable(Vec<Vec<RangeTableEntry>>);

impl RangeTable {
    pub(super) fn push_query(&mut self) {
        self.0.push(Vec::new());
    }

    pub(super) fn pop_query(&mut self) -> Vec<RangeTableEntry> {
        self.0.pop().unwrap_or_default()
    }

    /// Nesting level of the innermost query.
    pub(super) fn current_level(&self) -> Option<usize> {
        self.0.len().checked_sub(1)
    }

    pub(super) fn add(&mut self, mut entry: RangeTableEntry) {
        entry.columns.index();
        if let Some(level) = self.0.last_mut() {
            level.push(entry);
        }
    }

    /// The entries of the innermost query.
    pub(super) fn current(&self) -> &[RangeTableEntry] {
        self.0.last().map_or(&[], Vec::as_slice)
    }

    /// Takes the entries of the innermost query behind the first `count`.
    pub(super) fn split_off(&mut self, count: usize) -> Vec<RangeTableEntry> {
        self.0
            .last_mut()
            .map(|level| level.split_off(count))
            .unwrap_or_default()
    }

    /// Takes the first `count` entries of the innermost query out of scope until [`Self::show`].
    pub(super) fn hide(&mut self, count: usize) -> Vec<RangeTableEntry> {
        self.0
            .last_mut()
            .map(|level| level.drain(..count).collect())
            .unwrap_or_default()
    }

    /// Brings the entries that `hide` took back into scope.
    pub(super) fn show(&mut self, hidden: Vec<RangeTableEntry>) {
        if let Some(level) = self.0.last_mut() {
            level.splice(..0, hidden);
        }
    }

    /// Whether `qualifier.name` certainly is a column.
    pub(super) fn is_column(&self, qualifier: &str, name: &str) -> bool {
        let item = self.find_entry(qualifier);
        let found = item.and_then(|(_, entry)| entry.columns.find(name));
        found.is_some_and(|found| found.must_exist)
    }

    /// Resolves `qualifier.name`.
    pub(super) fn resolve_qualified(&self, qualifier: &str, name: &str) -> Resolved {
        self.find_entry(qualifier).map_or_else(
            || self.resolve_unknown(),
            |(level, entry)| {
                let found = entry.columns.find(name).map(|found| found.bound);
                if found.is_none() {
                    entry.is_read_whole.set(true);
                }
                Resolved::new(found.unwrap_or_else(|| entry.columns.largest()), level)
            },
        )
    }

    /// Resolves `schema.table.name`.
    pub(super) fn resolve_in_table(&self, table: &str, name: &str) -> Resolved {
        let mut levels = self.0.iter().enumerate().rev();
        let found = levels.find_map(|(level, entries)| {
            let entry = entries
                .iter()
                .find(|entry| entry.is_unaliased && entry.name == table)?;
            Some(Resolved::new(entry.columns.find(name)?.bound, level))
        });
        found.unwrap_or_else(|| self.resolve_unknown())
    }

    /// Resolves `name`: a column, or the whole row of an item of this name.
    pub(super) fn resolve_unqualified(&self, name: &str) -> Resolved {
        let mut entries = self.0.iter().flatten();
        let is_column = entries.any(|entry| {
            entry
                .columns
                .find(name)
                .is_some_and(|found| found.must_exist)
        });
        if self.any_withholding(name).is_some() {
            self.mark_all_read_whole();
        }
        if !is_column {
            // The name denotes the row of an item, in whichever query it is.
            let all = self.0.iter().flatten();
            let mut bearers = all.filter(|entry| entry.name == name).peekable();
            if bearers.peek().is_none() {
                self.mark_all_read_whole();
            }
            bearers.for_each(RangeTableEntry::mark_row_read);
        }
        self.resolve_known(name)
            .unwrap_or_else(|| self.resolve_unknown())
    }

    /// Resolves `name` if it is known here.
    pub(super) fn resolve_known(&self, name: &str) -> Option<Resolved> {
        // A column that may not exist does not shadow outer queries: the name may denote one of
        // those.
        let mut may_match: Option<Resolved> = None;
        for (level, entries) in self.0.iter().enumerate().rev() {
            let named = entries.iter().filter_map(|entry| entry.columns.find(name));
            // A column merged by USING denotes both of its sources.
            let found = named.reduce(ColumnMatch::combine);
            let mut resolved = found.map(|found| Resolved::new(found.bound, level));
            if found.is_none_or(|found| !found.must_exist) {
                // Items with unknown columns may have a column of this name.
                let unknown = entries
                    .iter()
                    .filter(|entry| entry.columns.exact_count().is_none())
                    .map(|entry| Resolved::new(entry.columns.largest(), level));
                resolved = unknown.chain(resolved).reduce(Resolved::either);
            }
            let Some(resolved) = resolved else { continue };
            let resolved = may_match.map_or(resolved, |other| other.either(resolved));
            if found.is_some_and(|found| found.must_exist) {
                return Some(resolved);
            }
            may_match = Some(resolved);
        }
        let row = self
            .find_entry(name)
            .map(|(level, entry)| Resolved::new(entry.columns.row_bound(), level));
        match (may_match, row) {
            (Some(column), Some(row)) => Some(column.either(row)),
            (column, row) => column.or(row),
        }
    }

    /// Resolves `qualifier.*` or `*`.
    pub(super) fn resolve_star(&self, qualifier: Option<&str>) -> Resolved {
        let Some(qualifier) = qualifier else {
            let here = self.current().iter();
            let rows = here.map(|entry| {
                entry.is_read_whole.set(true);
                entry.columns.row_bound()
            });
            let all: Parts = rows.collect();
            return Resolved {
                bound: Bound::parent(all.combined, all.total_bytes),
                level: self.current_level(),
            };
        };
        self.find_entry(qualifier).map_or_else(
            || self.resolve_unknown(),
            |(level, entry)| {
                entry.mark_row_read();
                Resolved::new(entry.columns.row_bound(), level)
            },
        )
    }

    /// The table that withholds a column of this name, if the name cannot denote another column.
    /// Without a qualifier, all items in scope are searched.
    pub(super) fn withholding(
        &self,
        qualifier: Option<&str>,
        name: &str,
    ) -> Option<&'static Relation> {
        match qualifier {
            Some(qualifier) => self.find_entry(qualifier)?.1.withholding(name),
            None => {
                let table = self.any_withholding(name)?;
                self.resolve_known(name).is_none().then_some(table)
            }
        }
    }

    /// Any table in scope that withholds a column of this name, even if other items have one.
    pub(super) fn any_withholding(&self, name: &str) -> Option<&'static Relation> {
        let mut all = self.0.iter().flatten();
        all.find_map(|entry| entry.withholding(name))
    }

    /// Records that something may denote any column of any item.
    pub(super) fn mark_all_read_whole(&self) {
        let all = self.0.iter().flatten();
        all.for_each(|entry| entry.is_read_whole.set(true));
    }

    /// The item with this name or alias, and the nesting level of its query.
    pub(super) fn find_entry(&self, name: &str) -> Option<(usize, &RangeTableEntry)> {
        let mut levels = self.0.iter().enumerate().rev();
        levels.find_map(|(level, entries)| {
            let entry = entries.iter().find(|entry| entry.name == name)?;
            Some((level, entry))
        })
    }

    /// A name that cannot be resolved counts as the largest column in scope: either it does not
    /// exist and PostgreSQL will say so, or only PostgreSQL can resolve it.
    fn resolve_unknown(&self) -> Resolved {
        self.mark_all_read_whole();
        let all = self.0.iter().flatten();
        Resolved {
            bound: all
                .map(|entry| entry.columns.largest())
                .fold(Bound::leaf(0), Bound::either),
            level: None,
        }
    }
}
