//! SQL/JSON expressions, bounded like the functions that do the same.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    JsonAggConstructor, JsonArrayQueryConstructor, JsonBehavior, JsonExprOp, JsonFuncExpr,
    JsonOutput, Node, TypeName,
};

use super::bound::Bound;
use super::build_ast::ColumnCount;
use super::call_syntax::{Call, json_value, key_and_value};
use super::cast::Cast;
use super::edits::{Becomes, Edits};
use super::json_path::check_json_path;
use super::limits::{MAX_NUMERIC_SCALE, MAX_VALUE_BYTES, SCALAR_BYTES, TRUTH_VALUE_BYTES};
use super::units::Bytes;
use super::{CostAnalyzer, build_ast, inspect, time_zone};
use crate::catalog::{self, DataType, Digits, Modifier, TypeDocument, TypeSizeRule};
use crate::name::names;
use crate::refusal::{Refusal, Rule};

impl CostAnalyzer {
    /// Bounds an SQL/JSON expression.
    pub(super) fn bound_sql_json(&mut self, node: &Node) -> Result<Bound, Refusal> {
        match &node.node {
            Some(NodeEnum::JsonObjectConstructor(object)) => {
                let args = member_values(&object.exprs)?;
                let bound = self.bound_call(&Call::new(node, "jsonb_build_object", args))?;
                Ok(bound_returned(bound, object.output.as_ref()))
            }
            Some(NodeEnum::JsonArrayConstructor(array)) => {
                let args = member_values(&array.exprs)?;
                let bound = self.bound_call(&Call::new(node, "jsonb_build_array", args))?;
                Ok(bound_returned(bound, array.output.as_ref()))
            }
            Some(NodeEnum::JsonScalarExpr(scalar)) => {
                let args = scalar.expr.as_deref().into_iter().collect();
                let bound = self.bound_call(&Call::new(node, "to_jsonb", args))?;
                Ok(bound_returned(bound, scalar.output.as_ref()))
            }
            // A text that is parsed as JSON is bounded like its cast to `json`.
            Some(NodeEnum::JsonParseExpr(parse)) => match json_value(parse.expr.as_deref()) {
                Some(value) => self.bound_cast(Cast::new(value, "json")),
                None => Err(Refusal::construct("this use of JSON")),
            },
            Some(NodeEnum::JsonArrayQueryConstructor(array)) => {
                self.bound_json_array_query(node, array)
            }
            Some(NodeEnum::JsonArrayAgg(array)) => {
                self.bound_json_aggregate(node, array.constructor.as_deref())
            }
            Some(NodeEnum::JsonObjectAgg(object)) => {
                self.bound_json_aggregate(node, object.constructor.as_deref())
            }
            Some(NodeEnum::JsonFuncExpr(query)) => self.bound_json_query(query),
            _ => Err(Refusal::construct("this use of JSON")),
        }
    }

    /// Bounds `JSON_ARRAYAGG(x)` like `jsonb_agg(x)`.
    fn bound_json_aggregate(
        &mut self,
        node: &Node,
        constructor: Option<&JsonAggConstructor>,
    ) -> Result<Bound, Refusal> {
        let call = Call::from_aggregate(node);
        let call = call.ok_or_else(|| Refusal::construct("this aggregate"))?;
        let bound = self.bound_call(&call)?;
        let output = constructor.and_then(|constructor| constructor.output.as_ref());
        Ok(bound_returned(bound, output))
    }

    /// Rewrites `JSON_ARRAY(query)` to `(SELECT JSON_ARRAYAGG(value) FROM (query))`, as PostgreSQL
    /// itself does, and bounds that.
    fn bound_json_array_query(
        &mut self,
        node: &Node,
        array: &JsonArrayQueryConstructor,
    ) -> Result<Bound, Refusal> {
        let query = array.query.as_ref();
        let columns = match query.and_then(|query| inspect::query(query)) {
            Some((_, select)) => match inspect::column_count(select) {
                // A query with a star; its analysis determines its columns.
                None => {
                    let (output, _) =
                        self.with_own_edits(|analyzer| analyzer.bound_query(select))?;
                    output.columns.exact_count()
                }
                known => known,
            },
            None => None,
        };
        let column_count = match columns {
            Some(1) => ColumnCount::Known(1),
            None => ColumnCount::Expected(1),
            Some(_) => {
                let hint = "select one column, or build one by JSON_OBJECT or JSON_ARRAY";
                let message = "subquery must return only one column";
                return Err(Refusal::new(Rule::Construct, message, hint).at(array.location));
            }
        };
        let query = query.ok_or_else(|| Refusal::construct("this use of JSON"))?;
        let output = array.output.clone();
        let mut rewritten = build_ast::json_arrayagg_subquery(query.clone(), column_count, output);
        let (bound, edits) =
            self.with_own_edits(|analyzer| analyzer.bound_expr_in_place(&rewritten))?;
        edits.apply_to_expr(&mut rewritten)?;
        self.edits.replace(node, Becomes::SubLink, |_| rewritten);
        Ok(bound)
    }

    /// Analyzes something with edits of its own, which are returned: they are of a tree that was
    /// built for the analysis, or they are not wanted.
    pub(super) fn with_own_edits<T>(
        &mut self,
        analyze: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<(T, Edits), Refusal> {
        let outer = std::mem::take(&mut self.edits);
        let analyzed = analyze(self);
        let own = std::mem::replace(&mut self.edits, outer);
        Ok((analyzed?, own))
    }

    /// Bounds JSON_VALUE, JSON_QUERY and JSON_EXISTS.
    fn bound_json_query(&mut self, query: &JsonFuncExpr) -> Result<Bound, Refusal> {
        let location = query.location;
        let target = query
            .output
            .as_ref()
            .and_then(|output| output.type_name.as_ref());
        let reads_numbers = target.is_some_and(is_long_number);
        let context_item = json_value(query.context_item.as_deref());
        time_zone::check_json_time(target, context_item)?;
        let document = self.bound_document(context_item, reads_numbers)?;
        check_json_path(query.pathspec.as_deref(), location)?;
        let mut bound = path_result_bound(document);
        for behavior in [&query.on_empty, &query.on_error] {
            bound = bound.with_sibling(self.bound_behavior(behavior.as_deref(), target)?);
        }
        Ok(match (query.op(), target) {
            (JsonExprOp::JsonExistsOp, _) => Bound::parent(bound, TRUTH_VALUE_BYTES).as_non_text(),
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
        document: Option<&Node>,
        reads_numbers: bool,
    ) -> Result<Bound, Refusal> {
        let Some(value) = document else {
            return Err(Refusal::construct("this use of JSON"));
        };
        let document = if inspect::is_cast_to(value, "jsonb") {
            self.bound_expr_in_place(value)?
        } else {
            let bound = self.bound_cast(Cast::new(value, "jsonb"))?;
            let cast = |document| build_ast::cast(document, "jsonb");
            self.edits.replace(value, Becomes::Other, cast);
            bound
        };
        if !reads_numbers {
            return Ok(document);
        }
        let max = build_ast::integer(MAX_VALUE_BYTES.count());
        self.edits.wrap(value, "number", vec![max]);
        Ok(document.with_wrapper())
    }

    /// Bounds an ON EMPTY or ON ERROR value, which is read as the target type.
    pub(super) fn bound_behavior(
        &mut self,
        behavior: Option<&JsonBehavior>,
        target: Option<&TypeName>,
    ) -> Result<Bound, Refusal> {
        let location = behavior.map_or(-1, |behavior| behavior.location);
        let Some(value) = behavior.and_then(|behavior| behavior.expr.as_deref()) else {
            return Ok(Bound::default());
        };
        let bound = self.bound_expr(value)?;
        let is_literal = self.edits.is_literal(value);
        if bound.may_parse_as_number {
            time_zone::check_json_time(target, Some(value).filter(|_| is_literal))?;
        }
        // PostgreSQL would cast the value to the target type while planning.
        if !is_literal {
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

/// The keys and values of a constructor.
fn member_values(members: &[Node]) -> Result<Vec<&Node>, Refusal> {
    let mut values = Vec::new();
    for member in members {
        match &member.node {
            Some(NodeEnum::JsonKeyValue(pair)) => values.extend(key_and_value(pair)),
            Some(NodeEnum::JsonValueExpr(value)) => values.extend(json_value(Some(value))),
            _ => return Err(Refusal::construct("this member of a JSON value")),
        }
    }
    Ok(values)
}

/// The bound of a document that is returned as the type of RETURNING.
fn bound_returned(bound: Bound, output: Option<&JsonOutput>) -> Bound {
    match output.and_then(|output| output.type_name.as_ref()) {
        Some(target) => bound_as_type(bound, target),
        None => bound.as_json(),
    }
}

/// The bound of what a path returns, including what is put around it.
pub(super) fn path_result_bound(document: Bound) -> Bound {
    Bound::parent(document, document.max_bytes * 2 + SCALAR_BYTES)
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
            max_bytes: bound.max_bytes + padding_bytes(listed, target),
            ..bound
        }
        .as_text(),
    }
}

/// The most bytes by which a value is extended to the declared length and scale of its type.
fn padding_bytes(listed: &DataType, target: &TypeName) -> Bytes {
    if listed.modifier != Modifier::Pad {
        return Bytes::ZERO;
    }
    let modifiers = target.typmods.iter().map(inspect::integer_literal);
    modifiers
        .map(|modifier| modifier.map_or(MAX_NUMERIC_SCALE, Bytes::new))
        .sum()
}

/// Whether a text that is read as this type may become a number of many digits.
pub(super) fn is_long_number(target: &TypeName) -> bool {
    data_type(target).is_none_or(|listed| {
        listed.digits != Digits::None
            && listed.document != TypeDocument::Json
            && target.typmods.is_empty()
    })
}
