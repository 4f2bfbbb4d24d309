//! Functions that the caller of the crate withholds from statements.

use super::*;

/// A guard that lets statements call all functions but these.
fn without(names: &[&str]) -> Guard {
    let functions = Functions::all().without(names).expect("known functions");
    GUARD.clone().with_functions(functions)
}

#[track_caller]
fn message(guard: &Guard, text: &str) -> String {
    match guard.check(text) {
        Ok(query) => panic!("{text}\n  runs as: {}", query.sql()),
        Err(refusal) => {
            assert_eq!(refusal.rule(), Rule::Function, "{text}\n  {refusal}");
            refusal.to_string()
        }
    }
}

#[track_caller]
fn runs(guard: &Guard, text: &str) -> String {
    match guard.check(text) {
        Ok(query) => query.sql().to_owned(),
        Err(refusal) => panic!("{text}\n  refused: {refusal}"),
    }
}

#[test]
fn a_withheld_function_is_refused_like_one_that_does_not_exist() {
    let guard = without(&["random"]);
    allowed("SELECT random()");
    for text in ["SELECT random()", "SELECT pg_catalog.random()"] {
        let message = message(&guard, text);
        assert!(
            message.contains("random is not allowed (line 1"),
            "{message}"
        );
        assert!(message.contains("; use an aggregate"), "{message}");
    }
    runs(&guard, "SELECT count(*), upper('a'), now() FROM orders");
}

#[test]
fn only_the_listed_functions_may_be_called() {
    let functions = Functions::only(["count", "sum"]).expect("known functions");
    let guard = GUARD.clone().with_functions(functions);
    runs(&guard, "SELECT count(*), sum(quantity) FROM order_items");
    runs(&guard, "SELECT quantity + 1, 'a' || 'b' FROM order_items");
    for name in ["avg", "upper", "max"] {
        let message = message(&guard, &format!("SELECT {name}(quantity) FROM order_items"));
        assert!(message.starts_with(&format!("the function {name} is not allowed")));
    }
}

#[test]
fn an_unknown_function_cannot_be_listed() {
    for functions in [
        Functions::only(["count", "cuont"]),
        Functions::all().without(["count", "cuont"]),
    ] {
        let error = functions.expect_err("misspelled").to_string();
        assert_eq!(
            error,
            "there is no function \"cuont\" in the catalog; did you mean count?",
        );
    }
    let error = Functions::only(["pg_catalog.count"]).expect_err("qualified");
    assert_eq!(
        error.to_string(),
        "there is no function \"pg_catalog.count\" in the catalog; \
         pg_select_guard::catalog::functions() lists those that the guard can bound, without a schema",
    );
}

#[test]
fn without_subtracts_from_what_is_allowed() {
    let functions = Functions::only(["count", "sum"]).expect("known functions");
    // Withheld twice, or never allowed: it is not allowed.
    let functions = functions.without(["sum", "avg"]).expect("known functions");
    assert!(functions.contains("count"));
    assert!(!functions.contains("sum"));
    assert!(!functions.contains("avg"));
    assert!(!functions.contains("cuont"));
    assert_eq!(functions.names().collect::<Vec<_>>(), ["count"]);
    let all = Functions::all();
    assert_eq!(all.names().count(), catalog::functions().count());
    assert_eq!(Functions::default(), all);
}

/// Syntax of SQL that PostgreSQL's parser turns into a call, and the function that it calls.
const SYNTAX: &[(&str, &str, &str)] = &[
    (
        "extract",
        "SELECT EXTRACT(month FROM order_date) FROM orders",
        "EXTRACT",
    ),
    ("btrim", "SELECT TRIM(store_name) FROM stores", "TRIM"),
    (
        "btrim",
        "SELECT TRIM(BOTH 'x' FROM store_name) FROM stores",
        "TRIM",
    ),
    (
        "ltrim",
        "SELECT TRIM(LEADING FROM store_name) FROM stores",
        "TRIM",
    ),
    (
        "rtrim",
        "SELECT TRIM(TRAILING 'x' FROM store_name) FROM stores",
        "TRIM",
    ),
    (
        "overlay",
        "SELECT OVERLAY('abc' PLACING 'x' FROM 1)",
        "OVERLAY",
    ),
    (
        "position",
        "SELECT POSITION('a' IN store_name) FROM stores",
        "POSITION",
    ),
    (
        "substring",
        "SELECT SUBSTRING(store_name FROM 1 FOR 2) FROM stores",
        "SUBSTRING",
    ),
    (
        "substring",
        "SELECT SUBSTRING('abc' SIMILAR 'a#\"b#\"c' ESCAPE '#')",
        "SUBSTRING",
    ),
    (
        "timezone",
        "SELECT now() AT TIME ZONE 'UTC'",
        "AT TIME ZONE",
    ),
    ("normalize", "SELECT NORMALIZE('a', NFC)", "NORMALIZE"),
    (
        "overlaps",
        "SELECT (DATE '2024-01-01', DATE '2024-02-01') OVERLAPS (DATE '2024-01-01', DATE '2024-02-01')",
        "OVERLAPS",
    ),
    (
        "similar_to_escape",
        "SELECT 1 FROM stores WHERE store_name SIMILAR TO 'a%'",
        "SIMILAR TO",
    ),
    (
        "like_escape",
        "SELECT 1 FROM stores WHERE store_name LIKE 'a#%' ESCAPE '#'",
        "LIKE … ESCAPE",
    ),
    ("now", "SELECT CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
    ("now", "SELECT CURRENT_DATE", "CURRENT_DATE"),
    ("now", "SELECT CURRENT_TIME(0)", "CURRENT_TIME"),
    ("now", "SELECT LOCALTIMESTAMP(0)", "LOCALTIMESTAMP"),
    ("now", "SELECT LOCALTIME", "LOCALTIME"),
    (
        "json_build_object",
        "SELECT JSON_OBJECT('a': 1)",
        "JSON_OBJECT",
    ),
    (
        "jsonb_build_object",
        "SELECT JSON_OBJECT('a': 1 RETURNING jsonb)",
        "JSON_OBJECT",
    ),
    ("json_build_array", "SELECT JSON_ARRAY(1, 2)", "JSON_ARRAY"),
    (
        "jsonb_build_array",
        "SELECT JSON_ARRAY(1, 2 RETURNING jsonb)",
        "JSON_ARRAY",
    ),
    (
        "json_agg",
        "SELECT JSON_ARRAY(SELECT store_id FROM stores)",
        "JSON_ARRAY",
    ),
    (
        "json_agg",
        "SELECT JSON_ARRAYAGG(store_id) FROM stores",
        "JSON_ARRAYAGG",
    ),
    (
        "jsonb_agg",
        "SELECT JSON_ARRAYAGG(store_id RETURNING jsonb) FROM stores",
        "JSON_ARRAYAGG",
    ),
    (
        "json_object_agg",
        "SELECT JSON_OBJECTAGG(store_id: store_name) FROM stores",
        "JSON_OBJECTAGG",
    ),
    (
        "jsonb_object_agg",
        "SELECT JSON_OBJECTAGG(store_id: store_name RETURNING jsonb) FROM stores",
        "JSON_OBJECTAGG",
    ),
    ("to_json", "SELECT JSON_SCALAR(1)", "JSON_SCALAR"),
    (
        "jsonb_path_query_first",
        "SELECT JSON_VALUE('{}', '$.a')",
        "JSON_VALUE",
    ),
    (
        "jsonb_path_query",
        "SELECT JSON_QUERY('{}', '$.a')",
        "JSON_QUERY",
    ),
    (
        "jsonb_path_exists",
        "SELECT JSON_EXISTS('{}', '$.a')",
        "JSON_EXISTS",
    ),
    (
        "jsonb_path_query",
        "SELECT a FROM JSON_TABLE('[]', '$[*]' COLUMNS (a text PATH '$')) AS t",
        "JSON_TABLE",
    ),
];

#[test]
fn a_withheld_function_is_refused_where_the_syntax_of_sql_calls_it() {
    for (name, text, syntax) in SYNTAX {
        allowed(text);
        let message = message(&without(&[name]), text);
        assert!(
            message.starts_with(&format!("the function {name} is not allowed")),
            "{text}\n  {message}"
        );
        assert!(
            message.contains(&format!("{syntax} calls it")),
            "{text}\n  {message}"
        );
    }
}

/// Each syntax calls the functions of its row and no other.
#[test]
fn the_syntax_of_sql_needs_no_other_function() {
    for (_, text, _) in SYNTAX {
        let known = catalog::functions().map(|function| function.name);
        let needed: Vec<&str> = known
            .filter(|name| without(&[name]).check(text).is_err())
            .collect();
        let guard = GUARD
            .clone()
            .with_functions(Functions::only(&needed).expect("known"));
        runs(&guard, text);
    }
}

/// Each call that the guard adds or puts in the place of another is its own, not the statement's.
#[test]
fn a_guard_calls_what_it_withholds_from_statements() {
    for (needed, text, added) in [
        (
            vec!["array_agg"],
            "SELECT array_agg(product_description) FROM products",
            &["octet_length", "sum", "count"][..],
        ),
        (
            vec!["repeat"],
            "SELECT repeat(product_name, quantity) FROM products, order_items",
            &[],
        ),
        (
            vec!["jsonb_agg", "json_agg"],
            "SELECT JSON_ARRAYAGG(product_description) FROM products",
            &[],
        ),
        (
            vec!["jsonb_agg", "json_agg"],
            "SELECT JSON_ARRAY(SELECT product_description FROM products)",
            &[],
        ),
        (
            vec![],
            "SELECT * FROM products p NATURAL JOIN categories",
            &[],
        ),
    ] {
        let guard = GUARD
            .clone()
            .with_functions(Functions::only(needed).expect("known"));
        assert_eq!(runs(&guard, text), check(text).expect("allowed").sql());
        for name in added {
            message(&guard, &format!("SELECT {name}('a')"));
        }
    }
}

#[test]
fn a_hint_suggests_no_withheld_function() {
    let text = "SELECT group_concat(store_name) FROM stores";
    assert!(
        check(text)
            .expect_err("foreign")
            .to_string()
            .contains("string_agg")
    );
    assert!(!message(&without(&["string_agg"]), text).contains("string_agg"));
    let text = "SELECT cuont(*) FROM stores";
    assert!(
        check(text)
            .expect_err("misspelled")
            .to_string()
            .contains("count")
    );
    assert!(!message(&without(&["count"]), text).contains("count"));
    let text = "SELECT from_utc_timestamp(now(), 'PST')";
    assert!(
        check(text)
            .expect_err("foreign")
            .to_string()
            .contains("AT TIME ZONE")
    );
    assert!(!message(&without(&["timezone"]), text).contains("AT TIME ZONE"));
    let (text, sqlstate) = ("SELECT decode(1, 2, 3)", "42883");
    let error = "function decode(integer, integer, integer) does not exist";
    let guard = without(&["percentile_cont"]);
    assert!(guard.hint_for_error(text, sqlstate, error, None).is_some());
    let error = "WITHIN GROUP is required for ordered-set aggregate mode";
    assert!(GUARD.hint_for_error(text, "42809", error, None).is_some());
    assert_eq!(guard.hint_for_error(text, "42809", error, None), None);
    let parse = |guard: &Guard| {
        guard
            .check("SELECT quantity mod 2 FROM order_items")
            .expect_err("syntax")
    };
    assert!(parse(&GUARD).to_string().contains("div("));
    assert!(!parse(&without(&["div"])).to_string().contains("div("));
}
