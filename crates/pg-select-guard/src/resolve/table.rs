//! The tables of FROM: a WITH query, or a table that clients may read.

use pg_query::protobuf::RangeVar;

use super::cte::CteScope;
use crate::name::Verdict;
use crate::refusal::Refusal;
use crate::relations::{DATABASE, Relation, SCHEMA, relation};

/// Accepts a table that clients may read, and writes its schema before its name, so that the name
/// does not depend on the search path. Only the name of a WITH query stays without a schema.
pub(crate) fn qualify<Q: Clone>(table: &mut RangeVar, ctes: &CteScope<Q>) -> Verdict {
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
    let is_exposed = schemaname == SCHEMA && relation(relname).is_some();
    if is_exposed && catalogname == DATABASE {
        catalogname.clear();
    }
    if is_exposed && !catalogname.is_empty() {
        return Err(Refusal::other_database(catalogname, schemaname, relname).at(*location));
    }
    let is_in_schema = catalogname.is_empty() && (schemaname.is_empty() || schemaname == SCHEMA);
    if !is_in_schema || relation(relname).is_none() {
        return Err(Refusal::unknown_table(schemaname, relname).at(*location));
    }
    SCHEMA.clone_into(schemaname);
    Ok(())
}

/// The stored table that a name denotes after [`qualify`]; `None` for a WITH query.
pub(crate) fn stored_table(table: &RangeVar) -> Option<&'static Relation> {
    if table.schemaname.is_empty() {
        None
    } else {
        relation(&table.relname)
    }
}
