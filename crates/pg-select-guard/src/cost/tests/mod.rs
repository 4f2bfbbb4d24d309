mod aggregate_limits;
mod aggregates;
mod catalog_columns;
mod constants;
mod documents;
mod edits;
mod full_text;
mod joins;
mod limits;
mod names;
mod numbers;
mod regexes_and_paths;
mod time_zones;
mod totals;
mod types;

use super::{functions, operator};
use crate::catalog::{self, OperatorSizeRule, SizeRule};
use crate::tests::{check, refused as refused_by, runs_as};
use crate::{PlannerSettings, Rule};

#[track_caller]
fn unchanged(text: &str) {
    runs_as(text, text);
}

#[track_caller]
fn too_large(text: &str, words: &str) {
    refused_by(text, Rule::Cost, words);
}

#[track_caller]
fn settings(text: &str) -> PlannerSettings {
    match check(text) {
        Ok(query) => query.settings(),
        Err(refusal) => panic!("{text}\n  refused: {refusal}"),
    }
}

#[track_caller]
fn refused(text: &str, words: &str) {
    match check(text) {
        Ok(query) => panic!("{text}\n  runs as: {}", query.sql()),
        Err(refusal) => assert!(refusal.to_string().contains(words), "{text}\n  {refusal}"),
    }
}

/// A chain of `links` CTEs, each over the one before.
fn chain(first: &str, links: usize, step: impl Fn(usize) -> String) -> String {
    let mut text = format!("WITH c0 AS ({first})");
    for link in 1..=links {
        text += &format!(", c{link} AS ({})", step(link - 1));
    }
    text + &format!(" SELECT * FROM c{links}")
}

#[test]
fn ordinary_functions_are_unchanged() {
    for text in [
        "SELECT repeat('-', 80)",
        "SELECT lpad(store_id::text, 5, '0') FROM retail.stores",
        "SELECT replace(product_name, ' ', '_') FROM retail.products",
        "SELECT format('%s: %s', store_name, store_id) FROM retail.stores",
        "SELECT to_char(order_date, 'YYYY-MM') FROM retail.orders",
        "SELECT g FROM generate_series(1, 12) g",
        "SELECT round(avg(total_amount), 2) FROM retail.order_items",
        "SELECT power(1.05, 10), 2 ^ 10, exp(1)",
        "SELECT product_name FROM retail.products WHERE product_name ~* '^(cordless|power) .*drill'",
        "SELECT jsonb_path_query('[1, 2]', '$[*] ? (@ > 1)')",
        "SELECT array_fill(0, ARRAY[12])",
        "SELECT string_to_array('a,b', ',') @> ARRAY['a']",
    ] {
        unchanged(text);
    }
}

/// A function or operator has a rule of its own if and only if the catalog says so.
#[test]
fn custom_rules_are_those_that_the_catalog_announces() {
    let mut announced: Vec<_> = catalog::functions()
        .filter(|function| function.size == SizeRule::Custom)
        .map(|function| function.name)
        .collect();
    let rules = functions::CUSTOM_RULES.iter().map(|(name, _)| *name);
    let mut rules: Vec<_> = rules.collect();
    announced.sort_unstable();
    rules.sort_unstable();
    assert_eq!(announced, rules);
    let mut announced: Vec<_> = catalog::operators()
        .filter(|operator| operator.size == OperatorSizeRule::Custom)
        .map(|operator| operator.name)
        .collect();
    let rules = operator::CUSTOM_RULES.iter().map(|(name, _)| *name);
    let mut rules: Vec<_> = rules.collect();
    announced.sort_unstable();
    rules.sort_unstable();
    assert_eq!(announced, rules);
}

#[test]
fn every_announced_custom_rule_exists() {
    for name in catalog::functions()
        .filter(|function| function.size == SizeRule::Custom)
        .map(|function| function.name)
    {
        let comma = if name == "position" { " IN " } else { ", " };
        if let Err(refusal) = check(&format!("SELECT {name}('a'{comma}'b')")) {
            assert_eq!(refusal.rule(), Rule::Cost, "{name}: {refusal}");
        }
    }
}

#[test]
fn values_known_only_at_run_time_get_a_bounded_wrapper() {
    for (text, expected) in [
        (
            "SELECT repeat('█', quantity) FROM retail.order_items",
            "SELECT bounded.repeat('█', quantity, 16384) FROM retail.order_items",
        ),
        (
            "SELECT rpad(store_name, store_id) FROM retail.stores",
            "SELECT bounded.rpad(store_name, store_id, 16384) FROM retail.stores",
        ),
        (
            "SELECT d FROM generate_series('2025-01-01'::date, '2025-12-01', '1 month') d",
            "SELECT d FROM bounded.generate_series('2025-01-01'::date, '2025-12-01', '1 month', 1000000) d",
        ),
        (
            "SELECT 1 FROM retail.stores WHERE store_name ~ lower(store_name)",
            "SELECT 1 FROM retail.stores WHERE store_name ~ bounded.pattern(lower(store_name))",
        ),
    ] {
        runs_as(text, expected);
    }
}

#[test]
fn a_text_that_would_be_too_long_is_refused() {
    for (text, words) in [
        (
            "SELECT repeat(repeat(repeat('x', 1000), 1000), 1000)",
            "repeat could produce a value",
        ),
        ("SELECT lpad('x', 300000000)", "lpad could produce a value"),
        (
            "SELECT replace(repeat('a', 10000), 'a', repeat('b', 10000))",
            "replace could produce a value",
        ),
        (
            "SELECT regexp_replace(repeat('a', 10000), '.', repeat('b', 10000), 'g')",
            "regexp_replace could produce a value",
        ),
        (
            "SELECT format('%1000000000s', 'x')",
            "format could produce a value",
        ),
        ("SELECT format('%*s', 1000000000, 'x')", "with * as a width"),
        (
            "SELECT 'x'::char(10485760)",
            "the type bpchar could produce a value",
        ),
        (
            "SELECT '1'::bit(83886080)::text",
            "the type bit could produce a value",
        ),
        (
            "SELECT array_fill(0, ARRAY[10000, 10000])",
            "array_fill could produce a value",
        ),
        (
            "SELECT array_to_string(array_fill(0, ARRAY[10000]), repeat('x', 10000))",
            "array_to_string could produce a value",
        ),
        (
            "SELECT count(*) FROM generate_series(1, 1000000000)",
            "generate_series would return",
        ),
        (
            "SELECT translate(repeat('x', 60000), repeat('y', 60000), '')",
            "could take too long",
        ),
        (
            "SELECT normalize(repeat('x', 60000))",
            "normalize would process",
        ),
        (
            "SELECT 'a' ~ '(((a{1,255}){1,255}){1,255})'",
            "repeats too much",
        ),
        ("SELECT jsonb_path_query('[]', '$.**.**.**')", "JSON path"),
        (
            "SELECT jsonb_path_query('[]', '$[*] ? (@ == $[*])')",
            "JSON path",
        ),
        ("SELECT '[]'::jsonb @? '$.**.** ? (@ == 2)'", "JSON path"),
        ("SELECT '[]'::jsonb @@ '$.**.** == 2'", "JSON path"),
        ("SELECT '[]'::jsonb @? lower('$')::jsonpath", "JSON path"),
    ] {
        too_large(text, words);
    }
}

/// The planner inlines a subquery's expression at each reference.
#[test]
fn a_doubling_chain_is_fenced_or_refused() {
    // A number stays small, so each long link is fenced.
    let numbers = chain("SELECT store_id AS v FROM retail.stores", 24, |link| {
        format!("SELECT v + v AS v FROM c{link}")
    });
    let query = check(&numbers).expect("allowed");
    assert!(query.sql().contains("AS MATERIALIZED"), "{}", query.sql());
    // A text grows.
    let texts = chain("SELECT store_name AS v FROM retail.stores", 24, |link| {
        format!("SELECT v || v AS v FROM c{link}")
    });
    too_large(&texts, "could");
    let arrays = chain(
        "SELECT ARRAY[store_id] AS v FROM retail.stores",
        24,
        |link| format!("SELECT v || v AS v FROM c{link}"),
    );
    too_large(&arrays, "could");
    // NOT MATERIALIZED does not avoid the fence.
    let cases = chain("SELECT store_id AS v FROM retail.stores", 24, |link| {
        format!("SELECT CASE WHEN v > 0 THEN v ELSE -v END AS v FROM c{link}")
    })
    .replace("AS (SELECT CASE", "AS NOT MATERIALIZED (SELECT CASE");
    let query = check(&cases).expect("allowed");
    assert!(!query.sql().contains("NOT MATERIALIZED"), "{}", query.sql());
    assert!(query.sql().contains("AS MATERIALIZED"), "{}", query.sql());
    // The same with subqueries in FROM.
    let mut nested = "SELECT store_id AS v FROM retail.stores".to_owned();
    for link in 0..11 {
        nested = format!("SELECT v + v AS v FROM ({nested}) s{link}");
    }
    let query = check(&nested).expect("allowed");
    assert!(query.sql().contains("OFFSET 0"), "{}", query.sql());
    // Short chains stay unchanged.
    let short = chain("SELECT store_id AS v FROM retail.stores", 3, |link| {
        format!("SELECT v + v AS v FROM c{link}")
    });
    unchanged(&short);
}

#[test]
fn rows_and_values_of_a_recursion_are_limited() {
    // Rows are weighed while they are found.
    runs_as(
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + 1 FROM r) SELECT max(n) FROM r",
        "WITH RECURSIVE r(n) AS MATERIALIZED (WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + 1 FROM r) \
         SELECT CASE WHEN bounded.recursed(sum(108 + COALESCE(GREATEST(pg_catalog.pg_column_size(fenced.value1), pg_catalog.octet_length(fenced.value1::pg_catalog.text)), 0)) OVER (ROWS UNBOUNDED PRECEDING), 67108864) \
         THEN fenced.value1 END FROM (SELECT * FROM r) fenced(value1)) SELECT max(n) FROM r",
    );
    refused(
        "WITH RECURSIVE r AS (SELECT (SELECT * FROM (SELECT 1 AS a) q) UNION SELECT 2 FROM r) SELECT 1 FROM r",
        "a recursive UNION without column names",
    );
    unchanged(
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 12) SELECT n FROM r",
    );
    runs_as(
        "WITH RECURSIVE r AS (SELECT 1 AS n, 'x' AS v UNION ALL SELECT n + 1, v || v FROM r WHERE n < 12) SELECT v FROM r",
        "WITH RECURSIVE r AS (SELECT 1 AS n, 'x' AS v UNION ALL SELECT n + 1, bounded.fits(v || v, 16384) FROM r WHERE n < 12) SELECT v FROM r",
    );
}

#[test]
fn totals_of_a_statement_are_limited() {
    let tables = vec!["retail.stores"; 41].join(", ");
    too_large(&format!("SELECT 1 FROM {tables}"), "too many tables");
    let columns = vec!["repeat(store_name, 12000)"; 100].join(", ");
    too_large(&format!("SELECT {columns} FROM retail.stores"), "at once");
    let columns = vec!["repeat('x', 4000)"; 128].join(", ");
    unchanged(&format!("SELECT {columns}"));
    too_large(&format!("SELECT {columns}, 1"), "too many columns");
    let rows = vec!["(repeat('x', 2000000))"; 40].join(", ");
    too_large(&format!("VALUES {rows}"), "at once");
    let sum = vec!["length(repeat('x', 2000000))"; 35].join(" + ");
    too_large(&format!("SELECT 1 LIMIT {sum}"), "at once");
    too_large(&format!("SELECT 1 UNION SELECT 2 OFFSET {sum}"), "at once");
    let windows: Vec<String> = (0..33)
        .map(|place| format!("sum(store_id) OVER (ORDER BY store_id + {place})"))
        .collect();
    too_large(
        &format!("SELECT {} FROM retail.stores", windows.join(", ")),
        "too many windows",
    );
    too_large(
        "SELECT count(*) FROM retail.products GROUP BY CUBE (1, 2, 3, 4, 5, 6, 7)",
        "grouping sets",
    );
}

#[test]
fn a_recursive_cte_reads_only_preceding_ctes() {
    refused(
        "WITH RECURSIVE a AS (SELECT v || v AS v FROM b), b AS (SELECT 'x'::text AS v) SELECT v FROM a",
        "reads a later one",
    );
    too_large(
        "WITH RECURSIVE r AS (SELECT 1 AS n, 'x'::text AS v UNION ALL SELECT * FROM (SELECT n + 1, v || v FROM r WHERE n < 30) s) SELECT length(v) FROM r",
        "inside a *",
    );
    // Without RECURSIVE, the name denotes the outer CTE.
    runs_as(
        "WITH a AS (SELECT 1 AS v) SELECT v FROM (WITH a AS (SELECT v + 1 AS v FROM a) SELECT v FROM a) s",
        "WITH a AS (SELECT 1 AS v) SELECT v FROM (WITH a AS (SELECT v + 1 AS v FROM a) SELECT v FROM a) s",
    );
}

#[test]
fn a_cast_to_an_array_pads_each_element() {
    for text in [
        "SELECT ('{' || repeat('a,', 5000) || 'a}')::char(10000)[]",
        "SELECT ('{' || repeat('1,', 5000) || '1}')::bit(80000)[]",
    ] {
        too_large(text, "could produce a value");
    }
    unchanged("SELECT '{a,b}'::char(10)[]");
}

/// A cast may turn a literal into another text.
#[test]
fn a_literal_is_bounded_after_its_cast() {
    let sought = "a".repeat(10_000);
    too_large(
        &format!("SELECT replace(repeat('a', 10000), '{sought}'::varchar(1), repeat('b', 10000))"),
        "replace could produce a value",
    );
    too_large(
        "SELECT format('\"\\u0025999999999s\"'::jsonb::text, 'x')",
        "format with a format string that is not a literal",
    );
    let pattern = "SELECT 'x' ~ '\"((a\\u007b1,255})\\u007b1,255})\"'::jsonb::text";
    let query = check(pattern).expect(pattern);
    assert!(query.sql().contains("bounded.pattern("), "{}", query.sql());
    refused(
        "SELECT concat_ws(',', VARIADIC ARRAY['a', 'b'])",
        "VARIADIC",
    );
}

/// Each row or array around a value quotes it once more.
#[test]
fn nested_rows_and_full_text_queries_double() {
    let nested = |depth: usize| {
        format!(
            "SELECT {}'\"'{}::text",
            "ROW(".repeat(depth),
            ")".repeat(depth)
        )
    };
    too_large(&nested(28), "could produce a value");
    unchanged("SELECT ROW(ROW(1, 'a'))::text");
    let links = chain("SELECT to_tsquery('a & b') AS v OFFSET 0", 24, |link| {
        format!("SELECT v && v AS v FROM c{link} OFFSET 0")
    });
    too_large(&links, "could");
}
