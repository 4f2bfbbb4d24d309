//! Replaces tables with withheld columns where something could denote such a column.

use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, JoinExpr, Node};

use super::edits::{Becomes, Edits};
use super::{Item, build_ast};
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

/// Hides withheld columns of the items of FROM that something could denote. `items` has the same
/// order as the items.
pub(super) fn hide(from: &[Node], items: &[Item], edits: &mut Edits) -> CheckOutcome {
    let mut items = items.iter();
    from.iter()
        .try_for_each(|node| hide_in(node, &mut items, edits))
}

/// Hides withheld columns of a join's items.
pub(super) fn hide_in_join<'a>(
    join: &JoinExpr,
    items: &mut impl Iterator<Item = &'a Item>,
    edits: &mut Edits,
) -> CheckOutcome {
    let mut sides = [&join.larg, &join.rarg].into_iter().flatten();
    sides.try_for_each(|side| hide_in(side, items, edits))
}

fn hide_in<'a>(
    node: &Node,
    items: &mut impl Iterator<Item = &'a Item>,
    edits: &mut Edits,
) -> CheckOutcome {
    match &node.node {
        // A join with an alias is a single item, and has been handled itself.
        Some(NodeEnum::JoinExpr(join)) if join.alias.is_none() => hide_in_join(join, items, edits),
        _ => {
            if let Some(table) = items.next().and_then(Item::table_to_hide) {
                let columns = table.columns.iter().map(|column| column.name.clone());
                let columns: Vec<String> = columns.collect();
                edits.change(node, Becomes::Other, move |node| {
                    let alias =
                        take_alias(node).ok_or_else(|| Refusal::construct("this item of FROM"))?;
                    *node = build_ast::select_columns_from(std::mem::take(node), &columns, alias);
                    Ok(())
                });
            }
            Ok(())
        }
    }
}

/// Takes the alias of a table, or creates one from its name.
fn take_alias(item: &mut Node) -> Option<Alias> {
    let table = match &mut item.node {
        Some(NodeEnum::RangeVar(table)) => table,
        Some(NodeEnum::RangeTableSample(sample)) => {
            return take_alias(sample.relation.as_mut()?);
        }
        _ => return None,
    };
    let named = || Alias {
        aliasname: table.relname.clone(),
        colnames: Vec::new(),
    };
    Some(table.alias.take().unwrap_or_else(named))
}
