//! Writes a statement as SQL. Two runs must return the same rows: no LIMIT without a total order,
//! no window whose frame depends on ties, no sum of floating-point numbers.

use std::fmt;

use super::range_table::ColumnType::{Bool, Date, Int, Num, Text};
use super::range_table::{FOREIGN_KEYS, RangeTable, TypedColumn, pick};
use super::statement::{Block, Filter, Output, Shape, Statement, Wrapping};

fn condition(filter: Filter, range_table: &RangeTable) -> String {
    let columns = range_table.columns();
    let TypedColumn { name, kind } = pick(filter.column, &columns);
    let value = u32::from(filter.value);
    let test = match kind {
        Int => match filter.test % 5 {
            0 => format!("{name} % {} = {}", value % 7 + 2, value % 2),
            1 => format!("{name} > {}", value * 3),
            2 => format!("{name} IN ({}, {}, {}, NULL)", value % 9, value, value * 5),
            3 => format!("{name} BETWEEN {} AND {}", value, value * 9),
            _ => subquery(filter, range_table),
        },
        Num => match filter.test % 3 {
            0 => format!("{name} >= {value}.5"),
            1 => format!("round({name}) % 2 = 0"),
            _ => format!("{name} < (SELECT avg(x.base_price) FROM retail.products AS x)"),
        },
        Text => match filter.test % 4 {
            0 => format!("{name} LIKE '%a%'"),
            1 => format!(
                "{name} ILIKE '{}%'",
                pick(filter.value, &["a", "S", "m", "h"])
            ),
            2 => format!("length({name}) % 2 = {}", value % 2),
            _ => format!("{name} ~ '[0-9]'"),
        },
        Date => match filter.test % 3 {
            0 => format!("{name} >= date '2020-01-01' + {}", value * 9),
            1 => format!("extract(month FROM {name}) = {}", value % 12 + 1),
            _ => format!(
                "date_trunc('year', {name}) = timestamp '{}-01-01'",
                2020 + value % 7
            ),
        },
        Bool => match filter.test % 2 {
            0 => name.clone(),
            _ => format!("{name} IS NOT TRUE"),
        },
    };
    match (filter.not, filter.test % 6) {
        (_, 5) => format!("{name} IS {}NULL", if filter.not { "NOT " } else { "" }),
        (true, _) => format!("NOT ({test})"),
        (false, _) => test,
    }
}

/// A condition on child rows, in one of four forms.
fn subquery(filter: Filter, range_table: &RangeTable) -> String {
    let candidates: Vec<_> = range_table
        .items
        .iter()
        .flat_map(|(alias, table)| {
            FOREIGN_KEYS
                .iter()
                .filter(move |key| key.2 == *table)
                .map(move |key| (alias, key))
        })
        .collect();
    if candidates.is_empty() {
        return "true".to_owned();
    }
    let (alias, (child, column, _, key)) = pick(filter.column, &candidates);
    match filter.value % 4 {
        0 => format!("EXISTS (SELECT 1 FROM retail.{child} AS x WHERE x.{column} = {alias}.{key})"),
        1 => format!("{alias}.{key} IN (SELECT x.{column} FROM retail.{child} AS x)"),
        2 => format!(
            "{alias}.{key} = ANY (SELECT x.{column} FROM retail.{child} AS x WHERE x.{column} % 2 = 0)"
        ),
        _ => format!(
            "(SELECT count(*) FROM retail.{child} AS x WHERE x.{column} = {alias}.{key}) > {}",
            filter.value % 5
        ),
    }
}

fn expression(output: Output, columns: &[TypedColumn]) -> String {
    let TypedColumn { name, kind } = pick(output.column, columns);
    match (kind, output.how % 4) {
        (Int, 1) => format!("{name} % 10"),
        (Int, 2) => format!(
            "CASE WHEN {name} % 2 = 0 THEN 'even' WHEN {name} IS NULL THEN 'none' ELSE 'odd' END"
        ),
        (Num, 1) => format!("round({name} * 1.1, 1)"),
        (Num, 2) => format!("coalesce({name}, -1)"),
        (Text, 1) => format!("upper({name})"),
        (Text, 2) => format!("left({name}, 3)"),
        (Date, 1) => format!("date_trunc('month', {name})"),
        (Date, 2) => format!("extract(isodow FROM {name})"),
        (Bool, 1) => format!("NOT {name}"),
        (_, 3) => format!(
            "nullif({name}, {})",
            pick(
                output.other,
                &columns
                    .iter()
                    .filter(|other| other.kind == *kind)
                    .collect::<Vec<_>>()
            )
            .name
        ),
        _ => name.clone(),
    }
}

fn aggregate(output: Output, columns: &[TypedColumn]) -> String {
    let TypedColumn { name, kind } = pick(output.column, columns);
    match (kind, output.how % 6) {
        (_, 0) => "count(*)".to_owned(),
        (_, 1) => format!("count(DISTINCT {name})"),
        (Int | Num, 2) => format!("sum({name})"),
        (Int | Num, 3) => format!("avg({name})"),
        (Bool, 2 | 3) => format!("bool_or({name})"),
        (Bool, 4) => format!("bool_and({name})"),
        (Bool, _) => format!("count(*) FILTER (WHERE {name})"),
        (_, 4) => format!("min({name})"),
        (_, 5) => format!(
            "count({name}) FILTER (WHERE {} IS NOT NULL)",
            pick(output.other, columns).name
        ),
        _ => format!("max({name})"),
    }
}

fn window(output: Output, columns: &[TypedColumn]) -> String {
    let (name, by) = (
        &pick(output.column, columns).name,
        &pick(output.other, columns).name,
    );
    match output.how % 5 {
        0 => format!("count(*) OVER (PARTITION BY {by})"),
        1 => format!("rank() OVER (PARTITION BY {by} ORDER BY {name})"),
        2 => format!("dense_rank() OVER (ORDER BY {name} DESC NULLS LAST)"),
        3 => format!("count({name}) OVER (ORDER BY {by} RANGE UNBOUNDED PRECEDING)"),
        _ => format!("first_value({by}) OVER (PARTITION BY {by} ORDER BY {name})"),
    }
}

/// A SELECT with columns c1, c2, …; all as text if `width` is given.
fn block(block: &Block, width: Option<usize>) -> (String, usize) {
    let range_table = RangeTable::new(block);
    let columns = range_table.columns();
    let (mut outputs, mut tail): (Vec<String>, String) = match &block.shape {
        Shape::Plain { outputs, .. } => (
            outputs
                .iter()
                .map(|output| expression(*output, &columns))
                .collect(),
            String::new(),
        ),
        Shape::Windowed { outputs, windows } => (
            outputs
                .iter()
                .map(|output| expression(*output, &columns))
                .chain(windows.iter().map(|output| window(*output, &columns)))
                .collect(),
            String::new(),
        ),
        Shape::Grouped {
            by,
            grouping,
            aggregates,
            having,
        } => {
            let mut by: Vec<String> = by
                .iter()
                .map(|column| pick(*column, &columns).name.clone())
                .collect();
            by.dedup();
            let list = by.join(", ");
            let grouped = match grouping % 5 {
                1 => format!("ROLLUP ({list})"),
                2 => format!("CUBE ({list})"),
                3 => format!("GROUPING SETS (({list}), ())"),
                _ => list,
            };
            let having = having.map_or(String::new(), |least| {
                format!(" HAVING count(*) > {}", least % 5)
            });
            let aggregates = aggregates.iter().map(|output| aggregate(*output, &columns));
            (
                by.into_iter().chain(aggregates).collect(),
                format!(" GROUP BY {grouped}{having}"),
            )
        }
    };
    if let Some(width) = width {
        outputs = outputs
            .iter()
            .cycle()
            .take(width)
            .map(|output| format!("({output})::text"))
            .collect();
    }
    let list: Vec<String> = outputs
        .iter()
        .enumerate()
        .map(|(index, output)| format!("{output} AS c{}", index + 1))
        .collect();
    let filters = block.filters.iter().fold(String::new(), |before, filter| {
        let test = condition(*filter, &range_table);
        match (before.is_empty(), filter.or) {
            (true, _) => test,
            (false, true) => format!("({before}) OR {test}"),
            (false, false) => format!("({before}) AND {test}"),
        }
    });
    let filters = if filters.is_empty() {
        filters
    } else {
        format!(" WHERE {filters}")
    };
    let mut distinct = "";
    if let Shape::Plain {
        distinct: wanted,
        limit,
        ..
    } = &block.shape
    {
        distinct = if *wanted { "DISTINCT " } else { "" };
        tail = format!(
            " ORDER BY {} LIMIT {}",
            ordinals(outputs.len()),
            u32::from(*limit) + 1
        );
    }
    (
        format!(
            "SELECT {distinct}{} FROM {}{filters}{tail}",
            list.join(", "),
            range_table.from
        ),
        outputs.len(),
    )
}

fn ordinals(count: usize) -> String {
    (1..=count)
        .map(|index| index.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Select(select) => f.write_str(&block(select, None).0),
            Self::Set(how, left, right) => {
                let how = pick(
                    *how,
                    &["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"],
                );
                write!(
                    f,
                    "({}) {how} ({}) ORDER BY 1, 2",
                    block(left, Some(2)).0,
                    block(right, Some(2)).0
                )
            }
            Self::Over(wrapping, inner, outer) => {
                let (inner, width) = block(inner, None);
                let last = format!("q.c{width}");
                let outer = match outer % 4 {
                    0 => format!("SELECT count(*), count(DISTINCT {last}), min(q.c1::text)"),
                    1 => format!("SELECT q.c1, count(*), count({last})"),
                    2 => "SELECT DISTINCT q.*".to_owned(),
                    _ => format!("SELECT q.c1, {last}, rank() OVER (ORDER BY q.c1, {last})"),
                };
                let group = if outer.starts_with("SELECT q.c1, count") {
                    " GROUP BY q.c1"
                } else {
                    ""
                };
                match wrapping {
                    Wrapping::With => write!(f, "WITH q AS ({inner}) {outer} FROM q{group}"),
                    Wrapping::WithMaterialized => {
                        write!(f, "WITH q AS MATERIALIZED ({inner}) {outer} FROM q{group}")
                    }
                    Wrapping::Parentheses => write!(f, "{outer} FROM ({inner}) AS q{group}"),
                    Wrapping::Lateral => write!(
                        f,
                        "{outer} FROM retail.categories AS k CROSS JOIN LATERAL ({inner}) AS q{group}"
                    ),
                }
            }
        }
    }
}
