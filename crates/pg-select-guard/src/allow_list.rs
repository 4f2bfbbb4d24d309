//! The functions, types, operators, collations and fields that a statement may name. Everything
//! else is refused, so a new version of PostgreSQL allows nothing more by itself.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Functions and aggregates in groups, each with the reason why it is harmless and how large its
/// results can be.
const FUNCTIONS_FILE: &str = include_str!("functions.txt");

/// The size rule of each function.
pub(super) static FUNCTIONS: LazyLock<HashMap<&'static str, SizeRule>> = LazyLock::new(|| {
    let mut size_rule = SizeRule::Fixed;
    let mut functions = HashMap::new();
    for line in lines() {
        match line.strip_prefix('[') {
            Some(section) => size_rule = SizeRule::from_section(section),
            None => functions.extend(line.split_whitespace().map(|name| (name, size_rule))),
        }
    }
    functions
});

/// The names of the functions that a client's statement may call. A test compares them with the
/// server's `pg_proc`.
pub fn functions() -> impl Iterator<Item = &'static str> {
    lines()
        .filter(|line| !line.starts_with('['))
        .flat_map(str::split_whitespace)
}

fn lines() -> impl Iterator<Item = &'static str> {
    FUNCTIONS_FILE.lines().filter(|line| !line.starts_with('#'))
}

/// An upper bound for the size of a function's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SizeRule {
    /// A fixed-size value: some tens of bytes.
    Fixed,
    /// At most the size of the longest argument.
    LongestArgument,
    /// At most the sum of all arguments' sizes, multiplied by this factor.
    SumTimes(u64),
    /// A `numeric` with as many digits as PostgreSQL allows.
    MaxDigits,
    /// An aggregate whose state grows with every row.
    Accumulates,
    /// The function has a rule of its own in `cost::custom_rule`.
    Custom,
}

impl SizeRule {
    fn from_section(section: &str) -> Self {
        match section.trim_end_matches(']').split_once(' ') {
            None if section == "fixed]" => Self::Fixed,
            None if section == "most]" => Self::LongestArgument,
            None if section == "sum]" => Self::SumTimes(1),
            None if section == "digits]" => Self::MaxDigits,
            None if section == "collects]" => Self::Accumulates,
            Some(("own", "rule")) => Self::Custom,
            Some(("times", times)) => Self::SumTimes(times.parse().expect("a test reads the file")),
            _ => unreachable!("a test reads the file"),
        }
    }
}

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

/// Operators: comparison, arithmetic, text, patterns, arrays, JSON, ranges, full text, and
/// pgvector's distances.
pub(super) const OPERATORS: &[&str] = &[
    "=", "<>", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "^", "|/", "||/", "@", "&",
    "|", "#", "~", "<<", ">>", "||", "~~", "!~~", "~~*", "!~~*", "~*", "!~", "!~*", "^@", "@>",
    "<@", "&&", "&<", "&>", "-|-", "->", "->>", "#>", "#>>", "?", "?|", "?&", "#-", "@?", "@@",
    "!!", "<->", "<=>", "<#>", "<+>",
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

/// Allowed functions that name the column of their single value themselves. For other functions the
/// column takes the name of the alias.
pub const VALUE_NAMED: &[&str] = &[
    "json_array_elements",
    "json_array_elements_text",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
];

/// Allowed functions that return a set of rows; a test compares them with `pg_proc`.
pub const SET_RETURNING: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "json_array_elements",
    "json_array_elements_text",
    "json_each",
    "json_each_text",
    "json_object_keys",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_object_keys",
    "jsonb_path_query",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
    "unnest",
];

/// Allowed functions that are aggregates; a test compares them with `pg_proc`.
pub const AGGREGATES: &[&str] = &[
    "any_value",
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "cume_dist",
    "dense_rank",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "range_intersect_agg",
    "rank",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "var_pop",
    "var_samp",
    "variance",
];

/// Functions outside the list that take a row of any type, so that `table_alias.function` would
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

/// Least Jaro-Winkler similarity of a function name that is suggested.
const MIN_FUNCTION_SIMILARITY: f64 = 0.9;

/// The allowed function whose name is most similar to an unknown name, if any is similar enough.
pub(super) fn nearest_function(name: &str) -> Option<&'static str> {
    functions()
        .map(|other| (other, strsim::jaro_winkler(name, other)))
        .filter(|(_, similarity)| *similarity >= MIN_FUNCTION_SIMILARITY)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(other, _)| other)
}

/// The system columns of every table. They reveal where rows are stored and which transactions
/// wrote them.
pub(super) const SYSTEM_COLUMNS: &[&str] = &["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"];
