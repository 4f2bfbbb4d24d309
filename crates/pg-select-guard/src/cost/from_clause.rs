//! FROM: the items of a query.

use pg_query::NodeEnum;
use pg_query::protobuf::{JoinExpr, JoinType, Node, RangeFunction, RangeSubselect, RangeVar};

use super::bound::Bound;
use super::columns::{Column, Columns};
use super::limits::{INTEGER_BYTES, MAX_NUMBER_BYTES, MAX_PLAN_TIME_BYTES};
use super::query::QueryOutput;
use super::sub_link::SublinkPlan;
use super::totals::check_column_count;
use super::units::Bytes;
use super::{CostAnalyzer, CteOutput, Item, ItemCost, build_ast, inspect, withheld};
use crate::name::CheckOutcome;
use crate::refusal::Refusal;
use crate::resolve::{FunctionItem, function_count, value_name};
use crate::schema::{Relation, RelationColumn};

impl CostAnalyzer {
    /// Bounds an item of FROM and adds it to the scope. Returns what it adds to the query.
    pub(super) fn bound_from_item(&mut self, item: &Node) -> Result<Bound, Refusal> {
        match &item.node {
            Some(NodeEnum::RangeVar(table)) => {
                self.add_item()?;
                let item = self.table_item(table)?;
                self.resolver.add(item);
                self.check_from_columns()?;
                Ok(Bound::leaf(Bytes::ZERO))
            }
            Some(NodeEnum::RangeTableSample(sample)) => {
                let mut bound = self.bound_exprs(&sample.args)?.combined;
                bound = bound.with_sibling(self.bound_optional(sample.repeatable.as_deref())?);
                let table = sample.relation.as_deref();
                let table = table.ok_or_else(|| Refusal::construct("this TABLESAMPLE"))?;
                Ok(bound.with_sibling(self.bound_from_item(table)?))
            }
            Some(NodeEnum::RangeSubselect(range)) => {
                self.add_item()?;
                let item = self.subquery_item(range)?;
                self.resolver.add(item);
                self.check_from_columns()?;
                Ok(Bound::leaf(Bytes::ZERO))
            }
            Some(NodeEnum::RangeFunction(range)) => self.bound_range_function(range),
            Some(NodeEnum::JsonTable(table)) => {
                self.add_item()?;
                let (bound, item) = self.bound_json_table(table)?;
                self.resolver.add(item);
                self.check_from_columns()?;
                Ok(bound)
            }
            Some(NodeEnum::JoinExpr(join)) => self.bound_join(join),
            _ => Err(Refusal::construct("this item of FROM")),
        }
    }

    fn check_from_columns(&self) -> CheckOutcome {
        let items = self.resolver.current().iter();
        let count = items.map(|item| item.columns.max_count()).sum();
        check_column_count(count, self.limits.from_columns, "columns in FROM")
    }

    fn table_item(&mut self, table: &RangeVar) -> Result<Item, Refusal> {
        let stored = self.resolver.stored_table(table);
        let CteOutput { columns, cost } = match &stored {
            None => self.read_cte(&table.relname, table.location)?,
            Some(stored) => CteOutput {
                columns: table_columns(stored),
                cost: ItemCost {
                    append_children: 1,
                    row_count_known: true,
                },
            },
        };
        Ok(Item::from_table(table, stored, columns, cost))
    }

    fn subquery_item(&mut self, range: &RangeSubselect) -> Result<Item, Refusal> {
        let query = range.subquery.as_deref().and_then(inspect::query);
        let Some((_, select)) = query else {
            return Err(Refusal::construct("this subquery"));
        };
        let hidden = self.resolver.hide_siblings(range.lateral);
        let QueryOutput {
            mut columns,
            cost,
            recursion: _,
            condition_live_bytes: _,
            nodes: _,
        } = self.bound_query(select)?;
        self.resolver.show(hidden);
        let has_limit = select.limit_count.is_some() || select.limit_offset.is_some();
        if has_limit || self.is_costly(&columns) {
            if !has_limit {
                self.edits.change_query(select, build_ast::add_offset_zero);
            }
            columns.fence();
        }
        Ok(Item::new("", range.alias.as_ref(), columns, cost))
    }

    fn bound_join(&mut self, join: &JoinExpr) -> Result<Bound, Refusal> {
        if join.join_using_alias.is_some() {
            return Err(Refusal::construct_with_hint(
                "an alias for the columns of USING",
                "omit AS behind USING (…)",
            ));
        }
        let join_type = join.jointype();
        self.has_full_join |= join_type == JoinType::JoinFull;
        let before = self.resolver.current().len();
        let mut bound = Bound::leaf(Bytes::ZERO);
        for side in [&join.larg, &join.rarg].into_iter().flatten() {
            bound = bound.with_sibling(self.bound_from_item(side)?);
        }
        let hidden = self.resolver.hide_before_join(before);
        // A merge join sorts the columns that USING and NATURAL join by.
        let merged = self.resolver.merge_columns(join)?;
        self.add_equalities(merged.pairs)?;
        self.add_sort_keys(merged.data)?;
        if let Some(condition) = &join.quals {
            // PostgreSQL may not pull up SubLinks in the conditions of an outer join.
            let plan = match join_type {
                JoinType::JoinInner => SublinkPlan::PulledUpJoin,
                _ => SublinkPlan::HashedSubplan,
            };
            bound = bound.with_sibling(self.bound_condition(condition, plan)?);
        }
        if join.alias.is_some() {
            let items = self.resolver.replace_by_join(join, joined_cost);
            withheld::hide_in_join(join, &mut items.iter(), &mut self.edits)?;
            self.check_from_columns()?;
        }
        self.resolver.show(hidden);
        Ok(bound)
    }

    fn bound_range_function(&mut self, range: &RangeFunction) -> Result<Bound, Refusal> {
        let mut bound = Bound::leaf(Bytes::ZERO);
        let mut functions = FunctionItem::new(range)?;
        for item in &range.functions {
            let Some(NodeEnum::List(item)) = &item.node else {
                return Err(Refusal::construct("this function in FROM"));
            };
            let Some(function) = item.items.first() else {
                return Err(Refusal::construct("this function in FROM"));
            };
            for _ in 0..function_count(function) {
                self.add_item()?;
            }
            let name = value_name(function);
            let function_bound = self.bound_expr_in_place(function)?;
            if !function_bound.is_runtime && function_bound.max_bytes > MAX_PLAN_TIME_BYTES {
                return Err(Refusal::construct_with_hint(
                    "a long constant computed in FROM",
                    "compute it in SELECT",
                ));
            }
            bound = bound.with_sibling(function_bound);
            // PostgreSQL replaces references to a constant function's column by the constant.
            let row_bound = Bound {
                is_runtime: function_bound.is_runtime,
                ..function_bound.fenced()
            };
            functions.add(name, function, row_bound);
        }
        if range.ordinality {
            functions.add_ordinality(Bound::leaf(INTEGER_BYTES).as_non_text());
        }
        let cost = ItemCost {
            append_children: 1,
            row_count_known: false,
        };
        self.resolver.add_functions(functions, cost)?;
        self.check_from_columns()?;
        Ok(bound)
    }
}

/// What the rows of a join with an alias cost.
fn joined_cost(items: &[Item]) -> ItemCost {
    let append_children = items.iter().map(|item| item.data.append_children);
    ItemCost {
        append_children: append_children.fold(1, u64::max),
        row_count_known: items.iter().all(|item| item.data.row_count_known),
    }
}

fn table_columns(table: &Relation) -> Columns {
    let mut columns = Columns::default();
    let bound = |bytes: Bytes| match Bound::leaf(bytes).at_runtime() {
        // Numbers, dates and booleans; a text column is longer.
        bound if bytes <= MAX_NUMBER_BYTES => bound.as_non_text(),
        // No table has a column of type json, jsonb or tsquery.
        bound => bound.as_flat(),
    };
    let column =
        |column: &RelationColumn| Column::new(&column.name, bound(Bytes::new(column.max_bytes)));
    columns.extend(table.columns.iter().map(column));
    columns
}
