//! SQL/JSON: JSON_OBJECT and its kin, JSON_VALUE and its kin, JSON_TABLE. What of them a statement
//! may hold, and which of their parts are expressions and types like any other.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    JsonAggConstructor, JsonBehavior, JsonExprOp, JsonFormat, JsonFormatType, JsonFuncExpr,
    JsonKeyValue, JsonOutput, JsonQuotes, JsonTable, JsonTableColumn, JsonTablePathSpec,
    JsonValueExpr, Node, TypeName, WindowDef,
};

use super::name::{Verdict, names};
use super::refusal::Refusal;

/// The first version of PostgreSQL that has JSON_VALUE and its kin.
pub(super) const FIRST_VERSION_WITH_QUERIES: u32 = 17;

/// A part of such a node that is judged like any other of its kind.
pub(super) enum Part<'a> {
    Node(&'a mut Node),
    Type(&'a TypeName),
    Window(&'a mut WindowDef),
}

/// What such a node holds.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) all: Vec<Part<'a>>,
    /// Whether it makes one value of many rows.
    pub(super) collects: bool,
    /// The first version of PostgreSQL that has it.
    pub(super) version: u32,
}

/// The parts of a node; `None` when it is nothing of SQL/JSON that a statement may hold.
pub(super) fn parts(node: &mut NodeEnum) -> Result<Option<Parts<'_>>, Refusal> {
    let mut parts = Parts::default();
    Ok(parts.read(node)?.then_some(parts))
}

/// What a document can be returned as.
const JSON_TYPES: [&str; 4] = ["json", "jsonb", "text", "varchar"];

/// What a value of a document can be returned as: nothing whose size is filled up.
const VALUE_TYPES: [&str; 18] = [
    "bool",
    "date",
    "float4",
    "float8",
    "int2",
    "int4",
    "int8",
    "interval",
    "json",
    "jsonb",
    "numeric",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "uuid",
    "varchar",
];

impl<'a> Parts<'a> {
    /// Whether this is something of SQL/JSON.
    fn read(&mut self, node: &'a mut NodeEnum) -> Result<bool, Refusal> {
        match node {
            NodeEnum::JsonObjectConstructor(object) => {
                not_unique(object.unique, object.location)?;
                self.members(&mut object.exprs)?;
                self.output(&object.output, &JSON_TYPES)?;
            }
            NodeEnum::JsonArrayConstructor(array) => {
                self.members(&mut array.exprs)?;
                self.output(&array.output, &JSON_TYPES)?;
            }
            NodeEnum::JsonObjectAgg(object) => {
                let location = object.constructor.as_ref().map_or(-1, |agg| agg.location);
                not_unique(object.unique, location)?;
                self.pair(object.arg.as_deref_mut())?;
                self.aggregate(object.constructor.as_deref_mut())?;
            }
            NodeEnum::JsonArrayAgg(array) => {
                self.value(array.arg.as_deref_mut())?;
                self.aggregate(array.constructor.as_deref_mut())?;
            }
            NodeEnum::JsonScalarExpr(scalar) => {
                self.version = FIRST_VERSION_WITH_QUERIES;
                self.optional(scalar.expr.as_deref_mut());
                self.output(&scalar.output, &JSON_TYPES)?;
            }
            NodeEnum::JsonArrayQueryConstructor(array) => {
                self.collects = true;
                format(array.format.as_ref())?;
                self.optional(array.query.as_deref_mut());
                self.output(&array.output, &JSON_TYPES)?;
            }
            NodeEnum::JsonParseExpr(parse) => {
                self.version = FIRST_VERSION_WITH_QUERIES;
                not_unique(parse.unique_keys, parse.location)?;
                self.value(parse.expr.as_deref_mut())?;
                self.output(&parse.output, &JSON_TYPES)?;
            }
            NodeEnum::JsonFuncExpr(query) => self.query(query)?,
            NodeEnum::JsonTable(table) => self.table(table)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn optional(&mut self, node: Option<&'a mut Node>) {
        self.all.extend(node.map(Part::Node));
    }

    fn members(&mut self, members: &'a mut [Node]) -> Verdict {
        members
            .iter_mut()
            .try_for_each(|member| match &mut member.node {
                Some(NodeEnum::JsonKeyValue(pair)) => self.pair(Some(pair.as_mut())),
                Some(NodeEnum::JsonValueExpr(value)) => self.value(Some(value.as_mut())),
                _ => Err(Refusal::construct("this member of a JSON value")),
            })
    }

    fn pair(&mut self, pair: Option<&'a mut JsonKeyValue>) -> Verdict {
        let Some(pair) = pair else { return Ok(()) };
        self.optional(pair.key.as_deref_mut());
        self.value(pair.value.as_deref_mut())
    }

    fn value(&mut self, value: Option<&'a mut JsonValueExpr>) -> Verdict {
        let Some(value) = value else { return Ok(()) };
        format(value.format.as_ref())?;
        self.optional(value.raw_expr.as_deref_mut());
        Ok(())
    }

    fn output(&mut self, output: &'a Option<JsonOutput>, types: &[&str]) -> Verdict {
        let Some(output) = output else { return Ok(()) };
        format(
            output
                .returning
                .as_ref()
                .and_then(|returning| returning.format.as_ref()),
        )?;
        output
            .type_name
            .as_ref()
            .map_or(Ok(()), |name| self.returned(name, types))
    }

    fn returned(&mut self, name: &'a TypeName, types: &[&str]) -> Verdict {
        let known = names(&name.names)
            .last()
            .is_some_and(|name| types.contains(name));
        if !known || !name.array_bounds.is_empty() {
            let hint = format!("use one of {}", types.join(", "));
            return Err(Refusal::construct_but("this type in SQL/JSON", hint).at(name.location));
        }
        self.all.push(Part::Type(name));
        Ok(())
    }

    fn aggregate(&mut self, aggregate: Option<&'a mut JsonAggConstructor>) -> Verdict {
        self.collects = true;
        let Some(aggregate) = aggregate else {
            return Ok(());
        };
        self.all
            .extend(aggregate.agg_order.iter_mut().map(Part::Node));
        self.optional(aggregate.agg_filter.as_deref_mut());
        self.all
            .extend(aggregate.over.as_deref_mut().map(Part::Window));
        self.output(&aggregate.output, &JSON_TYPES)
    }

    fn query(&mut self, query: &'a mut JsonFuncExpr) -> Verdict {
        self.version = FIRST_VERSION_WITH_QUERIES;
        nothing_passed(&query.passing, query.location)?;
        let target = query.output.as_ref().and_then(|out| out.type_name.as_ref());
        let types: &[&str] = match query.op() {
            JsonExprOp::JsonQueryOp => &JSON_TYPES,
            _ if target.is_some_and(is_document) => {
                let hint = "use JSON_QUERY(x, '$.a' RETURNING jsonb)";
                return Err(
                    Refusal::construct_but("JSON_VALUE that returns a document", hint)
                        .at(query.location),
                );
            }
            _ => &VALUE_TYPES,
        };
        if target.is_none_or(is_document) {
            keeps_quotes(query.quotes(), query.location)?;
        }
        self.value(query.context_item.as_deref_mut())?;
        self.optional(query.pathspec.as_deref_mut());
        self.behavior(query.on_empty.as_deref_mut());
        self.behavior(query.on_error.as_deref_mut());
        self.output(&query.output, types)
    }

    fn behavior(&mut self, behavior: Option<&'a mut JsonBehavior>) {
        self.optional(behavior.and_then(|behavior| behavior.expr.as_deref_mut()));
    }

    fn table(&mut self, table: &'a mut JsonTable) -> Verdict {
        self.version = FIRST_VERSION_WITH_QUERIES;
        // It sees what stands before it with and without, and the printer leaves it out.
        table.lateral = false;
        nothing_passed(&table.passing, table.location)?;
        self.value(table.context_item.as_deref_mut())?;
        self.path(table.pathspec.as_deref_mut());
        self.behavior(table.on_error.as_deref_mut());
        self.columns(&mut table.columns)
    }

    fn path(&mut self, path: Option<&'a mut JsonTablePathSpec>) {
        self.optional(path.and_then(|path| path.string.as_deref_mut()));
    }

    fn columns(&mut self, columns: &'a mut [Node]) -> Verdict {
        columns
            .iter_mut()
            .try_for_each(|column| match &mut column.node {
                Some(NodeEnum::JsonTableColumn(column)) => self.column(column),
                _ => Err(Refusal::construct("this column of JSON_TABLE")),
            })
    }

    fn column(&mut self, column: &'a mut JsonTableColumn) -> Verdict {
        if column.type_name.as_ref().is_some_and(is_document) {
            keeps_quotes(column.quotes(), column.location)?;
        }
        self.path(column.pathspec.as_deref_mut());
        self.behavior(column.on_empty.as_deref_mut());
        self.behavior(column.on_error.as_deref_mut());
        if let Some(name) = &column.type_name {
            self.returned(name, &VALUE_TYPES)?;
        }
        self.columns(&mut column.columns)
    }
}

fn is_document(target: &TypeName) -> bool {
    matches!(names(&target.names).last(), Some(&("json" | "jsonb")))
}

/// A text in a document is not read as a document of its own: nothing has checked its numbers.
fn keeps_quotes(quotes: JsonQuotes, location: i32) -> Verdict {
    if quotes == JsonQuotes::JsQuotesOmit {
        let hint = "return text and cast it, as in JSON_VALUE(x, '$.a')::jsonb";
        return Err(Refusal::construct_but("OMIT QUOTES for a document", hint).at(location));
    }
    Ok(())
}

fn not_unique(unique: bool, location: i32) -> Verdict {
    if unique {
        let hint = "leave it out; jsonb keeps the last of several members of one name";
        return Err(Refusal::construct_but("WITH UNIQUE KEYS", hint).at(location));
    }
    Ok(())
}

fn format(format: Option<&JsonFormat>) -> Verdict {
    let kind = format.map(JsonFormat::format_type);
    if matches!(
        kind,
        None | Some(JsonFormatType::Undefined | JsonFormatType::JsFormatDefault)
    ) {
        return Ok(());
    }
    Err(Refusal::construct_but(
        "FORMAT JSON",
        "cast the text instead, as in x::json",
    ))
}

fn nothing_passed(passing: &[Node], location: i32) -> Verdict {
    if passing.is_empty() {
        return Ok(());
    }
    let hint = "write the value into the path, as in '$.items[*] ? (@.price > 10)'";
    Err(Refusal::construct_but("PASSING", hint).at(location))
}
