//! WITH: queries that are given a name, and recursion.

use pg_query::NodeEnum;
use pg_query::protobuf::{CommonTableExpr, CteMaterialize, Node, SelectStmt, WithClause};

use super::column_name::HIDDEN;
use super::columns::Columns;
use super::query::{Output, Recursion};
use super::size::{MOST_OF_TWIN, SMALL, Size};
use super::{Gives, Measure, Named, made, tree};
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::{Refusal, Rule};

/// The most bytes that a recursion may make of a number.
const MAX_SCALAR_BYTES: u64 = 1_000;

/// A query of WITH RECURSIVE, which may read itself: its place among those that are named, and what it calls its columns.
#[derive(Clone, Copy)]
pub(super) struct Itself<'a> {
    place: usize,
    given: &'a [Node],
}

impl Measure {
    pub(super) fn with(&mut self, with: &mut WithClause) -> Verdict {
        let WithClause {
            ctes, recursive, ..
        } = with;
        let mut named = Vec::with_capacity(ctes.len());
        for cte in ctes {
            let Some(NodeEnum::CommonTableExpr(cte)) = &mut cte.node else {
                return Err(Refusal::construct("this WITH clause"));
            };
            named.push(cte);
        }
        let first = self.named.len();
        if *recursive {
            // Each name hides those outside from the beginning.
            self.named.extend(named.iter().map(|cte| Named {
                name: cte.ctename.clone(),
                gives: None,
                read: false,
            }));
        }
        for (place, cte) in (first..).zip(named) {
            let gives = self.named_query(cte, recursive.then_some(place))?;
            let known = Named {
                name: cte.ctename.clone(),
                gives: Some(gives),
                read: false,
            };
            match self.named.get_mut(place) {
                Some(named) => *named = known,
                None => self.named.push(known),
            }
        }
        Ok(())
    }

    fn named_query(
        &mut self,
        cte: &mut CommonTableExpr,
        place: Option<usize>,
    ) -> Result<Gives, Refusal> {
        if cte.ctematerialized() == CteMaterialize::Never {
            // It would stand in the plan once for each of its names.
            cte.set_ctematerialized(CteMaterialize::Default);
        }
        let given = &cte.aliascolnames;
        let Some(NodeEnum::SelectStmt(select)) =
            cte.ctequery.as_mut().and_then(|query| query.node.as_mut())
        else {
            return Err(Refusal::construct("a WITH query that writes"));
        };
        let itself = place.map(|place| Itself { place, given });
        let Output {
            mut columns,
            branches,
            few_rows,
            recursion,
            conditions: _,
            nodes: _,
        } = self.query_as(select, itself)?;
        columns.rename(&names(given));
        if recursion == Recursion::Distinct {
            self.weigh_recursion(cte, &columns)?;
        }
        let recursive = recursion != Recursion::None;
        let materialized = cte.ctematerialized() == CteMaterialize::Always || recursive;
        if materialized || self.is_long(&columns) {
            if !recursive {
                cte.set_ctematerialized(CteMaterialize::Always);
            }
            columns.fence();
        }
        Ok(Gives {
            columns,
            branches: if materialized { 1 } else { branches },
            few_rows,
        })
    }

    /// Weighs the rows of a recursion by UNION while they come.
    fn weigh_recursion(&mut self, cte: &mut CommonTableExpr, columns: &Columns) -> Verdict {
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        if columns.count() != Some(names.len()) || names.iter().any(|name| name == HIDDEN) {
            return Err(Refusal::construct_with_hint(
                "a recursion by UNION whose columns are not named",
                "name them, as in WITH RECURSIVE r(a, b) AS (SELECT …)",
            )
            .at(cte.location));
        }
        self.count_item()?;
        self.totals.counted += 1;
        made::weigh_recursion(cte, &names, self.counting);
        Ok(())
    }

    /// Measures the second part of `first UNION ALL again`, where `again` may read its own rows: what it adds to a value it adds
    /// again and again. Says whether it does.
    pub(super) fn repeated(
        &mut self,
        itself: Itself<'_>,
        first: &Columns,
        again: &mut SelectStmt,
    ) -> Result<(Output, bool), Refusal> {
        let mut own = first.clone();
        own.rename(&names(itself.given));
        own.each(|size| {
            // What begins as a number, a date or the like stays one.
            let is_scalar = !size.spells && size.value <= SMALL;
            let most = if is_scalar {
                MAX_SCALAR_BYTES
            } else {
                MOST_OF_TWIN
            };
            Size::leaf(size.value.max(most)).varying()
        });
        self.reveal(
            itself.place,
            Some(Gives {
                columns: own.clone(),
                branches: 1,
                few_rows: false,
            }),
        );
        let mut output = self.query(again)?;
        let read = self.named.get(itself.place).is_some_and(|own| own.read);
        self.reveal(itself.place, None);
        if read {
            keep_short(again, &mut output.columns, &own)?;
        }
        Ok((output, read))
    }

    fn reveal(&mut self, place: usize, gives: Option<Gives>) {
        if let Some(named) = self.named.get_mut(place) {
            named.gives = gives;
        }
    }

    /// What a WITH clause has given this name to.
    pub(super) fn named(&mut self, name: &str, location: i32) -> Result<Gives, Refusal> {
        let named = self
            .named
            .iter_mut()
            .rev()
            .find(|named| named.name == name)
            .ok_or_else(|| Refusal::construct("this name").at(location))?;
        named.read = true;
        named.gives.clone().ok_or_else(|| {
            Refusal::construct_with_hint(
                "a WITH query that reads one further on",
                "write the query that is read before the one that reads it",
            )
            .at(location)
        })
    }
}

/// Puts each column that the repeated part of a recursion makes longer through a twin that bounds it.
fn keep_short(select: &mut SelectStmt, columns: &mut Columns, own: &Columns) -> Verdict {
    let mut longer = Vec::new();
    columns.merge(own, |size, most| {
        longer.push((size.value > most.value).then_some(most.value));
        Size {
            value: size.value.min(most.value),
            ..size
        }
    });
    if longer.iter().all(Option::is_none) {
        return Ok(());
    }
    let hidden = || {
        Refusal::new(
            Rule::Cost,
            "a recursion makes a value longer, behind a * or a set operation",
            "name each column in the part that repeats, in one SELECT",
        )
    };
    if columns.count() != Some(select.target_list.len()) {
        return Err(hidden());
    }
    for (target, most) in select.target_list.iter_mut().zip(longer) {
        let Some(most) = most else { continue };
        let Some(NodeEnum::ResTarget(target)) = &mut target.node else {
            return Err(hidden());
        };
        let value = target
            .val
            .take()
            .filter(|value| tree::star(value).is_none());
        let value = *value.ok_or_else(hidden)?;
        let bounded = made::twin("fits", vec![value, made::number(most)]);
        target.val = Some(Box::new(bounded));
    }
    Ok(())
}
