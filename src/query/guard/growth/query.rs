//! A query: its clauses, and what its result is.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ResTarget, SelectStmt, SetOperation};

use super::size::{MOST_SORTED, Size};
use super::sources::Column;
use super::{Measure, join, tree};
use crate::query::guard::name::Verdict;
use crate::query::guard::refusal::{Refusal, Rule};

/// What a query gives.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) columns: Vec<Column>,
    /// Of how many queries its rows are put together.
    pub(super) branches: u64,
    /// The nodes of all of it: a sub-select that is named many times stands there as often.
    pub(super) nodes: u64,
}

/// The most rows that may be kept to find the first of them, in bytes; PostgreSQL does not count them.
const MOST_KEPT: u64 = 64 << 20;

/// What a kept row costs beside its values.
const OF_ROW: u64 = 64;

impl Measure {
    /// Measures one query and what it is made of.
    pub(super) fn query(&mut self, select: &mut SelectStmt) -> Result<Output, Refusal> {
        let before = self.nodes;
        let outer = self.named.len();
        if let Some(with) = &mut select.with_clause {
            self.with(with)?;
        }
        let output = if select.larg.is_some() {
            self.set_operation(select)
        } else {
            self.simple(select)
        };
        self.named.truncate(outer);
        let (columns, branches) = output?;
        Ok(Output {
            columns,
            branches,
            nodes: self.nodes.saturating_sub(before),
        })
    }

    fn set_operation(&mut self, select: &mut SelectStmt) -> Result<(Vec<Column>, u64), Refusal> {
        let (op, all) = (select.op(), select.all);
        let (Some(left), Some(right)) = (&mut select.larg, &mut select.rarg) else {
            return Err(Refusal::construct("this set operation"));
        };
        let (mut left, right) = (self.query(left)?, self.query(right)?);
        for (column, other) in left.columns.iter_mut().zip(&right.columns) {
            column.size = column.size.beside(other.size);
        }
        if matches!(op, SetOperation::SetopIntersect | SetOperation::SetopExcept) {
            // Its hash table is not held to work_mem.
            self.settings.hashed_groups = false;
        }
        if !(op == SetOperation::SetopUnion && all) {
            self.sorted(left.columns.iter().map(|column| column.size))?;
        }
        self.sorted_rows(select, &left.columns)?;
        Ok((left.columns, left.branches.saturating_add(right.branches)))
    }

    fn simple(&mut self, select: &mut SelectStmt) -> Result<(Vec<Column>, u64), Refusal> {
        self.sources.enter();
        let measured = self.clauses(select);
        let sources = self.sources.leave();
        let columns = measured?;
        // PostgreSQL takes a query over one other apart: what it selects from may be several.
        let branches = sources.iter().map(|source| source.branches).max();
        Ok((columns, branches.unwrap_or(1)))
    }

    fn clauses(&mut self, select: &mut SelectStmt) -> Result<Vec<Column>, Refusal> {
        let mut total = Size::default();
        for item in &mut select.from_clause {
            total = total.beside(self.source(item)?);
        }
        if let Some(condition) = &mut select.where_clause {
            total = total.beside(self.condition(condition)?);
        }
        if join::multiplies(select, self.sources.here()) {
            self.settings.hashed_joins = false;
        }
        let mut columns = Vec::new();
        for target in &mut select.target_list {
            self.target(target, &mut columns)?;
        }
        for row in &mut select.values_lists {
            self.values(row, &mut columns)?;
        }
        for column in &columns {
            total = total.beside(column.size);
        }
        for part in [&mut select.group_clause, &mut select.sort_clause] {
            for expr in part {
                let size = self.sort_key(expr, &columns)?;
                total = total.beside(size);
            }
        }
        if let Some(condition) = &mut select.having_clause {
            total = total.beside(self.expr(condition)?);
        }
        for window in &mut select.window_clause {
            total = total.beside(self.expr(window)?);
        }
        if !select.distinct_clause.is_empty() {
            for expr in select
                .distinct_clause
                .iter_mut()
                .filter(|node| node.node.is_some())
            {
                let size = self.sort_key(expr, &columns)?;
                total = total.beside(size);
            }
            self.sorted(columns.iter().map(|column| column.size))?;
        }
        self.sorted_rows(select, &columns)?;
        let branches = self
            .sources
            .here()
            .iter()
            .map(|source| source.branches)
            .fold(1, u64::max);
        self.nodes = self
            .nodes
            .saturating_add(total.nodes.saturating_mul(branches));
        self.hold(total.held)?;
        Ok(columns)
    }

    /// What LIMIT and OFFSET make PostgreSQL keep, beside the expressions themselves.
    fn sorted_rows(&mut self, select: &mut SelectStmt, columns: &[Column]) -> Verdict {
        let mut kept = Some(0_u64);
        for limit in [&mut select.limit_count, &mut select.limit_offset]
            .into_iter()
            .flatten()
        {
            self.expr(limit)?;
            // LIMIT ALL and LIMIT NULL keep nothing back.
            let rows = tree::integer(limit).or_else(|| tree::is_null(limit).then_some(0));
            kept = kept.zip(rows).map(|(kept, rows)| kept.saturating_add(rows));
        }
        if select.sort_clause.is_empty() {
            return Ok(());
        }
        let row = columns
            .iter()
            .fold(OF_ROW, |sum, column| sum.saturating_add(column.size.value));
        let most = MOST_KEPT / row;
        match kept {
            Some(rows) if rows <= most => Ok(()),
            // A number that only the running statement knows may be any; short rows of a small table are all that is asked.
            None if row <= 4 * OF_ROW => Ok(()),
            Some(_) | None => Err(Refusal::new(
                Rule::Size,
                "LIMIT and OFFSET would keep too many rows of this length",
                format!(
                    "with ORDER BY, the most here is {most} as a plain number; select fewer or shorter columns"
                ),
            )),
        }
    }

    fn target(&mut self, target: &mut Node, columns: &mut Vec<Column>) -> Verdict {
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
        if let Some(of) = tree::star(value) {
            let all = self
                .sources
                .here()
                .iter()
                .filter(|source| of.as_ref().is_none_or(|name| source.name == *name));
            columns.extend(all.flat_map(|source| source.columns.iter().cloned()));
            return Ok(());
        }
        let size = self.expr(value)?;
        let name = if name.is_empty() {
            tree::own_name(value)
        } else {
            name.clone()
        };
        columns.push(Column { name, size });
        Ok(())
    }

    fn values(&mut self, row: &mut Node, columns: &mut Vec<Column>) -> Verdict {
        let Some(NodeEnum::List(row)) = &mut row.node else {
            return Err(Refusal::construct("this VALUES list"));
        };
        for (place, value) in row.items.iter_mut().enumerate() {
            let size = self.expr(value)?;
            match columns.get_mut(place) {
                // Of all rows, one stands in the place of a name; the text itself has counted the others.
                Some(column) => column.size.value = column.size.value.max(size.value),
                None => columns.push(Column {
                    name: format!("column{}", place + 1),
                    size,
                }),
            }
        }
        Ok(())
    }

    /// An expression by which rows are sorted or grouped: a name or a number may stand for a column of the result.
    fn sort_key(&mut self, expr: &mut Node, columns: &[Column]) -> Result<Size, Refusal> {
        let inner = tree::sorted_expr(expr);
        let of_result = match inner.as_deref().map(tree::integer) {
            Some(Some(place)) => usize::try_from(place)
                .ok()
                .and_then(|place| columns.get(place.saturating_sub(1))),
            _ => inner
                .as_deref()
                .and_then(tree::plain_name)
                .and_then(|name| {
                    let known = |column: &&Column| column.name == name;
                    columns.iter().find(known)
                }),
        };
        let size = match of_result {
            Some(column) => column.size.fenced(),
            None => self.expr(expr)?,
        };
        self.sorted([size])?;
        Ok(size)
    }

    /// Takes note of values that are sorted, each by itself in the worst case.
    pub(super) fn sorted(&mut self, sizes: impl IntoIterator<Item = Size>) -> Verdict {
        let longest = sizes.into_iter().map(|size| size.value).fold(0, u64::max);
        if longest > MOST_SORTED {
            return Err(Refusal::new(
                Rule::Size,
                format!("values of up to {longest} bytes would be sorted or grouped"),
                format!("the most is {MOST_SORTED}; sort and group by something shorter"),
            ));
        }
        self.settings.longest_sorted = self.settings.longest_sorted.max(longest);
        Ok(())
    }

    /// Whether a column is worth being computed once.
    pub(super) fn is_long(&self, columns: &[Column]) -> bool {
        columns
            .iter()
            .any(|column| column.size.nodes > self.fenced_above)
    }
}

/// Names of these columns stand for their values from now on.
pub(super) fn fence(columns: &mut [Column]) {
    for column in columns {
        column.size = column.size.fenced();
    }
}
