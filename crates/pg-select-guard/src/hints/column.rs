//! Hints for a column or a table alias that does not exist or is ambiguous.

use std::sync::Arc;

use super::example::render;
use super::foreign::{self, ForeignKind};
use super::mistakes::CURLY_QUOTES;
use super::names::{FromItem, columns_of, from_items, has_column, nearest_column, tables_with};
use super::tokens::Tokens;
use crate::allowed::Allowed;
use crate::schema::{Relation, Schema, nearest};

/// Units of dates that other databases write without quotes.
const DATE_UNITS: [&str; 10] = [
    "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade", "dow",
];

/// The most tables whose columns a hint lists.
const MAX_LISTED_TABLES: usize = 3;

/// Longest expression that a hint repeats, in characters.
const MAX_EXPRESSION_CHARS: usize = 100;

/// A reference to a column that does not exist.
struct UnknownColumn {
    qualifier: Option<String>,
    column: String,
    /// The column as written, with its quotes.
    written: String,
    /// The index of the reference's first token, if known.
    at: Option<usize>,
}

/// The hint for `column "…" does not exist`.
pub(super) fn unknown_column(
    allowed: Allowed<'_>,
    tokens: &Tokens<'_>,
    message: &str,
    at: Option<usize>,
) -> Option<String> {
    let unknown = at
        .and_then(|at| reference_at(tokens, at))
        .or_else(|| reference_in_message(message))?;
    let schema = allowed.schema;
    let items = from_items(schema, tokens);
    as_string_literal(schema, &unknown)
        .or_else(|| as_date_unit(schema, tokens, &unknown))
        .or_else(|| as_foreign_word(allowed, tokens, &unknown))
        .or_else(|| match &unknown.qualifier {
            Some(qualifier) => in_qualified_table(schema, &unknown, qualifier, &items)
                .or_else(|| nearest_alias(tokens, &unknown)),
            None => select_alias(tokens, &unknown)
                .or_else(|| in_any_table(schema, tokens, &unknown, &items)),
        })
}

/// The hint for an unknown table alias, as in `FROM has o (shop.orders), c (shop.customers)`.
pub(super) fn missing_from_item(schema: &Schema, tokens: &Tokens<'_>) -> Option<String> {
    let items: Vec<String> = from_items(schema, tokens)
        .iter()
        .map(|item| format!("{} ({})", item.name, schema.qualified(&item.relation.name)))
        .collect();
    (!items.is_empty()).then(|| format!("FROM has {}", items.join(", ")))
}

/// The hint for an ambiguous column, as in `write o.customer_id or c.customer_id`.
pub(super) fn ambiguous_column(
    schema: &Schema,
    tokens: &Tokens<'_>,
    message: &str,
) -> Option<String> {
    let name = message
        .strip_prefix("column reference \"")?
        .strip_suffix("\" is ambiguous")?;
    let choices: Vec<String> = from_items(schema, tokens)
        .iter()
        .filter(|item| has_column(item.relation, name))
        .map(|item| format!("{}.{name}", item.name))
        .collect();
    (choices.len() > 1).then(|| format!("write {}", choices.join(" or ")))
}

/// The column reference whose first token is at `at`.
fn reference_at(tokens: &Tokens<'_>, at: usize) -> Option<UnknownColumn> {
    let mut last = at;
    while tokens.get(last + 1) == "." && tokens.name(last + 2).is_some() {
        last += 2;
    }
    let qualifier = last.checked_sub(2).filter(|table| *table >= at);
    Some(UnknownColumn {
        qualifier: qualifier.and_then(|table| tokens.name(table)),
        column: tokens.name(last)?,
        written: tokens.get(last).to_owned(),
        at: Some(at),
    })
}

/// The column reference in a message such as `column o.total does not exist`.
fn reference_in_message(message: &str) -> Option<UnknownColumn> {
    let name = message
        .strip_prefix("column ")?
        .strip_suffix(" does not exist")?;
    let (qualifier, column) = match name.rsplit_once('.') {
        Some((qualifier, column)) if !name.starts_with('"') => (Some(qualifier), column),
        _ => (None, name),
    };
    let column = column.trim_matches('"');
    Some(UnknownColumn {
        qualifier: qualifier.map(|qualifier| qualifier.trim_matches('"').to_owned()),
        column: column.to_owned(),
        written: column.to_owned(),
        at: None,
    })
}

fn all_relations(schema: &Schema) -> impl Iterator<Item = &Relation> {
    schema.relations().iter().map(Arc::as_ref)
}

/// The hint for a string in double or curly quotes.
fn as_string_literal(schema: &Schema, unknown: &UnknownColumn) -> Option<String> {
    let quoted = unknown.written.starts_with('"');
    let curly = unknown.written.contains(CURLY_QUOTES);
    if unknown.qualifier.is_some() || !quoted && !curly {
        return None;
    }
    let all = || all_relations(schema);
    let lower = unknown.column.to_lowercase();
    if all().any(|relation| has_column(relation, &lower)) {
        return Some(format!("did you mean {lower}, without quotes?"));
    }
    if nearest_column(all(), &unknown.column).is_some() {
        return None;
    }
    let written = if quoted {
        &unknown.column
    } else {
        &unknown.written
    };
    let text = written.trim_matches(CURLY_QUOTES);
    Some(format!(
        "put strings in single quotes: '{}'",
        text.replace('\'', "''")
    ))
}

/// The hint for a date unit without quotes.
fn as_date_unit(schema: &Schema, tokens: &Tokens<'_>, unknown: &UnknownColumn) -> Option<String> {
    let at = unknown.at?;
    let unit = DATE_UNITS.iter().find(|unit| **unit == unknown.column)?;
    let calls = ["date_trunc", "date_part", "date_bin"];
    let near = at.saturating_sub(8)..at;
    let is_part = near
        .into_iter()
        .any(|at| calls.iter().any(|call| tokens.is(at, call)));
    is_part.then(|| {
        let example = render(schema, &format!("date_trunc('{unit}', {{date}})"));
        format!("write the unit first, as a string, as in {example}")
    })
}

/// The hint for a variable, or for a word that is a value in another database.
fn as_foreign_word(
    allowed: Allowed<'_>,
    tokens: &Tokens<'_>,
    unknown: &UnknownColumn,
) -> Option<String> {
    if unknown.at.is_some_and(|at| tokens.follows(at, "@")) {
        return Some("variables are not supported; write the value as a literal".to_owned());
    }
    if unknown.qualifier.is_some() {
        return None;
    }
    foreign::hint(allowed, ForeignKind::Word, &unknown.column)
}

/// The hint for a reference with a qualifier that stands for a table in FROM.
fn in_qualified_table(
    schema: &Schema,
    unknown: &UnknownColumn,
    qualifier: &str,
    items: &[FromItem<'_>],
) -> Option<String> {
    let item = items.iter().find(|item| item.name == qualifier)?;
    let relation = item.relation;
    let nearest = nearest_column(std::iter::once(relation), &unknown.column);
    let elsewhere = tables_with(schema, &unknown.column);
    let meant = match nearest {
        _ if !elsewhere.is_empty() => format!("{} is in {elsewhere}; ", unknown.column),
        Some(column) => format!("did you mean {qualifier}.{column}? "),
        None => String::new(),
    };
    Some(format!("{meant}{}", columns_of(schema, relation)))
}

/// The hint for a reference without a qualifier.
fn in_any_table(
    schema: &Schema,
    tokens: &Tokens<'_>,
    unknown: &UnknownColumn,
    items: &[FromItem<'_>],
) -> Option<String> {
    let name = &unknown.column;
    let relations = || items.iter().map(|item| item.relation);
    let elsewhere = tables_with(schema, name);
    if relations().any(|relation| has_column(relation, name)) {
        return Some(format!(
            "{name} is in {elsewhere}, but a subquery or WITH query exposes only the columns that it selects"
        ));
    }
    if !elsewhere.is_empty() {
        return Some(format!("{name} is in {elsewhere}; join that table"));
    }
    let near =
        nearest_column(relations(), name).or_else(|| nearest_column(all_relations(schema), name));
    let meant =
        near.map(|column| format!("did you mean {column} ({})?", tables_with(schema, column)));
    // The columns of a table in a subquery are not visible in the outer query.
    let is_nested = (0..tokens.len())
        .filter(|at| tokens.is(*at, "select"))
        .count()
        > 1;
    if meant.is_some() || is_nested || items.len() > MAX_LISTED_TABLES {
        return meant.or_else(|| nearest_alias(tokens, unknown));
    }
    let mut lists: Vec<String> = relations()
        .map(|relation| columns_of(schema, relation))
        .collect();
    lists.dedup();
    (!lists.is_empty()).then(|| lists.join("; "))
}

/// The most similar alias of an output column, for example of a subquery or WITH query.
fn nearest_alias(tokens: &Tokens<'_>, unknown: &UnknownColumn) -> Option<String> {
    let outputs: Vec<String> = (0..tokens.len())
        .filter(|at| tokens.follows(*at, "as") && tokens.get(at + 1) != "(")
        .filter_map(|at| tokens.name(at))
        .collect();
    let known = outputs.iter().map(String::as_str);
    let output = nearest(&unknown.column.to_lowercase(), known)?;
    let qualifier = unknown.qualifier.as_ref();
    let dotted = qualifier.map_or_else(String::new, |qualifier| format!("{qualifier}."));
    (output != unknown.column).then(|| format!("did you mean {dotted}{output}?"))
}

/// The hint for an alias of an output column that is used in WHERE, in HAVING or in another output
/// column, where it is not visible.
fn select_alias(tokens: &Tokens<'_>, unknown: &UnknownColumn) -> Option<String> {
    let name = &unknown.column;
    let is_given =
        |at: &usize| tokens.follows(*at, "as") && tokens.name(*at).as_ref() == Some(name);
    let given = (0..tokens.len()).find(is_given)?;
    let expression = expression_before(tokens, given - 1)?;
    Some(format!(
        "{name} is an output column name, which can only be used in GROUP BY and, by itself, in ORDER BY; repeat \
         {expression}, or filter in an outer query, as in SELECT * FROM (SELECT …) t WHERE {name} > 0"
    ))
}

/// The expression of the output column that ends before the token `end`.
fn expression_before(tokens: &Tokens<'_>, end: usize) -> Option<String> {
    let mut depth = 0_usize;
    let mut first = end;
    while let Some(at) = first.checked_sub(1) {
        let begins = ["select", "distinct", "all"]
            .iter()
            .any(|word| tokens.is(at, word));
        match tokens.get(at) {
            ")" | "]" => depth += 1,
            "(" | "[" if depth == 0 => break,
            "(" | "[" => depth -= 1,
            "," if depth == 0 => break,
            _ if depth == 0 && begins => break,
            _ => {}
        }
        first = at;
    }
    let text = tokens.between(first, end)?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty() && text.chars().count() <= MAX_EXPRESSION_CHARS)
        .then_some(text)
        .or_else(|| Some("its expression".to_owned()))
}
