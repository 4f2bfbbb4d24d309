//! Calls as the analysis reads them: of functions, and SQL/JSON expressions that do the same.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    FuncCall, JsonAggConstructor, JsonKeyValue, JsonValueExpr, Node, WindowDef,
};

use crate::name::names;

/// A call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// The node of the call.
    pub(super) node: &'a Node,
    pub(super) name: &'a str,
    pub(super) args: Vec<&'a Node>,
    pub(super) agg_order: &'a [Node],
    pub(super) agg_filter: Option<&'a Node>,
    pub(super) over: Option<&'a WindowDef>,
    pub(super) agg_distinct: bool,
    pub(super) agg_within_group: bool,
    pub(super) func_variadic: bool,
    pub(super) location: i32,
}

impl<'a> Call<'a> {
    /// A call with arguments and nothing else.
    pub(super) fn new(node: &'a Node, name: &'a str, args: Vec<&'a Node>) -> Self {
        Self {
            node,
            name,
            args,
            agg_order: &[],
            agg_filter: None,
            over: None,
            agg_distinct: false,
            agg_within_group: false,
            func_variadic: false,
            location: -1,
        }
    }

    /// The call of a function.
    pub(super) fn from_func_call(node: &'a Node, call: &'a FuncCall) -> Self {
        Self {
            agg_order: &call.agg_order,
            agg_filter: call.agg_filter.as_deref(),
            over: call.over.as_deref(),
            agg_distinct: call.agg_distinct,
            agg_within_group: call.agg_within_group,
            func_variadic: call.func_variadic,
            location: call.location,
            ..Self::new(
                node,
                names(&call.funcname).last().copied().unwrap_or_default(),
                call.args.iter().collect(),
            )
        }
    }

    /// The call of an aggregate: of a function, or `JSON_ARRAYAGG(x)` as `jsonb_agg(x)`.
    pub(super) fn from_aggregate(node: &'a Node) -> Option<Self> {
        let (name, args, constructor) = match node.node.as_ref()? {
            NodeEnum::FuncCall(call) => return Some(Self::from_func_call(node, call)),
            NodeEnum::JsonArrayAgg(array) => {
                let args = json_value(array.arg.as_deref()).into_iter().collect();
                ("jsonb_agg", args, &array.constructor)
            }
            NodeEnum::JsonObjectAgg(object) => {
                let args = object.arg.as_deref().into_iter().flat_map(key_and_value);
                ("jsonb_object_agg", args.collect(), &object.constructor)
            }
            _ => return None,
        };
        let call = Self::new(node, name, args);
        Some(match constructor.as_deref() {
            Some(constructor) => call.with_clauses(constructor),
            None => call,
        })
    }

    fn with_clauses(self, constructor: &'a JsonAggConstructor) -> Self {
        Self {
            agg_order: &constructor.agg_order,
            agg_filter: constructor.agg_filter.as_deref(),
            over: constructor.over.as_deref(),
            location: constructor.location,
            ..self
        }
    }
}

/// The key and the value of a member of a JSON object.
pub(super) fn key_and_value(pair: &JsonKeyValue) -> impl Iterator<Item = &Node> {
    let key = pair.key.as_deref();
    key.into_iter().chain(json_value(pair.value.as_deref()))
}

/// The expression of a JSON value.
pub(super) fn json_value(value: Option<&JsonValueExpr>) -> Option<&Node> {
    value?.raw_expr.as_deref()
}
