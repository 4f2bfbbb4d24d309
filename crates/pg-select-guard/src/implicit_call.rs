//! Functions that a statement calls by the syntax of SQL, such as `timezone` by AT TIME ZONE.

use pg_query::protobuf::{CoercionForm, FuncCall, SqlValueFunctionOp};

/// The syntax that the parser has turned into this call of `function`; `None` for an ordinary call.
pub(super) fn implicit_syntax(function: &str, call: &FuncCall) -> Option<&'static str> {
    // The parser marks these two as ordinary calls.
    match function {
        "like_escape" => return Some("LIKE … ESCAPE"),
        "similar_to_escape" => return Some("SIMILAR TO"),
        _ if call.funcformat() != CoercionForm::CoerceSqlSyntax => return None,
        _ => {}
    }
    Some(match function {
        "btrim" | "ltrim" | "rtrim" => "TRIM",
        "extract" => "EXTRACT",
        "normalize" => "NORMALIZE",
        "overlaps" => "OVERLAPS",
        "overlay" => "OVERLAY",
        "position" => "POSITION",
        "substring" => "SUBSTRING",
        "timezone" if call.args.len() == 1 => "AT LOCAL",
        "timezone" => "AT TIME ZONE",
        _ => "this syntax",
    })
}

/// The function that returns what CURRENT_DATE and similar functions without parentheses return.
pub(super) const CURRENT_TIME_FUNCTION: &str = "now";

/// A function without parentheses that returns a date or a time, as a statement writes it.
pub(super) fn current_time_syntax(op: SqlValueFunctionOp) -> Option<&'static str> {
    use SqlValueFunctionOp as Op;
    match op {
        Op::SvfopCurrentDate => Some("CURRENT_DATE"),
        Op::SvfopCurrentTime | Op::SvfopCurrentTimeN => Some("CURRENT_TIME"),
        Op::SvfopCurrentTimestamp | Op::SvfopCurrentTimestampN => Some("CURRENT_TIMESTAMP"),
        Op::SvfopLocaltime | Op::SvfopLocaltimeN => Some("LOCALTIME"),
        Op::SvfopLocaltimestamp | Op::SvfopLocaltimestampN => Some("LOCALTIMESTAMP"),
        Op::SqlvalueFunctionOpUndefined
        | Op::SvfopCurrentRole
        | Op::SvfopCurrentUser
        | Op::SvfopUser
        | Op::SvfopSessionUser
        | Op::SvfopCurrentCatalog
        | Op::SvfopCurrentSchema => None,
    }
}

/// SQL/JSON that PostgreSQL evaluates like calls of functions.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonSyntax {
    pub(super) name: &'static str,
    /// The functions that do the same, whatever type is returned.
    pub(super) functions: &'static [&'static str],
}

impl JsonSyntax {
    const fn new(name: &'static str, functions: &'static [&'static str]) -> Self {
        Self { name, functions }
    }

    pub(super) const OBJECT: Self =
        Self::new("JSON_OBJECT", &["json_build_object", "jsonb_build_object"]);
    pub(super) const ARRAY: Self =
        Self::new("JSON_ARRAY", &["json_build_array", "jsonb_build_array"]);
    pub(super) const ARRAY_QUERY: Self = Self::new("JSON_ARRAY", &["json_agg", "jsonb_agg"]);
    pub(super) const OBJECT_AGG: Self =
        Self::new("JSON_OBJECTAGG", &["json_object_agg", "jsonb_object_agg"]);
    pub(super) const ARRAY_AGG: Self = Self::new("JSON_ARRAYAGG", &["json_agg", "jsonb_agg"]);
    pub(super) const SCALAR: Self = Self::new("JSON_SCALAR", &["to_json", "to_jsonb"]);
    pub(super) const VALUE: Self = Self::new("JSON_VALUE", &["jsonb_path_query_first"]);
    pub(super) const QUERY: Self = Self::new("JSON_QUERY", &["jsonb_path_query"]);
    pub(super) const EXISTS: Self = Self::new("JSON_EXISTS", &["jsonb_path_exists"]);
    pub(super) const TABLE: Self = Self::new("JSON_TABLE", &["jsonb_path_query"]);
}
