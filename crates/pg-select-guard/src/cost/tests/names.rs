//! Resolution of names and stars.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::Resolver;
use super::{Rule, check, refused, refused_by, runs_as, too_large, unchanged};

/// The columns that a join merges come first, and once.
#[test]
fn a_star_expands_in_postgresqls_order() {
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
            "repeat could produce a value",
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

/// PostgreSQL reads `row.name` as a call of `name` if the row has no such column.
#[test]
fn a_dot_does_not_call_a_function() {
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

/// PostgreSQL decides which of two items with one alias a reference denotes, so a column must exist
/// in both if one of them is a function.
#[test]
fn an_alias_of_a_function_counts_in_the_whole_statement() {
    for text in [
        "SELECT s.x FROM (SELECT 1 AS x) s WHERE EXISTS (SELECT 1 FROM lower('a') s)",
        "SELECT (SELECT s FROM lower('a') s), s.x FROM (SELECT 1 AS x) s",
        "SELECT s.x FROM lower('a') AS s(x), LATERAL (SELECT s.y FROM lower('b') AS s(y)) l",
    ] {
        refused_by(
            text,
            Rule::Column,
            "is not a column of the function s in FROM",
        );
    }
    unchanged("SELECT s.x FROM lower('a') s(x) WHERE EXISTS (SELECT s.x FROM upper('b') s(x))");
}

/// A reference that the analysis has not visited has passed no check.
#[test]
fn a_statement_with_an_unresolved_reference_is_refused() {
    let resolver = Resolver::new(Arc::default(), HashSet::from([7]));
    assert!(resolver.finish().is_err());
    assert!(
        Resolver::new(Arc::default(), HashSet::new())
            .finish()
            .is_ok()
    );
}

#[test]
fn an_ambiguous_name_counts_as_the_largest_candidate() {
    for text in [
        // Only PostgreSQL knows the columns of the row; one of them may shadow the short outer
        // value.
        "SELECT (SELECT repeat(value, 1000) FROM (SELECT (jsonb_each_text(jsonb_build_object('a', repeat('x', 60000)))).*) q) FROM (SELECT 'y'::text AS value) o",
        "SELECT (SELECT repeat(v, 1000) FROM (SELECT (SELECT * FROM (SELECT repeat('x', 60000) AS v) a)) q) FROM (SELECT 'y'::text AS v) o",
        "SELECT repeat(s::text, 1000) FROM (SELECT repeat('x', 20000) AS a, repeat('x', 20000) AS b) s",
    ] {
        too_large(text, "could produce a value");
    }
    // A name qualified by a schema denotes a table.
    unchanged(
        "SELECT repeat(retail.orders.store_id::text, 1000) FROM retail.orders, (SELECT (SELECT repeat('x', 60000)) AS store_id) s",
    );
}

/// A withheld column is refused by its name. Where something else could denote it, it does not
/// exist.
#[test]
fn a_withheld_column_does_not_exist() {
    let columns = "(SELECT store_id, store_name, is_online FROM retail.stores)";
    for (text, expected) in [
        (
            "SELECT * FROM stores",
            format!("SELECT * FROM {columns} stores"),
        ),
        (
            "SELECT s.* FROM stores s JOIN orders o USING (store_id)",
            format!("SELECT s.* FROM {columns} s JOIN retail.orders o USING (store_id)"),
        ),
        (
            "SELECT row_to_json(s) FROM stores s",
            format!("SELECT row_to_json(s) FROM {columns} s"),
        ),
        (
            "SELECT nothing FROM stores",
            format!("SELECT nothing FROM {columns} stores"),
        ),
        (
            "SELECT s.nothing FROM stores s",
            format!("SELECT s.nothing FROM {columns} s"),
        ),
        (
            "SELECT d FROM stores AS x(a, b, d, e)",
            format!("SELECT d FROM {columns} x(a, b, d, e)"),
        ),
        (
            "SELECT 1 FROM stores a NATURAL JOIN stores b",
            format!("SELECT 1 FROM {columns} a NATURAL JOIN {columns} b"),
        ),
        (
            "SELECT retail.stores.*, retail.stores.store_id FROM retail.stores",
            format!("SELECT stores.*, stores.store_id FROM {columns} stores"),
        ),
    ] {
        runs_as(text, &expected);
    }
    for text in [
        "SELECT rls_user_id FROM retail.stores",
        "SELECT s.rls_user_id FROM retail.stores s",
        "SELECT retail.stores.rls_user_id FROM retail.stores",
        "SELECT count(*) FROM retail.stores WHERE (store_id, rls_user_id) IN (SELECT 1, NULL)",
        "SELECT store_name FROM retail.stores ORDER BY rls_user_id",
        "SELECT count(*) FROM retail.stores GROUP BY rls_user_id",
        "SELECT 1 FROM retail.stores a JOIN retail.stores b USING (rls_user_id)",
        "SELECT (SELECT rls_user_id) FROM retail.stores",
        "SELECT 1 FROM retail.orders o JOIN retail.stores s ON s.rls_user_id IS NULL",
        "SELECT 1 FROM retail.stores s, LATERAL (SELECT s.rls_user_id) l",
        "SELECT rank() OVER (ORDER BY rls_user_id) FROM retail.stores",
        "SELECT DISTINCT ON (rls_user_id) store_name FROM retail.stores",
    ] {
        refused_by(
            text,
            Rule::Column,
            "its columns are store_id, store_name, is_online",
        );
    }
    // A column that the statement itself names so is another one.
    unchanged("SELECT rls_user_id FROM (SELECT store_id AS rls_user_id FROM retail.stores) s");
    unchanged(
        "SELECT s.store_name, count(*) FROM retail.stores s JOIN retail.orders USING (store_id) GROUP BY 1",
    );
}

/// Grouping by the primary key of a table with withheld columns adds its dependent columns.
/// Whole-row references to other items do not concern the table.
#[test]
fn columns_that_depend_on_a_grouped_key_are_added() {
    let columns = "(SELECT store_id, store_name, is_online FROM retail.stores)";
    let from = format!("FROM {columns} s JOIN retail.orders o USING (store_id) GROUP BY");
    let rest = "s.store_name, s.is_online";
    for (text, expected) in [
        (
            "SELECT s.*, count(*) FROM stores s JOIN orders o USING (store_id) GROUP BY s.store_id",
            format!("SELECT s.*, count(*) {from} s.store_id, {rest}"),
        ),
        (
            "SELECT count(*), s.* FROM stores s JOIN orders o USING (store_id) GROUP BY 2, s.is_online",
            format!("SELECT count(*), s.* {from} 2, s.is_online, s.store_name"),
        ),
        (
            "SELECT s.store_id AS k, row_to_json(s) FROM stores s JOIN orders o USING (store_id) GROUP BY k",
            format!("SELECT s.store_id AS k, row_to_json(s) {from} k, {rest}, s.*"),
        ),
        (
            "SELECT s.*, o.order_id FROM stores s JOIN orders o USING (store_id) GROUP BY (o.order_id, store_id)",
            format!("SELECT s.*, o.order_id {from} (o.order_id, store_id), {rest}"),
        ),
        (
            "SELECT * FROM stores GROUP BY 1",
            format!(
                "SELECT * FROM {columns} stores GROUP BY 1, stores.store_name, stores.is_online"
            ),
        ),
        (
            "SELECT s.c, count(*) FROM stores s(a, b, c) GROUP BY a",
            format!("SELECT s.c, count(*) FROM {columns} s(a, b, c) GROUP BY a, s.b, s.c"),
        ),
        // Not grouped by the key itself: unchanged.
        (
            "SELECT s.is_online, count(s) FROM stores s GROUP BY s.is_online",
            format!("SELECT s.is_online, count(s) FROM {columns} s GROUP BY s.is_online"),
        ),
        (
            "SELECT s.*, count(*) FROM stores s JOIN orders o USING (store_id) GROUP BY o.store_id",
            format!("SELECT s.*, count(*) {from} o.store_id"),
        ),
        (
            "SELECT s.*, count(*) FROM stores s JOIN orders o USING (store_id) GROUP BY s.store_id + 1",
            format!("SELECT s.*, count(*) {from} s.store_id + 1"),
        ),
        (
            "SELECT s.*, count(*) FROM stores s JOIN orders o USING (store_id) GROUP BY ROLLUP (s.store_id)",
            format!("SELECT s.*, count(*) {from} ROLLUP (s.store_id)"),
        ),
    ] {
        runs_as(text, &expected);
    }
    for text in [
        "SELECT s.store_name, count(o) FROM retail.stores s LEFT JOIN retail.orders o USING (store_id) GROUP BY s.store_id",
        "SELECT s.store_name, to_jsonb(o) FROM retail.stores s JOIN retail.orders o USING (store_id)",
        "SELECT s.store_name, (SELECT count(o) FROM retail.orders o) FROM retail.stores s",
        "SELECT s.store_name, (SELECT row_to_json(o)) FROM retail.stores s JOIN retail.orders o USING (store_id)",
    ] {
        unchanged(text);
    }
    for text in [
        "SELECT s.store_name, count(o), s.rls_user_id FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY s.store_id",
        "SELECT s.*, count(*) FROM retail.stores s GROUP BY s.store_id, s.rls_user_id",
        "SELECT s.*, count(*) FROM retail.stores s GROUP BY s.store_id HAVING max(s.rls_user_id::text) > ''",
        "SELECT count(o) FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY s.store_id ORDER BY rls_user_id",
    ] {
        refused_by(
            text,
            Rule::Column,
            "its columns are store_id, store_name, is_online",
        );
    }
}

/// Items with the name of a withheld column or of a system column.
#[test]
fn an_item_named_like_a_withheld_column_shadows_it() {
    let columns = "(SELECT store_id, store_name, is_online FROM retail.stores)";
    runs_as(
        "SELECT count(rls_user_id) FROM stores s, orders rls_user_id WHERE s.store_id = rls_user_id.store_id",
        &format!(
            "SELECT count(rls_user_id) FROM {columns} s, retail.orders rls_user_id WHERE s.store_id = rls_user_id.store_id"
        ),
    );
    runs_as(
        "SELECT (SELECT row_to_json(s) FROM orders o) FROM stores s JOIN (SELECT 1 AS a) o ON true",
        &format!(
            "SELECT (SELECT row_to_json(s) FROM retail.orders o) FROM {columns} s JOIN (SELECT 1 AS a) o ON true"
        ),
    );
}

#[test]
fn json_array_of_a_query_takes_one_column() {
    for query in [
        "SELECT * FROM orders",
        "SELECT 1, 2",
        "VALUES (1, 2)",
        "SELECT FROM orders",
    ] {
        let text = format!("SELECT JSON_ARRAY({query})");
        refused(&text, "subquery must return only one column");
    }
    runs_as(
        "SELECT JSON_ARRAY(SELECT s.* FROM (SELECT 1 AS a) s)",
        "SELECT (SELECT CASE WHEN bounded.admits(2112) THEN JSON_ARRAYAGG(fenced.value1) END AS \"json_arrayagg\" \
         FROM (SELECT s.* FROM (SELECT 1 AS a) s) fenced(value1)) AS \"json_array\"",
    );
}
