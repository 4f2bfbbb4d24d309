//! A query and its WITH clause.

use pg_query::NodeEnum;
use pg_query::protobuf::{CommonTableExpr, SelectStmt, WithClause};

use super::Walk;
use crate::query::guard::groupings::groupings;
use crate::query::guard::name::Verdict;
use crate::query::guard::printable::WindowNames;
use crate::query::guard::refusal::Refusal;

impl Walk {
    pub(super) fn select(&mut self, select: &mut SelectStmt) -> Verdict {
        // Destructured whole: a field that a new grammar adds does not compile until it is decided
        // here.
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
            return Err(Refusal::construct_but(
                "SELECT … INTO",
                "leave INTO out; the rows come back as the result",
            ));
        }
        if !locking_clause.is_empty() {
            return Err(Refusal::construct_but(
                "FOR UPDATE / FOR SHARE",
                "leave it out; nothing can be changed here",
            ));
        }
        let groupings = groupings(group_clause)?;
        self.deeper(|walk| {
            let outer = walk.names.len();
            let of_outer = std::mem::replace(&mut walk.groupings, groupings);
            let windows = std::mem::replace(&mut walk.windows, WindowNames::new(window_clause));
            if let Some(with) = with_clause {
                walk.with(with)?;
            }
            for side in [larg, rarg].into_iter().flatten() {
                walk.select(side)?;
            }
            for list in [
                from_clause,
                target_list,
                group_clause,
                window_clause,
                values_lists,
                sort_clause,
            ] {
                walk.nodes(list)?;
            }
            // A bare DISTINCT is one node without content.
            for node in distinct_clause
                .iter_mut()
                .filter(|node| node.node.is_some())
            {
                walk.node(node)?;
            }
            for part in [where_clause, having_clause, limit_offset, limit_count] {
                walk.optional(part)?;
            }
            walk.names.truncate(outer);
            walk.groupings = of_outer;
            walk.windows = windows;
            Ok(())
        })
    }

    fn with(&mut self, with: &mut WithClause) -> Verdict {
        let WithClause {
            ctes,
            recursive,
            location: _,
        } = with;
        let mut named: Vec<&mut CommonTableExpr> = Vec::with_capacity(ctes.len());
        for cte in ctes {
            let Some(NodeEnum::CommonTableExpr(cte)) = cte.node.as_mut() else {
                return Err(Refusal::construct("this WITH clause"));
            };
            named.push(cte);
        }
        // As PostgreSQL resolves them: with RECURSIVE every name is visible in every part, without
        // it only in later ones.
        if *recursive {
            self.names
                .extend(named.iter().map(|cte| cte.ctename.clone()));
        }
        for cte in named {
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
                return Err(Refusal::construct_but(
                    "SEARCH / CYCLE",
                    "count the depth, and order by it or end the recursion by it",
                )
                .at(*location));
            }
            match ctequery.as_mut().and_then(|query| query.node.as_mut()) {
                Some(NodeEnum::SelectStmt(select)) => self.select(select)?,
                _ => return Err(Refusal::construct("a WITH query that writes").at(*location)),
            }
            if !*recursive {
                self.names.push(ctename.clone());
            }
        }
        Ok(())
    }
}
