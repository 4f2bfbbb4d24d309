//! Whether a FROM clause can make more rows than its largest item has.
//!
//! PostgreSQL joins by a hash table of one side, in as many parts as `work_mem` asks for; rows of one key cannot be parted, so a
//! side that is larger than the planner thought takes memory without bound. Where one item leads to each other one by its
//! primary key, no side is larger than a table.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, JoinExpr, JoinType, Node, SelectStmt};

use super::sources::Source;
use crate::query::guard::caps::Caps;
use crate::query::guard::name::names;
use crate::query::guard::relations::relation;

/// A row of a sub-query that is longer than this is not kept in a hash table.
pub(super) const SHORT_ROW: u64 = 512;

/// Whether rows can multiply, or long ones be kept, in this query's joins.
pub(super) fn multiplies(select: &SelectStmt, sources: &[Source]) -> bool {
    let mut graph = Graph {
        sources,
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
    graph.multiplies || !graph.one_leads_to_all(0..graph.items.len())
}

/// The items of FROM, and by which equalities a row of one leads to a row of another.
struct Graph<'a> {
    sources: &'a [Source],
    items: Vec<Item>,
    multiplies: bool,
}

struct Item {
    alias: String,
    /// The columns of a table's primary key; nothing for what has none.
    key: Vec<KeyColumn>,
}

struct KeyColumn {
    name: &'static str,
    /// The items to columns of which it is equal.
    equal: Places,
}

/// Places of items, a bit for each.
type Places = u64;

impl Graph<'_> {
    fn add(&mut self, item: &Node) {
        match &item.node {
            Some(NodeEnum::RangeVar(table)) => {
                let alias = table.alias.as_ref();
                // With columns of other names, nothing is known of its key.
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
            // A function may give any number of rows.
            _ => {
                self.add_item(String::new(), &[]);
                self.multiplies = true;
            }
        }
    }

    fn add_item(&mut self, alias: String, key: &[&'static str]) {
        let source = self.sources.iter().find(|source| source.name == alias);
        let is_table = !key.is_empty();
        self.multiplies |= !is_table
            && source
                .is_none_or(|source| !source.few_rows || source.columns.row().value > SHORT_ROW);
        let key = key.iter().map(|name| KeyColumn { name, equal: 0 });
        self.items.push(Item {
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
        // What an outer join preserves is there without being found by anything of the other side.
        let (left_preserved, right_preserved) = match join.jointype() {
            JoinType::JoinInner => (false, false),
            JoinType::JoinLeft => (true, false),
            JoinType::JoinRight => (false, true),
            _ => (true, true),
        };
        self.multiplies |= left_preserved && !self.one_leads_to_all(left..right)
            || right_preserved && !self.one_leads_to_all(right..self.items.len())
            // Names inside of it cannot be seen from here.
            || join.alias.is_some();
        for column in names(&join.using_clause) {
            for one in left..right {
                for other in right..self.items.len() {
                    if self.has(one, column) && self.has(other, column) {
                        self.equal((one, column), (other, column));
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
                    .map(|side| side.as_deref().and_then(|side| self.column(side)));
                if let [Some((left, of_left)), Some((right, of_right))] = sides {
                    self.equal((left, &of_left), (right, &of_right));
                }
            }
            _ => {}
        }
    }

    fn equal(&mut self, one: (usize, &str), other: (usize, &str)) {
        for ((place, column), (from, _)) in [(one, other), (other, one)] {
            let columns = self.items[place].key.iter_mut();
            for found in columns.filter(|key| key.name == column) {
                found.equal |= place_of(from);
            }
        }
    }

    /// Which item's column a name is.
    fn column(&self, node: &Node) -> Option<(usize, String)> {
        let Some(NodeEnum::ColumnRef(column)) = &node.node else {
            return None;
        };
        let names = names(&column.fields);
        let (name, qualifiers) = names.split_last()?;
        let place = match qualifiers.last() {
            Some(qualifier) => self
                .items
                .iter()
                .position(|item| item.alias == *qualifier)?,
            None => (0..self.items.len()).find(|place| self.has(*place, name))?,
        };
        Some((place, (*name).to_owned()))
    }

    fn has(&self, place: usize, column: &str) -> bool {
        let alias = &self.items[place].alias;
        let source = self.sources.iter().find(|source| source.name == *alias);
        source.is_some_and(|source| source.columns.named(column).is_some())
    }

    /// Whether, among these items, there is one from whose rows each other one is found by its whole key.
    fn one_leads_to_all(&self, among: Range<usize>) -> bool {
        let all = among.clone().fold(0, |all, place| all | place_of(place));
        among.clone().any(|start| {
            let mut found = place_of(start);
            loop {
                let before = found;
                for place in among.clone() {
                    let key = &self.items[place].key;
                    if !key.is_empty() && key.iter().all(|column| column.equal & found != 0) {
                        found |= place_of(place);
                    }
                }
                if found == before {
                    return found == all;
                }
            }
        })
    }
}

// More are refused while they are counted.
const _: () = assert!(Caps::STANDARD.items <= Places::BITS as u64);

fn place_of(place: usize) -> Places {
    1 << place
}
