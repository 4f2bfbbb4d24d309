//! SQL/JSON expressions, bounded like the functions that do the same.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    FuncCall, JsonAggConstructor, JsonBehavior, JsonExprOp, JsonFuncExpr, JsonKeyValue, JsonOutput,
    JsonValueExpr, Node, TypeName,
};

use super::bound::Bound;
use super::build_ast::ColumnCount;
use super::json_path::check_json_path;
use super::limits::{MAX_NUMERIC_SCALE, MAX_VALUE_BYTES, SCALAR_BYTES};
use super::sub_link::SublinkPlan;
use super::{CostAnalyzer, build_ast, inspect, time_zone};
use crate::catalog::{self, DataType, Digits, Modifier, TypeDocument, TypeSizeRule};
use crate::name::names;
use crate::refusal::{Refusal, Rule};

impl CostAnalyzer {
    /// Bounds an SQL/JSON expression.
    pub(super) fn bound_sql_json(&mut self, node: &mut Node) -> Result<Bound, Refusal> {
        match &mut node.node {
            Some(NodeEnum::JsonObjectConstructor(object)) => {
                let slots = value_slots(&mut object.exprs)?;
                let bound = self.bound_as_call("jsonb_build_object", slots)?;
                Ok(bound_returned(bound, object.output.as_ref()))
            }
            Some(NodeEnum::JsonArrayConstructor(array)) => {
                let slots = value_slots(&mut array.exprs)?;
                let bound = self.bound_as_call("jsonb_build_array", slots)?;
                Ok(bound_returned(bound, array.output.as_ref()))
            }
            Some(NodeEnum::JsonScalarExpr(scalar)) => {
                let slots = scalar.expr.as_deref_mut().into_iter().collect();
                let bound = self.bound_as_call("to_jsonb", slots)?;
                Ok(bound_returned(bound, scalar.output.as_ref()))
            }
            Some(NodeEnum::JsonParseExpr(parse)) => {
                self.bound_parsed_json(parse.expr.as_deref_mut())
            }
            Some(NodeEnum::JsonArrayQueryConstructor(_)) => self.bound_json_array_query(node),
            Some(NodeEnum::JsonArrayAgg(_) | NodeEnum::JsonObjectAgg(_)) => {
                self.bound_json_aggregate(node)
            }
            Some(NodeEnum::JsonFuncExpr(query)) => self.bound_json_query(query),
            _ => Err(Refusal::construct("this use of JSON")),
        }
    }

    /// Bounds a call of `function` with these arguments, which stay where they are.
    fn bound_as_call(
        &mut self,
        function: &str,
        mut slots: Vec<&mut Node>,
    ) -> Result<Bound, Refusal> {
        let args = slots
            .iter_mut()
            .map(|slot| std::mem::take::<Node>(slot))
            .collect();
        let mut call = build_ast::pg_catalog_call(function, args);
        let bound = self.bound_call(&mut call)?;
        if let Some(NodeEnum::FuncCall(call)) = call.node {
            for (slot, arg) in slots.into_iter().zip(call.args) {
                *slot = arg;
            }
        }
        Ok(bound)
    }

    /// Bounds `JSON_ARRAYAGG(x)` like `jsonb_agg(x)`. The checks that are put around that call are
    /// kept.
    fn bound_json_aggregate(&mut self, node: &mut Node) -> Result<Bound, Refusal> {
        let mut original = std::mem::take(node);
        let (function, output) = match &original.node {
            Some(NodeEnum::JsonArrayAgg(array)) => ("jsonb_agg", &array.constructor),
            Some(NodeEnum::JsonObjectAgg(object)) => ("jsonb_object_agg", &object.constructor),
            _ => return Err(Refusal::construct("this aggregate")),
        };
        let output = output
            .as_ref()
            .and_then(|aggregate| aggregate.output.clone());
        let (mut slots, constructor) = aggregate_slots(&mut original);
        let args = slots
            .iter_mut()
            .map(|slot| std::mem::take::<Node>(slot))
            .collect();
        let mut call = build_ast::pg_catalog_call(function, args);
        if let (Some(NodeEnum::FuncCall(call)), Some(constructor)) = (&mut call.node, constructor) {
            call.agg_order = std::mem::take(&mut constructor.agg_order);
            call.agg_filter = constructor.agg_filter.take();
            call.over = constructor.over.take();
            call.location = constructor.location;
        }
        *node = call;
        let bound = self.bound_call(node)?;
        let measured = find_call(node, function)
            .ok_or_else(|| Refusal::construct("this aggregate of JSON"))?;
        if let Some(NodeEnum::FuncCall(call)) = measured.node.take() {
            let FuncCall {
                args,
                agg_order,
                agg_filter,
                over,
                ..
            } = *call;
            let (slots, constructor) = aggregate_slots(&mut original);
            for (slot, arg) in slots.into_iter().zip(args) {
                *slot = arg;
            }
            if let Some(constructor) = constructor {
                constructor.agg_order = agg_order;
                constructor.agg_filter = agg_filter;
                constructor.over = over;
            }
        }
        *measured = original;
        Ok(bound_returned(bound, output.as_ref()))
    }

    /// Bounds a text that is parsed as JSON like its cast to `json`.
    fn bound_parsed_json(&mut self, value: Option<&mut JsonValueExpr>) -> Result<Bound, Refusal> {
        let Some(value) = value.and_then(|value| value.raw_expr.as_deref_mut()) else {
            return Err(Refusal::construct("this use of JSON"));
        };
        let mut cast = build_ast::cast(std::mem::take(value), "json");
        let bound = self.bound_expr_in_place(&mut cast)?;
        if let Some(NodeEnum::TypeCast(cast)) = cast.node
            && let Some(inner) = cast.arg
        {
            *value = *inner;
        }
        Ok(bound)
    }

    /// Rewrites `JSON_ARRAY(query)` to `(SELECT JSON_ARRAYAGG(value) FROM (query))`, as PostgreSQL
    /// itself does.
    fn bound_json_array_query(&mut self, node: &mut Node) -> Result<Bound, Refusal> {
        let Some(NodeEnum::JsonArrayQueryConstructor(array)) = &mut node.node else {
            return Err(Refusal::construct("this use of JSON"));
        };
        let (location, output) = (array.location, array.output.take());
        let query = array.query.take();
        let columns = match query.as_ref().map(|query| &query.node) {
            Some(Some(NodeEnum::SelectStmt(select))) => match inspect::column_count(select) {
                // A query with a star; analyzing a copy determines its columns.
                None => self.bound_query(&mut select.clone())?.columns.exact_count(),
                known => known,
            },
            _ => None,
        };
        let column_count = match columns {
            Some(1) => ColumnCount::Known(1),
            None => ColumnCount::Expected(1),
            Some(_) => {
                let hint = "select one column, or build one by JSON_OBJECT or JSON_ARRAY";
                let message = "subquery must return only one column";
                return Err(Refusal::new(Rule::Construct, message, hint).at(location));
            }
        };
        let query = query.ok_or_else(|| Refusal::construct("this use of JSON"))?;
        *node = build_ast::json_arrayagg_subquery(query, column_count, output);
        self.bound_sub_link(node, SublinkPlan::HashedSubplan)
    }

    /// Bounds JSON_VALUE, JSON_QUERY and JSON_EXISTS.
    fn bound_json_query(&mut self, query: &mut JsonFuncExpr) -> Result<Bound, Refusal> {
        let location = query.location;
        let target = query
            .output
            .as_ref()
            .and_then(|output| output.type_name.as_ref());
        let reads_numbers = target.is_some_and(is_long_number);
        time_zone::check_json_time(target, context_expr(query.context_item.as_deref()))?;
        let document = self.bound_document(query.context_item.as_deref_mut(), reads_numbers)?;
        check_json_path(query.pathspec.as_deref(), location)?;
        let mut bound = path_result_bound(document);
        for behavior in [&mut query.on_empty, &mut query.on_error] {
            bound = bound.with_sibling(self.bound_behavior(behavior.as_deref_mut(), target)?);
        }
        Ok(match (query.op(), target) {
            (JsonExprOp::JsonExistsOp, _) => Bound::parent(bound, 1).as_non_text(),
            (JsonExprOp::JsonQueryOp, None) => bound.as_json(),
            (_, Some(target)) => bound_as_type(bound, target),
            (_, None) => bound.as_text().as_flat(),
        })
    }

    /// Bounds the document that a path is applied to, and rewrites it to `x::jsonb`, as PostgreSQL
    /// does. If `reads_numbers`, texts in it may be parsed as numbers, so a wrapper makes sure that
    /// none denotes a long one.
    pub(super) fn bound_document(
        &mut self,
        context: Option<&mut JsonValueExpr>,
        reads_numbers: bool,
    ) -> Result<Bound, Refusal> {
        let Some(value) = context.and_then(|context| context.raw_expr.as_deref_mut()) else {
            return Err(Refusal::construct("this use of JSON"));
        };
        if !inspect::is_cast_to(value, "jsonb") {
            *value = build_ast::cast(std::mem::take(value), "jsonb");
        }
        let document = self.bound_expr_in_place(value)?;
        if !reads_numbers {
            return Ok(document);
        }
        let inner = std::mem::take(value);
        *value =
            build_ast::wrapper_call("number", vec![inner, build_ast::integer(MAX_VALUE_BYTES)]);
        Ok(document.with_wrapper())
    }

    /// Bounds an ON EMPTY or ON ERROR value, which is read as the target type.
    pub(super) fn bound_behavior(
        &mut self,
        behavior: Option<&mut JsonBehavior>,
        target: Option<&TypeName>,
    ) -> Result<Bound, Refusal> {
        let location = behavior.as_ref().map_or(-1, |behavior| behavior.location);
        let Some(value) = behavior.and_then(|behavior| behavior.expr.as_deref_mut()) else {
            return Ok(Bound::default());
        };
        let bound = self.bound_expr(value)?;
        if bound.may_parse_as_number {
            time_zone::check_json_time(target, Some(value))?;
        }
        // PostgreSQL would cast the value to the target type while planning.
        if !inspect::is_literal(value) {
            return Err(Refusal::construct_with_hint(
                "DEFAULT with a value that is not a literal",
                "use a literal, or put COALESCE around JSON_VALUE",
            )
            .at(location));
        }
        match target {
            Some(target) => Ok(bound.with_sibling(self.bound_input(value, target)?)),
            None => Ok(bound),
        }
    }
}

/// The keys and values of a constructor, in place.
fn value_slots(members: &mut [Node]) -> Result<Vec<&mut Node>, Refusal> {
    let mut slots = Vec::new();
    for member in members {
        match &mut member.node {
            Some(NodeEnum::JsonKeyValue(pair)) => push_pair_slots(pair, &mut slots),
            Some(NodeEnum::JsonValueExpr(value)) => slots.extend(value.raw_expr.as_deref_mut()),
            _ => return Err(Refusal::construct("this member of a JSON value")),
        }
    }
    Ok(slots)
}

fn push_pair_slots<'a>(pair: &'a mut JsonKeyValue, slots: &mut Vec<&'a mut Node>) {
    slots.extend(pair.key.as_deref_mut());
    let value = pair.value.as_deref_mut();
    slots.extend(value.and_then(|value| value.raw_expr.as_deref_mut()));
}

/// The arguments of an aggregate, in place, and its other clauses.
fn aggregate_slots(node: &mut Node) -> (Vec<&mut Node>, Option<&mut JsonAggConstructor>) {
    let mut slots = Vec::new();
    let constructor = match &mut node.node {
        Some(NodeEnum::JsonArrayAgg(array)) => {
            let value = array.arg.as_deref_mut();
            slots.extend(value.and_then(|value| value.raw_expr.as_deref_mut()));
            array.constructor.as_deref_mut()
        }
        Some(NodeEnum::JsonObjectAgg(object)) => {
            if let Some(pair) = object.arg.as_deref_mut() {
                push_pair_slots(pair, &mut slots);
            }
            object.constructor.as_deref_mut()
        }
        _ => None,
    };
    (slots, constructor)
}

/// Finds the call of a function in the checks that were put around it.
fn find_call<'a>(node: &'a mut Node, function: &str) -> Option<&'a mut Node> {
    let is_sought = matches!(&node.node, Some(NodeEnum::FuncCall(call)) if names(&call.funcname).last() == Some(&function));
    if is_sought {
        return Some(node);
    }
    match &mut node.node {
        Some(NodeEnum::FuncCall(call)) => {
            let mut args = call.args.iter_mut();
            args.find_map(|arg| find_call(arg, function))
        }
        Some(NodeEnum::CaseExpr(case)) => {
            case.args.iter_mut().find_map(|when| match &mut when.node {
                Some(NodeEnum::CaseWhen(when)) => find_call(when.result.as_deref_mut()?, function),
                _ => None,
            })
        }
        _ => None,
    }
}

/// The bound of a document that is returned as the type of RETURNING.
fn bound_returned(bound: Bound, output: Option<&JsonOutput>) -> Bound {
    match output.and_then(|output| output.type_name.as_ref()) {
        Some(target) => bound_as_type(bound, target),
        None => bound.as_json(),
    }
}

/// The document that a path is applied to.
pub(super) fn context_expr(context: Option<&JsonValueExpr>) -> Option<&Node> {
    context?.raw_expr.as_deref()
}

/// The bound of what a path returns, including what is put around it.
pub(super) fn path_result_bound(document: Bound) -> Bound {
    Bound::parent(
        document,
        document
            .max_bytes
            .saturating_mul(2)
            .saturating_add(SCALAR_BYTES),
    )
}

/// What is known of a type.
fn data_type(target: &TypeName) -> Option<&'static DataType> {
    let name = *names(&target.names).last()?;
    catalog::data_type(name)
}

/// The bound of a value that is returned as this type.
pub(super) fn bound_as_type(bound: Bound, target: &TypeName) -> Bound {
    let Some(listed) = data_type(target) else {
        return bound.as_text();
    };
    match listed.document {
        TypeDocument::Json => bound.as_json(),
        TypeDocument::Tsquery => bound.as_text(),
        TypeDocument::Flat if listed.may_parse_as_number => bound.as_text().as_flat(),
        TypeDocument::Flat if listed.size == TypeSizeRule::Fixed => Bound {
            max_bytes: SCALAR_BYTES,
            ..bound
        }
        .as_non_text(),
        TypeDocument::Flat => Bound {
            max_bytes: bound
                .max_bytes
                .saturating_add(padding_bytes(listed, target)),
            ..bound
        }
        .as_non_text(),
    }
}

/// The most bytes by which a value is extended to the declared length and scale of its type.
fn padding_bytes(listed: &DataType, target: &TypeName) -> u64 {
    if listed.modifier != Modifier::Pad {
        return 0;
    }
    let modifiers = target.typmods.iter().map(inspect::integer_literal);
    modifiers
        .map(|modifier| modifier.unwrap_or(MAX_NUMERIC_SCALE))
        .fold(0, u64::saturating_add)
}

/// Whether a text that is read as this type may become a number of many digits.
pub(super) fn is_long_number(target: &TypeName) -> bool {
    data_type(target).is_none_or(|listed| {
        listed.digits != Digits::None
            && listed.document != TypeDocument::Json
            && target.typmods.is_empty()
    })
}
