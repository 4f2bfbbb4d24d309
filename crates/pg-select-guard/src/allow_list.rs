//! The types, collations and fields that a statement may name. Everything else is refused, so a new
//! version of PostgreSQL allows nothing more by itself. Functions and operators are in `catalog`.

/// Types that a cast or a column definition may name. Not listed: the `reg*` types, which look
/// names up in the system catalogs, `xml`, `oid`, and every other type that stands for a server
/// object.
pub const TYPES: &[&str] = &[
    "bit",
    "bool",
    "bpchar",
    "bytea",
    "char",
    "date",
    "datemultirange",
    "daterange",
    "float4",
    "float8",
    "int2",
    "int4",
    "int4multirange",
    "int4range",
    "int8",
    "int8multirange",
    "int8range",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "money",
    "numeric",
    "nummultirange",
    "numrange",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "uuid",
    "varbit",
    "varchar",
    "vector",
];

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
