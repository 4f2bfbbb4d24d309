//! Whether joins can produce more rows than the largest item of FROM has.
//!
//! A hash join builds a hash table of one side and splits it into batches to respect `work_mem`.
//! Rows with equal keys cannot be split, so a side that is larger than the planner estimated takes
//! memory without bound. If all items can be reached from one of them by equalities with whole
//! primary keys, no side is larger than a table.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, JoinExpr, JoinType, Node, SelectStmt};

use super::limits::MAX_HASHED_ROW_BYTES;
use super::{Item, operation};
use crate::resolve::{ItemColumn, referred_column, using_pairs};

/// Whether the joins of this query can multiply rows, or would hash long rows. `items` are those of
/// FROM.
pub(super) fn may_multiply_rows(select: &SelectStmt, items: &[Item]) -> bool {
    if items.len() > MAX_CONNECTED_ITEMS {
        return true;
    }
    let mut graph = JoinGraph {
        items,
        nodes: Vec::new(),
        multiplies: false,
    };
    for node in &select.from_clause {
        graph.add(node);
    }
    if graph.nodes.len() < 2 {
        return graph.multiplies && select.from_clause.iter().any(is_join);
    }
    if let Some(condition) = &select.where_clause {
        graph.condition(condition);
    }
    graph.multiplies || !graph.is_key_connected(0..graph.nodes.len())
}

fn is_join(node: &Node) -> bool {
    matches!(node.node, Some(NodeEnum::JoinExpr(_)))
}

/// The items of FROM as nodes, and equalities between their columns as edges.
struct JoinGraph<'a> {
    items: &'a [Item],
    /// One for each item that has been added, in the order of the items.
    nodes: Vec<JoinNode>,
    multiplies: bool,
}

struct JoinNode {
    /// For each column of the table's primary key, the items with a column that is equal to it.
    /// Empty for an item without a key.
    equal_items: Vec<ItemSet>,
}

/// A set of items, one bit for each position.
type ItemSet = u64;

/// The most items of one FROM clause whose connections are examined.
const MAX_CONNECTED_ITEMS: usize = ItemSet::BITS as usize;

impl JoinGraph<'_> {
    fn add(&mut self, node: &Node) {
        match &node.node {
            Some(NodeEnum::JoinExpr(join)) if join.alias.is_none() => self.add_join(join),
            // A join with an alias is a single item, which hides the names of the items inside.
            Some(NodeEnum::JoinExpr(_)) => {
                self.add_item();
                self.multiplies = true;
            }
            _ => self.add_item(),
        }
    }

    fn add_item(&mut self) {
        let Some(item) = self.items.get(self.nodes.len()) else {
            return;
        };
        let key = item.key();
        self.multiplies |= key.is_empty()
            && (!item.data.row_count_known || item.columns.row().max_bytes > MAX_HASHED_ROW_BYTES);
        self.nodes.push(JoinNode {
            equal_items: vec![0; key.len()],
        });
    }

    fn add_join(&mut self, join: &JoinExpr) {
        let left = self.nodes.len();
        if let Some(side) = &join.larg {
            self.add(side);
        }
        let right = self.nodes.len();
        if let Some(side) = &join.rarg {
            self.add(side);
        }
        let end = self.nodes.len();
        // The preserved side of an outer join keeps its rows without a match.
        let (left_preserved, right_preserved) = match join.jointype() {
            JoinType::JoinInner => (false, false),
            JoinType::JoinLeft => (true, false),
            JoinType::JoinRight => (false, true),
            _ => (true, true),
        };
        self.multiplies |= left_preserved && !self.is_key_connected(left..right)
            || right_preserved && !self.is_key_connected(right..end);
        for (one, other) in using_pairs(join, self.items, left..right, right..end) {
            self.add_equality(one, other);
        }
        if let Some(condition) = &join.quals {
            self.condition(condition);
        }
    }

    fn condition(&mut self, condition: &Node) {
        match &condition.node {
            Some(NodeEnum::BoolExpr(expr)) if expr.boolop() == BoolExprType::AndExpr => {
                expr.args.iter().for_each(|arg| self.condition(arg));
            }
            Some(NodeEnum::AExpr(expr))
                if expr.kind() == AExprKind::AexprOp && operation::is_equality(expr) =>
            {
                let known = &self.items[..self.nodes.len()];
                let sides = [&expr.lexpr, &expr.rexpr].map(|side| {
                    let side = side.as_deref();
                    side.and_then(|side| referred_column(side, known))
                });
                if let [Some(left), Some(right)] = sides {
                    self.add_equality(left, right);
                }
            }
            _ => {}
        }
    }

    fn add_equality(&mut self, one: ItemColumn, other: ItemColumn) {
        for (reached, from) in [(one, other), (other, one)] {
            if let Some(column) = reached.in_key {
                self.nodes[reached.item].equal_items[column] |= item_bit(from.item);
            }
        }
    }

    /// Whether, among these items, there is one from which all others are reached through
    /// equalities with their whole primary keys.
    fn is_key_connected(&self, range: Range<usize>) -> bool {
        let all = range
            .clone()
            .fold(0, |all, position| all | item_bit(position));
        range.clone().any(|start| {
            let mut reached = item_bit(start);
            loop {
                let before = reached;
                for position in range.clone() {
                    let key = &self.nodes[position].equal_items;
                    if !key.is_empty() && key.iter().all(|equal_items| equal_items & reached != 0) {
                        reached |= item_bit(position);
                    }
                }
                if reached == before {
                    return reached == all;
                }
            }
        })
    }
}

fn item_bit(position: usize) -> ItemSet {
    1 << position
}
