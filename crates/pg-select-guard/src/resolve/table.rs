//! Tables: a WITH query, or a table that clients may read.

use pg_query::protobuf::{ColumnRef, RangeVar};

use super::cte::CteScope;
use crate::name::{CheckOutcome, names};
use crate::refusal::Refusal;
use crate::schema::Schema;

/// Accepts a table that clients may read, and writes its schema before its name, so that the name
/// does not depend on the search path. Only the name of a WITH query stays without a schema.
pub(crate) fn qualify<Q: Clone>(
    table: &mut RangeVar,
    ctes: &CteScope<Q>,
    schema: &Schema,
) -> CheckOutcome {
    let RangeVar {
        catalogname,
        schemaname,
        relname,
        inh: _,
        relpersistence: _,
        alias: _,
        location,
    } = table;
    if catalogname.is_empty() && schemaname.is_empty() && ctes.contains(relname) {
        return Ok(());
    }
    let is_known = schema.relation(relname).is_some();
    let is_exposed = is_known && schemaname == schema.name();
    if is_exposed && schema.is_database(catalogname) {
        catalogname.clear();
    }
    if is_exposed && !catalogname.is_empty() {
        return Err(Refusal::other_database(catalogname, schema, relname).at(*location));
    }
    let is_in_schema =
        catalogname.is_empty() && (schemaname.is_empty() || schemaname == schema.name());
    if !is_in_schema || !is_known {
        return Err(Refusal::unknown_table(schema, schemaname, relname).at(*location));
    }
    schema.name().clone_into(schemaname);
    Ok(())
}

/// Changes `database.schema.table.column` to `schema.table.column`, so that the statement that runs
/// does not depend on the name that a deployment gives its database.
pub(crate) fn remove_database_name(column: &mut ColumnRef, schema: &Schema) {
    let names = names(&column.fields);
    if names.len() == 4 && schema.is_database(names[0]) {
        column.fields.remove(0);
    }
}
