//! A query: its clauses, and what its result is.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ResTarget, SelectStmt, SetOperation};

use super::column_name::{HIDDEN, own_name};
use super::columns::{Column, Columns};
use super::count::few_columns;
use super::size::Size;
use super::sub_link::Fence;
use super::with::Itself;
use super::{Measure, grouped, join, star, tree, withheld};
use crate::query::guard::grouping_sets::count_grouping_sets;
use crate::query::guard::name::Verdict;
use crate::query::guard::refusal::Refusal;

/// What a query gives.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) columns: Columns,
    /// Of how many queries its rows are put together.
    pub(super) branches: u64,
    /// Whether it has no more rows than some table has.
    pub(super) few_rows: bool,
    /// The bytes that its conditions hold for a row.
    pub(super) conditions: u64,
    /// Whether it reads itself.
    pub(super) recursion: Recursion,
    /// The nodes of all of it: a sub-select that is named many times stands there as often.
    pub(super) nodes: u64,
}

/// Whether a query reads itself, and how its rows are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recursion {
    None,
    All,
    /// By UNION without ALL: PostgreSQL keeps each row that it has seen, without regard to
    /// `work_mem`.
    Distinct,
}

impl Measure {
    /// Measures one query and what it is made of.
    pub(super) fn query(&mut self, select: &mut SelectStmt) -> Result<Output, Refusal> {
        self.query_as(select, None)
    }

    /// The same for a query that may read itself.
    pub(super) fn query_as(
        &mut self,
        select: &mut SelectStmt,
        itself: Option<Itself<'_>>,
    ) -> Result<Output, Refusal> {
        let before = self.nodes;
        let outer = self.named.len();
        if let Some(with) = &mut select.with_clause {
            self.with(with)?;
        }
        let mut output = if select.larg.is_some() {
            self.set_operation(select, itself)?
        } else {
            self.simple(select)?
        };
        self.named.truncate(outer);
        output.nodes = self.nodes.saturating_sub(before);
        Ok(output)
    }

    fn set_operation(
        &mut self,
        select: &mut SelectStmt,
        itself: Option<Itself<'_>>,
    ) -> Result<Output, Refusal> {
        let (op, all) = (select.op(), select.all);
        let (Some(left), Some(right)) = (&mut select.larg, &mut select.rarg) else {
            return Err(Refusal::construct("this set operation"));
        };
        let left = self.query(left)?;
        let mut columns = left.columns;
        let (right, recursive) = match itself {
            Some(itself) if op == SetOperation::SetopUnion => {
                self.repeated(itself, &columns, right)?
            }
            _ => (self.query(right)?, false),
        };
        columns.merge(&right.columns, Size::beside);
        if matches!(op, SetOperation::SetopIntersect | SetOperation::SetopExcept) {
            // Its hash table is not held to work_mem.
            self.settings.allow_hash_agg = false;
        }
        if !(op == SetOperation::SetopUnion && all && select.sort_clause.is_empty()) {
            self.sorted(columns.sizes())?;
            self.carry(columns.width(), 1)?;
        }
        let limits = self.limits(select, &columns)?;
        self.nodes = self.nodes.saturating_add(limits.nodes);
        self.hold(limits)?;
        Ok(Output {
            columns,
            branches: left.branches.saturating_add(right.branches),
            few_rows: false,
            conditions: left.conditions.max(right.conditions),
            recursion: match (recursive, all) {
                (false, _) => Recursion::None,
                (true, true) => Recursion::All,
                (true, false) => Recursion::Distinct,
            },
            nodes: 0,
        })
    }

    fn simple(&mut self, select: &mut SelectStmt) -> Result<Output, Refusal> {
        let before = self.meant.len();
        self.sources.enter();
        let outer_query = self.collecting_queries.enter();
        let measured = self.clauses(select);
        self.collecting_queries.leave(outer_query);
        self.sources.leave();
        // What was said of this query's own items is nothing to those outside.
        let outer = self.sources.level();
        let inner = self.meant.split_off(before);
        self.meant
            .extend(inner.into_iter().filter(|level| *level <= outer));
        measured
    }

    fn clauses(&mut self, select: &mut SelectStmt) -> Result<Output, Refusal> {
        let waits = std::mem::take(&mut self.waits);
        let (equalities, windows) = (self.equalities, self.totals.windows);
        let mut total = Size::default();
        for item in &mut select.from_clause {
            total = total.beside(self.source(item)?);
        }
        if let Some(condition) = &mut select.where_clause {
            total = total.beside(self.condition(condition, Fence::OfJoin)?);
        }
        let conditions = total.held;
        let sources = self.sources.here();
        let multiplies = join::multiplies(select, sources);
        let few_sources = sources.iter().all(|source| source.few_rows);
        // PostgreSQL takes a query over one other apart: what it selects from may be several.
        let branches = sources.iter().map(|source| source.branches).max();
        let branches = branches.unwrap_or(1);
        if multiplies {
            self.settings.allow_hash_join = false;
        }
        let mut columns = Columns::default();
        let sets = count_grouping_sets(&select.group_clause)?;
        let outer_groupings = std::mem::replace(&mut self.groupings, sets);
        let (before, extremes) = (self.set_returning, self.extremes);
        for target in &mut select.target_list {
            self.target(target, waits, &select.from_clause, &mut columns)?;
            few_columns(columns.most(), self.caps.columns, "columns")?;
        }
        for row in &mut select.values_lists {
            total = total.beside(self.values(row, &mut columns)?);
        }
        total = columns.sizes().fold(total, Size::beside);
        for part in [&mut select.group_clause, &mut select.sort_clause] {
            for expr in part {
                total = total.beside(self.sort_key(expr, &columns)?);
            }
        }
        // Of HAVING, what asks for no aggregate becomes a condition like the others.
        let mut pushed_down = conditions;
        if let Some(condition) = &mut select.having_clause {
            let having = self.expr(condition)?;
            pushed_down = pushed_down.saturating_add(having.held);
            total = total.beside(having);
        }
        // From equalities follow others, each with a copy of the value that all are equal to.
        let concluded = (self.equalities - equalities).saturating_mul(self.longest_equal);
        pushed_down = pushed_down.saturating_add(concluded);
        for window in &mut select.window_clause {
            total = total.beside(self.expr(window)?);
        }
        // DISTINCT ON sorts by its own expressions, DISTINCT by all columns.
        let mut on = 0;
        for expr in &mut select.distinct_clause {
            if expr.node.is_some() {
                total = total.beside(self.sort_key(expr, &columns)?);
                on += 1;
            }
        }
        if !select.distinct_clause.is_empty() && on == 0 {
            self.sorted(columns.sizes())?;
        }
        for mut expr in grouped::dependents(select, self.sources.here()) {
            total = total.beside(self.sort_key(&mut expr, &columns)?);
            select.group_clause.push(expr);
        }
        self.groupings = outer_groupings;
        // For each of min and max, PostgreSQL plans the query once more.
        let extremes = self.extremes.saturating_sub(extremes);
        let planned_again = extremes.saturating_mul(conditions);
        let plans = if select.group_clause.is_empty() {
            extremes.saturating_add(1)
        } else {
            1
        };
        // Conditions are copied into each branch of a UNION that they are about.
        let copied = pushed_down
            .saturating_mul(branches.saturating_sub(1))
            .saturating_add(concluded);
        total.held = total
            .held
            .saturating_add(planned_again)
            .saturating_add(copied);
        let windows = self.totals.windows - windows;
        self.carry_rows(select, &columns, total.held, windows)?;
        total = total.beside(self.limits(select, &columns)?);
        self.nodes = self
            .nodes
            .saturating_add(total.nodes.saturating_mul(branches).saturating_mul(plans));
        self.hold(total)?;
        withheld::hide(&mut select.from_clause, self.sources.here());
        Ok(Output {
            columns,
            branches,
            few_rows: few_sources && !multiplies && self.set_returning == before && sets == 1,
            conditions,
            recursion: Recursion::None,
            nodes: 0,
        })
    }

    /// An item of the select list, whose value `waits` if it is all that there is.
    fn target(
        &mut self,
        target: &mut Node,
        waits: bool,
        from: &[Node],
        columns: &mut Columns,
    ) -> Verdict {
        let Some(NodeEnum::ResTarget(target)) = &mut target.node else {
            return Err(Refusal::construct("this select list"));
        };
        let ResTarget {
            name,
            indirection: _,
            val,
            location: _,
        } = target.as_mut();
        let Some(value) = val else { return Ok(()) };
        if let Some(NodeEnum::ColumnRef(column)) = &mut value.node {
            withheld::shorten(column, &self.sources);
        }
        match tree::star(value) {
            None => {}
            Some(None) => {
                let here = self.sources.here().iter();
                here.for_each(|source| source.is_read_whole.set(true));
                columns.extend(star::all(from, self.sources.here()));
                return Ok(());
            }
            Some(Some(name)) => {
                let Some((_, source)) = self.sources.item(name) else {
                    return Err(Refusal::construct_with_hint(
                        &format!("{name}.*"),
                        "name an item of FROM before .*",
                    ));
                };
                source.is_read_whole.set(true);
                columns.extend(source.columns.iter().cloned());
                return Ok(());
            }
        }
        if tree::is_columns_of_row(value) {
            return Err(Refusal::construct_with_hint(
                "(ROW(…)).*",
                "write the values one by one, without ROW",
            ));
        }
        let called = own_name(value).to_owned();
        let size = if waits {
            self.as_written(value)?
        } else {
            self.expr(value)?
        };
        if tree::is_row_of_columns(value) || called == HIDDEN {
            columns.push(Column::perhaps(called, size));
            return Ok(());
        }
        if name.is_empty() && own_name(value) != called {
            // It was replaced; its column is called as before.
            name.clone_from(&called);
        }
        let name = if name.is_empty() {
            called
        } else {
            name.clone()
        };
        columns.push(Column::new(name, size));
        Ok(())
    }

    /// A row of VALUES: what all of it adds, while a column is as large as its largest value.
    fn values(&mut self, row: &mut Node, columns: &mut Columns) -> Result<Size, Refusal> {
        let Some(NodeEnum::List(row)) = &mut row.node else {
            return Err(Refusal::construct("this VALUES list"));
        };
        let mut total = Size::default();
        let mut values = Columns::default();
        for (place, value) in (1..).zip(&mut row.items) {
            let size = self.expr(value)?;
            total = total.beside(size);
            values.push(Column::new(format!("column{place}"), size));
        }
        columns.merge(&values, Size::or);
        if columns.count() == Some(0) {
            *columns = values;
        }
        Ok(total)
    }

    /// Whether a column is worth being computed once.
    pub(super) fn is_long(&self, columns: &Columns) -> bool {
        columns.sizes().any(|size| size.nodes > self.fenced_above)
    }
}
