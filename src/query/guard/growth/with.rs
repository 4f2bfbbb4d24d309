//! WITH: queries that are given a name, and recursion.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    CommonTableExpr, CteMaterialize, Node, SelectStmt, SetOperation, WithClause,
};

use super::query::{Output, fence};
use super::size::{MOST_OF_TWIN, Size};
use super::{Measure, Named, tree};
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::Refusal;

impl Measure {
    pub(super) fn with(&mut self, with: &mut WithClause) -> Verdict {
        let recursive = with.recursive;
        for cte in &mut with.ctes {
            let Some(NodeEnum::CommonTableExpr(cte)) = &mut cte.node else {
                return Err(Refusal::construct("this WITH clause"));
            };
            let named = self.named_query(cte, recursive)?;
            self.named.push(named);
        }
        Ok(())
    }

    fn named_query(
        &mut self,
        cte: &mut CommonTableExpr,
        recursive: bool,
    ) -> Result<Named, Refusal> {
        if cte.ctematerialized() == CteMaterialize::Never {
            // It would stand in the plan once for each of its names.
            cte.set_ctematerialized(CteMaterialize::Default);
        }
        let name = cte.ctename.clone();
        let Some(NodeEnum::SelectStmt(select)) =
            cte.ctequery.as_mut().and_then(|query| query.node.as_mut())
        else {
            return Err(Refusal::construct("a WITH query that writes"));
        };
        let refers_to_itself = recursive && tree::reads(select, &name);
        let output = if refers_to_itself {
            self.recursion(&name, &cte.aliascolnames, select, cte.location)?
        } else {
            self.query(select)?
        };
        let mut columns = output.columns;
        for (column, name) in columns.iter_mut().zip(names(&cte.aliascolnames)) {
            name.clone_into(&mut column.name);
        }
        let materialized = cte.ctematerialized() == CteMaterialize::Always || refers_to_itself;
        if materialized || self.is_long(&columns) {
            if !refers_to_itself {
                cte.set_ctematerialized(CteMaterialize::Always);
            }
            fence(&mut columns);
        }
        Ok(Named {
            name,
            columns,
            branches: if materialized { 1 } else { output.branches },
        })
    }

    /// `first UNION ALL again`, where `again` reads its own rows: what it adds to a value it adds again and again.
    fn recursion(
        &mut self,
        name: &str,
        given: &[Node],
        select: &mut SelectStmt,
        location: i32,
    ) -> Result<Output, Refusal> {
        if select.op() != SetOperation::SetopUnion || !select.all {
            // Its table of rows that were seen is not held to work_mem.
            return Err(Refusal::construct_but(
                "a recursion by UNION without ALL",
                "use UNION ALL, and end the recursion by a counter, as in WHERE n < 12",
            )
            .at(location));
        }
        let (Some(first), Some(again)) = (&mut select.larg, &mut select.rarg) else {
            return Err(Refusal::construct("this recursion").at(location));
        };
        let mut output = self.query(first)?;
        let mut own = output.columns.clone();
        for (column, name) in own.iter_mut().zip(names(given)) {
            name.clone_into(&mut column.name);
        }
        for column in &mut own {
            column.size = Size::leaf(column.size.value.max(MOST_OF_TWIN));
        }
        self.named.push(Named {
            name: name.to_owned(),
            columns: own,
            branches: 1,
        });
        let again = self.query_kept_short(again);
        self.named.pop();
        let again = again?;
        for (column, other) in output.columns.iter_mut().zip(&again.columns) {
            column.size.value = column.size.value.max(other.size.value);
        }
        output.nodes = output.nodes.saturating_add(again.nodes);
        Ok(output)
    }

    /// Measures the part of a recursion that repeats; a column that it makes longer goes through a twin that bounds it.
    fn query_kept_short(&mut self, select: &mut SelectStmt) -> Result<Output, Refusal> {
        let mut output = self.query(select)?;
        if output.columns.len() != select.target_list.len() {
            return Ok(output); // a star, which makes nothing longer
        }
        for (target, column) in select.target_list.iter_mut().zip(&mut output.columns) {
            if column.size.value > MOST_OF_TWIN
                && let Some(NodeEnum::ResTarget(target)) = &mut target.node
                && let Some(value) = target.val.take()
            {
                target.val = Some(Box::new(tree::twin(
                    "fits",
                    vec![*value, tree::number(MOST_OF_TWIN)],
                )));
                column.size.value = MOST_OF_TWIN;
            }
        }
        Ok(output)
    }
}
