use super::*;

/// PostgreSQL copies a constant that it has computed while planning. Of an InitPlan it copies only
/// the number of a parameter.
#[test]
fn a_long_constant_becomes_an_initplan() {
    for (text, runs) in [
        (
            "SELECT length(repeat('x', 5000))",
            "SELECT length((SELECT repeat('x', 5000)))",
        ),
        (
            "SELECT store_name FROM retail.stores WHERE store_name <> lpad('x', 5000)",
            "SELECT store_name FROM retail.stores WHERE store_name <> (SELECT lpad('x', 5000))",
        ),
        ("SELECT 'x'::char(5000)", "SELECT (SELECT 'x'::char(5000))"),
        (
            "SELECT CASE repeat('x', 5000) WHEN store_name THEN 1 END FROM retail.stores",
            "SELECT CASE (SELECT repeat('x', 5000)) WHEN store_name THEN 1 END FROM retail.stores",
        ),
        // A reference to a constant is a constant.
        (
            "SELECT repeat(v, 1000) FROM (SELECT repeat('x', 4000) AS v) s",
            "SELECT (SELECT repeat(v, 1000)) FROM (SELECT repeat('x', 4000) AS v) s",
        ),
        (
            "SELECT repeat(v, 1000) FROM repeat('x', 4000) s(v)",
            "SELECT (SELECT repeat(v, 1000)) FROM repeat('x', 4000) s(v)",
        ),
        (
            "WITH s AS (SELECT repeat('x', 4000) AS v) SELECT repeat(v, 1000) FROM s",
            "WITH s AS (SELECT repeat('x', 4000) AS v) SELECT (SELECT repeat(v, 1000)) FROM s",
        ),
    ] {
        runs_as(text, runs);
        unchanged(runs);
    }
    // PostgreSQL would read a SubLink behind ANY as a set of rows, not as an array.
    let numbers = vec!["100000"; 300].join(", ");
    let any = format!(
        "SELECT 1 FROM retail.orders WHERE order_id = ANY(COALESCE((SELECT ARRAY[{numbers}])))"
    );
    runs_as(
        &format!("SELECT 1 FROM retail.orders WHERE order_id = ANY (ARRAY[{numbers}])"),
        &any,
    );
    unchanged(&any);
    // The elements have type date from the start.
    let dates = vec!["'2024-01-01'"; 400].join(", ");
    runs_as(
        &format!("SELECT 1 WHERE current_date = ANY (ARRAY[{dates}]::date[])"),
        &format!("SELECT 1 WHERE current_date = ANY(COALESCE((SELECT ARRAY[{dates}]::date[])))"),
    );
    for text in [
        "SELECT repeat('x', 4000)",
        "SELECT repeat(store_name, 5000) FROM retail.stores",
        "SELECT repeat(max('x'), 5000), repeat(count('x')::text, 5000) FROM retail.stores",
        "SELECT repeat(random()::text, 5000), repeat(random(1, 2)::text, 5000) FROM retail.stores",
        "SELECT repeat(rank() OVER ()::text, 5000) FROM retail.stores",
        "SELECT repeat(jsonb_array_elements_text('[\"x\"]'), 5000)",
    ] {
        unchanged(text);
    }
    refused("SELECT 1 FROM repeat('x', 5000) t", "in FROM");
}

#[test]
fn copies_of_short_constants_are_counted() {
    let whens = "WHEN store_name THEN 1 ".repeat(1_200);
    unchanged(&format!(
        "SELECT CASE repeat('x', 4000) {}END FROM retail.stores",
        "WHEN store_name THEN 1 ".repeat(20)
    ));
    let many = vec![format!("CASE repeat('x', 4000) {whens}END"); 14].join(", ");
    too_large(&format!("SELECT {many} FROM retail.stores"), "at once");

    let branches = vec!["SELECT store_name AS x FROM retail.stores"; 38].join(" UNION ALL ");
    let unequal = vec!["x <> repeat('x', 4000)"; 500].join(" AND ");
    too_large(
        &format!("SELECT 1 FROM ({branches}) t WHERE {unequal}"),
        "at once",
    );
    too_large(
        &format!("SELECT max(x) FROM ({branches}) t GROUP BY x HAVING {unequal}"),
        "at once",
    );
    let equal: Vec<String> = (0..500)
        .map(|place| format!("x = now()::text || '{place}'"))
        .collect();
    let equal = equal.join(" AND ");
    too_large(
        &format!("SELECT 1 FROM ({branches}) t WHERE x = repeat('x', 4000) AND {equal}"),
        "at once",
    );
    let sets = vec!["()"; 64].join(", ");
    let kept: Vec<String> = (0..15)
        .map(|place| format!("max(repeat(store_name, 4000) || {place})"))
        .collect();
    too_large(
        &format!(
            "SELECT {} FROM retail.stores GROUP BY GROUPING SETS ({sets})",
            kept.join(", ")
        ),
        "at once",
    );
}

/// A literal stays where it is, however long it is, and each WHEN compares with a copy of it.
#[test]
fn copies_of_long_literals_in_case_are_counted() {
    let literal = "x".repeat(29_000);
    let whens = "WHEN a THEN 1 ".repeat(20);
    let compared = format!(
        "SELECT CASE '{literal}' {whens}END AS v FROM (SELECT first_name AS a FROM retail.customers) s"
    );
    let (inner, outer) = (["v"; 10].join(", "), ["v"; 40].join(", "));
    too_large(
        &format!(
            "SELECT count(*) FROM (SELECT greatest({inner}) AS v FROM ({compared}) s) s GROUP BY greatest({outer}) > 0"
        ),
        "at once",
    );
}

/// The planner puts a bounded wrapper into the query, with a copy of its argument in each place.
#[test]
fn copies_of_long_literals_in_bounded_wrappers_are_counted() {
    let literal = "x".repeat(7_000);
    let args = ["l"; 40].join(", ");
    let read = format!(
        "SELECT concat(a, {args})::numeric AS v FROM (SELECT email AS a, '{literal}' AS l FROM retail.customers) s"
    );
    let outer = ["v"; 30].join(", ");
    too_large(
        &format!(
            "SELECT count(*) FROM (SELECT greatest(v, v, v) AS v FROM ({read}) s) s GROUP BY greatest({outer}) IS NULL"
        ),
        "at once",
    );
}

/// A literal is not computed, and JSON_TABLE computes nothing from it while planning.
#[test]
fn a_long_literal_is_allowed_in_json_table() {
    let list = "1000000,".repeat(4_000);
    let text = format!(
        "SELECT count(*) FROM JSON_TABLE('[{list}1]', '$[*]' COLUMNS (a int PATH '$')) AS t"
    );
    assert!(check(&text).is_ok());
}
