//! What a statement may name. Whatever is not here is refused, so a new PostgreSQL version adds nothing by itself.

use std::collections::HashSet;
use std::sync::LazyLock;

/// The schema whose tables a client may read.
pub(super) const SCHEMA: &str = "retail";

/// The tables a client may read, without their schema, in the order they are shown.
pub const EXPOSED_TABLES: &[&str] = &[
    "customers",
    "stores",
    "categories",
    "product_types",
    "products",
    "orders",
    "order_items",
    "inventory",
    "product_description_embeddings",
];

/// Functions and aggregates, by group, with the reason each group is harmless.
const FUNCTIONS_FILE: &str = include_str!("functions.txt");

pub(super) static FUNCTIONS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| functions().collect());

/// The functions a client's statement may call, by name; a test holds them against the server's own catalogue.
pub fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS_FILE
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or("").split_whitespace())
}

/// Types a cast or a column definition may name. None of the `reg*` types (they look names up in the catalogue), no
/// `xml`, no `oid`, nothing that stands for a server object.
pub(super) const TYPES: &[&str] = &[
    "bit",
    "bool",
    "bpchar",
    "bytea",
    "char",
    "date",
    "daterange",
    "float4",
    "float8",
    "int2",
    "int4",
    "int4range",
    "int8",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "numeric",
    "numrange",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsquery",
    "tsrange",
    "tstzrange",
    "tsvector",
    "uuid",
    "varbit",
    "varchar",
    "vector",
];

/// Operators: comparison, arithmetic, text, patterns, arrays, json, ranges, full text, and pgvector's distances.
pub(super) const OPERATORS: &[&str] = &[
    "=", "<>", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "^", "|/", "||/", "@", "&",
    "|", "#", "~", "<<", ">>", "||", "~~", "!~~", "~~*", "!~~*", "~*", "!~", "!~*", "^@", "@>",
    "<@", "&&", "&<", "&>", "-|-", "->", "->>", "#>", "#>>", "?", "?|", "?&", "#-", "@?", "@@",
    "!!", "<->", "<=>", "<#>", "<+>",
];

/// What may follow a dot behind a parenthesis, as in `(each).key`. PostgreSQL calls a *function* of that name when there is no
/// such field (`('600'::float8).pg_sleep` sleeps), hence a list of names that no function bears; a test holds it against `pg_proc`.
pub const FIELDS: &[&str] = &[
    "key",
    "value",
    "f1",
    "f2",
    "f3",
    "f4",
    "ordinality",
    "lexeme",
    "positions",
    "weights",
];

/// Functions of the list above that name the column of their single value themselves; others leave it to the alias.
pub const VALUE_NAMED: &[&str] = &[
    "json_array_elements",
    "json_array_elements_text",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
];

/// Functions outside the list that take a row of any kind, and so could be called by a dot behind a table's name; those
/// that begin with `pg_` are refused there by that.
pub const WHOLE_ROW_FUNCTIONS: &[&str] = &[
    "any_out",
    "anycompatible_out",
    "anycompatiblenonarray_out",
    "anyelement_out",
    "anynonarray_out",
    "hash_record",
    "json_agg_strict",
    "jsonb_agg_strict",
    "record_out",
    "record_send",
];

/// System columns speak of where rows are stored and who wrote them.
pub(super) const SYSTEM_COLUMNS: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];
