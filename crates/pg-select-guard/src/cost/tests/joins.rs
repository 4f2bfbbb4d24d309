//! Sorts, hash tables and merge joins.

use super::{check, refused, runs_as, settings, too_large, unchanged};

#[test]
fn rows_of_hashed_subplans_are_limited() {
    runs_as(
        "SELECT 1 FROM retail.orders WHERE customer_id NOT IN (SELECT customer_id FROM retail.customers)",
        "SELECT 1 FROM retail.orders WHERE NOT customer_id IN (SELECT CASE WHEN bounded.counted(row_number() OVER (), 645277) THEN fenced.value1 END \
         FROM (SELECT customer_id FROM retail.customers) fenced(value1))",
    );
    unchanged(
        "SELECT 1 FROM retail.orders WHERE customer_id IN (SELECT customer_id FROM retail.customers)",
    );
    assert!(
        !settings("SELECT store_id FROM retail.orders EXCEPT SELECT store_id FROM retail.stores")
            .allow_hash_agg
    );
}

#[test]
fn only_joins_by_key_are_hashed() {
    for text in [
        "SELECT 1 FROM retail.order_items i JOIN retail.orders o USING (order_id) JOIN retail.products p ON p.product_id = i.product_id",
        "SELECT 1 FROM retail.orders, retail.stores WHERE orders.store_id = stores.store_id",
        "SELECT 1 FROM retail.order_items i JOIN retail.inventory v USING (store_id, product_id)",
        "SELECT 1 FROM retail.orders",
        // Items are connected in a chain, in any order.
        "SELECT 1 FROM retail.stores s JOIN retail.orders o ON s.store_id = o.store_id JOIN retail.order_items i ON i.order_id = o.order_id",
        "SELECT 1 FROM retail.orders o LEFT JOIN retail.stores s USING (store_id)",
    ] {
        assert!(settings(text).allow_hash_join, "{text}");
    }
    for text in [
        // Rows of two items meet only in a third one, which both reference.
        "SELECT 1 FROM retail.orders a JOIN retail.stores s ON s.store_id = a.store_id JOIN retail.orders b ON s.store_id = b.store_id",
        "SELECT 1 FROM retail.orders o RIGHT JOIN (retail.orders a CROSS JOIN retail.stores s) USING (order_id)",
        "SELECT 1 FROM (retail.orders o JOIN retail.stores s USING (store_id)) AS j JOIN retail.customers c USING (customer_id)",
        "SELECT 1 FROM retail.orders o, generate_series(1, 10) g",
        "SELECT 1 FROM retail.stores s JOIN (SELECT a.store_id FROM retail.orders a, retail.orders b) o USING (store_id)",
        "SELECT 1 FROM retail.stores s JOIN (SELECT store_id, generate_series(1, 1000) FROM retail.orders) o USING (store_id)",
        "SELECT 1 FROM retail.orders a, retail.orders b",
        "SELECT 1 FROM retail.orders a JOIN retail.orders b USING (store_id)",
        "SELECT 1 FROM retail.orders a JOIN retail.order_items b ON a.order_id = a.order_id",
        "SELECT 1 FROM retail.stores s JOIN (SELECT store_id, repeat('x', 2000) AS t FROM retail.orders) o USING (store_id)",
    ] {
        assert!(!settings(text).allow_hash_join, "{text}");
    }
}

#[test]
fn long_sort_keys_lower_work_mem_or_are_refused() {
    assert_eq!(
        settings("SELECT store_name FROM retail.stores ORDER BY 1")
            .changed()
            .count(),
        0
    );
    assert_eq!(
        settings("SELECT repeat('x', 1000) || order_id AS t FROM retail.orders ORDER BY t")
            .changed()
            .collect::<Vec<_>>(),
        [("work_mem", "1332kB".to_owned())]
    );
    too_large(
        "SELECT repeat('x', 60000) || order_id AS t FROM retail.orders ORDER BY t",
        "would be sorted",
    );
    too_large(
        "SELECT order_id FROM retail.orders ORDER BY order_date LIMIT 10000000",
        "keep too many rows",
    );
    too_large(
        "SELECT product_description FROM retail.products ORDER BY 1 LIMIT (SELECT 10000000)",
        "keep too many rows",
    );
}

/// ORDER BY prefers an output column, GROUP BY an input column; the longer one counts.
#[test]
fn a_sort_key_resolves_to_an_input_or_output_column() {
    for text in [
        "SELECT repeat('x', 60000) AS store_name FROM retail.stores ORDER BY store_name",
        "SELECT 1 AS v FROM (SELECT repeat('x', 60000) AS v FROM retail.stores OFFSET 0) s GROUP BY v",
        "SELECT repeat('x', 60000) AS v FROM retail.stores GROUP BY ROLLUP (v)",
        "SELECT 1 FROM (SELECT repeat('x', 60000) AS v FROM retail.stores) s GROUP BY s.*",
        "SELECT 1 FROM (SELECT repeat('x', 60000) AS v FROM retail.stores) a JOIN (SELECT repeat('x', 60000) AS v FROM retail.stores) b USING (v)",
        "SELECT 1 FROM (SELECT repeat('x', 60000) AS v FROM retail.stores) a, (SELECT repeat('x', 60000) AS v FROM retail.stores) b WHERE a.v = b.v",
        "SELECT 1 FROM retail.stores WHERE repeat(store_name, 1000) IN (SELECT repeat('x', 60000) FROM retail.orders)",
    ] {
        too_large(text, "would be sorted");
    }
}

#[test]
fn subqueries_that_multiply_rows_are_not_hashed() {
    let cross = "SELECT 1 FROM retail.orders a, retail.orders b";
    let exists = format!("EXISTS ({cross} WHERE a.store_id = s.store_id)");
    // Below an OR, EXISTS could become a hashed subplan; OFFSET prevents that.
    runs_as(
        &format!("SELECT 1 FROM retail.stores s WHERE {exists} OR s.store_id = 1"),
        &format!(
            "SELECT 1 FROM retail.stores s WHERE EXISTS ({cross} WHERE a.store_id = s.store_id OFFSET 0) OR s.store_id = 1"
        ),
    );
    for condition in [exists.clone(), format!("NOT {exists}")] {
        let text = format!("SELECT 1 FROM retail.stores s WHERE {condition}");
        unchanged(&text);
        assert!(!settings(&text).allow_hash_join, "{text}");
    }
    let few = "SELECT 1 FROM retail.stores s WHERE EXISTS (SELECT 1 FROM retail.orders o WHERE o.store_id = s.store_id) OR s.store_id = 1";
    unchanged(few);
    let counted = |text: &str| {
        check(text)
            .expect(text)
            .sql()
            .contains("bounded.counted(row_number()")
    };
    assert!(counted(
        "SELECT 1 FROM retail.stores s WHERE s.store_id IN (SELECT a.store_id FROM retail.orders a, retail.orders b)"
    ));
    // A SubLink in the condition of an outer join is not pulled up.
    assert!(counted(
        "SELECT 1 FROM retail.stores s LEFT JOIN retail.orders o ON s.store_id IN (SELECT store_id FROM retail.stores)"
    ));
    // The number of columns must be known on one side.
    assert!(counted(
        "SELECT 1 FROM retail.stores s WHERE NOT ROW(s.*) IN (SELECT t.* FROM retail.stores t)"
    ));
    assert!(counted(
        "SELECT 1 FROM retail.stores s WHERE NOT s.store_id IN (SELECT * FROM unnest(ARRAY[1]))"
    ));
    refused(
        "SELECT 1 FROM retail.stores s WHERE NOT ROW(s.*) IN (SELECT * FROM unnest(ARRAY[s]))",
        "a row with * compared with a subquery",
    );
}

#[test]
fn sorts_and_hash_tables_are_found_everywhere() {
    let long = "SELECT repeat('x', 60000) || order_id AS v FROM retail.orders";
    for text in [
        format!("{long} UNION ALL SELECT 'y' ORDER BY 1"),
        format!("SELECT 1 FROM ({long}) a, ({long}) b WHERE a.v IN (b.v)"),
        format!("SELECT 1 FROM ({long}) a, ({long}) b WHERE NOT a.v <> b.v"),
        format!("SELECT 1 FROM ({long}) a, ({long}) b WHERE a.v = b.v AND a.v > '' OR a.v = b.v"),
    ] {
        too_large(&text, "would be sorted");
    }
    // The rows are few, but long.
    let fenced = |text: &str, words: &str| {
        let query = check(text).expect(text);
        assert!(query.sql().contains(words), "{}", query.sql());
    };
    fenced(
        "SELECT 1 FROM retail.stores WHERE 'x' IN (SELECT repeat('x', 20000) || order_id FROM retail.orders)",
        "bounded.counted",
    );
    fenced(
        "SELECT 1 FROM retail.stores s WHERE EXISTS (SELECT 1 FROM retail.orders o WHERE repeat('x', 20000) || o.order_id = s.store_name)",
        "OFFSET 0",
    );
    assert!(
        !settings("SELECT order_id, max(repeat('x', 10000)) FROM retail.orders GROUP BY 1")
            .allow_hash_agg
    );
    assert!(
        settings("SELECT store_id, max(order_date) FROM retail.orders GROUP BY 1").allow_hash_agg
    );
}

/// PostgreSQL plans merge joins in many orders of the compared columns.
#[test]
fn join_comparisons_are_counted() {
    let named = |columns: usize| {
        let columns: Vec<String> = (0..columns)
            .map(|place| format!("store_id + {place} AS a{place}"))
            .collect();
        format!(
            "WITH w AS (SELECT {} FROM retail.stores)",
            columns.join(", ")
        )
    };
    let list = |columns: usize, item: &str| {
        let columns = (0..columns).map(|place| format!("{item}a{place}"));
        columns.collect::<Vec<_>>().join(", ")
    };
    let joined = |columns: usize| {
        let with = named(columns);
        let (t, u) = (list(columns, "t."), list(columns, "u."));
        let (using, chain) = (
            list(columns, ""),
            list(columns, "t.").replace(", ", " AND u.a0 = "),
        );
        [
            format!("{with} SELECT 1 FROM w t NATURAL JOIN w u"),
            format!("{with} SELECT 1 FROM w t JOIN w u USING ({using})"),
            format!("{with} SELECT 1 FROM w t, w u WHERE ROW({t}) = ROW({u})"),
            format!("{with} SELECT 1 FROM w t, w u WHERE ROW(t.*) = ROW(u.*)"),
            format!("{with} SELECT 1 FROM w t, w u WHERE ({t}) IN (({u}))"),
            format!("{with} SELECT 1 FROM w t WHERE ({t}) IN (SELECT {u} FROM w u)"),
            format!("{with} SELECT 1 FROM w t, w u WHERE u.a0 = {chain}"),
            format!("{with} SELECT 1 FROM w t LEFT JOIN w u ON NOT (u.a0 <> {chain})"),
        ]
    };
    for text in joined(25) {
        too_large(&text, "too many comparisons of columns");
    }
    let merges = |text: &str| {
        let mut changed = settings(text).changed();
        !changed.any(|(name, _)| name == "enable_mergejoin")
    };
    for text in joined(24) {
        assert!(!merges(&text), "{text}");
    }
    for text in joined(16) {
        assert!(merges(&text), "{text}");
    }
    // A FULL JOIN is always planned as a merge join.
    let full = |columns| format!("{} SELECT 1 FROM w t NATURAL FULL JOIN w u", named(columns));
    too_large(&full(17), "a FULL JOIN beside too many comparisons");
    assert!(check(&full(16)).is_ok());
    // A comparison with a literal joins nothing.
    let values: Vec<String> = (0..100)
        .map(|value| format!("store_id = {value}"))
        .collect();
    unchanged(&format!(
        "SELECT 1 FROM retail.stores WHERE {}",
        values.join(" OR ")
    ));
}
