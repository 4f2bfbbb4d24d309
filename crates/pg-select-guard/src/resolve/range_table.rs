//! The items of FROM in scope, and what a name denotes among them.

use super::columns::{ColumnData, ColumnMatch};
use super::item::Item;
use crate::schema::Relation;

/// What a name denotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Denoted<C> {
    pub(super) data: C,
    /// Nesting level of its query, counted from the outermost; `None` if only PostgreSQL can
    /// resolve it.
    pub(super) level: Option<usize>,
}

impl<C: ColumnData> Denoted<C> {
    fn new(data: C, level: usize) -> Self {
        Self {
            data,
            level: Some(level),
        }
    }

    /// Either of two. Both count.
    fn either(self, other: Self) -> Self {
        Self {
            data: self.data.merged(other.data),
            level: self.level.filter(|level| other.level == Some(*level)),
        }
    }
}

/// The items in scope, by query, innermost last.
#[derive(Debug)]
pub(super) struct RangeTable<C, I>(Vec<Vec<Item<C, I>>>);

impl<C, I> Default for RangeTable<C, I> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<C: ColumnData, I> RangeTable<C, I> {
    pub(super) fn push_query(&mut self) {
        self.0.push(Vec::new());
    }

    pub(super) fn pop_query(&mut self) {
        self.0.pop();
    }

    /// Nesting level of the innermost query.
    pub(super) fn current_level(&self) -> Option<usize> {
        self.0.len().checked_sub(1)
    }

    pub(super) fn add(&mut self, mut item: Item<C, I>) {
        item.columns.index();
        if let Some(level) = self.0.last_mut() {
            level.push(item);
        }
    }

    /// The items of the innermost query.
    pub(super) fn current(&self) -> &[Item<C, I>] {
        self.0.last().map_or(&[], Vec::as_slice)
    }

    /// Takes all items of the innermost query that are in scope.
    pub(super) fn take_current(&mut self) -> Vec<Item<C, I>> {
        self.0.last_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes the first `count` items of the innermost query out of scope until [`Self::show`].
    pub(super) fn hide(&mut self, count: usize) -> Vec<Item<C, I>> {
        self.0
            .last_mut()
            .map(|level| level.drain(..count).collect())
            .unwrap_or_default()
    }

    /// Brings the items that `hide` took back into scope.
    pub(super) fn show(&mut self, hidden: Vec<Item<C, I>>) {
        if let Some(level) = self.0.last_mut() {
            level.splice(..0, hidden);
        }
    }

    /// Whether `qualifier.name` certainly is a column.
    pub(super) fn is_column(&self, qualifier: &str, name: &str) -> bool {
        let item = self.find_item(qualifier);
        let found = item.and_then(|(_, item)| item.columns.find(name));
        found.is_some_and(|found| found.must_exist)
    }

    /// Resolves `qualifier.name`.
    pub(super) fn resolve_qualified(&self, qualifier: &str, name: &str) -> Denoted<C> {
        self.find_item(qualifier).map_or_else(
            || self.resolve_unknown(),
            |(level, item)| {
                let found = item.columns.find(name).map(|found| found.data);
                if found.is_none() {
                    item.mark_read_whole();
                }
                Denoted::new(found.unwrap_or_else(|| item.columns.any()), level)
            },
        )
    }

    /// Resolves `schema.table.name`.
    pub(super) fn resolve_in_table(&self, table: &str, name: &str) -> Denoted<C> {
        let mut levels = self.0.iter().enumerate().rev();
        let found = levels.find_map(|(level, items)| {
            let item = items
                .iter()
                .find(|item| item.is_unaliased && item.name == table)?;
            Some(Denoted::new(item.columns.find(name)?.data, level))
        });
        found.unwrap_or_else(|| self.resolve_unknown())
    }

    /// Resolves `name`: a column, or the whole row of an item of this name.
    pub(super) fn resolve_unqualified(&self, name: &str) -> Denoted<C> {
        let mut items = self.0.iter().flatten();
        let is_column = items.any(|item| {
            item.columns
                .find(name)
                .is_some_and(|found| found.must_exist)
        });
        if self.any_withholding(name).is_some() {
            self.mark_all_read_whole();
        }
        if !is_column {
            // The name denotes the row of an item, in whichever query it is.
            let all = self.0.iter().flatten();
            let mut bearers = all.filter(|item| item.name == name).peekable();
            if bearers.peek().is_none() {
                self.mark_all_read_whole();
            }
            bearers.for_each(Item::mark_row_read);
        }
        self.resolve_known(name)
            .unwrap_or_else(|| self.resolve_unknown())
    }

    /// Resolves `name` if it is known here.
    pub(super) fn resolve_known(&self, name: &str) -> Option<Denoted<C>> {
        // A column that may not exist does not shadow outer queries: the name may denote one of
        // those.
        let mut may_match: Option<Denoted<C>> = None;
        for (level, items) in self.0.iter().enumerate().rev() {
            let named = items.iter().filter_map(|item| item.columns.find(name));
            // A column merged by USING denotes both of its sources.
            let found = named.reduce(ColumnMatch::combine);
            let mut resolved = found.map(|found| Denoted::new(found.data, level));
            if found.is_none_or(|found| !found.must_exist) {
                // Items with unknown columns may have a column of this name.
                let unknown = items
                    .iter()
                    .filter(|item| item.columns.exact_count().is_none())
                    .map(|item| Denoted::new(item.columns.any(), level));
                resolved = unknown.chain(resolved).reduce(Denoted::either);
            }
            let Some(resolved) = resolved else { continue };
            let resolved = may_match.map_or(resolved, |other| other.either(resolved));
            if found.is_some_and(|found| found.must_exist) {
                return Some(resolved);
            }
            may_match = Some(resolved);
        }
        let row = self
            .find_item(name)
            .map(|(level, item)| Denoted::new(item.columns.row(), level));
        match (may_match, row) {
            (Some(column), Some(row)) => Some(column.either(row)),
            (column, row) => column.or(row),
        }
    }

    /// Resolves `qualifier.*` or `*`.
    pub(super) fn resolve_star(&self, qualifier: Option<&str>) -> Denoted<C> {
        let Some(qualifier) = qualifier else {
            let here = self.current().iter();
            let rows = here.map(|item| {
                item.mark_read_whole();
                item.columns.row()
            });
            return Denoted {
                data: C::all_rows(rows),
                level: self.current_level(),
            };
        };
        self.find_item(qualifier).map_or_else(
            || self.resolve_unknown(),
            |(level, item)| {
                item.mark_row_read();
                Denoted::new(item.columns.row(), level)
            },
        )
    }

    /// The table that withholds a column of this name, if the name cannot denote another column.
    /// Without a qualifier, all items in scope are searched.
    pub(super) fn withholding(&self, qualifier: Option<&str>, name: &str) -> Option<&Relation> {
        match qualifier {
            Some(qualifier) => self.find_item(qualifier)?.1.withholding(name),
            None => {
                let table = self.any_withholding(name)?;
                self.resolve_known(name).is_none().then_some(table)
            }
        }
    }

    /// Any table in scope that withholds a column of this name, even if other items have one.
    pub(super) fn any_withholding(&self, name: &str) -> Option<&Relation> {
        let mut all = self.0.iter().flatten();
        all.find_map(|item| item.withholding(name))
    }

    /// Records that something may denote any column of any item.
    pub(super) fn mark_all_read_whole(&self) {
        let all = self.0.iter().flatten();
        all.for_each(|item| item.mark_read_whole());
    }

    /// The item with this name or alias, and the nesting level of its query.
    pub(super) fn find_item(&self, name: &str) -> Option<(usize, &Item<C, I>)> {
        let mut levels = self.0.iter().enumerate().rev();
        levels.find_map(|(level, items)| {
            let item = items.iter().find(|item| item.name == name)?;
            Some((level, item))
        })
    }

    /// A name that cannot be resolved counts as the largest column in scope: either it does not
    /// exist and PostgreSQL will say so, or only PostgreSQL can resolve it.
    pub(super) fn resolve_unknown(&self) -> Denoted<C> {
        self.mark_all_read_whole();
        let all = self.0.iter().flatten();
        Denoted {
            data: all
                .map(|item| item.columns.any())
                .fold(C::nothing(), C::alternative),
            level: None,
        }
    }
}
