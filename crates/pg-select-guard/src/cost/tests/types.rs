//! What `types.tsv` says of a type, in the bounds of statements.

use super::*;

#[track_caller]
fn accepted(text: &str) {
    if let Err(refusal) = check(text) {
        panic!("{text}\n  refused: {refusal}");
    }
}

/// An entry of 24 bytes for each word is held while a text is read, in an array that doubles.
#[test]
fn reading_words_counts_what_is_held_beside_the_value() {
    let text = vec!["repeat(product_description, 32)"; 20].join(", ");
    let casts = |count: usize| vec![format!("concat({text})::tsvector"); count].join(", ");
    accepted(&format!("SELECT {} FROM products", casts(1)));
    refused(
        &format!("SELECT {} FROM products", casts(4)),
        "MiB of values at once",
    );
}

/// A value of a document that is extended to its declared length is longer than the document.
#[test]
fn sql_json_counts_the_declared_length_of_a_number() {
    let fill = |returned: &str| {
        format!("SELECT array_fill(JSON_VALUE('1', '$' RETURNING {returned}), ARRAY[10000])")
    };
    accepted(&fill("numeric(10, 2)"));
    too_large(&fill("numeric(1000, 900)"), "");
    too_large(
        "SELECT array_fill(v, ARRAY[10000]) FROM JSON_TABLE('1', '$' COLUMNS (v numeric(1000, 900) PATH '$')) AS t",
        "",
    );
}

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
