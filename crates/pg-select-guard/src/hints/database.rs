//! Hints for errors that PostgreSQL finds in a statement.

use super::callable::is_callable;
use super::column;
use super::error_table::{ERROR_HINTS, ErrorHint, TYPES, TYPES_EXAMPLE};
use super::example::render;
use super::tokens::{TokenKind, Tokens};
use crate::allowed::Allowed;
use crate::schema::Schema;

/// The hint for an error of PostgreSQL; `at` is the index of the token at fault, if known.
pub(super) fn hint(
    allowed: Allowed<'_>,
    tokens: &Tokens<'_>,
    sqlstate: &str,
    message: &str,
    at: Option<usize>,
) -> Option<String> {
    let schema = allowed.schema;
    let specific = match sqlstate {
        "42703" => column::unknown_column(allowed, tokens, message, at),
        "42702" => column::ambiguous_column(schema, tokens, message),
        "42P01" if message.contains("FROM-clause entry") => {
            column::missing_from_item(schema, tokens)
        }
        "22007" | "22P02" => invalid_value(schema, tokens, message, at),
        _ => None,
    };
    specific.or_else(|| {
        let matches = |hint: &&ErrorHint| {
            let mut parts = hint.message_parts.iter();
            hint.sqlstate == sqlstate && parts.all(|part| message.contains(part))
        };
        let found = ERROR_HINTS.iter().find(matches)?;
        if !is_callable(allowed.functions, found.example) {
            return None;
        }
        Some(format!(
            "{}, as in {}",
            found.advice,
            render(schema, found.example)
        ))
    })
}

/// A string that is not a valid value of its type, as in
/// `invalid input syntax for type date: "3 months"`.
fn invalid_value(
    schema: &Schema,
    tokens: &Tokens<'_>,
    message: &str,
    at: Option<usize>,
) -> Option<String> {
    let (kind, value) = message.split_once(": \"")?;
    let value = value.strip_suffix('"')?;
    let is_for = |types: &[&str]| {
        types
            .iter()
            .any(|name| kind.ends_with(&format!("type {name}")))
    };
    let times = ["date", "timestamp", "timestamp with time zone", "time"];
    if is_for(&times) && is_interval(value) {
        return Some(format!(
            "write it as an interval: INTERVAL '{}'",
            value.trim()
        ));
    }
    if is_for(&[
        "interval",
        "integer",
        "numeric",
        "double precision",
        "bigint",
    ]) && is_date(value)
    {
        return Some(format!("write it as a date: DATE '{}'", value.trim()));
    }
    if is_for(&["integer", "bigint"]) {
        return at.and_then(|at| string_for_number(schema, tokens, at));
    }
    None
}

/// Whether a string looks like `3 months` or `-1 year 2 days`.
fn is_interval(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let units = [
        "second", "minute", "hour", "day", "week", "month", "mon", "quarter", "year", "decade",
    ];
    let has_unit = value
        .split(|character: char| !character.is_alphabetic())
        .any(|word| {
            units
                .iter()
                .any(|unit| word == *unit || word.strip_suffix('s') == Some(unit))
        });
    has_unit && value.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
}

/// Whether a string looks like `2024-01-31`, with or without a time.
fn is_date(value: &str) -> bool {
    let digits: Vec<&str> = value.trim().splitn(3, '-').collect();
    let [year, month, day] = digits.as_slice() else {
        return false;
    };
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let starts_with_digit = day.starts_with(|first: char| first.is_ascii_digit());
    year.len() == 4 && are_digits(year) && are_digits(month) && starts_with_digit
}

/// A string in the place of a number: a name that is compared with an id, or a value of another
/// type in COALESCE or CASE.
fn string_for_number(schema: &Schema, tokens: &Tokens<'_>, at: usize) -> Option<String> {
    if tokens.kind(at) != Some(TokenKind::String) {
        return None;
    }
    let before = || (at.saturating_sub(6)..at).rev();
    let is_compared = ["=", "<>", "!="]
        .iter()
        .any(|sign| tokens.follows(at, sign))
        || before().any(|at| tokens.is(at, "in"));
    if !is_compared {
        let keywords = ["coalesce", "then", "else"];
        let is_choice = before().any(|at| keywords.iter().any(|word| tokens.is(at, word)));
        return is_choice.then(|| format!("{TYPES}, as in {}", render(schema, TYPES_EXAMPLE)));
    }
    let mut names = before().filter_map(|at| tokens.name(at));
    let column = names.find(|name| name.ends_with("_id"))?;
    let id = column.trim_start_matches("primary_");
    let name = name_column(schema, id)?;
    Some(format!("{column} is a number; the name is in {name}"))
}

/// The column with the names of the things that have this id: `shop.stores.store_name` for
/// `store_id`, if that is the primary key of `stores`.
fn name_column(schema: &Schema, id: &str) -> Option<String> {
    let name = format!("{}_name", id.strip_suffix("_id")?);
    let mut relations = schema.relations().iter();
    let relation = relations.find(|relation| {
        relation.key == [id] && relation.columns.iter().any(|column| column.name == name)
    })?;
    Some(format!("{}.{name}", schema.qualified(&relation.name)))
}
