//! Visits all nodes of an accepted tree that can be edited, each node after its parts.
//!
//! A part that this module does not know stays unvisited, and so does an edit of it: the statement
//! is refused then ([`super::edits`]).
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt, WindowDef};

use crate::name::CheckOutcome;
use crate::sql_json::{self, Part};

/// What is done with each node.
pub(super) trait Visitor {
    /// Leaves a node whose parts have been visited.
    fn leave_node(&mut self, node: &mut Node) -> CheckOutcome;

    /// Leaves a query whose parts have been visited, before the node around it.
    fn leave_query(&mut self, query: &mut SelectStmt);
}

/// Visits a node and everything in it.
pub(super) fn visit_node(node: &mut Node, visitor: &mut impl Visitor) -> CheckOutcome {
    if let Some(known) = &mut node.node {
        visit_parts(known, visitor)?;
    }
    visitor.leave_node(node)
}

/// Visits a query and everything in it.
pub(super) fn visit_query(query: &mut SelectStmt, visitor: &mut impl Visitor) -> CheckOutcome {
    // All fields are listed: when a new grammar adds one, this does not compile until the field has
    // been decided.
    let SelectStmt {
        distinct_clause,
        into_clause: _,
        target_list,
        from_clause,
        where_clause,
        group_clause,
        group_distinct: _,
        having_clause,
        window_clause,
        values_lists,
        sort_clause,
        limit_offset,
        limit_count,
        limit_option: _,
        locking_clause: _,
        with_clause,
        op: _,
        all: _,
        larg,
        rarg,
    } = query;
    if let Some(with) = with_clause {
        visit_nodes(&mut with.ctes, visitor)?;
    }
    for side in [larg, rarg].into_iter().flatten() {
        visit_query(side, visitor)?;
    }
    for list in [
        distinct_clause,
        target_list,
        from_clause,
        group_clause,
        window_clause,
        values_lists,
        sort_clause,
    ] {
        visit_nodes(list, visitor)?;
    }
    for part in [where_clause, having_clause, limit_offset, limit_count] {
        visit_optional(part, visitor)?;
    }
    visitor.leave_query(query);
    Ok(())
}

fn visit_nodes(nodes: &mut [Node], visitor: &mut impl Visitor) -> CheckOutcome {
    nodes
        .iter_mut()
        .try_for_each(|node| visit_node(node, visitor))
}

fn visit_optional(node: &mut Option<Box<Node>>, visitor: &mut impl Visitor) -> CheckOutcome {
    node.as_mut()
        .map_or(Ok(()), |node| visit_node(node, visitor))
}

fn visit_window(window: &mut WindowDef, visitor: &mut impl Visitor) -> CheckOutcome {
    visit_nodes(&mut window.partition_clause, visitor)?;
    visit_nodes(&mut window.order_clause, visitor)?;
    visit_optional(&mut window.start_offset, visitor)?;
    visit_optional(&mut window.end_offset, visitor)
}

fn visit_parts(node: &mut NodeEnum, visitor: &mut impl Visitor) -> CheckOutcome {
    match node {
        // Queries and their clauses.
        NodeEnum::SelectStmt(select) => visit_query(select, visitor),
        NodeEnum::CommonTableExpr(cte) => visit_optional(&mut cte.ctequery, visitor),
        NodeEnum::RangeSubselect(range) => visit_optional(&mut range.subquery, visitor),
        NodeEnum::RangeFunction(range) => visit_nodes(&mut range.functions, visitor),
        NodeEnum::RangeTableSample(sample) => {
            visit_optional(&mut sample.relation, visitor)?;
            visit_nodes(&mut sample.args, visitor)?;
            visit_optional(&mut sample.repeatable, visitor)
        }
        NodeEnum::JoinExpr(join) => {
            visit_optional(&mut join.larg, visitor)?;
            visit_optional(&mut join.rarg, visitor)?;
            visit_optional(&mut join.quals, visitor)
        }
        NodeEnum::ResTarget(target) => visit_optional(&mut target.val, visitor),
        NodeEnum::SortBy(sort) => visit_optional(&mut sort.node, visitor),
        NodeEnum::GroupingSet(set) => visit_nodes(&mut set.content, visitor),
        NodeEnum::WindowDef(window) => visit_window(window, visitor),
        NodeEnum::List(list) => visit_nodes(&mut list.items, visitor),

        // Expressions.
        NodeEnum::AExpr(expr) => {
            visit_optional(&mut expr.lexpr, visitor)?;
            visit_optional(&mut expr.rexpr, visitor)
        }
        NodeEnum::BoolExpr(expr) => visit_nodes(&mut expr.args, visitor),
        NodeEnum::FuncCall(call) => {
            visit_nodes(&mut call.args, visitor)?;
            visit_nodes(&mut call.agg_order, visitor)?;
            visit_optional(&mut call.agg_filter, visitor)?;
            let window = call.over.as_deref_mut();
            window.map_or(Ok(()), |window| visit_window(window, visitor))
        }
        NodeEnum::SubLink(link) => {
            visit_optional(&mut link.testexpr, visitor)?;
            visit_optional(&mut link.subselect, visitor)
        }
        NodeEnum::TypeCast(cast) => visit_optional(&mut cast.arg, visitor),
        NodeEnum::CaseExpr(case) => {
            visit_optional(&mut case.arg, visitor)?;
            visit_nodes(&mut case.args, visitor)?;
            visit_optional(&mut case.defresult, visitor)
        }
        NodeEnum::CaseWhen(when) => {
            visit_optional(&mut when.expr, visitor)?;
            visit_optional(&mut when.result, visitor)
        }
        NodeEnum::CoalesceExpr(expr) => visit_nodes(&mut expr.args, visitor),
        NodeEnum::MinMaxExpr(expr) => visit_nodes(&mut expr.args, visitor),
        NodeEnum::NullTest(test) => visit_optional(&mut test.arg, visitor),
        NodeEnum::BooleanTest(test) => visit_optional(&mut test.arg, visitor),
        NodeEnum::JsonIsPredicate(test) => visit_optional(&mut test.expr, visitor),
        NodeEnum::CollateClause(collate) => visit_optional(&mut collate.arg, visitor),
        NodeEnum::RowExpr(row) => visit_nodes(&mut row.args, visitor),
        NodeEnum::AArrayExpr(array) => visit_nodes(&mut array.elements, visitor),
        NodeEnum::AIndices(indices) => {
            visit_optional(&mut indices.lidx, visitor)?;
            visit_optional(&mut indices.uidx, visitor)
        }
        NodeEnum::AIndirection(indirection) => {
            visit_optional(&mut indirection.arg, visitor)?;
            visit_nodes(&mut indirection.indirection, visitor)
        }
        NodeEnum::NamedArgExpr(arg) => visit_optional(&mut arg.arg, visitor),
        NodeEnum::GroupingFunc(grouping) => visit_nodes(&mut grouping.args, visitor),

        // SQL/JSON, and nodes without parts.
        other => {
            let parts = sql_json::parts(other)?.unwrap_or_default();
            parts.all.into_iter().try_for_each(|part| match part {
                Part::Node(node) => visit_node(node, visitor),
                Part::Window(window) => visit_window(window, visitor),
                Part::Type(_) => Ok(()),
            })
        }
    }
}
