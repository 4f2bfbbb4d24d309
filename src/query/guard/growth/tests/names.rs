//! What names and stars stand for.

use super::{check, refused, too_large, unchanged};

/// The columns that a join merges come first, and once.
#[test]
fn a_star_stands_for_columns_in_postgresqls_order() {
    let (short, long) = (
        "(SELECT 1 AS x, 2 AS y) a",
        "(SELECT 1 AS x, repeat('x', 60000) AS z) b",
    );
    for from in [
        format!("(SELECT * FROM {short} JOIN {long} USING (x)) s(p, q, r)"),
        format!("(SELECT * FROM {short} NATURAL JOIN {long}) s(p, q, r)"),
        format!("({short} JOIN {long} USING (x)) s(p, q, r)"),
        format!("(SELECT 0, j.* FROM ({short} JOIN {long} USING (x)) j) s(o, p, q, r)"),
        format!("(SELECT b.*, a.* FROM {short} JOIN {long} USING (x)) s(p, r)"),
    ] {
        too_large(
            &format!("SELECT repeat(r, 1000) FROM {from}"),
            "repeat could make a value",
        );
        let short = format!("SELECT repeat(p::text, 100) FROM {from}");
        assert!(check(&short).is_ok(), "{short}");
    }
    refused(
        "SELECT j.x FROM (SELECT 1 AS x) a JOIN (SELECT 1 AS x) b USING (x) AS j",
        "USING",
    );
    refused("SELECT q.* FROM (SELECT 1 AS x) a", "");
}

/// `row.name` is a call of `name` where the row has no such column.
#[test]
fn a_dot_calls_nothing() {
    for text in [
        "SELECT a.array_agg FROM retail.order_items a, retail.order_items b",
        "SELECT s.factorial FROM generate_series(1, 3) s",
        "SELECT s.to_tsvector FROM lower('a') AS s(word)",
        "SELECT o.count FROM retail.orders o",
    ] {
        refused(text, "");
    }
    unchanged("SELECT s.count, s.max FROM (SELECT count(*), max(store_id) FROM retail.stores) s");
}

#[test]
fn a_name_means_the_largest_that_it_can() {
    for text in [
        // Only PostgreSQL knows what the row is made of; it may hide the short value further out.
        "SELECT (SELECT repeat(value, 1000) FROM (SELECT (jsonb_each_text(jsonb_build_object('a', repeat('x', 60000)))).*) q) FROM (SELECT 'y'::text AS value) o",
        "SELECT (SELECT repeat(v, 1000) FROM (SELECT (SELECT * FROM (SELECT repeat('x', 60000) AS v) a)) q) FROM (SELECT 'y'::text AS v) o",
        "SELECT repeat(s::text, 1000) FROM (SELECT repeat('x', 20000) AS a, repeat('x', 20000) AS b) s",
    ] {
        too_large(text, "could make a value");
    }
    // With a schema, a table.
    unchanged(
        "SELECT repeat(retail.stores.store_name, 1000) FROM retail.stores, (SELECT (SELECT repeat('x', 60000)) AS store_name) s",
    );
}
