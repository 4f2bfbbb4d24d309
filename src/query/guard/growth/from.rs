//! FROM: what a query reads from.

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RangeFunction, RangeSubselect, RangeVar};

use super::query::{Output, fence};
use super::size::Size;
use super::sources::{Column, Source};
use super::{Measure, tree};
use crate::query::guard::name::names;
use crate::query::guard::refusal::Refusal;
use crate::query::guard::relations::{RelationColumn, relation};

impl Measure {
    /// An item of FROM; what it adds to the query that reads from it.
    pub(super) fn source(&mut self, item: &mut Node) -> Result<Size, Refusal> {
        match &mut item.node {
            Some(NodeEnum::RangeVar(table)) => {
                self.count_item()?;
                let source = self.table(table);
                self.sources.add(source);
                Ok(Size::leaf(0))
            }
            Some(NodeEnum::RangeSubselect(range)) => {
                self.count_item()?;
                let source = self.sub_select(range)?;
                self.sources.add(source);
                Ok(Size::leaf(0))
            }
            Some(NodeEnum::RangeFunction(range)) => self.range_function(range),
            Some(NodeEnum::JoinExpr(join)) => {
                let before = self.sources.here().len();
                let mut size = Size::leaf(0);
                for side in [&mut join.larg, &mut join.rarg].into_iter().flatten() {
                    size = size.beside(self.source(side)?);
                }
                if let Some(condition) = &mut join.quals {
                    size = size.beside(self.condition(condition)?);
                }
                if let Some(alias) = &join.alias {
                    let inner = self.sources.split_off(before);
                    let joined = Source {
                        name: String::new(),
                        branches: inner.iter().map(|source| source.branches).fold(1, u64::max),
                        columns: inner
                            .into_iter()
                            .flat_map(|source| source.columns)
                            .collect(),
                    };
                    self.sources
                        .add(joined.renamed(&alias.aliasname, &alias.colnames));
                }
                Ok(size)
            }
            _ => Err(Refusal::construct("this item of FROM")),
        }
    }

    fn table(&self, table: &RangeVar) -> Source {
        let named = self
            .named
            .iter()
            .rev()
            .find(|named| table.schemaname.is_empty() && named.name == table.relname);
        let (columns, branches) = match named {
            Some(named) => (named.columns.clone(), named.branches),
            None => (stored_columns(&table.relname), 1),
        };
        let source = Source {
            name: table.relname.clone(),
            columns,
            branches,
        };
        match &table.alias {
            Some(alias) => source.renamed(&alias.aliasname, &alias.colnames),
            None => source,
        }
    }

    fn sub_select(&mut self, range: &mut RangeSubselect) -> Result<Source, Refusal> {
        let Some(NodeEnum::SelectStmt(select)) = range
            .subquery
            .as_mut()
            .and_then(|query| query.node.as_mut())
        else {
            return Err(Refusal::construct("this sub-query"));
        };
        let Output {
            mut columns,
            branches,
            nodes: _,
        } = self.query(select)?;
        let limited = select.limit_count.is_some() || select.limit_offset.is_some();
        if limited || self.is_long(&columns) {
            if !limited {
                tree::offset_nothing(select);
            }
            fence(&mut columns);
        }
        let source = Source {
            name: String::new(),
            columns,
            branches,
        };
        Ok(match &range.alias {
            Some(alias) => source.renamed(&alias.aliasname, &alias.colnames),
            None => source,
        })
    }

    fn range_function(&mut self, range: &mut RangeFunction) -> Result<Size, Refusal> {
        let mut size = Size::leaf(0);
        let mut called = String::new();
        let mut columns = Vec::new();
        for item in &mut range.functions {
            let Some(NodeEnum::List(item)) = &mut item.node else {
                return Err(Refusal::construct("this function in FROM"));
            };
            let Some(function) = item.items.first_mut() else {
                return Err(Refusal::construct("this function in FROM"));
            };
            let of_function = self.expr(function)?;
            if called.is_empty() {
                called = tree::own_name(function);
            }
            columns.push(Column {
                name: tree::own_name(function),
                size: of_function.fenced(),
            });
            size = size.beside(of_function);
        }
        // A function may give several columns, each of them part of its value.
        let (name, given) = range.alias.as_ref().map_or_else(
            || (called, Vec::new()),
            |alias| (alias.aliasname.clone(), names(&alias.colnames)),
        );
        let widest = columns
            .iter()
            .map(|column| column.size.value)
            .fold(0, u64::max);
        columns.extend([&name, "ordinality", "key", "value"].map(|name| Column {
            name: name.to_owned(),
            size: Size::leaf(widest),
        }));
        columns.extend(given.into_iter().map(|name| Column {
            name: name.to_owned(),
            size: Size::leaf(widest),
        }));
        self.sources.add(Source {
            name,
            columns,
            branches: 1,
        });
        Ok(size)
    }
}

fn stored_columns(table: &str) -> Vec<Column> {
    let columns = relation(table).map(|relation| relation.columns.as_slice());
    let column = |column: &RelationColumn| Column {
        name: column.name.to_owned(),
        size: Size::leaf(column.bytes),
    };
    columns.unwrap_or_default().iter().map(column).collect()
}
