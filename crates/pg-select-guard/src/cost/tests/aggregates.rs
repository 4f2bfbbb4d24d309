//! Accumulating aggregates, and the expressions that replace them.

use super::{check, refused, runs_as, settings, too_large, unchanged};

#[test]
fn accumulating_aggregates_are_weighed() {
    runs_as(
        "SELECT array_agg(order_id ORDER BY order_date) FILTER (WHERE store_id = 1) FROM retail.orders",
        "SELECT CASE WHEN bounded.admits(60) FILTER (WHERE store_id = 1) THEN array_agg(order_id ORDER BY order_date) FILTER (WHERE store_id = 1) END AS array_agg \
         FROM retail.orders",
    );
    runs_as(
        "SELECT string_agg(DISTINCT store_name, ', ') FROM retail.stores",
        "SELECT CASE WHEN bounded.admits_distinct(DISTINCT store_name, 246) THEN string_agg(DISTINCT store_name, ', ') END AS string_agg FROM retail.stores",
    );
    runs_as(
        "SELECT ARRAY(SELECT store_id FROM retail.stores ORDER BY 1)",
        "SELECT COALESCE((SELECT CASE WHEN bounded.admits(60) THEN array_agg(fenced.value1) END FROM (SELECT store_id FROM retail.stores ORDER BY 1) fenced(value1)), '{}') AS \"array\"",
    );
    assert!(check("SELECT 1 FROM retail.orders WHERE store_id = ANY (ARRAY(SELECT store_id FROM retail.stores))").is_ok());
    // Two aggregates share the budget.
    assert!(
        check("SELECT array_agg(order_id), array_agg(store_id) FROM retail.orders")
            .expect("allowed")
            .sql()
            .contains("bounded.admits(120)")
    );
    assert!(
        !settings("SELECT store_id, array_agg(order_id) FROM retail.orders GROUP BY 1")
            .allow_hash_agg
    );
    assert!(settings("SELECT store_id, count(*) FROM retail.orders GROUP BY 1").allow_hash_agg);
}

/// An expression that replaces a call keeps the call's column name.
#[test]
fn a_column_keeps_its_name_when_its_expression_is_replaced() {
    for (text, name) in [
        ("SELECT array_agg(store_id) FROM retail.stores", "array_agg"),
        (
            "SELECT ARRAY(SELECT store_id FROM retail.stores)",
            "\"array\"",
        ),
        (
            "SELECT array_agg(store_id)::text FROM retail.stores",
            "array_agg",
        ),
        (
            "SELECT (SELECT jsonb_agg(store_id) FROM retail.stores)",
            "jsonb_agg",
        ),
    ] {
        let query = check(text).expect(text);
        assert!(
            query.sql().contains(&format!("AS {name}")),
            "{}",
            query.sql()
        );
    }
    unchanged("SELECT count(*), CASE WHEN true THEN 1 END, 1 FROM retail.stores");
    runs_as(
        "SELECT r.array_agg FROM (SELECT array_agg(store_id) FROM retail.stores) r",
        "SELECT r.array_agg FROM (SELECT CASE WHEN bounded.admits(60) THEN array_agg(store_id) END AS array_agg FROM retail.stores) r",
    );
}

/// PostgreSQL evaluates an aggregate over an outer query's columns in that query. The weighing
/// aggregate beside it would stay in the inner one.
#[test]
fn an_aggregate_of_outer_columns_is_refused() {
    for text in [
        "SELECT (SELECT array_agg(o.order_id)) FROM retail.orders o",
        "SELECT (SELECT string_agg(o.order_id::text, ',' ORDER BY o.order_date) FROM retail.stores) FROM retail.orders o",
        "SELECT (SELECT array_agg(s.store_id) FILTER (WHERE o.order_id > 1) FROM retail.stores s) FROM retail.orders o",
        "SELECT (SELECT string_agg(DISTINCT o.order_id::text, s.store_name) FROM retail.stores s) FROM retail.orders o",
        "SELECT (SELECT jsonb_agg(o) FROM retail.stores) FROM retail.orders o",
    ] {
        refused(text, "of an outer query's columns");
    }
    for text in [
        "SELECT (SELECT array_agg(s.store_id + o.store_id) FROM retail.stores s) FROM retail.orders o",
        "SELECT (SELECT array_agg(1) FROM retail.stores s) FROM retail.orders o",
        "SELECT array_agg((SELECT max(s.store_id) FROM retail.stores s)) FROM retail.orders o",
        "SELECT array_agg(x) FROM unnest(ARRAY[1, 2]) AS x",
        "SELECT array_agg(o.order_id) OVER () FROM retail.orders o",
    ] {
        assert!(check(text).is_ok(), "{text}: {:?}", check(text));
    }
}

#[test]
fn an_ordered_set_aggregate_is_as_long_as_its_sort_key() {
    too_large(
        "SELECT repeat(mode() WITHIN GROUP (ORDER BY repeat('x', 20000)), 2000) FROM retail.orders",
        "could produce a value",
    );
    too_large(
        "SELECT percentile_disc(array_fill(0.5::float8, ARRAY[300])) WITHIN GROUP (ORDER BY repeat('x', 20000)) FROM retail.orders",
        "could produce a value",
    );
    unchanged(
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY total_amount), mode() WITHIN GROUP (ORDER BY store_id) FROM retail.order_items",
    );
}

/// DISTINCT compares all arguments together.
#[test]
fn distinct_over_several_arguments_counts_every_row() {
    for text in [
        "SELECT string_agg(DISTINCT lower('A'), repeat('y', 100) || order_id) FROM retail.orders",
        "SELECT jsonb_object_agg(DISTINCT lower('k'), order_id) FROM retail.orders",
    ] {
        let query = check(text).expect(text);
        assert!(query.sql().contains("bounded.admits("), "{}", query.sql());
    }
}

/// A value can be short in memory and long as a text, so long values are weighed by their text.
#[test]
fn nested_accumulated_values_are_weighed_by_their_length() {
    let query = check("SELECT json_agg(t) FROM (SELECT store_id, json_agg(order_id) AS orders FROM retail.orders GROUP BY 1) t").expect("allowed");
    let weight = "COALESCE(pg_catalog.octet_length(pg_catalog.to_json(t)::pg_catalog.text), 0)";
    assert!(query.sql().contains(weight), "{}", query.sql());
    let query = check("SELECT string_agg(x, ', ') FROM (SELECT repeat(store_name, 100) AS x FROM retail.stores) t").expect("allowed");
    assert!(
        query
            .sql()
            .contains("COALESCE(pg_catalog.octet_length(x::pg_catalog.text), 0)"),
        "{}",
        query.sql()
    );
    // JSON is embedded into JSON without quoting.
    for text in [
        "SELECT jsonb_build_object('all', (SELECT jsonb_agg(order_id) FROM retail.orders), 'n', count(*)) FROM retail.orders",
        "SELECT json_build_object('all', coalesce((SELECT json_agg(order_id) FROM retail.orders), '[]'))",
        "SELECT jsonb_agg(jsonb_build_object('s', store_id, 'o', (SELECT jsonb_agg(order_id) FROM retail.orders o WHERE o.store_id = s.store_id))) FROM retail.stores s",
    ] {
        assert!(
            check(text).is_ok(),
            "{text}\n  {:?}",
            check(text).map_err(|refusal| refusal.to_string())
        );
    }
}
