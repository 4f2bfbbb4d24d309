//! A column that does not exist: what was probably meant.

use super::foreign::{self, ForeignKind};
use super::names::{FromItem, columns_of, from_items, has_column, nearest_of, tables_with};
use super::slips::CURLY_QUOTES;
use super::tokens::Tokens;
use crate::query::guard::relations::{RELATIONS, nearest};

/// Units that other databases write as words.
const UNITS: [&str; 10] = [
    "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade", "dow",
];

/// How many tables' columns are listed.
const MAX_TABLES_LISTED: usize = 3;

/// How much of an expression is repeated, in characters.
const MAX_EXPRESSION_CHARS: usize = 100;

/// A name that PostgreSQL took for a column.
struct Missing {
    qualifier: Option<String>,
    column: String,
    /// As it is written, with its quotes.
    written: String,
    /// Where it begins, if that is known.
    at: Option<usize>,
}

/// What to write instead of a column that does not exist.
pub(super) fn missing(tokens: &Tokens<'_>, message: &str, at: Option<usize>) -> Option<String> {
    let missing = at
        .and_then(|at| written_at(tokens, at))
        .or_else(|| named_in(message))?;
    let items = from_items(tokens);
    as_text(&missing)
        .or_else(|| as_unit(tokens, &missing))
        .or_else(|| as_word(tokens, &missing))
        .or_else(|| match &missing.qualifier {
            Some(qualifier) => {
                in_table(&missing, qualifier, &items).or_else(|| nearest_output(tokens, &missing))
            }
            None => output_name(tokens, &missing).or_else(|| anywhere(tokens, &missing, &items)),
        })
}

/// `FROM has o (retail.orders), s (retail.stores)`.
pub(super) fn from_clause(tokens: &Tokens<'_>) -> Option<String> {
    let items: Vec<String> = from_items(tokens)
        .iter()
        .map(|item| format!("{} (retail.{})", item.name, item.relation.name))
        .collect();
    (!items.is_empty()).then(|| format!("FROM has {}", items.join(", ")))
}

/// `write o.store_id or s.store_id`.
pub(super) fn ambiguous(tokens: &Tokens<'_>, message: &str) -> Option<String> {
    let name = message
        .strip_prefix("column reference \"")?
        .strip_suffix("\" is ambiguous")?;
    let choices: Vec<String> = from_items(tokens)
        .iter()
        .filter(|item| has_column(item.relation, name))
        .map(|item| format!("{}.{name}", item.name))
        .collect();
    (choices.len() > 1).then(|| format!("write {}", choices.join(" or ")))
}

fn written_at(tokens: &Tokens<'_>, at: usize) -> Option<Missing> {
    let mut last = at;
    while tokens.get(last + 1) == "." && tokens.name(last + 2).is_some() {
        last += 2;
    }
    let qualifier = last.checked_sub(2).filter(|table| *table >= at);
    Some(Missing {
        qualifier: qualifier.and_then(|table| tokens.name(table)),
        column: tokens.name(last)?,
        written: tokens.get(last).to_owned(),
        at: Some(at),
    })
}

/// Of a message such as `column o.total does not exist`.
fn named_in(message: &str) -> Option<Missing> {
    let name = message
        .strip_prefix("column ")?
        .strip_suffix(" does not exist")?;
    let (qualifier, column) = match name.rsplit_once('.') {
        Some((qualifier, column)) if !name.starts_with('"') => (Some(qualifier), column),
        _ => (None, name),
    };
    let column = column.trim_matches('"');
    Some(Missing {
        qualifier: qualifier.map(|qualifier| qualifier.trim_matches('"').to_owned()),
        column: column.to_owned(),
        written: column.to_owned(),
        at: None,
    })
}

fn as_text(missing: &Missing) -> Option<String> {
    let quoted = missing.written.starts_with('"');
    let curly = missing.written.contains(CURLY_QUOTES);
    if missing.qualifier.is_some() || !quoted && !curly {
        return None;
    }
    let all = || RELATIONS.iter();
    let lower = missing.column.to_lowercase();
    if all().any(|relation| has_column(relation, &lower)) {
        return Some(format!("did you mean {lower}, without quotes?"));
    }
    if nearest_of(all(), &missing.column).is_some() {
        return None;
    }
    let written = if quoted {
        &missing.column
    } else {
        &missing.written
    };
    let text = written.trim_matches(CURLY_QUOTES);
    Some(format!(
        "text stands in single quotes: '{}'",
        text.replace('\'', "''")
    ))
}

fn as_unit(tokens: &Tokens<'_>, missing: &Missing) -> Option<String> {
    let at = missing.at?;
    let unit = UNITS.iter().find(|unit| **unit == missing.column)?;
    let calls = ["date_trunc", "date_part", "date_bin"];
    let near = at.saturating_sub(8)..at;
    let is_part = near
        .into_iter()
        .any(|at| calls.iter().any(|call| tokens.is(at, call)));
    is_part.then(|| {
        format!("the unit is a text and stands first, as in date_trunc('{unit}', order_date)")
    })
}

fn as_word(tokens: &Tokens<'_>, missing: &Missing) -> Option<String> {
    if missing.at.is_some_and(|at| tokens.is_before(at, "@")) {
        return Some("there are no variables here; write the value into the text".to_owned());
    }
    if missing.qualifier.is_some() {
        return None;
    }
    foreign::hint(ForeignKind::Word, &missing.column)
}

fn in_table(missing: &Missing, qualifier: &str, items: &[FromItem]) -> Option<String> {
    let item = items.iter().find(|item| item.name == qualifier)?;
    let relation = item.relation;
    let nearest = nearest_of(std::iter::once(relation), &missing.column);
    let elsewhere = tables_with(&missing.column);
    let meant = match nearest {
        _ if !elsewhere.is_empty() => format!("{} is in {elsewhere}; ", missing.column),
        Some(column) => format!("did you mean {qualifier}.{column}? "),
        None => String::new(),
    };
    Some(format!("{meant}{}", columns_of(relation)))
}

fn anywhere(tokens: &Tokens<'_>, missing: &Missing, items: &[FromItem]) -> Option<String> {
    let name = &missing.column;
    let relations = || items.iter().map(|item| item.relation);
    let elsewhere = tables_with(name);
    if relations().any(|relation| has_column(relation, name)) {
        return Some(format!(
            "{name} is in {elsewhere}, but a sub-select or WITH query gives only what it selects"
        ));
    }
    if !elsewhere.is_empty() {
        return Some(format!("{name} is in {elsewhere}; join it"));
    }
    let near = nearest_of(relations(), name).or_else(|| nearest_of(RELATIONS.iter(), name));
    let meant = near.map(|column| format!("did you mean {column} ({})?", tables_with(column)));
    // What a sub-select reads is not what the query around it sees.
    let is_nested = (0..tokens.len())
        .filter(|at| tokens.is(*at, "select"))
        .count()
        > 1;
    if meant.is_some() || is_nested || items.len() > MAX_TABLES_LISTED {
        return meant.or_else(|| nearest_output(tokens, missing));
    }
    let mut lists: Vec<String> = relations().map(columns_of).collect();
    lists.dedup();
    (!lists.is_empty()).then(|| lists.join("; "))
}

/// The name of an output of a sub-select or WITH query that is nearly the same.
fn nearest_output(tokens: &Tokens<'_>, missing: &Missing) -> Option<String> {
    let outputs: Vec<String> = (0..tokens.len())
        .filter(|at| tokens.is_before(*at, "as") && tokens.get(at + 1) != "(")
        .filter_map(|at| tokens.name(at))
        .collect();
    let known = outputs.iter().map(String::as_str);
    let output = nearest(&missing.column.to_lowercase(), known)?;
    let qualifier = missing.qualifier.as_ref();
    let dotted = qualifier.map_or_else(String::new, |qualifier| format!("{qualifier}."));
    (output != missing.column).then(|| format!("did you mean {dotted}{output}?"))
}

/// A name that SELECT gives to its output is unknown to WHERE, HAVING and the rest of SELECT.
fn output_name(tokens: &Tokens<'_>, missing: &Missing) -> Option<String> {
    let name = &missing.column;
    let is_given =
        |at: &usize| tokens.is_before(*at, "as") && tokens.name(*at).as_ref() == Some(name);
    let given = (0..tokens.len()).find(is_given)?;
    let expression = expression_before(tokens, given - 1)?;
    Some(format!(
        "{name} is an output name, which only GROUP BY and ORDER BY know; write {expression} again, or filter outside, \
         as in SELECT * FROM (SELECT …) t WHERE {name} > 0"
    ))
}

/// The output expression that ends before a token.
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
