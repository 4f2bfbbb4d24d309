//! SQL/JSON: constructors such as JSON_OBJECT, query functions such as JSON_VALUE, and JSON_TABLE.
//! Decides which forms a statement may use, and returns their expressions and types to the walk,
//! which checks them like any other.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    JsonAggConstructor, JsonBehavior, JsonExprOp, JsonFormat, JsonFormatType, JsonFuncExpr,
    JsonKeyValue, JsonOutput, JsonQuotes, JsonTable, JsonTableColumn, JsonTablePathSpec,
    JsonValueExpr, Node, TypeName, WindowDef,
};

use super::catalog::{self, DataType, Returning, TypeDocument};
use super::implicit_call::JsonSyntax;
use super::name::{CheckOutcome, names};
use super::refusal::Refusal;

/// The first major version of PostgreSQL with JSON_SCALAR, JSON, the SQL/JSON query functions and
/// JSON_TABLE.
const FIRST_VERSION_WITH_QUERY_FUNCTIONS: u32 = 17;

/// A part of an SQL/JSON node that the walk checks.
pub(super) enum Part<'a> {
    Node(&'a mut Node),
    Type(&'a TypeName),
    Window(&'a mut WindowDef),
}

/// The parts of an SQL/JSON node, and what it requires.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) all: Vec<Part<'a>>,
    /// Whether the node is an aggregate that accumulates the values of many rows.
    pub(super) accumulates: bool,
    /// The functions that PostgreSQL evaluates the node with.
    pub(super) syntax: Option<JsonSyntax>,
    /// The byte offset of the node.
    pub(super) location: i32,
    /// The lowest major version of PostgreSQL that has this construct; 0 for any.
    pub(super) min_version: u32,
}

/// The parts of a node; `None` if the node is not an allowed SQL/JSON construct.
pub(super) fn parts(node: &mut NodeEnum) -> Result<Option<Parts<'_>>, Refusal> {
    let mut parts = Parts {
        location: -1,
        ..Parts::default()
    };
    Ok(parts.add(node)?.then_some(parts))
}

impl<'a> Parts<'a> {
    /// Adds the parts of a node; false if it is not an allowed SQL/JSON construct.
    fn add(&mut self, node: &'a mut NodeEnum) -> Result<bool, Refusal> {
        match node {
            NodeEnum::JsonObjectConstructor(object) => {
                self.calls(JsonSyntax::OBJECT, object.location);
                refuse_unique_keys(object.unique, object.location)?;
                self.add_members(&mut object.exprs)?;
                self.add_output(&object.output, Returning::Document)?;
            }
            NodeEnum::JsonArrayConstructor(array) => {
                self.calls(JsonSyntax::ARRAY, array.location);
                self.add_members(&mut array.exprs)?;
                self.add_output(&array.output, Returning::Document)?;
            }
            NodeEnum::JsonObjectAgg(object) => {
                let location = object.constructor.as_ref().map_or(-1, |agg| agg.location);
                self.calls(JsonSyntax::OBJECT_AGG, location);
                refuse_unique_keys(object.unique, location)?;
                self.add_pair(object.arg.as_deref_mut())?;
                self.add_aggregate(object.constructor.as_deref_mut())?;
            }
            NodeEnum::JsonArrayAgg(array) => {
                let location = array.constructor.as_ref().map_or(-1, |agg| agg.location);
                self.calls(JsonSyntax::ARRAY_AGG, location);
                self.add_value(array.arg.as_deref_mut())?;
                self.add_aggregate(array.constructor.as_deref_mut())?;
            }
            NodeEnum::JsonScalarExpr(scalar) => {
                self.calls(JsonSyntax::SCALAR, scalar.location);
                self.min_version = FIRST_VERSION_WITH_QUERY_FUNCTIONS;
                self.add_optional(scalar.expr.as_deref_mut());
                self.add_output(&scalar.output, Returning::Document)?;
            }
            NodeEnum::JsonArrayQueryConstructor(array) => {
                self.calls(JsonSyntax::ARRAY_QUERY, array.location);
                self.accumulates = true;
                check_format(array.format.as_ref())?;
                self.add_optional(array.query.as_deref_mut());
                self.add_output(&array.output, Returning::Document)?;
            }
            NodeEnum::JsonParseExpr(parse) => {
                self.min_version = FIRST_VERSION_WITH_QUERY_FUNCTIONS;
                refuse_unique_keys(parse.unique_keys, parse.location)?;
                self.add_value(parse.expr.as_deref_mut())?;
                self.add_output(&parse.output, Returning::Document)?;
            }
            NodeEnum::JsonFuncExpr(query) => self.add_query_function(query)?,
            NodeEnum::JsonTable(table) => self.add_table(table)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn calls(&mut self, syntax: JsonSyntax, location: i32) {
        self.syntax = Some(syntax);
        self.location = location;
    }

    fn add_optional(&mut self, node: Option<&'a mut Node>) {
        self.all.extend(node.map(Part::Node));
    }

    fn add_members(&mut self, members: &'a mut [Node]) -> CheckOutcome {
        members
            .iter_mut()
            .try_for_each(|member| match &mut member.node {
                Some(NodeEnum::JsonKeyValue(pair)) => self.add_pair(Some(pair.as_mut())),
                Some(NodeEnum::JsonValueExpr(value)) => self.add_value(Some(value.as_mut())),
                _ => Err(Refusal::construct("this member of a JSON value")),
            })
    }

    fn add_pair(&mut self, pair: Option<&'a mut JsonKeyValue>) -> CheckOutcome {
        let Some(pair) = pair else { return Ok(()) };
        self.add_optional(pair.key.as_deref_mut());
        self.add_value(pair.value.as_deref_mut())
    }

    fn add_value(&mut self, value: Option<&'a mut JsonValueExpr>) -> CheckOutcome {
        let Some(value) = value else { return Ok(()) };
        check_format(value.format.as_ref())?;
        self.add_optional(value.raw_expr.as_deref_mut());
        Ok(())
    }

    fn add_output(&mut self, output: &'a Option<JsonOutput>, what: Returning) -> CheckOutcome {
        let Some(output) = output else { return Ok(()) };
        check_format(
            output
                .returning
                .as_ref()
                .and_then(|returning| returning.format.as_ref()),
        )?;
        output
            .type_name
            .as_ref()
            .map_or(Ok(()), |name| self.add_returned_type(name, what))
    }

    fn add_returned_type(&mut self, name: &'a TypeName, what: Returning) -> CheckOutcome {
        let known = data_type(name).is_some_and(|listed| listed.returning >= what);
        if !known || !name.array_bounds.is_empty() {
            let listed = catalog::data_types().filter(|listed| listed.returning >= what);
            let types: Vec<&str> = listed.map(|listed| listed.name).collect();
            let hint = format!("use one of {}", types.join(", "));
            return Err(
                Refusal::construct_with_hint("this type in SQL/JSON", hint).at(name.location)
            );
        }
        self.all.push(Part::Type(name));
        Ok(())
    }

    fn add_aggregate(&mut self, aggregate: Option<&'a mut JsonAggConstructor>) -> CheckOutcome {
        self.accumulates = true;
        let Some(aggregate) = aggregate else {
            return Ok(());
        };
        self.all
            .extend(aggregate.agg_order.iter_mut().map(Part::Node));
        self.add_optional(aggregate.agg_filter.as_deref_mut());
        self.all
            .extend(aggregate.over.as_deref_mut().map(Part::Window));
        self.add_output(&aggregate.output, Returning::Document)
    }

    fn add_query_function(&mut self, query: &'a mut JsonFuncExpr) -> CheckOutcome {
        self.min_version = FIRST_VERSION_WITH_QUERY_FUNCTIONS;
        let syntax = match query.op() {
            JsonExprOp::JsonExistsOp => JsonSyntax::EXISTS,
            JsonExprOp::JsonQueryOp => JsonSyntax::QUERY,
            _ => JsonSyntax::VALUE,
        };
        self.calls(syntax, query.location);
        refuse_passing(&query.passing, query.location)?;
        let target = query.output.as_ref().and_then(|out| out.type_name.as_ref());
        let what = match query.op() {
            JsonExprOp::JsonQueryOp => Returning::Document,
            _ if target.is_some_and(is_document) => {
                let hint = "use JSON_QUERY(x, '$.a' RETURNING jsonb)";
                return Err(Refusal::construct_with_hint(
                    "JSON_VALUE that returns json or jsonb",
                    hint,
                )
                .at(query.location));
            }
            _ => Returning::Value,
        };
        if target.is_none_or(is_document) {
            refuse_omit_quotes(query.quotes(), query.location)?;
        }
        self.add_value(query.context_item.as_deref_mut())?;
        self.add_optional(query.pathspec.as_deref_mut());
        self.add_behavior(query.on_empty.as_deref_mut());
        self.add_behavior(query.on_error.as_deref_mut());
        self.add_output(&query.output, what)
    }

    fn add_behavior(&mut self, behavior: Option<&'a mut JsonBehavior>) {
        self.add_optional(behavior.and_then(|behavior| behavior.expr.as_deref_mut()));
    }

    fn add_table(&mut self, table: &'a mut JsonTable) -> CheckOutcome {
        self.min_version = FIRST_VERSION_WITH_QUERY_FUNCTIONS;
        // JSON_TABLE is lateral with and without the keyword, and the deparser omits the keyword.
        table.lateral = false;
        self.calls(JsonSyntax::TABLE, table.location);
        refuse_passing(&table.passing, table.location)?;
        self.add_value(table.context_item.as_deref_mut())?;
        self.add_path(table.pathspec.as_deref_mut());
        self.add_behavior(table.on_error.as_deref_mut());
        self.add_columns(&mut table.columns)
    }

    fn add_path(&mut self, path: Option<&'a mut JsonTablePathSpec>) {
        self.add_optional(path.and_then(|path| path.string.as_deref_mut()));
    }

    fn add_columns(&mut self, columns: &'a mut [Node]) -> CheckOutcome {
        columns
            .iter_mut()
            .try_for_each(|column| match &mut column.node {
                Some(NodeEnum::JsonTableColumn(column)) => self.add_column(column),
                _ => Err(Refusal::construct("this column of JSON_TABLE")),
            })
    }

    fn add_column(&mut self, column: &'a mut JsonTableColumn) -> CheckOutcome {
        if column.type_name.as_ref().is_some_and(is_document) {
            refuse_omit_quotes(column.quotes(), column.location)?;
        }
        self.add_path(column.pathspec.as_deref_mut());
        self.add_behavior(column.on_empty.as_deref_mut());
        self.add_behavior(column.on_error.as_deref_mut());
        if let Some(name) = &column.type_name {
            self.add_returned_type(name, Returning::Value)?;
        }
        self.add_columns(&mut column.columns)
    }
}

/// What is known of a type.
fn data_type(name: &TypeName) -> Option<&'static DataType> {
    names(&name.names)
        .last()
        .and_then(|name| catalog::data_type(name))
}

fn is_document(target: &TypeName) -> bool {
    data_type(target).is_some_and(|listed| listed.document == TypeDocument::Json)
}

/// Refuses OMIT QUOTES, which parses a string of a document as a document: the guard has not
/// checked the numbers in that string.
fn refuse_omit_quotes(quotes: JsonQuotes, location: i32) -> CheckOutcome {
    if quotes == JsonQuotes::JsQuotesOmit {
        let hint = "return text and cast it, as in JSON_VALUE(x, '$.a')::jsonb";
        return Err(
            Refusal::construct_with_hint("OMIT QUOTES with a json or jsonb result", hint)
                .at(location),
        );
    }
    Ok(())
}

fn refuse_unique_keys(unique: bool, location: i32) -> CheckOutcome {
    if unique {
        let hint = "omit it; jsonb keeps the last value of a duplicate key";
        return Err(Refusal::construct_with_hint("WITH UNIQUE KEYS", hint).at(location));
    }
    Ok(())
}

fn check_format(format: Option<&JsonFormat>) -> CheckOutcome {
    let kind = format.map(JsonFormat::format_type);
    if matches!(
        kind,
        None | Some(JsonFormatType::Undefined | JsonFormatType::JsFormatDefault)
    ) {
        return Ok(());
    }
    Err(Refusal::construct_with_hint(
        "FORMAT JSON",
        "cast the text instead, as in x::json",
    ))
}

fn refuse_passing(passing: &[Node], location: i32) -> CheckOutcome {
    if passing.is_empty() {
        return Ok(());
    }
    let hint = "write the value in the path, as in '$.items[*] ? (@.price > 10)'";
    Err(Refusal::construct_with_hint("PASSING", hint).at(location))
}
