//! Whether an example of a hint calls only functions that a statement may call.

use super::tokens::Tokens;
use crate::catalog;
use crate::functions::Functions;
use crate::implicit_call::CURRENT_TIME_FUNCTION;

/// Whether every function that an example calls is among `functions`.
pub(super) fn is_callable(functions: &Functions, example: &str) -> bool {
    let tokens = Tokens::new(example);
    (0..tokens.len()).all(|at| called_at(&tokens, at).is_none_or(|name| functions.contains(name)))
}

/// The function that the token at `at` calls.
fn called_at(tokens: &Tokens<'_>, at: usize) -> Option<&'static str> {
    let name = tokens.name(at)?;
    match name.as_str() {
        "current_date" | "current_time" | "current_timestamp" | "localtime" | "localtimestamp" => {
            Some(CURRENT_TIME_FUNCTION)
        }
        "zone" if tokens.follows(at, "time") => Some("timezone"),
        name if tokens.get(at + 1) == "(" => catalog::function(name).map(|known| known.name),
        _ => None,
    }
}
