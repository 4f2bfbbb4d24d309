//! The collations and fields that a statement may name. Everything else is refused, so a new
//! version of PostgreSQL allows nothing more by itself. Functions, operators and types are in
//! `catalog`.

/// The fields that may be selected from an expression, as in `(each).key`.
///
/// If there is no such field, PostgreSQL calls a *function* of that name:
/// `('600'::float8).pg_sleep` sleeps. So the list holds only names that no function has; a test
/// compares it with `pg_proc`.
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

/// Functions outside the catalog that take a row of any type, so that `table_alias.function` would
/// call them. Functions whose names begin with `pg_` are refused in that position by their prefix.
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
    "row_as_json",
];

/// Collations that exist on every server.
pub(super) const COLLATIONS: &[&str] = &["C", "POSIX", "default", "pg_c_utf8", "ucs_basic"];

/// The system columns of every table. They reveal where rows are stored and which transactions
/// wrote them.
pub(super) const SYSTEM_COLUMNS: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];
