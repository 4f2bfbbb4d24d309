//! An item of FROM.

use std::cell::Cell;
use std::sync::Arc;

use pg_query::protobuf::{Alias, RangeVar};

use super::columns::{ColumnData, Columns};
use crate::name::names;
use crate::schema::Relation;

/// An item of FROM. `C` is what is known of a column, `I` what is known of the item.
#[derive(Clone, Debug)]
pub(crate) struct Item<C, I> {
    pub(super) name: String,
    pub(crate) columns: Columns<C>,
    pub(crate) data: I,
    /// The stored table, if it is one.
    pub(super) table: Option<Arc<Relation>>,
    /// Whether it has the table's own name.
    pub(super) is_unaliased: bool,
    /// Whether an alias renames columns.
    has_column_aliases: bool,
    /// Whether something denotes all of its columns, or a column that only PostgreSQL can resolve.
    is_read_whole: Cell<bool>,
    /// Whether something reads its whole row as one value.
    is_row_read: Cell<bool>,
}

impl<C: ColumnData, I> Item<C, I> {
    /// An item with these columns, under the names of an alias if it has one, else under `name`.
    pub(crate) fn new(name: &str, alias: Option<&Alias>, columns: Columns<C>, data: I) -> Self {
        let item = Self {
            name: name.to_owned(),
            columns,
            data,
            table: None,
            is_unaliased: false,
            has_column_aliases: false,
            is_read_whole: Cell::new(false),
            is_row_read: Cell::new(false),
        };
        item.renamed(alias)
    }

    /// A table, or a WITH query.
    pub(crate) fn from_table(
        table: &RangeVar,
        stored: Option<Arc<Relation>>,
        columns: Columns<C>,
        data: I,
    ) -> Self {
        let item = Self {
            is_unaliased: stored.is_some(),
            table: stored,
            ..Self::new(&table.relname, None, columns, data)
        };
        let item = item.renamed(table.alias.as_ref());
        // Column aliases are counted in the order of all columns, including withheld ones.
        item.is_read_whole.set(item.has_column_aliases);
        item
    }

    fn renamed(mut self, alias: Option<&Alias>) -> Self {
        if let Some(alias) = alias {
            self.is_unaliased = false;
            self.has_column_aliases = !alias.colnames.is_empty();
            alias.aliasname.clone_into(&mut self.name);
            self.columns.rename(&names(&alias.colnames));
        }
        self
    }

    /// Records that something may denote any of its columns.
    pub(crate) fn mark_read_whole(&self) {
        self.is_read_whole.set(true);
    }

    /// Records that something reads the whole row as one value.
    pub(super) fn mark_row_read(&self) {
        self.is_read_whole.set(true);
        self.is_row_read.set(true);
    }

    pub(super) fn is_row_read(&self) -> bool {
        self.is_row_read.get()
    }

    /// The stored table, if it has withheld columns that something could denote: then a subquery of
    /// its other columns must replace it.
    pub(crate) fn table_to_hide(&self) -> Option<&Relation> {
        let table = self.table.as_deref().filter(|_| self.is_read_whole.get());
        table.filter(|table| !table.withheld.is_empty())
    }

    /// The table of this item, if it withholds a column of this name.
    pub(super) fn withholding(&self, name: &str) -> Option<&Relation> {
        let table = self.table.as_deref()?;
        if !table.withheld.iter().any(|withheld| withheld == name) {
            return None;
        }
        self.columns.find(name).is_none().then_some(table)
    }

    /// The primary key of the stored table. Column aliases hide which columns form the key.
    pub(crate) fn key(&self) -> &[String] {
        match &self.table {
            Some(table) if !self.has_column_aliases => &table.key,
            _ => &[],
        }
    }
}
