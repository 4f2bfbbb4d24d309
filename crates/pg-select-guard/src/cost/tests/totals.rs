//! Constructs that are harmless once, but not many times.

use super::{check, refused, settings, too_large, unchanged};

/// PostgreSQL's parser copies the operands of BETWEEN and IN.
#[test]
fn copies_made_by_the_parser_are_counted() {
    let mut between = "true".to_owned();
    let mut within = "is_online".to_owned();
    let mut selects = "(SELECT true)".to_owned();
    for _ in 0..10 {
        between = format!("({between}) BETWEEN SYMMETRIC false AND true");
        within = format!("({within} IN (is_online, is_online, is_online, is_online))");
    }
    for _ in 0..4 {
        selects = format!("({selects}) BETWEEN SYMMETRIC false AND true");
    }
    too_large(&format!("SELECT {between}"), "");
    too_large(
        &format!("SELECT {within} FROM retail.stores"),
        "too many comparisons of columns",
    );
    too_large(
        &format!("SELECT {selects}"),
        "too many tables and subqueries",
    );
    let concat = format!("{}store_name{}", "concat(1, ".repeat(30), ")".repeat(30));
    let items = vec!["store_name"; 1000].join(", ");
    too_large(
        &format!("SELECT 1 FROM retail.stores WHERE {concat} IN ({items})"),
        "the query is too large",
    );
    let numbers = vec!["1"; 1000].join(", ");
    unchanged(&format!(
        "SELECT 1 FROM retail.stores WHERE store_id IN ({numbers})"
    ));
    unchanged("SELECT 1 FROM retail.orders WHERE order_date BETWEEN '2025-01-01' AND '2025-02-01'");
}

/// A copied operand counts with all its totals.
#[test]
fn a_copied_sub_link_counts_its_totals_again() {
    let copied = |select: &str| {
        format!(
            "SELECT 1 FROM retail.stores \
             WHERE ((({select}) BETWEEN SYMMETRIC false AND true) BETWEEN false AND true) IS NULL"
        )
    };
    // Eight copies share the budget of one.
    let hashed = copied("store_id NOT IN (SELECT store_id FROM retail.orders)");
    let query = check(&hashed).expect("allowed");
    assert!(query.sql().contains("OVER (), 80659)"), "{}", query.sql());
    // One is short enough to be sorted, eight are not.
    let sorted = "(SELECT t FROM (SELECT rpad(order_id::text, 4000) AS t FROM retail.orders ORDER BY 1 OFFSET 0) s LIMIT 1) = 'a'";
    assert!(check(&format!("SELECT {sorted}")).is_ok());
    too_large(&copied(sorted), "too many sorts");
    let held = "length((SELECT repeat('x', 9000000))) = 1";
    assert!(check(&format!("SELECT {held}")).is_ok());
    too_large(&copied(held), "at once");
}

/// PostgreSQL keeps each sort until the statement ends.
#[test]
fn sorts_share_work_mem() {
    let long = "(SELECT count(*) FROM (SELECT repeat('x', 20000) || g AS t FROM generate_series(1, 3000) g ORDER BY 1 OFFSET 0) s)";
    too_large(
        &format!("SELECT {}", [long; 4].join(", ")),
        "too many sorts",
    );
    let work_mem = |text: &str| {
        let changed: Vec<_> = settings(text).changed().collect();
        let found = changed.into_iter().find(|(name, _)| *name == "work_mem");
        found.map(|(_, value)| value)
    };
    assert_eq!(
        work_mem(
            "SELECT store_id, count(DISTINCT customer_id) FROM retail.orders GROUP BY 1 ORDER BY 2"
        ),
        None
    );
    let distinct: Vec<String> = (0..100)
        .map(|n| format!("count(DISTINCT order_id + {n})"))
        .collect();
    assert_eq!(
        work_mem(&format!(
            "SELECT {} FROM retail.orders",
            distinct.join(", ")
        )),
        Some("487kB".to_owned())
    );
    let sets = vec!["()"; 64].join(", ");
    assert!(
        work_mem(&format!(
            "SELECT count(DISTINCT order_id + 0) FROM retail.orders GROUP BY GROUPING SETS ({sets})"
        ))
        .is_some()
    );
}

#[test]
fn hashed_subplans_share_their_budget() {
    let text = "SELECT 1 FROM retail.orders WHERE customer_id NOT IN (SELECT customer_id FROM retail.customers) \
                AND store_id NOT IN (SELECT store_id FROM retail.stores)";
    let query = check(text).expect("allowed");
    assert_eq!(
        query.sql().matches("OVER (), 322638)").count(),
        2,
        "{}",
        query.sql()
    );
}

#[test]
fn long_from_lists_use_geqo() {
    let joined = |count: usize| {
        let tables: Vec<String> = (0..count).map(|n| format!("retail.stores s{n}")).collect();
        settings(&format!("SELECT 1 FROM {}", tables.join(", ")))
            .changed()
            .any(|(name, _)| name == "geqo_threshold")
    };
    assert!(!joined(8));
    assert!(joined(9));
    let functions = vec!["generate_series(1, 10)"; 65].join(", ");
    too_large(
        &format!("SELECT 1 FROM ROWS FROM ({functions}) g"),
        "too many tables",
    );
    let arrays = vec!["ARRAY[1]"; 65].join(", ");
    too_large(
        &format!("SELECT 1 FROM unnest({arrays}) g"),
        "too many tables",
    );
}

/// A short text can take much memory or time to parse.
#[test]
fn memory_of_parsing_and_rebuilding_is_counted() {
    for text in [
        "SELECT cardinality(('{' || repeat('a,', 140000) || 'a}')::tsvector[])",
        "SELECT cardinality(('{' || repeat('0,', 140000) || '0}')::jsonb[])",
        "SELECT repeat('1', 3000000) IS JSON WITH UNIQUE KEYS",
        "SELECT length(to_tsvector(repeat('a-', 1000000)))",
        "SELECT length(to_tsvector('simple', repeat('a b ', 390000)))",
        "SELECT regexp_count(repeat('x', 8000000), 'x')",
        "SELECT repeat('x', 8000000) ~ 'x'",
        "SELECT regexp_substr(repeat('x', 8000000), 'x+')",
        "SELECT substring(repeat('x', 8000000) FROM 'x+')",
        "SELECT to_number('1', repeat('9', 30000))",
        "SELECT to_date('x', repeat('Y', 30000))",
        "SELECT v - 0 - 0 - 0 - 0 FROM (SELECT ('[' || repeat('{},', 60000) || '{}]')::jsonb AS v OFFSET 0) s",
        "SELECT ts_headline(repeat('q ', 30000), 'q'::tsquery)",
        "SELECT ts_headline('q', repeat('q & ', 1000)::tsquery)",
        "SELECT normalize(repeat('x', 8000)), normalize(repeat('y', 8000)), normalize(repeat('z', 8000))",
        "SELECT stddev(1e130000 - g) FROM generate_series(1, 3) g",
        "SELECT mod(1e130000, 7)",
        "SELECT repeat('x', 3000000)::int",
        "SELECT jsonb_path_exists('\"a\"', '$ ? (@ LIKE_REGEX \"^a\")')",
    ] {
        too_large(text, "");
    }
    refused("SELECT (ROW(1, 2)).*", "without ROW");
    // The query is planned once more for each of them.
    let extremes = ["max(order_id)", "min(order_id)", "max(store_id)"].join(", ");
    too_large(
        &format!(
            "SELECT {extremes} FROM retail.orders WHERE repeat('x', 12000000) || store_id <> 'x'"
        ),
        "at once",
    );
    too_large(
        "EXPLAIN SELECT 1 FROM retail.orders WHERE store_id::text <> repeat('x', 2000000)",
        "at once",
    );
    unchanged("EXPLAIN SELECT store_id, max(order_date) FROM retail.orders GROUP BY store_id");
}

/// PostgreSQL plans EXISTS in two ways, which doubles at each nesting.
#[test]
fn an_exists_planned_both_ways_counts_twice() {
    let nested = |depth: usize| {
        let inner = (0..depth).fold("true".to_owned(), |inner, level| {
            let (this, outer) = (depth - level, depth - level - 1);
            format!("EXISTS (SELECT FROM retail.orders a{this} WHERE a{this}.order_id = a{outer}.order_id AND ({inner} OR a{this}.store_id = 0))")
        });
        format!("SELECT 1 FROM retail.orders a0 WHERE {inner} OR a0.store_id = 0")
    };
    assert!(check(&nested(3)).is_ok());
    too_large(&nested(6), "too many tables and subqueries");
}

/// Only sorts and joins hold several rows at once.
#[test]
fn long_rows_in_sorts_and_joins_are_counted() {
    let long = |times: usize| vec!["repeat(store_name, 100000)"; times].join(", ");
    let most = "over all its sorts and joins";
    assert!(check(&format!("SELECT {} FROM retail.stores", long(5))).is_ok());
    for text in [
        format!("SELECT {} FROM retail.stores ORDER BY store_id", long(5)),
        format!("SELECT row_number() OVER (ORDER BY store_id), {} FROM retail.stores", long(5)),
        format!(
            "SELECT 1 FROM (SELECT {} FROM retail.stores OFFSET 0) a, retail.stores b",
            long(5)
        ),
        format!(
            "SELECT count(*) FROM (SELECT store_id, {} FROM retail.stores OFFSET 0) a GROUP BY store_id",
            long(5)
        ),
        "SELECT any_value(repeat(store_name, 100000) ORDER BY store_id) FROM retail.stores GROUP BY GROUPING SETS ((), (), (), (), ())".to_owned(),
    ] {
        too_large(&text, most);
    }
    let sorted = settings(&format!(
        "SELECT {} FROM retail.stores ORDER BY store_id",
        long(1)
    ));
    assert!(
        sorted
            .changed()
            .any(|(name, value)| name == "work_mem" && value == "1024kB")
    );
}

/// The analysis must not cost more than what it bounds.
#[test]
fn expanded_stars_count_their_columns() {
    let doubled = (0..12).fold("SELECT '', ''".to_owned(), |inner, _| {
        format!("SELECT t.*, t.* FROM ({inner}) t")
    });
    too_large(&doubled, "too many columns");
    let wide = vec!["''"; 1600].join(", ");
    let side = |name: &str| {
        let items: Vec<String> = (0..30).map(|place| format!("w {name}{place}")).collect();
        items.join(" CROSS JOIN ")
    };
    too_large(
        &format!(
            "WITH w AS (SELECT {wide}) SELECT 1 FROM ({}) NATURAL JOIN ({})",
            side("a"),
            side("b")
        ),
        "too many columns",
    );
}

/// The nodes of an inlined bounded wrapper count, and so does planning again for min and max.
#[test]
fn inlined_and_replanned_nodes_count() {
    let numbers = vec!["first_name::numeric"; 300].join(", ");
    let columns = vec!["v"; 24].join(", ");
    let query = check(&format!(
        "SELECT {columns} FROM (SELECT coalesce({numbers}) AS v FROM retail.customers) t"
    ));
    let query = query.expect("it is fenced");
    assert!(query.sql().contains("OFFSET 0"), "{}", query.sql());
    let conditions: Vec<String> = (0..2_000)
        .map(|place| format!("store_id <> {place}"))
        .collect();
    let conditions = conditions.join(" AND ");
    let query = |targets: &str| format!("SELECT {targets} FROM retail.orders WHERE {conditions}");
    assert!(check(&query("count(*)")).is_ok());
    too_large(
        &query("min(order_id), max(order_id), min(order_date), max(order_date), min(customer_id)"),
        "terms",
    );
}
