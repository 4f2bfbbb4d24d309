//! WITH clauses: common table expressions and recursion.

use pg_query::NodeEnum;
use pg_query::protobuf::{CommonTableExpr, CteMaterialize, Node, SelectStmt, WithClause};

use super::bound::Bound;
use super::columns::Columns;
use super::edits::{Becomes, Edits};
use super::limits::{MAX_RECURSIVE_SCALAR_BYTES, MAX_WRAPPED_BYTES, SCALAR_BYTES};
use super::query::{QueryOutput, Recursion, RecursiveCte};
use super::{CostAnalyzer, CteOutput, ItemCost, build_ast, inspect, row_limits};
use crate::name::{CheckOutcome, names};
use crate::refusal::{Refusal, Rule};
use crate::resolve::CteQuery;

impl CostAnalyzer {
    pub(super) fn bound_with(&mut self, with: &WithClause) -> CheckOutcome {
        let mut queries = Vec::with_capacity(with.ctes.len());
        for node in &with.ctes {
            let Some(NodeEnum::CommonTableExpr(cte)) = &node.node else {
                return Err(Refusal::construct("this WITH clause"));
            };
            queries.push((node, cte.as_ref()));
        }
        let names = queries.iter().map(|(_, cte)| cte.ctename.as_str());
        let first = self.ctes.enter(with.recursive, names);
        for (position, (node, cte)) in (first..).zip(queries) {
            let output = self.bound_cte(node, cte, with.recursive.then_some(position))?;
            self.ctes.define(position, &cte.ctename, output);
        }
        Ok(())
    }

    fn bound_cte(
        &mut self,
        node: &Node,
        cte: &CommonTableExpr,
        position: Option<usize>,
    ) -> Result<CteOutput, Refusal> {
        if cte.ctematerialized() == CteMaterialize::Never {
            // NOT MATERIALIZED would copy the query into the plan once for each reference.
            self.set_materialized(node, CteMaterialize::Default);
        }
        let column_aliases = &cte.aliascolnames;
        let query = cte.ctequery.as_deref().and_then(inspect::query);
        let Some((_, select)) = query else {
            return Err(Refusal::construct("a data-modifying WITH query"));
        };
        let recursive_cte = position.map(|position| RecursiveCte {
            position,
            column_aliases,
        });
        let QueryOutput {
            mut columns,
            cost,
            recursion,
            condition_live_bytes: _,
            nodes: _,
        } = self.bound_query_as(select, recursive_cte)?;
        columns.rename(&names(column_aliases));
        if recursion == Recursion::Distinct {
            self.limit_recursion(node, cte, &columns)?;
        }
        let recursive = recursion != Recursion::None;
        let materialized = cte.ctematerialized() == CteMaterialize::Always || recursive;
        if materialized || self.is_costly(&columns) {
            if !recursive {
                self.set_materialized(node, CteMaterialize::Always);
            }
            columns.fence();
        }
        Ok(CteOutput { columns, cost })
    }

    fn set_materialized(&mut self, node: &Node, materialized: CteMaterialize) {
        self.change_cte(node, move |cte| cte.set_ctematerialized(materialized));
    }

    fn change_cte(&mut self, node: &Node, edit: impl FnOnce(&mut CommonTableExpr) + 'static) {
        let change = |node: &mut Node| match &mut node.node {
            Some(NodeEnum::CommonTableExpr(cte)) => {
                edit(cte);
                Ok(())
            }
            _ => Err(Refusal::construct("this WITH clause")),
        };
        self.edits.change(node, Becomes::Other, change);
    }

    /// Limits the rows of a recursion by UNION while they are produced.
    fn limit_recursion(
        &mut self,
        node: &Node,
        cte: &CommonTableExpr,
        columns: &Columns,
    ) -> CheckOutcome {
        let Some(names) = columns.known_names() else {
            return Err(Refusal::construct_with_hint(
                "a recursive UNION without column names",
                "name the columns, as in WITH RECURSIVE r(a, b) AS (SELECT …)",
            )
            .at(cte.location));
        };
        self.add_item()?;
        self.totals.hashed_subplans += 1;
        let sharers = self.hashed_subplans;
        self.change_cte(node, move |cte| {
            row_limits::limit_recursion(cte, &names, sharers);
        });
        Ok(())
    }

    /// Bounds the recursive term of `first UNION ALL recursive_term`, which may read its own rows:
    /// each iteration adds to a value again. Returns whether the term reads the CTE.
    pub(super) fn bound_recursive_term(
        &mut self,
        recursive_cte: RecursiveCte<'_>,
        first: &Columns,
        recursive_term: &SelectStmt,
    ) -> Result<(QueryOutput, bool), Refusal> {
        let mut self_columns = first.clone();
        self_columns.rename(&names(recursive_cte.column_aliases));
        self_columns.map_data(|_, bound| {
            // A value that starts as a number, a date or the like stays one.
            let is_scalar = !bound.may_parse_as_number && bound.max_bytes <= SCALAR_BYTES;
            let max = if is_scalar {
                MAX_RECURSIVE_SCALAR_BYTES
            } else {
                MAX_WRAPPED_BYTES
            };
            Bound::leaf(bound.max_bytes.max(max)).at_runtime()
        });
        let own = CteOutput {
            columns: self_columns.clone(),
            cost: ItemCost {
                append_children: 1,
                row_count_known: false,
            },
        };
        self.ctes.set_recursive(recursive_cte.position, Some(own));
        let mut output = self.bound_query(recursive_term)?;
        let is_read = self.ctes.is_read(recursive_cte.position);
        self.ctes.set_recursive(recursive_cte.position, None);
        if is_read {
            let wrapped = &mut output.columns;
            wrap_growing_columns(recursive_term, wrapped, &self_columns, &mut self.edits)?;
        }
        Ok((output, is_read))
    }

    /// The result of the WITH query that a name denotes.
    pub(super) fn read_cte(&mut self, name: &str, location: i32) -> Result<CteOutput, Refusal> {
        match self.ctes.read(name) {
            Some(CteQuery::Known(output)) => Ok(output),
            Some(CteQuery::Later) => Err(Refusal::construct_with_hint(
                "a WITH query that reads a later one",
                "define each WITH query before the queries that read it",
            )
            .at(location)),
            None => Err(Refusal::construct("this name").at(location)),
        }
    }
}

/// Puts each column that the recursive term lengthens into a bounded wrapper.
fn wrap_growing_columns(
    select: &SelectStmt,
    columns: &mut Columns,
    self_columns: &Columns,
    edits: &mut Edits,
) -> CheckOutcome {
    let mut growing = Vec::new();
    columns.merge(self_columns, |bound, max| {
        growing.push((bound.max_bytes > max.max_bytes).then_some(max.max_bytes));
        Bound {
            max_bytes: bound.max_bytes.min(max.max_bytes),
            ..bound
        }
    });
    if growing.iter().all(Option::is_none) {
        return Ok(());
    }
    let cannot_wrap = || {
        Refusal::new(
            Rule::Cost,
            "a recursion makes a value longer inside a * or a set operation",
            "name each column in the recursive term, in one SELECT",
        )
    };
    if columns.exact_count() != Some(select.target_list.len()) {
        return Err(cannot_wrap());
    }
    for (node, max) in select.target_list.iter().zip(growing) {
        let Some(max) = max else { continue };
        let value = match &node.node {
            Some(NodeEnum::ResTarget(target)) => target.val.as_deref(),
            _ => None,
        };
        if value.is_none_or(|value| inspect::star_qualifier(value).is_some()) {
            return Err(cannot_wrap());
        }
        // The edit of the target and not of its value, so that the column has got its name before.
        let wrap = move |node: &mut Node| match &mut node.node {
            Some(NodeEnum::ResTarget(target)) => {
                let value = target.val.take().map(|value| *value).unwrap_or_default();
                let wrapped =
                    build_ast::wrapper_call("fits", vec![value, build_ast::integer(max.count())]);
                target.val = Some(Box::new(wrapped));
                Ok(())
            }
            _ => Err(cannot_wrap()),
        };
        edits.change(node, Becomes::Other, wrap);
    }
    Ok(())
}
