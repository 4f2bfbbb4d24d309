//! Sorting, and the rows that it keeps.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt};

use super::bound::{Bound, Parts};
use super::columns::Columns;
use super::expression::tuple_bound;
use super::limits::{MAX_SORT_KEY_BYTES, MAX_TOPN_BYTES, TOPN_ROW_OVERHEAD_BYTES};
use super::units::Bytes;
use super::{CostAnalyzer, inspect};
use crate::name::CheckOutcome;
use crate::refusal::{Refusal, Rule};
use crate::resolve::SortKey;

impl CostAnalyzer {
    /// Adds everything that sorts and joins whole rows: input rows, output rows, and the rows that
    /// pass through each window.
    pub(super) fn add_sorted_rows(
        &mut self,
        select: &SelectStmt,
        is_grouped: bool,
        columns: &Columns,
        live_bytes: Bytes,
        windows: u64,
    ) -> CheckOutcome {
        let items = self.resolver.current();
        let input_row_bytes = items.iter().map(|item| item.columns.row_bytes());
        let input_row_bytes = input_row_bytes.sum::<Bytes>();
        let input_sorts = u64::from(items.len() > 1) + u64::from(is_grouped);
        let output_sorts = u64::from(!select.sort_clause.is_empty())
            + u64::from(!select.distinct_clause.is_empty());
        let output_row_bytes = input_row_bytes.max(columns.row_bytes());
        self.add_sort_rows(input_row_bytes, input_sorts)?;
        self.add_sort_rows(output_row_bytes, output_sorts)?;
        self.add_sort_rows(live_bytes, windows)
    }

    /// Bounds LIMIT and OFFSET, and the rows that a top-N sort keeps for them.
    pub(super) fn bound_limit(
        &mut self,
        select: &SelectStmt,
        columns: &Columns,
    ) -> Result<Bound, Refusal> {
        let mut total = Bound::default();
        let mut topn_rows = Some(0_u64);
        for limit in [&select.limit_count, &select.limit_offset]
            .into_iter()
            .flatten()
        {
            total = total.with_sibling(self.bound_expr(limit)?);
            // LIMIT ALL and LIMIT NULL keep no rows.
            let rows = inspect::integer_literal(limit)
                .or_else(|| inspect::is_null_literal(limit).then_some(0));
            topn_rows = topn_rows
                .zip(rows)
                .map(|(topn_rows, rows)| topn_rows.saturating_add(rows));
        }
        if select.sort_clause.is_empty() {
            return Ok(total);
        }
        let values = columns.bounds().map(|bound| bound.max_bytes);
        let row = TOPN_ROW_OVERHEAD_BYTES + values.sum::<Bytes>();
        let max_rows = MAX_TOPN_BYTES / row;
        match topn_rows {
            Some(rows) if rows <= max_rows => Ok(total),
            // A limit that is known only at run time may be any number. PostgreSQL keeps that many
            // rows only if they fit into work_mem at first, but longer rows may replace them.
            None if row <= TOPN_ROW_OVERHEAD_BYTES * 4 => Ok(total),
            Some(_) | None => Err(Refusal::new(
                Rule::Cost,
                "LIMIT and OFFSET would keep too many rows of this length",
                format!(
                    "LIMIT + OFFSET must be a literal of at most {max_rows} when ORDER BY is used; or select fewer or shorter columns"
                ),
            )),
        }
    }

    /// Bounds an expression in ORDER BY, GROUP BY or DISTINCT ON.
    pub(super) fn bound_sort_key(
        &mut self,
        expr: &Node,
        columns: &Columns,
    ) -> Result<Bound, Refusal> {
        let bound = self.bound_key(expr, columns)?;
        self.add_sort_keys([bound])?;
        Ok(bound)
    }

    fn bound_key(&mut self, expr: &Node, columns: &Columns) -> Result<Bound, Refusal> {
        let parts = match &expr.node {
            Some(NodeEnum::SortBy(sort)) => {
                let key = sort.node.as_deref();
                return key.map_or(Ok(Bound::default()), |key| self.bound_key(key, columns));
            }
            Some(NodeEnum::GroupingSet(set)) => Some(&set.content),
            Some(NodeEnum::RowExpr(row)) => Some(&row.args),
            _ => None,
        };
        if let Some(parts) = parts {
            let keys: Result<Parts, _> = parts
                .iter()
                .map(|part| self.bound_key(part, columns))
                .collect();
            return Ok(tuple_bound(keys?));
        }
        let Some(SortKey { output, input }) = self.resolver.resolve_sort_key(expr, columns)? else {
            return self.bound_expr(expr);
        };
        let output = output.fenced();
        Ok(input.map_or(output, |input| output.with_sibling(input)))
    }

    /// Adds sort keys. In the worst case, each is sorted on its own.
    pub(super) fn add_sort_keys(
        &mut self,
        bounds: impl IntoIterator<Item = Bound>,
    ) -> CheckOutcome {
        let sizes = bounds.into_iter().map(|bound| bound.max_bytes);
        let max_bytes = sizes.max().unwrap_or_default();
        if max_bytes > MAX_SORT_KEY_BYTES {
            return Err(Refusal::new(
                Rule::Cost,
                format!("values of up to {max_bytes} bytes would be sorted or grouped"),
                format!("the maximum is {MAX_SORT_KEY_BYTES}; sort and group by something shorter"),
            ));
        }
        self.add_sort(max_bytes)
    }
}
