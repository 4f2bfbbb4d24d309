//! Queries: their clauses and their result.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt, SetOperation};

use super::bound::Bound;
use super::columns::{Column, Columns};
use super::edits::Becomes;
use super::limits::MAX_UNFENCED_NODES;
use super::sub_link::SublinkPlan;
use super::totals::check_column_count;
use super::units::{Bytes, Nodes};
use super::{CostAnalyzer, ItemCost, build_ast, inspect, join, withheld};
use crate::grouping_sets::count_grouping_sets;
use crate::name::CheckOutcome;
use crate::refusal::Refusal;
use crate::resolve::{DependentColumn, OutputName};

/// The result of a query.
#[derive(Debug)]
pub(super) struct QueryOutput {
    pub(super) columns: Columns,
    pub(super) cost: ItemCost,
    /// Live bytes of its conditions, for one row.
    pub(super) condition_live_bytes: Bytes,
    /// Whether it reads itself.
    pub(super) recursion: Recursion,
    /// Nodes of the whole query: a SubLink in an inlined expression occurs once for each reference.
    pub(super) nodes: Nodes,
}

/// Whether a query reads itself, and how its rows are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recursion {
    None,
    All,
    /// By UNION without ALL: PostgreSQL keeps each row it has seen in a hash table that ignores
    /// `work_mem`.
    Distinct,
}

/// A query of WITH RECURSIVE, which may read itself: its position among the CTEs in scope, and its
/// column aliases.
#[derive(Clone, Copy)]
pub(super) struct RecursiveCte<'a> {
    pub(super) position: usize,
    pub(super) column_aliases: &'a [Node],
}

impl CostAnalyzer {
    /// Bounds one query and everything in it.
    pub(super) fn bound_query(&mut self, select: &SelectStmt) -> Result<QueryOutput, Refusal> {
        self.bound_query_as(select, None)
    }

    /// Bounds a query that may be the body of a recursive CTE.
    pub(super) fn bound_query_as(
        &mut self,
        select: &SelectStmt,
        recursive_cte: Option<RecursiveCte<'_>>,
    ) -> Result<QueryOutput, Refusal> {
        let before = self.nodes;
        let outer = self.ctes.len();
        if let Some(with) = &select.with_clause {
            self.bound_with(with)?;
        }
        let mut output = if select.larg.is_some() {
            self.bound_set_operation(select, recursive_cte)?
        } else {
            self.bound_simple_query(select)?
        };
        self.ctes.truncate(outer);
        output.nodes = self.nodes.added_since(before);
        Ok(output)
    }

    fn bound_set_operation(
        &mut self,
        select: &SelectStmt,
        recursive_cte: Option<RecursiveCte<'_>>,
    ) -> Result<QueryOutput, Refusal> {
        let (op, all) = (select.op(), select.all);
        let (Some(left), Some(right)) = (&select.larg, &select.rarg) else {
            return Err(Refusal::construct("this set operation"));
        };
        let left = self.bound_query(left)?;
        let mut columns = left.columns;
        let (right, recursive) = match recursive_cte {
            Some(recursive_cte) if op == SetOperation::SetopUnion => {
                self.bound_recursive_term(recursive_cte, &columns, right)?
            }
            _ => (self.bound_query(right)?, false),
        };
        columns.merge(&right.columns, Bound::with_sibling);
        if matches!(op, SetOperation::SetopIntersect | SetOperation::SetopExcept) {
            // The hash table of INTERSECT and EXCEPT ignores work_mem.
            self.settings.allow_hash_agg = false;
        }
        if !(op == SetOperation::SetopUnion && all && select.sort_clause.is_empty()) {
            self.add_sort_keys(columns.bounds())?;
            self.add_sort_rows(columns.row_bytes(), 1)?;
        }
        let mut limits = self.bound_limit(select, &columns)?;
        for key in &select.sort_clause {
            limits = limits.with_sibling(self.bound_set_operation_key(key)?);
        }
        self.nodes += limits.nodes;
        self.add_row(limits)?;
        Ok(QueryOutput {
            columns,
            cost: ItemCost {
                append_children: left
                    .cost
                    .append_children
                    .saturating_add(right.cost.append_children),
                row_count_known: false,
            },
            condition_live_bytes: left.condition_live_bytes.max(right.condition_live_bytes),
            recursion: match (recursive, all) {
                (false, _) => Recursion::None,
                (true, true) => Recursion::All,
                (true, false) => Recursion::Distinct,
            },
            nodes: Nodes::default(),
        })
    }

    /// Bounds a key of ORDER BY after a set operation. The bounds of output columns were added
    /// already.
    fn bound_set_operation_key(&mut self, key: &Node) -> Result<Bound, Refusal> {
        let key = match &key.node {
            Some(NodeEnum::SortBy(sort)) => sort.node.as_deref(),
            _ => Some(key),
        };
        match key {
            Some(key) if !self.resolver.is_output_column(key)? => self.bound_expr(key),
            _ => Ok(Bound::default()),
        }
    }

    fn bound_simple_query(&mut self, select: &SelectStmt) -> Result<QueryOutput, Refusal> {
        let before = self.ref_levels.len();
        self.resolver.push_query();
        let outer_query = self.accumulating_queries.enter_query();
        let measured = self.bound_clauses(select);
        self.accumulating_queries.leave_query(outer_query);
        self.resolver.pop_query();
        // References to this query's own items are of no interest to outer queries.
        let outer = self.resolver.current_level();
        let inner = self.ref_levels.split_off(before);
        self.ref_levels
            .extend(inner.into_iter().filter(|level| *level <= outer));
        measured
    }

    fn bound_clauses(&mut self, select: &SelectStmt) -> Result<QueryOutput, Refusal> {
        let is_initplan = std::mem::take(&mut self.is_initplan);
        let (equalities, windows) = (self.equalities, self.totals.windows);
        let mut total = Bound::default();
        for item in &select.from_clause {
            total = total.with_sibling(self.bound_from_item(item)?);
        }
        if let Some(condition) = &select.where_clause {
            total = total.with_sibling(self.bound_condition(condition, SublinkPlan::PulledUpJoin)?);
        }
        let condition_live_bytes = total.live_bytes;
        let items = self.resolver.current();
        let multiplies = join::may_multiply_rows(select, items);
        let items_known = items.iter().all(|item| item.data.row_count_known);
        // PostgreSQL pulls up a subquery; what it selects from may be an append of several queries.
        let append_children = items.iter().map(|item| item.data.append_children).max();
        let append_children = append_children.unwrap_or(1);
        if multiplies {
            self.settings.allow_hash_join = false;
        }
        let mut columns = Columns::default();
        let grouping_sets = count_grouping_sets(&select.group_clause)?;
        let outer_grouping_sets = std::mem::replace(&mut self.grouping_sets, grouping_sets);
        let (before, min_max_calls) = (self.set_returning_calls, self.min_max_calls);
        for target in &select.target_list {
            self.bound_target(target, is_initplan, &select.from_clause, &mut columns)?;
            check_column_count(columns.max_count(), self.limits.columns, "columns")?;
        }
        for row in &select.values_lists {
            total = total.with_sibling(self.bound_values_row(row, &mut columns)?);
        }
        total = columns.bounds().fold(total, Bound::with_sibling);
        for part in [&select.group_clause, &select.sort_clause] {
            for expr in part {
                total = total.with_sibling(self.bound_sort_key(expr, &columns)?);
            }
        }
        // A part of HAVING without aggregates becomes an ordinary condition.
        let mut pushed_down = condition_live_bytes;
        if let Some(condition) = &select.having_clause {
            let having = self.bound_expr(condition)?;
            pushed_down += having.live_bytes;
            total = total.with_sibling(having);
        }
        // PostgreSQL derives equalities from equalities, each with a copy of the common constant.
        let implied_live_bytes = self.max_equal_constant_bytes * (self.equalities - equalities);
        pushed_down += implied_live_bytes;
        for window in &select.window_clause {
            total = total.with_sibling(self.bound_expr(window)?);
        }
        // DISTINCT ON sorts by its own expressions, DISTINCT by all columns.
        let mut distinct_on_keys = 0;
        for expr in &select.distinct_clause {
            if expr.node.is_some() {
                total = total.with_sibling(self.bound_sort_key(expr, &columns)?);
                distinct_on_keys += 1;
            }
        }
        if !select.distinct_clause.is_empty() && distinct_on_keys == 0 {
            self.add_sort_keys(columns.bounds())?;
        }
        let mut is_grouped = !select.group_clause.is_empty();
        for dependent in self.resolver.dependent_columns(select) {
            let (column, bound) = self.bound_dependent_column(&dependent)?;
            total = total.with_sibling(bound);
            is_grouped = true;
            self.edits
                .change_query(select, |query| query.group_clause.push(column));
        }
        self.grouping_sets = outer_grouping_sets;
        // For each call of min and max, PostgreSQL plans the query once more.
        let min_max_calls = self.min_max_calls.saturating_sub(min_max_calls);
        let planned_again = condition_live_bytes * min_max_calls;
        let plans = min_max_calls.saturating_add(1);
        // Conditions are pushed down into each append child that they apply to.
        let copied = pushed_down * append_children.saturating_sub(1) + implied_live_bytes;
        total.live_bytes += planned_again + copied;
        let windows = self.totals.windows - windows;
        self.add_sorted_rows(select, is_grouped, &columns, total.live_bytes, windows)?;
        total = total.with_sibling(self.bound_limit(select, &columns)?);
        self.nodes += total.nodes * append_children * plans;
        self.add_row(total)?;
        withheld::hide(
            &select.from_clause,
            self.resolver.current(),
            &mut self.edits,
        )?;
        Ok(QueryOutput {
            columns,
            cost: ItemCost {
                append_children,
                row_count_known: items_known
                    && !multiplies
                    && self.set_returning_calls == before
                    && grouping_sets == 1,
            },
            condition_live_bytes,
            recursion: Recursion::None,
            nodes: Nodes::default(),
        })
    }

    /// Bounds an item of the select list; `is_initplan`: the query consists of nothing else.
    fn bound_target(
        &mut self,
        node: &Node,
        is_initplan: bool,
        from: &[Node],
        columns: &mut Columns,
    ) -> CheckOutcome {
        let Some(NodeEnum::ResTarget(target)) = &node.node else {
            return Err(Refusal::construct("this select list"));
        };
        let Some(value) = target.val.as_deref() else {
            return Ok(());
        };
        if let Some(star) = self.resolver.expand_star(value, from)? {
            if star.drops_schema {
                self.edits
                    .change(value, Becomes::Other, build_ast::remove_schema);
            }
            columns.extend(star.columns);
            return Ok(());
        }
        if inspect::is_row_constructor_expansion(value) {
            return Err(Refusal::construct_with_hint(
                "(ROW(…)).*",
                "list the values one by one, without ROW",
            ));
        }
        let edits_before = self.edits.count();
        let output = OutputName::new(value);
        let bound = if is_initplan {
            self.bound_expr_in_place(value)?
        } else {
            self.bound_expr(value)?
        };
        let is_row_expansion = self.edits.is_row_expansion(value);
        columns.push(output.column(&target.name, is_row_expansion, bound));
        if self.edits.count() > edits_before && !is_row_expansion && !output.is_unknown() {
            let restore_name = move |node: &mut Node| match &mut node.node {
                Some(NodeEnum::ResTarget(target)) => {
                    output.restore(target);
                    Ok(())
                }
                _ => Err(Refusal::construct("this select list")),
            };
            self.edits.change(node, Becomes::Other, restore_name);
        }
        Ok(())
    }

    /// Builds and bounds an expression that is added to GROUP BY.
    fn bound_dependent_column(
        &mut self,
        dependent: &DependentColumn,
    ) -> Result<(Node, Bound), Refusal> {
        let column = build_ast::item_column(&dependent.item, dependent.column.as_deref());
        let resolved = self.resolver.denoted(&column);
        let bound = self.bound_resolved(resolved);
        self.add_sort_keys([bound])?;
        Ok((build_ast::wrap(NodeEnum::ColumnRef(column)), bound))
    }

    /// Bounds a row of VALUES. The total covers all rows, a column's bound is that of its largest
    /// value.
    fn bound_values_row(&mut self, row: &Node, columns: &mut Columns) -> Result<Bound, Refusal> {
        let Some(NodeEnum::List(row)) = &row.node else {
            return Err(Refusal::construct("this VALUES list"));
        };
        let mut total = Bound::default();
        let mut values = Columns::default();
        for (position, value) in (1..).zip(&row.items) {
            let bound = self.bound_expr(value)?;
            total = total.with_sibling(bound);
            values.push(Column::new(format!("column{position}"), bound));
        }
        columns.merge(&values, Bound::either);
        if columns.exact_count() == Some(0) {
            *columns = values;
        }
        Ok(total)
    }

    /// Whether the columns are expensive enough for an optimization fence.
    pub(super) fn is_costly(&self, columns: &Columns) -> bool {
        columns
            .bounds()
            .any(|bound| bound.nodes > MAX_UNFENCED_NODES)
    }
}
