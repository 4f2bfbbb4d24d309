//! A query and its WITH clause.

use pg_query::NodeEnum;
use pg_query::protobuf::{CommonTableExpr, SelectStmt, WithClause};

use super::Walk;
use crate::grouping_sets::count_grouping_sets;
use crate::name::CheckOutcome;
use crate::printable::WindowNames;
use crate::refusal::Refusal;

impl Walk<'_> {
    pub(super) fn visit_select(&mut self, select: &mut SelectStmt) -> CheckOutcome {
        // All fields are listed: when a new grammar adds one, this does not compile until the field
        // has been decided.
        let SelectStmt {
            distinct_clause,
            into_clause,
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
            locking_clause,
            with_clause,
            op: _,
            all: _,
            larg,
            rarg,
        } = select;
        if into_clause.is_some() {
            return Err(Refusal::construct_with_hint(
                "SELECT … INTO",
                "omit INTO; the rows are returned as the result",
            ));
        }
        if !locking_clause.is_empty() {
            return Err(Refusal::construct_with_hint(
                "FOR UPDATE / FOR SHARE",
                "omit it; queries are read-only",
            ));
        }
        let grouping_sets = count_grouping_sets(group_clause)?;
        self.descend(|walk| {
            let outer_ctes = walk.ctes.len();
            let outer_grouping_sets = std::mem::replace(&mut walk.grouping_sets, grouping_sets);
            let outer_windows =
                std::mem::replace(&mut walk.windows, WindowNames::new(window_clause));
            if let Some(with) = with_clause {
                walk.visit_with(with)?;
            }
            for side in [larg, rarg].into_iter().flatten() {
                walk.visit_select(side)?;
            }
            for list in [
                from_clause,
                target_list,
                group_clause,
                window_clause,
                values_lists,
                sort_clause,
            ] {
                walk.visit_nodes(list)?;
            }
            // DISTINCT without ON is a list of one empty node.
            for node in distinct_clause
                .iter_mut()
                .filter(|node| node.node.is_some())
            {
                walk.visit_node(node)?;
            }
            for part in [where_clause, having_clause, limit_offset, limit_count] {
                walk.visit_optional(part)?;
            }
            walk.ctes.truncate(outer_ctes);
            walk.grouping_sets = outer_grouping_sets;
            walk.windows = outer_windows;
            Ok(())
        })
    }

    fn visit_with(&mut self, with: &mut WithClause) -> CheckOutcome {
        let WithClause {
            ctes,
            recursive,
            location: _,
        } = with;
        let mut queries: Vec<&mut CommonTableExpr> = Vec::with_capacity(ctes.len());
        for cte in ctes {
            let Some(NodeEnum::CommonTableExpr(cte)) = cte.node.as_mut() else {
                return Err(Refusal::construct("this WITH clause"));
            };
            queries.push(cte);
        }
        let names = queries.iter().map(|cte| cte.ctename.as_str());
        let first = self.ctes.enter(*recursive, names);
        for (position, cte) in (first..).zip(queries) {
            let CommonTableExpr {
                ctename,
                aliascolnames: _,
                ctematerialized: _,
                ctequery,
                search_clause,
                cycle_clause,
                location,
                cterecursive: _,
                cterefcount: _,
                ctecolnames: _,
                ctecoltypes: _,
                ctecoltypmods: _,
                ctecolcollations: _,
            } = cte;
            if search_clause.is_some() || cycle_clause.is_some() {
                return Err(Refusal::construct_with_hint(
                    "SEARCH / CYCLE",
                    "count the recursion depth in a column, and order by it or stop at a limit",
                )
                .at(*location));
            }
            match ctequery.as_mut().and_then(|query| query.node.as_mut()) {
                Some(NodeEnum::SelectStmt(select)) => self.visit_select(select)?,
                _ => {
                    return Err(
                        Refusal::construct("a data-modifying statement in WITH").at(*location)
                    );
                }
            }
            self.ctes.define(position, ctename, ());
        }
        Ok(())
    }
}
