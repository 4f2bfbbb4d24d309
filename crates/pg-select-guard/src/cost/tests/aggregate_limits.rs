//! Limits of accumulated values, by how a statement uses them.

use super::{check, runs_as, too_large, unchanged};

/// Only a value that needs a limit gets one, and it gets the largest that suffices.
#[test]
fn a_used_aggregate_gets_the_largest_limit_that_suffices() {
    runs_as(
        "SELECT json_build_object('names', string_agg(store_name, ', ')) FROM retail.stores",
        "SELECT json_build_object('names', bounded.collected(CASE WHEN bounded.admits(246) THEN string_agg(store_name, ', ') END, 1048576)) FROM retail.stores",
    );
    runs_as(
        "SELECT basket, count(*) FROM (SELECT array_agg(product_id) AS basket FROM retail.order_items GROUP BY order_id) b GROUP BY basket",
        "SELECT basket, count(*) FROM (SELECT CASE WHEN bounded.few_collected(bounded.weighs(60), 3, 24576) THEN array_agg(product_id) END AS basket FROM retail.order_items GROUP BY order_id) b GROUP BY basket",
    );
    runs_as(
        "SELECT array_agg(DISTINCT store_id) AS x FROM retail.orders GROUP BY customer_id ORDER BY x",
        "SELECT CASE WHEN bounded.few_collected(bounded.weighs_distinct(DISTINCT store_id, 60), 3, 24576) THEN array_agg(DISTINCT store_id) END AS x FROM retail.orders GROUP BY customer_id ORDER BY x",
    );
    runs_as(
        "SELECT ARRAY(SELECT store_id FROM retail.stores) AS x ORDER BY x",
        "SELECT COALESCE((SELECT CASE WHEN bounded.few_collected(bounded.weighs(60), 3, 24576) THEN array_agg(fenced.value1) END FROM (SELECT store_id FROM retail.stores) fenced(value1)), '{}') AS x ORDER BY x",
    );
    for (text, limit) in [
        ("SELECT json_agg(store_name) FROM retail.stores", None),
        (
            "SELECT string_agg(store_name, ', ') AS x, count(*) FROM retail.stores ORDER BY 2",
            None,
        ),
        (
            "SELECT (SELECT string_agg(store_name, ', ') FROM retail.stores), product_name FROM retail.products ORDER BY product_name LIMIT 100",
            Some(256 << 10),
        ),
        (
            "SELECT string_agg(store_name, ', ') AS x FROM retail.stores ORDER BY x",
            Some(24 << 10),
        ),
        (
            "SELECT upper(string_agg(store_name, ', ')) AS x FROM retail.stores ORDER BY x",
            Some(8_000),
        ),
    ] {
        let query = check(text).expect(text);
        let limited = query.sql().split("END, ").nth(1);
        let found = limited.and_then(|rest| rest.split(')').next()?.parse::<u64>().ok());
        assert_eq!(found, limit, "{}", query.sql());
    }
    unchanged("SELECT store_id, count(*) FROM retail.orders GROUP BY 1 ORDER BY 2");
}

/// A limit applies to a whole query; equal aggregates in it stay equal.
#[test]
fn only_the_query_that_needs_a_limit_gets_one() {
    let query = check(
        "SELECT json_agg(t) FROM (SELECT x, count(*) AS n FROM (SELECT string_agg(sku, ',') AS x FROM retail.products GROUP BY type_id) b GROUP BY x) t",
    )
    .expect("allowed");
    assert_eq!(query.sql().matches("bounded.collected(").count(), 1);
    assert!(
        query.sql().starts_with("SELECT CASE WHEN bounded.admits("),
        "{}",
        query.sql()
    );
    let query = check(
        "SELECT DISTINCT type_id, string_agg(sku, ',') FROM retail.products GROUP BY type_id ORDER BY string_agg(sku, ',')",
    )
    .expect("allowed");
    assert_eq!(
        query.sql().matches(", 24576)").count(),
        2,
        "{}",
        query.sql()
    );
}

/// Long elements are weighed by their size in memory too, where a digit can take eight bytes.
#[test]
fn long_elements_of_a_sorted_array_are_weighed_by_text_and_memory() {
    let query = check(
        "SELECT array_agg(a) AS x FROM (SELECT array_fill(1::float8, ARRAY[100]) AS a FROM retail.stores) t ORDER BY x",
    )
    .expect("allowed");
    let length = "COALESCE(GREATEST(pg_catalog.pg_column_size(a), pg_catalog.octet_length(a::pg_catalog.text)), 0)";
    assert!(query.sql().contains(length), "{}", query.sql());
}

/// The refusal describes the statement as it was sent, not the last attempt with a limit.
#[test]
fn a_statement_too_large_under_every_limit_is_refused() {
    for (text, words) in [
        (
            "SELECT repeat(string_agg(store_name, ''), 10000) FROM retail.stores",
            "repeat could produce a value",
        ),
        (
            "SELECT repeat(string_agg(store_name, ''), 20) AS x FROM retail.stores ORDER BY x",
            "repeat could produce a value",
        ),
        (
            "SELECT string_agg(x, '') FROM (SELECT repeat('x', 30000) AS x FROM retail.stores ORDER BY x) t",
            "values of up to 30064 bytes",
        ),
    ] {
        too_large(text, words);
    }
}
