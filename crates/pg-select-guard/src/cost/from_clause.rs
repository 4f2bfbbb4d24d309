//! FROM: the range table entries of a query.

use std::cell::Cell;
use std::collections::HashMap;

use pg_query::NodeEnum;
use pg_query::protobuf::{JoinExpr, JoinType, Node, RangeFunction, RangeSubselect, RangeVar};

use super::bound::{Bound, MAX_PLAN_TIME_BYTES};
use super::column_name::figure_column_name;
use super::columns::{Column, Columns};
use super::query::QueryOutput;
use super::range_table::RangeTableEntry;
use super::sub_link::SublinkPlan;
use super::totals::check_column_count;
use super::{CostAnalyzer, CteOutput, build_ast, star, withheld};
use crate::allow_list::FIELDS;
use crate::catalog::{self, FromColumns};
use crate::name::{Verdict, names};
use crate::refusal::Refusal;
use crate::relations::{Relation, RelationColumn, relation};

impl CostAnalyzer {
    /// Bounds an item of FROM and adds its range table entry. Returns what it adds to the query.
    pub(super) fn bound_from_item(&mut self, item: &mut Node) -> Result<Bound, Refusal> {
        match &mut item.node {
            Some(NodeEnum::RangeVar(table)) => {
                self.add_item()?;
                let entry = self.table_entry(table)?;
                self.add_entry(entry)?;
                Ok(Bound::leaf(0))
            }
            Some(NodeEnum::RangeTableSample(sample)) => {
                let mut bound = self.bound_exprs(&mut sample.args)?.combined;
                bound = bound.with_sibling(self.bound_optional(&mut sample.repeatable)?);
                let table = sample.relation.as_mut();
                let table = table.ok_or_else(|| Refusal::construct("this TABLESAMPLE"))?;
                Ok(bound.with_sibling(self.bound_from_item(table)?))
            }
            Some(NodeEnum::RangeSubselect(range)) => {
                self.add_item()?;
                let entry = self.subquery_entry(range)?;
                self.add_entry(entry)?;
                Ok(Bound::leaf(0))
            }
            Some(NodeEnum::RangeFunction(range)) => self.bound_range_function(range),
            Some(NodeEnum::JsonTable(table)) => {
                self.add_item()?;
                let (bound, entry) = self.bound_json_table(table)?;
                self.add_entry(entry)?;
                Ok(bound)
            }
            Some(NodeEnum::JoinExpr(join)) => self.bound_join(join),
            _ => Err(Refusal::construct("this item of FROM")),
        }
    }

    fn add_entry(&mut self, entry: RangeTableEntry) -> Verdict {
        self.range_table.add(entry);
        let columns = self.range_table.current().iter();
        let count = columns.map(|entry| entry.columns.max_count()).sum();
        check_column_count(count, self.caps.from_columns, "columns in FROM")
    }

    fn table_entry(&mut self, table: &RangeVar) -> Result<RangeTableEntry, Refusal> {
        let stored = if table.schemaname.is_empty() {
            None
        } else {
            relation(&table.relname)
        };
        let CteOutput {
            columns,
            append_children,
            row_count_known,
        } = if table.schemaname.is_empty() {
            self.read_cte(&table.relname, table.location)?
        } else {
            CteOutput {
                columns: stored.map_or_else(Columns::default, table_columns),
                append_children: 1,
                row_count_known: true,
            }
        };
        let entry = RangeTableEntry {
            name: table.relname.clone(),
            columns,
            append_children,
            row_count_known,
            table: stored,
            is_unaliased: stored.is_some(),
            // Column aliases are counted in the order of all columns, including withheld ones.
            is_read_whole: Cell::new(
                table
                    .alias
                    .as_ref()
                    .is_some_and(|alias| !alias.colnames.is_empty()),
            ),
            is_row_read: Cell::new(false),
        };
        Ok(entry.renamed(table.alias.as_ref()))
    }

    fn subquery_entry(&mut self, range: &mut RangeSubselect) -> Result<RangeTableEntry, Refusal> {
        let Some(NodeEnum::SelectStmt(select)) = range
            .subquery
            .as_mut()
            .and_then(|query| query.node.as_mut())
        else {
            return Err(Refusal::construct("this subquery"));
        };
        // Without LATERAL, a subquery sees the outer queries, but not its own siblings.
        let preceding = if range.lateral {
            0
        } else {
            self.range_table.current().len()
        };
        let hidden = self.range_table.hide(preceding);
        let QueryOutput {
            mut columns,
            append_children,
            row_count_known,
            recursion: _,
            condition_live_bytes: _,
            nodes: _,
        } = self.bound_query(select)?;
        self.range_table.show(hidden);
        let has_limit = select.limit_count.is_some() || select.limit_offset.is_some();
        if has_limit || self.is_costly(&columns) {
            if !has_limit {
                build_ast::add_offset_zero(select);
            }
            columns.fence();
        }
        let entry = RangeTableEntry {
            name: String::new(),
            columns,
            append_children,
            row_count_known,
            ..RangeTableEntry::default()
        };
        Ok(entry.renamed(range.alias.as_ref()))
    }

    fn bound_join(&mut self, join: &mut JoinExpr) -> Result<Bound, Refusal> {
        if join.join_using_alias.is_some() {
            return Err(Refusal::construct_with_hint(
                "an alias for the columns of USING",
                "omit AS behind USING (…)",
            ));
        }
        let join_type = join.jointype();
        self.has_full_join |= join_type == JoinType::JoinFull;
        let before = self.range_table.current().len();
        let mut bound = Bound::leaf(0);
        for side in [&mut join.larg, &mut join.rarg].into_iter().flatten() {
            bound = bound.with_sibling(self.bound_from_item(side)?);
        }
        // ON sees only the two sides of the join, and the outer queries.
        let hidden = self.range_table.hide(before);
        self.bound_merged_columns(join)?;
        if let Some(condition) = &mut join.quals {
            // PostgreSQL may not pull up SubLinks in the conditions of an outer join.
            let plan = match join_type {
                JoinType::JoinInner => SublinkPlan::PulledUpJoin,
                _ => SublinkPlan::HashedSubplan,
            };
            bound = bound.with_sibling(self.bound_condition(condition, plan)?);
        }
        if join.alias.is_some() {
            let inner = self.range_table.split_off(0);
            let mut columns = Columns::default();
            columns.extend(star::expand_join(join, &mut inner.iter()));
            let joined = RangeTableEntry {
                name: String::new(),
                columns,
                append_children: inner
                    .iter()
                    .map(|entry| entry.append_children)
                    .fold(1, u64::max),
                row_count_known: inner.iter().all(|entry| entry.row_count_known),
                ..RangeTableEntry::default()
            };
            inner.iter().for_each(|entry| entry.is_read_whole.set(true));
            withheld::hide_in_join(join, &mut inner.iter());
            self.add_entry(joined.renamed(join.alias.as_ref()))?;
        }
        self.range_table.show(hidden);
        Ok(bound)
    }

    /// Adds the columns that USING and NATURAL join by, which a merge join sorts.
    fn bound_merged_columns(&mut self, join: &JoinExpr) -> Verdict {
        let named = names(&join.using_clause);
        let entries = self.range_table.current().iter();
        if join.is_natural {
            entries
                .clone()
                .for_each(|entry| entry.is_read_whole.set(true));
        }
        for name in &named {
            if let Some(table) = self.range_table.any_withholding(name) {
                return Err(withheld::unknown_column(table, name));
            }
        }
        let columns: Vec<&Column> = entries.flat_map(|entry| entry.columns.iter()).collect();
        let mut occurrences: HashMap<&str, usize> = HashMap::new();
        for column in &columns {
            *occurrences.entry(&column.name).or_default() += 1;
        }
        let is_common = |name: &str| {
            occurrences
                .get(name)
                .is_some_and(|occurrences| *occurrences > 1)
        };
        let merged = columns.iter().filter(|column| {
            named.contains(&column.name.as_str()) || join.is_natural && is_common(&column.name)
        });
        let bounds: Vec<Bound> = merged.map(|column| column.bound).collect();
        let pairs = if join.is_natural {
            occurrences
                .values()
                .filter(|occurrences| **occurrences > 1)
                .count()
        } else {
            named.len()
        };
        self.add_equalities(pairs)?;
        self.add_sort_keys(bounds)
    }

    fn bound_range_function(&mut self, range: &mut RangeFunction) -> Result<Bound, Refusal> {
        let mut bound = Bound::leaf(0);
        let mut first_name = String::new();
        let mut columns = Columns::default();
        let is_single = range.functions.len() == 1;
        let alias = range.alias.as_ref();
        for item in &mut range.functions {
            let Some(NodeEnum::List(item)) = &mut item.node else {
                return Err(Refusal::construct("this function in FROM"));
            };
            let Some(function) = item.items.first_mut() else {
                return Err(Refusal::construct("this function in FROM"));
            };
            // Each function is an item; PostgreSQL splits `unnest(a, b)` into one function per
            // argument.
            let items = match &function.node {
                Some(NodeEnum::FuncCall(call)) if has_unknown_row_type(function) => {
                    call.args.len().max(1)
                }
                _ => 1,
            };
            for _ in 0..items {
                self.add_item()?;
            }
            let function_name = figure_column_name(function).to_owned();
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
            // The column of a single function that returns a scalar has the name of the item.
            let value_name = alias
                .filter(|_| is_single)
                .map_or(&function_name, |alias| &alias.aliasname);
            columns.extend(function_columns(function, value_name, row_bound));
            if first_name.is_empty() {
                first_name = function_name;
            }
        }
        if range.ordinality {
            columns.push(Column::new("ordinality", Bound::leaf(8).as_non_text()));
        }
        let entry = RangeTableEntry {
            name: first_name,
            columns,
            append_children: 1,
            row_count_known: false,
            ..RangeTableEntry::default()
        };
        self.add_entry(entry.renamed(alias))?;
        Ok(bound)
    }
}

fn has_unknown_row_type(function: &Node) -> bool {
    matches!(from_columns(function), Some(FromColumns::Unknown))
}

/// What is known of the columns of a function in FROM; `None` for another expression.
fn from_columns(function: &Node) -> Option<FromColumns> {
    match &function.node {
        Some(NodeEnum::FuncCall(call)) => {
            let name = names(&call.funcname).last().copied();
            name.and_then(catalog::function)
                .map(|function| function.columns)
        }
        _ => None,
    }
}

/// The columns of a function in FROM; a scalar result would be named `value_name`.
fn function_columns(function: &Node, value_name: &str, bound: Bound) -> Vec<Column> {
    match from_columns(function) {
        Some(FromColumns::KeyValue) => ["key", "value"].map(|name| Column::new(name, bound)).into(),
        Some(FromColumns::Value) => vec![Column::new("value", bound)],
        Some(FromColumns::Item) => vec![Column::new(value_name, bound)],
        Some(FromColumns::Unknown) | None => unknown_columns(value_name, bound),
    }
}

fn unknown_columns(value_name: &str, bound: Bound) -> Vec<Column> {
    let names = FIELDS.iter().chain([&value_name]);
    names.map(|name| Column::may_exist(*name, bound)).collect()
}

/// The largest size in `relations.txt` of a column that is no text.
const MAX_NUMBER_BYTES: u64 = 16;

fn table_columns(table: &Relation) -> Columns {
    let mut columns = Columns::default();
    let bound = |bytes: u64| match Bound::leaf(bytes).at_runtime() {
        // Numbers, dates and booleans; a text column is longer.
        bound if bytes <= MAX_NUMBER_BYTES => bound.as_non_text(),
        // No table has a column of type json, jsonb or tsquery.
        bound => bound.as_flat(),
    };
    let column = |column: &RelationColumn| Column::new(column.name, bound(column.max_bytes));
    columns.extend(table.columns.iter().map(column));
    columns
}
