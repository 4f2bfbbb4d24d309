//! FROM: what a query reads from.

use std::cell::Cell;
use std::collections::HashMap;

use pg_query::NodeEnum;
use pg_query::protobuf::{JoinExpr, JoinType, Node, RangeFunction, RangeSubselect, RangeVar};

use super::column_name::own_name;
use super::columns::{Column, Columns};
use super::count::few_columns;
use super::query::Output;
use super::size::{MOST_PLANNED, Size};
use super::sources::Source;
use super::sub_link::Fence;
use super::{Gives, Measure, made, star, withheld};
use crate::query::guard::allow_list::{FIELDS, VALUE_NAMED};
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::Refusal;
use crate::query::guard::relations::{Relation, RelationColumn, relation};

impl Measure {
    /// An item of FROM; what it adds to the query that reads from it.
    pub(super) fn source(&mut self, item: &mut Node) -> Result<Size, Refusal> {
        match &mut item.node {
            Some(NodeEnum::RangeVar(table)) => {
                self.count_item()?;
                let source = self.table(table)?;
                self.add(source)?;
                Ok(Size::leaf(0))
            }
            Some(NodeEnum::RangeTableSample(sample)) => {
                let mut size = self.parts(&mut sample.args)?.all;
                size = size.beside(self.optional(&mut sample.repeatable)?);
                let table = sample.relation.as_mut();
                let table = table.ok_or_else(|| Refusal::construct("this TABLESAMPLE"))?;
                Ok(size.beside(self.source(table)?))
            }
            Some(NodeEnum::RangeSubselect(range)) => {
                self.count_item()?;
                let source = self.sub_select(range)?;
                self.add(source)?;
                Ok(Size::leaf(0))
            }
            Some(NodeEnum::RangeFunction(range)) => self.range_function(range),
            Some(NodeEnum::JsonTable(table)) => {
                self.count_item()?;
                let (size, source) = self.json_table(table)?;
                self.add(source)?;
                Ok(size)
            }
            Some(NodeEnum::JoinExpr(join)) => self.join(join),
            _ => Err(Refusal::construct("this item of FROM")),
        }
    }

    fn add(&mut self, source: Source) -> Verdict {
        self.sources.add(source);
        let columns = self.sources.here().iter();
        let count = columns.map(|source| source.columns.most()).sum();
        few_columns(count, self.caps.from_columns, "columns in FROM")
    }

    fn table(&mut self, table: &RangeVar) -> Result<Source, Refusal> {
        let stored = if table.schemaname.is_empty() {
            None
        } else {
            relation(&table.relname)
        };
        let Gives {
            columns,
            branches,
            few_rows,
        } = if table.schemaname.is_empty() {
            self.named(&table.relname, table.location)?
        } else {
            Gives {
                columns: stored.map_or_else(Columns::default, stored_columns),
                branches: 1,
                few_rows: true,
            }
        };
        let source = Source {
            name: table.relname.clone(),
            columns,
            branches,
            few_rows,
            table: stored,
            is_unaliased: stored.is_some(),
            // Names for columns count those that are withheld.
            is_read_whole: Cell::new(
                table
                    .alias
                    .as_ref()
                    .is_some_and(|alias| !alias.colnames.is_empty()),
            ),
            is_row_read: Cell::new(false),
        };
        Ok(source.renamed(table.alias.as_ref()))
    }

    fn sub_select(&mut self, range: &mut RangeSubselect) -> Result<Source, Refusal> {
        let Some(NodeEnum::SelectStmt(select)) = range
            .subquery
            .as_mut()
            .and_then(|query| query.node.as_mut())
        else {
            return Err(Refusal::construct("this sub-query"));
        };
        // Without LATERAL, it sees what stands outside the whole query, but not what stands beside itself.
        let beside = if range.lateral {
            0
        } else {
            self.sources.here().len()
        };
        let hidden = self.sources.hide(beside);
        let Output {
            mut columns,
            branches,
            few_rows,
            recursion: _,
            conditions: _,
            nodes: _,
        } = self.query(select)?;
        self.sources.show(hidden);
        let limited = select.limit_count.is_some() || select.limit_offset.is_some();
        if limited || self.is_long(&columns) {
            if !limited {
                made::offset_nothing(select);
            }
            columns.fence();
        }
        let source = Source {
            name: String::new(),
            columns,
            branches,
            few_rows,
            ..Source::default()
        };
        Ok(source.renamed(range.alias.as_ref()))
    }

    fn join(&mut self, join: &mut JoinExpr) -> Result<Size, Refusal> {
        if join.join_using_alias.is_some() {
            return Err(Refusal::construct_with_hint(
                "a name for the columns of USING",
                "leave AS behind USING (…) out",
            ));
        }
        let join_type = join.jointype();
        self.joins_fully |= join_type == JoinType::JoinFull;
        let before = self.sources.here().len();
        let mut size = Size::leaf(0);
        for side in [&mut join.larg, &mut join.rarg].into_iter().flatten() {
            size = size.beside(self.source(side)?);
        }
        // ON sees the two sides alone, beside what stands outside the whole query.
        let hidden = self.sources.hide(before);
        self.merged_columns(join)?;
        if let Some(condition) = &mut join.quals {
            // Of the conditions of an outer join PostgreSQL may make no join of their own.
            let fence = match join_type {
                JoinType::JoinInner => Fence::OfJoin,
                _ => Fence::Needed,
            };
            size = size.beside(self.condition(condition, fence)?);
        }
        if join.alias.is_some() {
            let inner = self.sources.split_off(0);
            let mut columns = Columns::default();
            columns.extend(star::of_join(join, &mut inner.iter()));
            let joined = Source {
                name: String::new(),
                columns,
                branches: inner.iter().map(|source| source.branches).fold(1, u64::max),
                few_rows: inner.iter().all(|source| source.few_rows),
                ..Source::default()
            };
            inner
                .iter()
                .for_each(|source| source.is_read_whole.set(true));
            withheld::hide_in_join(join, &mut inner.iter());
            self.add(joined.renamed(join.alias.as_ref()))?;
        }
        self.sources.show(hidden);
        Ok(size)
    }

    /// The columns by which USING and NATURAL join, which may be sorted for that.
    fn merged_columns(&mut self, join: &JoinExpr) -> Verdict {
        let named = names(&join.using_clause);
        let sources = self.sources.here().iter();
        if join.is_natural {
            sources
                .clone()
                .for_each(|source| source.is_read_whole.set(true));
        }
        for name in &named {
            if let Some(table) = self.sources.any_withholding(name) {
                return Err(withheld::unknown_column(table, name));
            }
        }
        let columns: Vec<&Column> = sources.flat_map(|source| source.columns.iter()).collect();
        let mut times: HashMap<&str, usize> = HashMap::new();
        for column in &columns {
            *times.entry(&column.name).or_default() += 1;
        }
        let is_common = |name: &str| times.get(name).is_some_and(|times| *times > 1);
        let merged = columns.iter().filter(|column| {
            named.contains(&column.name.as_str()) || join.is_natural && is_common(&column.name)
        });
        let sizes: Vec<Size> = merged.map(|column| column.size).collect();
        let pairs = if join.is_natural {
            times.values().filter(|times| **times > 1).count()
        } else {
            named.len()
        };
        self.count_equalities(pairs)?;
        self.sorted(sizes)
    }

    fn range_function(&mut self, range: &mut RangeFunction) -> Result<Size, Refusal> {
        let mut size = Size::leaf(0);
        let mut called = String::new();
        let mut columns = Columns::default();
        let alone = range.functions.len() == 1;
        let alias = range.alias.as_ref();
        for item in &mut range.functions {
            let Some(NodeEnum::List(item)) = &mut item.node else {
                return Err(Refusal::construct("this function in FROM"));
            };
            let Some(function) = item.items.first_mut() else {
                return Err(Refusal::construct("this function in FROM"));
            };
            // Each is an item; `unnest(a, b)` becomes one function for each argument.
            let items = match &function.node {
                Some(NodeEnum::FuncCall(call)) if of_any_row(function) => call.args.len().max(1),
                _ => 1,
            };
            for _ in 0..items {
                self.count_item()?;
            }
            let own_name = own_name(function).to_owned();
            let of_function = self.as_written(function)?;
            if !of_function.varies && of_function.value > MOST_PLANNED {
                return Err(Refusal::construct_with_hint(
                    "a long value computed in FROM",
                    "compute it in SELECT",
                ));
            }
            size = size.beside(of_function);
            // PostgreSQL puts what it can compute before in the place of each name of it.
            let of_row = Size {
                varies: of_function.varies,
                ..of_function.fenced()
            };
            // A single value is called like the item, where that is one function; FROM gives it no other name.
            let value_name = alias
                .filter(|_| alone)
                .map_or(&own_name, |alias| &alias.aliasname);
            columns.extend(columns_of(function, value_name, of_row));
            if called.is_empty() {
                called = own_name;
            }
        }
        if range.ordinality {
            columns.push(Column::new("ordinality", Size::leaf(8).no_text()));
        }
        let source = Source {
            name: called,
            columns,
            branches: 1,
            few_rows: false,
            ..Source::default()
        };
        self.add(source.renamed(alias))?;
        Ok(size)
    }
}

/// Functions in FROM whose columns the text does not tell: rows of any kind may stand in what they are given.
const OF_ANY_ROW: [&str; 1] = ["unnest"];

fn of_any_row(function: &Node) -> bool {
    match &function.node {
        Some(NodeEnum::FuncCall(call)) => {
            let name = names(&call.funcname).last().copied();
            name.is_some_and(|name| OF_ANY_ROW.contains(&name))
        }
        _ => false,
    }
}

/// What a function in FROM gives, where a single value would be called `value_name`.
fn columns_of(function: &Node, value_name: &str, size: Size) -> Vec<Column> {
    let Some(NodeEnum::FuncCall(call)) = &function.node else {
        return unknown_columns(value_name, size);
    };
    match names(&call.funcname).last() {
        Some(&("json_each" | "json_each_text" | "jsonb_each" | "jsonb_each_text")) => {
            ["key", "value"].map(|name| Column::new(name, size)).into()
        }
        Some(name) if VALUE_NAMED.contains(name) => vec![Column::new("value", size)],
        Some(name) if !OF_ANY_ROW.contains(name) => vec![Column::new(value_name, size)],
        _ => unknown_columns(value_name, size),
    }
}

fn unknown_columns(value_name: &str, size: Size) -> Vec<Column> {
    let perhaps = FIELDS.iter().chain([&value_name]);
    perhaps.map(|name| Column::perhaps(*name, size)).collect()
}

/// The most that `relations.txt` says of a column that is no text.
const LONGEST_NUMBER: u64 = 16;

fn stored_columns(table: &Relation) -> Columns {
    let mut columns = Columns::default();
    let size = |bytes: u64| match Size::leaf(bytes).varying() {
        // Numbers, dates and truth values; a text takes more.
        size if bytes <= LONGEST_NUMBER => size.no_text(),
        // No table has a column of JSON, or of full-text queries.
        size => size.as_plain(),
    };
    let column = |column: &RelationColumn| Column::new(column.name, size(column.max_bytes));
    columns.extend(table.columns.iter().map(column));
    columns
}
