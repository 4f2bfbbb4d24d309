use pg_query::protobuf::ParseResult;
use serde_json::Value;

use super::refusal::Refusal;

/// What the parser notes about the text and not about its meaning.
const PLACES: [&str; 9] = [
    "location",
    "name_location",
    "arg_location",
    "stmt_location",
    "stmt_len",
    "list_start",
    "list_end",
    "rexpr_list_start",
    "rexpr_list_end",
];

/// Prints a tree, and proves that the text means that tree: it is read again and compared.
///
/// Without the proof a statement could run that nobody has judged. The printer of pg_query 18.1 writes some names without
/// quotes (`OVER "(), version() --"`), leaves out arguments, and prints `bpchar` as `char`.
pub(super) fn faithfully(tree: &ParseResult) -> Result<String, Refusal> {
    let sql = pg_query::deparse(tree, pg_query::DeparseOptions::default())
        .map_err(|_| Refusal::unprintable())?;
    let again = pg_query::parse(&sql, 0)
        .map_err(|_| Refusal::unprintable())?
        .protobuf;
    if meaning(tree)? == meaning(&again)? {
        Ok(sql)
    } else {
        Err(Refusal::unprintable())
    }
}

fn meaning(tree: &ParseResult) -> Result<Value, Refusal> {
    let mut tree = serde_json::to_value(tree).map_err(|_| Refusal::unprintable())?;
    forget_places(&mut tree);
    Ok(tree)
}

fn forget_places(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !PLACES.contains(&name.as_str()));
            fields.values_mut().for_each(forget_places);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_places),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
