//! Column references: the checks that each must pass, and what it denotes.

use std::collections::HashSet;
use std::sync::Arc;

use pg_query::NodeEnum;
use pg_query::protobuf::{ColumnRef, JoinExpr, Node, RangeVar};

use super::columns::{Column, ColumnData};
use super::dot_notation::{self, DotNotation};
use super::function_item::FunctionItem;
use super::item::Item;
use super::range_table::{Denoted, RangeTable};
use super::star;
use super::syntax::{column_star_qualifier, star_qualifier};
use super::withheld;
use crate::name::{CheckOutcome, names};
use crate::refusal::Refusal;
use crate::schema::{Relation, Schema};

/// What a column reference denotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolved<C> {
    /// What is known of the column. If only PostgreSQL knows which one is meant, what holds for
    /// each that could be.
    pub(crate) data: C,
    /// Nesting level of its query, counted from the outermost; `None` if only PostgreSQL can
    /// resolve it.
    pub(crate) level: Option<usize>,
    /// Number of columns of the row, if it may denote the whole row of an item.
    pub(crate) row_columns: Option<usize>,
    /// Whether it must be printed without its schema: a subquery may replace the table.
    pub(crate) drops_schema: bool,
}

/// The columns that `*` denotes.
#[derive(Debug)]
pub(crate) struct ExpandedStar<C> {
    pub(crate) columns: Vec<Column<C>>,
    /// Whether it must be printed without its schema, as in [`Resolved`].
    pub(crate) drops_schema: bool,
}

/// Resolves the names of one statement.
#[derive(Debug, Default)]
pub(crate) struct Resolver<C, I> {
    pub(super) schema: Arc<Schema>,
    pub(super) range_table: RangeTable<C, I>,
    dot_notation: DotNotation,
    /// Byte offsets of the column references that have not been resolved yet.
    unresolved: HashSet<i32>,
}

/// Items that are out of scope for a while.
#[must_use = "the items stay out of scope until they are shown"]
#[derive(Debug)]
pub(crate) struct Hidden<C, I>(Vec<Item<C, I>>);

impl<C: ColumnData, I> Resolver<C, I> {
    /// A resolver for a statement with column references at these byte offsets.
    pub(crate) fn new(schema: Arc<Schema>, references: HashSet<i32>) -> Self {
        Self {
            schema,
            range_table: RangeTable::default(),
            dot_notation: DotNotation::default(),
            unresolved: references,
        }
    }

    /// Verifies that every reference of the statement was resolved, so that every check was made.
    pub(crate) fn finish(&self) -> CheckOutcome {
        match self.unresolved.iter().min() {
            None => Ok(()),
            Some(location) => {
                Err(Refusal::construct("a column name in this position").at(*location))
            }
        }
    }

    /// Enters a query.
    pub(crate) fn push_query(&mut self) {
        self.range_table.push_query();
    }

    /// Leaves the innermost query.
    pub(crate) fn pop_query(&mut self) {
        self.range_table.pop_query();
    }

    /// Nesting level of the innermost query.
    pub(crate) fn current_level(&self) -> Option<usize> {
        self.range_table.current_level()
    }

    /// The items of the innermost query, in the order of its FROM clause. A join with an alias is
    /// one item.
    pub(crate) fn current(&self) -> &[Item<C, I>] {
        self.range_table.current()
    }

    /// The stored table that a name in FROM denotes, after [`qualify`](super::qualify); `None` for
    /// a WITH query.
    pub(crate) fn stored_table(&self, table: &RangeVar) -> Option<Arc<Relation>> {
        if table.schemaname.is_empty() {
            return None;
        }
        self.schema.relation(&table.relname).cloned()
    }

    /// Adds an item to the innermost query.
    pub(crate) fn add(&mut self, item: Item<C, I>) {
        self.range_table.add(item);
    }

    /// Adds an item for functions in FROM.
    ///
    /// # Errors
    /// Refuses the statement if a reference could call a function outside the allow-list with the
    /// value of these functions.
    pub(crate) fn add_functions(&mut self, functions: FunctionItem<C>, data: I) -> CheckOutcome {
        let (item, dot_notation) = functions.into_item(data);
        self.dot_notation.add_function(dot_notation)?;
        self.add(item);
        Ok(())
    }

    /// Takes items of the innermost query out of scope, before a subquery in FROM is entered:
    /// without LATERAL it sees the outer queries, but not its own siblings.
    pub(crate) fn hide_siblings(&mut self, lateral: bool) -> Hidden<C, I> {
        let preceding = if lateral { 0 } else { self.current().len() };
        Hidden(self.range_table.hide(preceding))
    }

    /// Takes the first `count` items of the innermost query out of scope: ON sees only the two
    /// sides of its join, and the outer queries.
    pub(crate) fn hide_before_join(&mut self, count: usize) -> Hidden<C, I> {
        Hidden(self.range_table.hide(count))
    }

    /// Brings hidden items back into scope.
    pub(crate) fn show(&mut self, hidden: Hidden<C, I>) {
        self.range_table.show(hidden.0);
    }

    /// Replaces the items of a join with an alias, all that are in scope of the innermost query, by
    /// one item with the columns of the join. Returns the items.
    pub(crate) fn replace_by_join(
        &mut self,
        join: &JoinExpr,
        data: impl FnOnce(&[Item<C, I>]) -> I,
    ) -> Vec<Item<C, I>> {
        let inner = self.range_table.take_current();
        inner.iter().for_each(Item::mark_read_whole);
        let mut columns = super::Columns::default();
        columns.extend(star::expand_join(join, &mut inner.iter()));
        self.add(Item::new("", join.alias.as_ref(), columns, data(&inner)));
        inner
    }

    /// Checks and resolves a column reference.
    ///
    /// # Errors
    /// Refuses a withheld column, a system column, and a reference by which PostgreSQL could call a
    /// function.
    pub(crate) fn resolve(&mut self, column: &ColumnRef) -> Result<Resolved<C>, Refusal> {
        self.unresolved.remove(&column.location);
        if column_star_qualifier(column).is_none() {
            self.check(column)?;
        }
        Ok(self.denoted(column))
    }

    /// What a reference denotes whose name comes from a resolved one.
    pub(crate) fn denoted(&self, column: &ColumnRef) -> Resolved<C> {
        let (range_table, written) = (&self.range_table, names(&column.fields));
        let names = self.without_schema(&written);
        let star = column_star_qualifier(column);
        let Denoted { data, level } = match (star, names) {
            (Some(qualifier), _) => range_table.resolve_star(qualifier),
            (None, [name]) => range_table.resolve_unqualified(name),
            (None, [qualifier, name]) => range_table.resolve_qualified(qualifier, name),
            (None, [.., table, name]) => range_table.resolve_in_table(table, name),
            (None, []) => range_table.resolve_unknown(),
        };
        let row = match (star, names) {
            (Some(qualifier), _) => qualifier.and_then(|name| range_table.find_item(name)),
            // A column of this name takes precedence; if it is unknown, the larger of the two
            // counts.
            (None, [name]) => range_table.find_item(name),
            _ => None,
        };
        Resolved {
            data,
            level,
            row_columns: row.map(|(_, item)| item.columns.max_count()),
            drops_schema: names.len() < written.len(),
        }
    }

    /// The columns that `*` or `item.*` in a select list denotes; `None` if the value is neither.
    /// `from` is the FROM clause of the innermost query.
    pub(crate) fn expand_star(
        &mut self,
        value: &Node,
        from: &[Node],
    ) -> Result<Option<ExpandedStar<C>>, Refusal> {
        let Some(NodeEnum::ColumnRef(column)) = &value.node else {
            return Ok(None);
        };
        let Some(qualifier) = column_star_qualifier(column) else {
            return Ok(None);
        };
        self.unresolved.remove(&column.location);
        let Some(name) = qualifier else {
            let here = self.current();
            here.iter().for_each(Item::mark_read_whole);
            return Ok(Some(ExpandedStar {
                columns: star::expand(from, here),
                drops_schema: false,
            }));
        };
        let Some((_, item)) = self.range_table.find_item(name) else {
            return Err(Refusal::construct_with_hint(
                &format!("{name}.*"),
                "write the name of a FROM item before .*",
            ));
        };
        item.mark_read_whole();
        let written = names(&column.fields);
        Ok(Some(ExpandedStar {
            columns: item.columns.iter().cloned().collect(),
            drops_schema: self.without_schema(&written).len() < written.len(),
        }))
    }

    /// Number of columns that a part of a row expands to.
    pub(crate) fn row_columns(&self, part: &Node) -> usize {
        match star_qualifier(part) {
            None => 1,
            Some(name) => {
                let item = name.and_then(|name| self.range_table.find_item(name));
                item.map_or(1, |(_, item)| item.columns.max_count())
            }
        }
    }

    /// The names of a reference without the schema of a table that a subquery may replace.
    pub(super) fn without_schema<'a>(&self, names: &'a [&'a str]) -> &'a [&'a str] {
        withheld::without_schema(names, &self.range_table, &self.schema)
    }

    /// Makes the checks of one name that is no star.
    pub(super) fn check(&mut self, column: &ColumnRef) -> CheckOutcome {
        let (names, location) = (names(&column.fields), column.location);
        let Some((name, qualifiers)) = names.split_last() else {
            return Ok(());
        };
        let qualifier = qualifiers.last().copied();
        match qualifier {
            None => dot_notation::check_unqualified(name, location)?,
            Some(qualifier) => self.dot_notation.add_column(qualifier, name, location)?,
        }
        if let Some(table) = self.range_table.withholding(qualifier, name) {
            return Err(withheld::unknown_column(&self.schema, table, name).at(location));
        }
        qualifier.map_or(Ok(()), |qualifier| {
            dot_notation::check_call(qualifier, name, &self.range_table, location)
        })
    }

    /// Records that a reference without a qualifier denotes an output column.
    pub(super) fn visit_output_name(&mut self, column: &ColumnRef, name: &str) -> CheckOutcome {
        self.unresolved.remove(&column.location);
        dot_notation::check_unqualified(name, column.location)
    }
}
