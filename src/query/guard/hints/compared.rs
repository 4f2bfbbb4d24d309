//! The names of stores, categories and product types that a text compares with: those that do not
//! exist explain an empty answer.

use super::tokens::{TokenKind, Tokens};

/// What has a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A store.
    Store,
    /// A category of products.
    Category,
    /// A type of products within a category.
    ProductType,
}

impl Named {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Store, Self::Category, Self::ProductType];

    /// The column of its names.
    #[must_use]
    pub fn column(self) -> &'static str {
        match self {
            Self::Store => "store_name",
            Self::Category => "category_name",
            Self::ProductType => "type_name",
        }
    }
}

/// How a text folds the case of a name before it compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folding {
    /// Not at all.
    None,
    /// `lower(category_name) = …`
    Lower,
    /// `upper(category_name) = …`
    Upper,
}

/// A name that a text compares with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedName {
    /// What is said to be called so.
    pub named: Named,
    /// How the names are folded.
    pub folding: Folding,
    /// The name.
    pub value: String,
}

/// How many comparisons of one text are looked at.
const MAX_COMPARED_NAMES: usize = 16;

/// The names that a statement demands by `=`, `IN`, `= ANY (ARRAY[…])` or a LIKE without wildcards.
#[must_use]
pub fn compared_names(text: &str) -> Vec<ComparedName> {
    let tokens = Tokens::new(text);
    let mut found: Vec<ComparedName> = Vec::new();
    for at in 0..tokens.len() {
        let column = tokens.name(at);
        let named = Named::ALL
            .into_iter()
            .find(|named| column.as_deref() == Some(named.column()));
        let Some(named) = named else { continue };
        let (folding, first, next) = folded(&tokens, at);
        let values = demanded_behind(&tokens, next)
            .into_iter()
            .chain(demanded_before(&tokens, first));
        for value in values {
            let name = ComparedName {
                named,
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

/// How a column is folded, its first token with qualifier and call, and the token behind them.
fn folded(tokens: &Tokens<'_>, at: usize) -> (Folding, usize, usize) {
    let mut first = at;
    while tokens.is_before(first, ".") && first >= 2 {
        first -= 2;
    }
    let call = first
        .checked_sub(2)
        .filter(|_| tokens.is_before(first, "(") && tokens.get(at + 1) == ")");
    match call {
        Some(call) if tokens.is(call, "lower") => (Folding::Lower, call, at + 2),
        Some(call) if tokens.is(call, "upper") => (Folding::Upper, call, at + 2),
        _ => (Folding::None, first, at + 1),
    }
}

fn demanded_behind(tokens: &Tokens<'_>, at: usize) -> Vec<String> {
    let texts = |first: usize, end: &str| {
        let mut values = Vec::new();
        let mut at = first;
        while tokens.kind(at) == Some(TokenKind::Text) {
            values.extend(tokens.text_value(at));
            at += if tokens.get(at + 1) == "," { 2 } else { 1 };
        }
        // A list with anything else in it demands nothing for sure.
        if tokens.get(at) == end {
            values
        } else {
            Vec::new()
        }
    };
    if tokens.is(at, "in") && tokens.get(at + 1) == "(" {
        return texts(at + 2, ")");
    }
    let is_array = tokens.get(at) == "="
        && tokens.is(at + 1, "any")
        && tokens.get(at + 2) == "("
        && tokens.is(at + 3, "array");
    if is_array {
        return texts(at + 5, "]");
    }
    let is_equal = tokens.get(at) == "=";
    let value = tokens.text_value(at + 1);
    let is_pattern = tokens.is(at, "like");
    value
        .filter(|value| is_equal || is_pattern && !value.contains(['%', '_', '\\']))
        .into_iter()
        .collect()
}

fn demanded_before(tokens: &Tokens<'_>, first: usize) -> Option<String> {
    let value = first.checked_sub(2)?;
    (tokens.get(first - 1) == "=")
        .then(|| tokens.text_value(value))
        .flatten()
}
