//! Whether joins can produce more rows than the largest item of FROM has.
//!
//! A hash join builds a hash table of one side and splits it into batches to respect `work_mem`.
//! Rows with equal keys cannot be split, so a side that is larger than the planner estimated takes
//! memory without bound. If all items can be reached from one of them by equalities with whole
//! primary keys, no side is larger than a table.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, JoinExpr, JoinType, Node, SelectStmt};

use super::range_table::RangeTableEntry;
use crate::caps::Caps;
use crate::name::names;
use crate::relations::relation;

/// Limit of the rows of a subquery that may be kept in a hash table, in bytes.
pub(super) const MAX_HASHED_ROW_BYTES: u64 = 512;

/// Whether the joins of this query can multiply rows, or would hash long rows.
pub(super) fn may_multiply_rows(select: &SelectStmt, entries: &[RangeTableEntry]) -> bool {
    let mut graph = JoinGraph {
        entries,
        items: Vec::new(),
        multiplies: false,
    };
    for item in &select.from_clause {
        graph.add(item);
    }
    if graph.items.len() < 2 {
        return false;
    }
    if let Some(condition) = &select.where_clause {
        graph.condition(condition);
    }
    graph.multiplies || !graph.is_key_connected(0..graph.items.len())
}

/// The items of FROM as nodes, and equalities between their columns as edges.
struct JoinGraph<'a> {
    entries: &'a [RangeTableEntry],
    items: Vec<JoinItem>,
    multiplies: bool,
}

struct JoinItem {
    alias: String,
    /// The columns of the table's primary key; empty for an item without one.
    key: Vec<KeyColumn>,
}

struct KeyColumn {
    name: &'static str,
    /// The items with a column that is equal to this one.
    equal_items: ItemSet,
}

/// A set of items, one bit for each position.
type ItemSet = u64;

impl JoinGraph<'_> {
    fn add(&mut self, item: &Node) {
        match &item.node {
            Some(NodeEnum::RangeVar(table)) => {
                let alias = table.alias.as_ref();
                // Column aliases hide which columns form the key.
                let is_renamed = alias.is_some_and(|alias| !alias.colnames.is_empty());
                let alias = alias.map_or(&table.relname, |alias| &alias.aliasname);
                let stored = if table.schemaname.is_empty() || is_renamed {
                    None
                } else {
                    relation(&table.relname)
                };
                let key = stored.map(|relation| relation.key.as_slice());
                self.add_item(alias.clone(), key.unwrap_or_default());
            }
            Some(NodeEnum::RangeTableSample(sample)) => {
                if let Some(table) = &sample.relation {
                    self.add(table);
                }
            }
            Some(NodeEnum::RangeSubselect(range)) => {
                let alias = range.alias.as_ref();
                let alias = alias.map_or_else(String::new, |alias| alias.aliasname.clone());
                self.add_item(alias, &[]);
            }
            Some(NodeEnum::JoinExpr(join)) => self.add_join(join),
            // A function may return any number of rows.
            _ => {
                self.add_item(String::new(), &[]);
                self.multiplies = true;
            }
        }
    }

    fn add_item(&mut self, alias: String, key: &[&'static str]) {
        let entry = self.entries.iter().find(|entry| entry.name == alias);
        let is_table = !key.is_empty();
        self.multiplies |= !is_table
            && entry.is_none_or(|entry| {
                !entry.row_count_known || entry.columns.row_bound().max_bytes > MAX_HASHED_ROW_BYTES
            });
        let key = key.iter().map(|name| KeyColumn {
            name,
            equal_items: 0,
        });
        self.items.push(JoinItem {
            alias,
            key: key.collect(),
        });
    }

    fn add_join(&mut self, join: &JoinExpr) {
        let left = self.items.len();
        if let Some(side) = &join.larg {
            self.add(side);
        }
        let right = self.items.len();
        if let Some(side) = &join.rarg {
            self.add(side);
        }
        // The preserved side of an outer join keeps its rows without a match.
        let (left_preserved, right_preserved) = match join.jointype() {
            JoinType::JoinInner => (false, false),
            JoinType::JoinLeft => (true, false),
            JoinType::JoinRight => (false, true),
            _ => (true, true),
        };
        self.multiplies |= left_preserved && !self.is_key_connected(left..right)
            || right_preserved && !self.is_key_connected(right..self.items.len())
            // A join alias hides the names of the items inside.
            || join.alias.is_some();
        for column in names(&join.using_clause) {
            for one in left..right {
                for other in right..self.items.len() {
                    if self.has_column(one, column) && self.has_column(other, column) {
                        self.add_equality((one, column), (other, column));
                    }
                }
            }
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
                if expr.kind() == AExprKind::AexprOp && names(&expr.name).last() == Some(&"=") =>
            {
                let sides = [&expr.lexpr, &expr.rexpr]
                    .map(|side| side.as_deref().and_then(|side| self.resolve_column(side)));
                if let [Some((left, left_name)), Some((right, right_name))] = sides {
                    self.add_equality((left, &left_name), (right, &right_name));
                }
            }
            _ => {}
        }
    }

    fn add_equality(&mut self, one: (usize, &str), other: (usize, &str)) {
        for ((position, column), (other_position, _)) in [(one, other), (other, one)] {
            let columns = self.items[position].key.iter_mut();
            for reached in columns.filter(|key| key.name == column) {
                reached.equal_items |= item_bit(other_position);
            }
        }
    }

    /// The item, by position, and the name of the column that an expression refers to.
    fn resolve_column(&self, node: &Node) -> Option<(usize, String)> {
        let Some(NodeEnum::ColumnRef(column)) = &node.node else {
            return None;
        };
        let names = names(&column.fields);
        let (name, qualifiers) = names.split_last()?;
        let position = match qualifiers.last() {
            Some(qualifier) => self
                .items
                .iter()
                .position(|item| item.alias == *qualifier)?,
            None => (0..self.items.len()).find(|position| self.has_column(*position, name))?,
        };
        Some((position, (*name).to_owned()))
    }

    fn has_column(&self, position: usize, column: &str) -> bool {
        let alias = &self.items[position].alias;
        let entry = self.entries.iter().find(|entry| entry.name == *alias);
        entry.is_some_and(|entry| entry.columns.find(column).is_some())
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
                    let key = &self.items[position].key;
                    if !key.is_empty() && key.iter().all(|column| column.equal_items & reached != 0)
                    {
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

// A statement with more items is refused earlier, by its totals.
const _: () = assert!(Caps::STANDARD.items <= ItemSet::BITS as u64);

fn item_bit(position: usize) -> ItemSet {
    1 << position
}
