//! SQL/JSON, measured as the functions that do the same.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    FuncCall, JsonAggConstructor, JsonBehavior, JsonExprOp, JsonFuncExpr, JsonKeyValue, JsonOutput,
    JsonTable, JsonTableColumn, JsonTableColumnType, JsonTablePathSpec, JsonValueExpr, Node,
    TypeName,
};

use super::columns::{Column, Columns};
use super::made::Width;
use super::pattern::json_path;
use super::size::{MOST_VALUE, SMALL, Size};
use super::sources::Source;
use super::sub_link::Fence;
use super::{Measure, made, time, tree};
use crate::query::guard::name::{Verdict, names};
use crate::query::guard::refusal::{Refusal, Rule};

/// Types whose values are short.
const SHORT_TYPES: [&str; 12] = [
    "bool",
    "date",
    "float4",
    "float8",
    "int2",
    "int4",
    "int8",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "uuid",
];

/// The most nested paths of a JSON_TABLE within each other.
const MAX_NESTED_PATHS: usize = 4;

impl Measure {
    /// Measures an expression of SQL/JSON.
    pub(super) fn sql_json(&mut self, node: &mut Node) -> Result<Size, Refusal> {
        match &mut node.node {
            Some(NodeEnum::JsonObjectConstructor(object)) => {
                let places = places(&mut object.exprs);
                let size = self.as_call("jsonb_build_object", places)?;
                Ok(returned(size, object.output.as_ref()))
            }
            Some(NodeEnum::JsonArrayConstructor(array)) => {
                let places = places(&mut array.exprs);
                let size = self.as_call("jsonb_build_array", places)?;
                Ok(returned(size, array.output.as_ref()))
            }
            Some(NodeEnum::JsonScalarExpr(scalar)) => {
                let places = scalar.expr.as_deref_mut().into_iter().collect();
                let size = self.as_call("to_jsonb", places)?;
                Ok(returned(size, scalar.output.as_ref()))
            }
            Some(NodeEnum::JsonParseExpr(parse)) => self.parsed(parse.expr.as_deref_mut()),
            Some(NodeEnum::JsonArrayQueryConstructor(_)) => self.json_array_of_query(node),
            Some(NodeEnum::JsonArrayAgg(_) | NodeEnum::JsonObjectAgg(_)) => {
                self.json_aggregate(node)
            }
            Some(NodeEnum::JsonFuncExpr(query)) => self.json_query(query),
            _ => Err(Refusal::construct("this use of JSON")),
        }
    }

    /// Measures a call of a function with these arguments, which stay where they are.
    fn as_call(&mut self, function: &str, mut places: Vec<&mut Node>) -> Result<Size, Refusal> {
        let args = places
            .iter_mut()
            .map(|place| std::mem::take::<Node>(place))
            .collect();
        let mut call = made::system_call(function, args);
        let size = self.call(&mut call)?;
        if let Some(NodeEnum::FuncCall(call)) = call.node {
            for (place, arg) in places.into_iter().zip(call.args) {
                *place = arg;
            }
        }
        Ok(size)
    }

    /// Measures `JSON_ARRAYAGG(x)` as `jsonb_agg(x)`: what is put around the call stays around it.
    fn json_aggregate(&mut self, node: &mut Node) -> Result<Size, Refusal> {
        let mut original = std::mem::take(node);
        let (function, output) = match &original.node {
            Some(NodeEnum::JsonArrayAgg(array)) => ("jsonb_agg", &array.constructor),
            Some(NodeEnum::JsonObjectAgg(object)) => ("jsonb_object_agg", &object.constructor),
            _ => return Err(Refusal::construct("this aggregate")),
        };
        let output = output
            .as_ref()
            .and_then(|aggregate| aggregate.output.clone());
        let (mut places, constructor) = of_aggregate(&mut original);
        let args = places
            .iter_mut()
            .map(|place| std::mem::take::<Node>(place))
            .collect();
        let mut call = made::system_call(function, args);
        if let (Some(NodeEnum::FuncCall(call)), Some(constructor)) = (&mut call.node, constructor) {
            call.agg_order = std::mem::take(&mut constructor.agg_order);
            call.agg_filter = constructor.agg_filter.take();
            call.over = constructor.over.take();
            call.location = constructor.location;
        }
        *node = call;
        let size = self.call(node)?;
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
            let (places, constructor) = of_aggregate(&mut original);
            for (place, arg) in places.into_iter().zip(args) {
                *place = arg;
            }
            if let Some(constructor) = constructor {
                constructor.agg_order = agg_order;
                constructor.agg_filter = agg_filter;
                constructor.over = over;
            }
        }
        *measured = original;
        Ok(returned(size, output.as_ref()))
    }

    /// Measures a text that is read as JSON, as its cast would be.
    fn parsed(&mut self, value: Option<&mut JsonValueExpr>) -> Result<Size, Refusal> {
        let Some(value) = value.and_then(|value| value.raw_expr.as_deref_mut()) else {
            return Err(Refusal::construct("this use of JSON"));
        };
        let mut cast = made::cast(std::mem::take(value), "json");
        let size = self.as_written(&mut cast)?;
        if let Some(NodeEnum::TypeCast(cast)) = cast.node
            && let Some(inner) = cast.arg
        {
            *value = *inner;
        }
        Ok(size)
    }

    /// `JSON_ARRAY(query)` becomes `(SELECT JSON_ARRAYAGG(value) FROM (query))`, as PostgreSQL
    /// itself reads it.
    fn json_array_of_query(&mut self, node: &mut Node) -> Result<Size, Refusal> {
        let Some(NodeEnum::JsonArrayQueryConstructor(array)) = &mut node.node else {
            return Err(Refusal::construct("this use of JSON"));
        };
        let (location, output) = (array.location, array.output.take());
        let query = array.query.take();
        let columns = match query.as_ref().map(|query| &query.node) {
            Some(Some(NodeEnum::SelectStmt(select))) => match tree::column_count(select) {
                // A star: a copy tells.
                None => self.query(&mut select.clone())?.columns.count(),
                known => known,
            },
            _ => None,
        };
        let width = match columns {
            Some(1) => Width::Known(1),
            None => Width::Expected(1),
            Some(_) => {
                let hint = "select one column, or build one by JSON_OBJECT or JSON_ARRAY";
                let what = "subquery must return only one column";
                return Err(Refusal::new(Rule::Construct, what, hint).at(location));
            }
        };
        let query = query.ok_or_else(|| Refusal::construct("this use of JSON"))?;
        *node = made::json_array_of(query, width, output);
        self.sub_link(node, Fence::Needed)
    }

    /// Measures JSON_VALUE, JSON_QUERY and JSON_EXISTS.
    fn json_query(&mut self, query: &mut JsonFuncExpr) -> Result<Size, Refusal> {
        let location = query.location;
        let target = query
            .output
            .as_ref()
            .and_then(|output| output.type_name.as_ref());
        let spelled = target.is_some_and(is_long_number);
        time::may_be_read(target, raw(query.context_item.as_deref()))?;
        let document = self.document(query.context_item.as_deref_mut(), spelled)?;
        json_path(query.pathspec.as_deref(), location)?;
        let mut size = found(document);
        for behavior in [&mut query.on_empty, &mut query.on_error] {
            size = size.beside(self.behavior(behavior.as_deref_mut(), target)?);
        }
        Ok(match (query.op(), target) {
            (JsonExprOp::JsonExistsOp, _) => Size::over(size, 1).no_text(),
            (JsonExprOp::JsonQueryOp, None) => size.as_json(),
            (_, Some(target)) => of_type(size, target),
            (_, None) => size.any_text().as_plain(),
        })
    }

    /// Measures the document that a path is applied to: it becomes `x::jsonb`, as PostgreSQL reads
    /// it. Where a text in it may be `spelled` as a number, none may spell a long one.
    fn document(
        &mut self,
        context: Option<&mut JsonValueExpr>,
        spelled: bool,
    ) -> Result<Size, Refusal> {
        let Some(value) = context.and_then(|context| context.raw_expr.as_deref_mut()) else {
            return Err(Refusal::construct("this use of JSON"));
        };
        if !tree::is_cast_to(value, "jsonb") {
            *value = made::cast(std::mem::take(value), "jsonb");
        }
        let document = self.as_written(value)?;
        if !spelled {
            return Ok(document);
        }
        let inner = std::mem::take(value);
        *value = made::twin("number", vec![inner, made::number(MOST_VALUE)]);
        Ok(document.with_twin())
    }

    /// What stands there instead of a value, of the type that the value would have.
    fn behavior(
        &mut self,
        behavior: Option<&mut JsonBehavior>,
        target: Option<&TypeName>,
    ) -> Result<Size, Refusal> {
        let location = behavior.as_ref().map_or(-1, |behavior| behavior.location);
        let Some(value) = behavior.and_then(|behavior| behavior.expr.as_deref_mut()) else {
            return Ok(Size::default());
        };
        let size = self.expr(value)?;
        if size.spells {
            time::may_be_read(target, Some(value))?;
        }
        // PostgreSQL reads it as the target itself, and would compute it while it plans.
        if !tree::is_constant(value) {
            return Err(Refusal::construct_with_hint(
                "DEFAULT with a value that is not written as a literal",
                "write a literal, or put COALESCE around JSON_VALUE",
            )
            .at(location));
        }
        match target {
            Some(target) => Ok(size.beside(self.read_as(value, target)?)),
            None => Ok(size),
        }
    }

    /// Measures JSON_TABLE, an item of FROM.
    pub(super) fn json_table(&mut self, table: &mut JsonTable) -> Result<(Size, Source), Refusal> {
        let spelled = any_column(&table.columns, &|column| {
            column.type_name.as_ref().is_some_and(is_long_number)
        });
        let raw = raw(table.context_item.as_deref());
        let zoned = any_column(&table.columns, &|column| {
            time::may_be_read(column.type_name.as_ref(), raw).is_err()
        });
        if zoned {
            return Err(Refusal::construct_with_hint(
                "a column of JSON_TABLE that is a date or time, of a document that is not written down,",
                "declare it as text and cast it",
            )
            .at(table.location));
        }
        let document = self.document(table.context_item.as_deref_mut(), spelled)?;
        path(table.pathspec.as_deref())?;
        let mut size = document.beside(self.behavior(table.on_error.as_deref_mut(), None)?);
        let mut columns = Columns::default();
        let added = self.json_columns(&mut table.columns, document, &mut columns, 0)?;
        size = size.beside(added);
        let source = Source {
            name: "json_table".to_owned(),
            columns,
            branches: 1,
            few_rows: false,
            ..Source::default()
        };
        Ok((size, source.renamed(table.alias.as_ref())))
    }

    fn json_columns(
        &mut self,
        nodes: &mut [Node],
        document: Size,
        columns: &mut Columns,
        depth: usize,
    ) -> Result<Size, Refusal> {
        let mut size = Size::default();
        for node in nodes {
            let Some(NodeEnum::JsonTableColumn(column)) = &mut node.node else {
                return Err(Refusal::construct("this column of JSON_TABLE"));
            };
            path(column.pathspec.as_deref())?;
            for behavior in [&mut column.on_empty, &mut column.on_error] {
                let target = column.type_name.as_ref();
                size = size.beside(self.behavior(behavior.as_deref_mut(), target)?);
            }
            let value = match (column.coltype(), &column.type_name) {
                (JsonTableColumnType::JtcNested, _) => {
                    if depth == MAX_NESTED_PATHS {
                        let hint = "take the inner documents apart by jsonb_array_elements";
                        return Err(Refusal::construct_with_hint("NESTED PATH so deep", hint)
                            .at(column.location));
                    }
                    let inner =
                        self.json_columns(&mut column.columns, document, columns, depth + 1)?;
                    size = size.beside(inner);
                    continue;
                }
                (JsonTableColumnType::JtcForOrdinality, _) | (_, None) => Size::leaf(8).no_text(),
                (_, Some(target)) => of_type(found(document), target),
            };
            size = size.beside(value);
            columns.push(Column::new(column.name.clone(), value.fenced()));
        }
        Ok(size)
    }
}

/// Where the values of a constructor stand, with the keys before them.
fn places(members: &mut [Node]) -> Vec<&mut Node> {
    let mut places = Vec::new();
    for member in members {
        match &mut member.node {
            Some(NodeEnum::JsonKeyValue(pair)) => of_pair(pair, &mut places),
            Some(NodeEnum::JsonValueExpr(value)) => places.extend(value.raw_expr.as_deref_mut()),
            _ => {}
        }
    }
    places
}

fn of_pair<'a>(pair: &'a mut JsonKeyValue, places: &mut Vec<&'a mut Node>) {
    places.extend(pair.key.as_deref_mut());
    let value = pair.value.as_deref_mut();
    places.extend(value.and_then(|value| value.raw_expr.as_deref_mut()));
}

/// Where the arguments of an aggregate stand, and what else it has.
fn of_aggregate(node: &mut Node) -> (Vec<&mut Node>, Option<&mut JsonAggConstructor>) {
    let mut places = Vec::new();
    let constructor = match &mut node.node {
        Some(NodeEnum::JsonArrayAgg(array)) => {
            let value = array.arg.as_deref_mut();
            places.extend(value.and_then(|value| value.raw_expr.as_deref_mut()));
            array.constructor.as_deref_mut()
        }
        Some(NodeEnum::JsonObjectAgg(object)) => {
            if let Some(pair) = object.arg.as_deref_mut() {
                of_pair(pair, &mut places);
            }
            object.constructor.as_deref_mut()
        }
        _ => None,
    };
    (places, constructor)
}

/// The call of a function in what was put around it.
fn find_call<'a>(node: &'a mut Node, function: &str) -> Option<&'a mut Node> {
    let is_it = matches!(&node.node, Some(NodeEnum::FuncCall(call)) if names(&call.funcname).last() == Some(&function));
    if is_it {
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

/// What a document is where it is returned as a type.
fn returned(size: Size, output: Option<&JsonOutput>) -> Size {
    match output.and_then(|output| output.type_name.as_ref()) {
        Some(target) => of_type(size, target),
        None => size.as_json(),
    }
}

/// The document that a path is applied to.
fn raw(context: Option<&JsonValueExpr>) -> Option<&Node> {
    context?.raw_expr.as_deref()
}

/// What a path finds in a document, with what is put around it.
fn found(document: Size) -> Size {
    Size::over(
        document,
        document.value.saturating_mul(2).saturating_add(SMALL),
    )
}

fn of_type(size: Size, target: &TypeName) -> Size {
    match names(&target.names).last().copied().unwrap_or_default() {
        "json" | "jsonb" => size.as_json(),
        name if SHORT_TYPES.contains(&name) => Size {
            value: SMALL,
            ..size
        }
        .no_text(),
        "numeric" | "interval" => size.no_text(),
        _ => size.any_text().as_plain(),
    }
}

/// Whether a text that is read as this type may stand for a number of many digits.
fn is_long_number(target: &TypeName) -> bool {
    names(&target.names).last() == Some(&"numeric") && target.typmods.is_empty()
}

fn any_column(columns: &[Node], is_such: &dyn Fn(&JsonTableColumn) -> bool) -> bool {
    columns.iter().any(|column| match &column.node {
        Some(NodeEnum::JsonTableColumn(column)) => {
            is_such(column) || any_column(&column.columns, is_such)
        }
        _ => false,
    })
}

/// A path of JSON_TABLE; without one, a column's own name is the path.
fn path(path: Option<&JsonTablePathSpec>) -> Verdict {
    path.map_or(Ok(()), |path| {
        json_path(path.string.as_deref(), path.location)
    })
}
