//! What `types.tsv` says of a type, in the bounds of statements.

use super::*;

#[test]
fn a_type_that_is_not_listed_is_refused() {
    for name in [
        "regclass",
        "xml",
        "oid",
        "name",
        "pg_catalog.vector",
        "public.int4",
        "pg_lsn",
    ] {
        refused(&format!("SELECT NULL::{name}"), "is not allowed");
        refused(&format!("SELECT NULL::{name}[]"), "is not allowed");
    }
    unchanged("SELECT NULL::vector");
}
