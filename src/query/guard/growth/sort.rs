//! What is sorted, and what is kept for it.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt};

use super::columns::Columns;
use super::expression::together;
use super::size::{LONGEST_SORTED, Parts, Size};
use super::{Measure, tree};
use crate::query::guard::name::Verdict;
use crate::query::guard::refusal::{Refusal, Rule};

/// The most rows that may be kept to find the first of them, in bytes; PostgreSQL does not count them.
const MOST_KEPT: u64 = 64 << 20;

/// What a kept row costs beside its values.
const OF_ROW: u64 = 64;

impl Measure {
    /// What is sorted and joined as a whole: rows of FROM, of the result, and those that pass through each window.
    pub(super) fn carry_rows(
        &mut self,
        select: &SelectStmt,
        columns: &Columns,
        held: u64,
        windows: u64,
    ) -> Verdict {
        let sources = self.sources.here();
        let read = sources.iter().map(|source| source.columns.width());
        let read = read.fold(0, u64::saturating_add);
        let of_from = u64::from(sources.len() > 1) + u64::from(!select.group_clause.is_empty());
        let of_result = u64::from(!select.sort_clause.is_empty())
            + u64::from(!select.distinct_clause.is_empty());
        let of_result_width = read.max(columns.width());
        self.carry(read, of_from)?;
        self.carry(of_result_width, of_result)?;
        self.carry(held, windows)
    }

    /// LIMIT and OFFSET, and what they make PostgreSQL keep.
    pub(super) fn limits(
        &mut self,
        select: &mut SelectStmt,
        columns: &Columns,
    ) -> Result<Size, Refusal> {
        let mut total = Size::default();
        let mut kept = Some(0_u64);
        for limit in [&mut select.limit_count, &mut select.limit_offset]
            .into_iter()
            .flatten()
        {
            total = total.beside(self.expr(limit)?);
            // LIMIT ALL and LIMIT NULL keep nothing back.
            let rows = tree::integer(limit).or_else(|| tree::is_null(limit).then_some(0));
            kept = kept.zip(rows).map(|(kept, rows)| kept.saturating_add(rows));
        }
        if select.sort_clause.is_empty() {
            return Ok(total);
        }
        let row = columns
            .sizes()
            .fold(OF_ROW, |sum, size| sum.saturating_add(size.value));
        let most = MOST_KEPT / row;
        match kept {
            Some(rows) if rows <= most => Ok(total),
            // A number that only the running statement knows may be any. PostgreSQL keeps so many rows only if they fit into
            // work_mem at first, and each may give way to a longer one.
            None if row <= 4 * OF_ROW => Ok(total),
            Some(_) | None => Err(Refusal::new(
                Rule::Cost,
                "LIMIT and OFFSET would keep too many rows of this length",
                format!(
                    "with ORDER BY, the most here is {most} as a plain number; select fewer or shorter columns"
                ),
            )),
        }
    }

    /// An expression by which rows are sorted or grouped.
    pub(super) fn sort_key(&mut self, expr: &mut Node, columns: &Columns) -> Result<Size, Refusal> {
        let size = self.key(expr, columns)?;
        self.sorted([size])?;
        Ok(size)
    }

    /// A number stands for a column of the result, and so can a name, wherever the clause prefers one of FROM.
    fn key(&mut self, expr: &mut Node, columns: &Columns) -> Result<Size, Refusal> {
        let parts = match &mut expr.node {
            Some(NodeEnum::SortBy(sort)) => {
                let key = sort.node.as_mut();
                return key.map_or(Ok(Size::default()), |key| self.key(key, columns));
            }
            Some(NodeEnum::GroupingSet(set)) => Some(&mut set.content),
            Some(NodeEnum::RowExpr(row)) => Some(&mut row.args),
            _ => None,
        };
        if let Some(parts) = parts {
            let keys: Result<Parts, _> = parts
                .iter_mut()
                .map(|part| self.key(part, columns))
                .collect();
            return Ok(together(keys?));
        }
        if let Some(size) = tree::integer(expr).and_then(|place| columns.at(place)) {
            return Ok(size.fenced());
        }
        let name = tree::plain_name(expr);
        let Some((name, of_result)) =
            name.and_then(|name| Some((name, columns.named(name)?.size.fenced())))
        else {
            return self.expr(expr);
        };
        if self.sources.any_withholding(name).is_some() {
            // GROUP BY prefers a column of FROM to one of the result.
            self.sources.mark_all_read_whole();
        }
        let of_input = self.sources.known(name);
        Ok(of_input.map_or(of_result, |meaning| of_result.beside(meaning.size)))
    }

    /// Takes note of values that are sorted, each by itself in the worst case.
    pub(super) fn sorted(&mut self, sizes: impl IntoIterator<Item = Size>) -> Verdict {
        let longest = sizes.into_iter().map(|size| size.value).fold(0, u64::max);
        if longest > LONGEST_SORTED {
            return Err(Refusal::new(
                Rule::Cost,
                format!("values of up to {longest} bytes would be sorted or grouped"),
                format!("the most is {LONGEST_SORTED}; sort and group by something shorter"),
            ));
        }
        self.count_sort(longest)
    }
}
