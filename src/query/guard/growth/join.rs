//! Whether a FROM clause can make more rows than its largest item has.
//!
//! PostgreSQL joins by a hash table of one side, in as many parts as `work_mem` asks for; rows of one key cannot be parted, so a
//! side that is larger than the planner thought takes memory without bound. Where each item but one is found by its key, no side
//! is larger than a table.

use std::collections::HashSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, Node, SelectStmt};

use super::sources::Source;
use crate::query::guard::name::names;
use crate::query::guard::relations::relation;

/// A row of a sub-query or a function that is longer than this is not kept in a hash table.
const SHORT_ROW: u64 = 1_024;

/// Whether rows can multiply, or long ones be kept, in this query's joins.
pub(super) fn multiplies(select: &SelectStmt, sources: &[Source]) -> bool {
    if sources.len() < 2 {
        return false;
    }
    let mut keys = Keys {
        sources,
        equal: HashSet::new(),
    };
    let mut tables = Vec::new();
    for item in &select.from_clause {
        keys.item(item, &mut tables);
    }
    if let Some(condition) = &select.where_clause {
        keys.condition(condition);
    }
    let by_key = tables
        .iter()
        .filter(|(alias, table)| keys.finds(alias, table))
        .count();
    let computed = sources
        .iter()
        .filter(|source| !tables.iter().any(|(alias, _)| *alias == source.name));
    by_key + 1 < sources.len()
        || computed
            .map(|source| source.row().value)
            .any(|row| row > SHORT_ROW)
}

/// The columns that are held to be equal to something outside their own item.
struct Keys<'a> {
    sources: &'a [Source],
    equal: HashSet<(String, String)>,
}

impl Keys<'_> {
    /// Whether a table's row is found by its whole primary key.
    fn finds(&self, alias: &str, table: &str) -> bool {
        let key = relation(table).map_or(&[][..], |relation| relation.key.as_slice());
        !key.is_empty()
            && key.iter().all(|column| {
                self.equal
                    .contains(&(alias.to_owned(), (*column).to_owned()))
            })
    }

    fn item(&mut self, item: &Node, tables: &mut Vec<(String, String)>) {
        match &item.node {
            Some(NodeEnum::RangeVar(table)) if !table.schemaname.is_empty() => {
                let alias = table
                    .alias
                    .as_ref()
                    .map_or(&table.relname, |alias| &alias.aliasname);
                tables.push((alias.clone(), table.relname.clone()));
            }
            Some(NodeEnum::JoinExpr(join)) => {
                for side in [&join.larg, &join.rarg].into_iter().flatten() {
                    self.item(side, tables);
                }
                for column in names(&join.using_clause) {
                    for source in self.sources {
                        self.equal.insert((source.name.clone(), column.to_owned()));
                    }
                }
                if let Some(condition) = &join.quals {
                    self.condition(condition);
                }
            }
            _ => {}
        }
    }

    fn condition(&mut self, condition: &Node) {
        match &condition.node {
            Some(NodeEnum::BoolExpr(expr)) if expr.boolop() == BoolExprType::AndExpr => {
                expr.args.iter().for_each(|arg| self.condition(arg));
            }
            Some(NodeEnum::AExpr(expr))
                if expr.kind() == AExprKind::AexprOp && names(&expr.name).as_slice() == ["="] =>
            {
                let sides = [&expr.lexpr, &expr.rexpr]
                    .map(|side| side.as_deref().and_then(|side| self.column(side)));
                // A column that equals another of its own item, or an expression over it, finds nothing.
                match sides {
                    [Some(left), Some(right)] if left.0 != right.0 => {
                        self.equal.extend([left, right])
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Which item's column a name is.
    fn column(&self, node: &Node) -> Option<(String, String)> {
        let Some(NodeEnum::ColumnRef(column)) = &node.node else {
            return None;
        };
        match names(&column.fields).as_slice() {
            [.., qualifier, name] => Some(((*qualifier).to_owned(), (*name).to_owned())),
            [name] => {
                let mut owners = self
                    .sources
                    .iter()
                    .filter(|source| source.columns.iter().any(|column| column.name == *name));
                owners
                    .next()
                    .map(|source| (source.name.clone(), (*name).to_owned()))
            }
            [] => None,
        }
    }
}
