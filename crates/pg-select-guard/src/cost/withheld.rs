//! Replaces tables with withheld columns where something could denote such a column.

use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, JoinExpr, Node};

use super::{Item, build_ast};
use crate::name::CheckOutcome;
use crate::refusal::Refusal;

/// Hides withheld columns of the items of FROM that something could denote. `items` has the same
/// order as the items.
pub(super) fn hide(from: &mut [Node], items: &[Item]) -> CheckOutcome {
    let mut items = items.iter();
    from.iter_mut()
        .try_for_each(|node| hide_in(node, &mut items))
}

/// Hides withheld columns of a join's items.
pub(super) fn hide_in_join<'a>(
    join: &mut JoinExpr,
    items: &mut impl Iterator<Item = &'a Item>,
) -> CheckOutcome {
    let mut sides = [&mut join.larg, &mut join.rarg].into_iter().flatten();
    sides.try_for_each(|side| hide_in(side, items))
}

fn hide_in<'a>(node: &mut Node, items: &mut impl Iterator<Item = &'a Item>) -> CheckOutcome {
    match &mut node.node {
        // A join with an alias is a single item, and has been handled itself.
        Some(NodeEnum::JoinExpr(join)) if join.alias.is_none() => hide_in_join(join, items),
        _ => {
            if let Some(table) = items.next().and_then(Item::table_to_hide) {
                let alias =
                    take_alias(node).ok_or_else(|| Refusal::construct("this item of FROM"))?;
                let columns: Vec<&str> = table
                    .columns
                    .iter()
                    .map(|column| column.name.as_str())
                    .collect();
                *node = build_ast::select_columns_from(std::mem::take(node), &columns, alias);
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
