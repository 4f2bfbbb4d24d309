//! The values that a statement requires of columns with names. A name that does not exist explains
//! an empty result.

use super::tokens::{TokenKind, Tokens};

/// How a statement folds the case of a name before comparing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folding {
    /// No folding.
    None,
    /// `lower(name) = …`
    Lower,
    /// `upper(name) = …`
    Upper,
}

/// A name that a statement compares with. `E` is a kind of thing that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedName<E> {
    /// What the name stands for.
    pub entity: E,
    /// How the names are folded before the comparison.
    pub folding: Folding,
    /// The name, as in the statement.
    pub value: String,
}

/// The most names that are collected from one statement.
const MAX_COMPARED_NAMES: usize = 16;

/// The names that a statement requires with `=`, `IN`, `= ANY (ARRAY[…])` or a LIKE without
/// wildcards. At most 16, each once. `columns` are the columns that hold names, each with what the
/// names stand for.
///
/// ```
/// use pg_select_guard::hints::compared_names;
///
/// let columns = [("customer_name", "customer"), ("city_name", "city")];
/// let names = compared_names("SELECT 1 FROM customers WHERE city_name = 'Oslo'", &columns);
/// assert_eq!((names[0].entity, names[0].value.as_str()), ("city", "Oslo"));
/// ```
#[must_use]
pub fn compared_names<E: Copy + PartialEq>(
    text: &str,
    columns: &[(&str, E)],
) -> Vec<ComparedName<E>> {
    let tokens = Tokens::new(text);
    let mut found: Vec<ComparedName<E>> = Vec::new();
    for at in 0..tokens.len() {
        let name = tokens.name(at);
        let column = columns
            .iter()
            .find(|(column, _)| name.as_deref() == Some(*column));
        let Some((_, entity)) = column else { continue };
        let (folding, first, next) = column_operand(&tokens, at);
        let values = required_after(&tokens, next)
            .into_iter()
            .chain(required_before(&tokens, first));
        for value in values {
            let name = ComparedName {
                entity: *entity,
                folding,
                value,
            };
            if found.len() < MAX_COMPARED_NAMES && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// The operand that consists of the column at `at`: how it folds the column, its first token
/// (including a qualifier and a call), and the token after it.
fn column_operand(tokens: &Tokens<'_>, at: usize) -> (Folding, usize, usize) {
    let mut first = at;
    while tokens.follows(first, ".") && first >= 2 {
        first -= 2;
    }
    let call = first
        .checked_sub(2)
        .filter(|_| tokens.follows(first, "(") && tokens.get(at + 1) == ")");
    match call {
        Some(call) if tokens.is(call, "lower") => (Folding::Lower, call, at + 2),
        Some(call) if tokens.is(call, "upper") => (Folding::Upper, call, at + 2),
        _ => (Folding::None, first, at + 1),
    }
}

/// The names that a comparison requires whose operator is at `at`.
fn required_after(tokens: &Tokens<'_>, at: usize) -> Vec<String> {
    let strings = |first: usize, end: &str| {
        let mut values = Vec::new();
        let mut at = first;
        while tokens.kind(at) == Some(TokenKind::String) {
            values.extend(tokens.string_value(at));
            at += if tokens.get(at + 1) == "," { 2 } else { 1 };
        }
        // A list with anything but strings in it does not require one of these names.
        if tokens.get(at) == end {
            values
        } else {
            Vec::new()
        }
    };
    if tokens.is(at, "in") && tokens.get(at + 1) == "(" {
        return strings(at + 2, ")");
    }
    let is_array = tokens.get(at) == "="
        && tokens.is(at + 1, "any")
        && tokens.get(at + 2) == "("
        && tokens.is(at + 3, "array");
    if is_array {
        return strings(at + 5, "]");
    }
    let is_equal = tokens.get(at) == "=";
    let value = tokens.string_value(at + 1);
    let is_pattern = tokens.is(at, "like");
    value
        .filter(|value| is_equal || is_pattern && !value.contains(['%', '_', '\\']))
        .into_iter()
        .collect()
}

/// The name in `'name' = column`, where `first` is the first token of the column.
fn required_before(tokens: &Tokens<'_>, first: usize) -> Option<String> {
    let value = first.checked_sub(2)?;
    (tokens.get(first - 1) == "=")
        .then(|| tokens.string_value(value))
        .flatten()
}
