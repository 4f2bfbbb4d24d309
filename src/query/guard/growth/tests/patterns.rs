//! Regular expressions, LIKE and JSON paths.

use super::{check, refused, runs_as, too_large, unchanged};

#[test]
fn every_way_to_a_regular_expression_is_bounded() {
    for text in [
        "SELECT regexp_count('a', '(((a{1,255}){1,255}){1,255})')",
        "SELECT regexp_instr('a', '(((a{1,255}){1,255}){1,255})')",
        "SELECT regexp_like('a', '(((a{1,255}){1,255}){1,255})')",
        "SELECT substring('a' FROM '(((a{1,255}){1,255}){1,255})')",
        "SELECT 'a' ~ ANY (ARRAY['(((a{1,255}){1,255}){1,255})'])",
        "SELECT 'a' !~* ALL (ARRAY['(((a{1,255}){1,255}){1,255})']::text[])",
        "SELECT 'a' ~ ANY ('{\"((a{1,255}){1,255}){1,255}\"}')",
        "SELECT 'a' SIMILAR TO '((a{1,255}){1,255}){1,255}'",
    ] {
        too_large(text, "repeats too much");
    }
    let long = "abcdefghij".repeat(17);
    too_large(
        &format!("SELECT 'x' ~ '(?:{long}){{250}}'"),
        "repeats too much",
    );
    assert!(check(&format!("SELECT 'x' ~ '(?:{long}){{50}}'")).is_ok());
    for (text, expected) in [
        (
            "SELECT substring(store_name, lower(store_name)) FROM retail.stores",
            "SELECT \"substring\"(store_name, bounded.pattern(lower(store_name))) FROM retail.stores",
        ),
        (
            "SELECT substring(store_name, strpos(store_name, 'x')) FROM retail.stores",
            "SELECT \"substring\"(store_name, bounded.pattern(strpos(store_name, 'x'))) FROM retail.stores",
        ),
        (
            "SELECT 1 FROM retail.stores WHERE store_name ~* ANY (ARRAY['sea', lower(store_name)])",
            "SELECT 1 FROM retail.stores WHERE store_name ~* ANY(ARRAY['sea', bounded.pattern(lower(store_name))])",
        ),
    ] {
        runs_as(text, expected);
    }
    for text in [
        "SELECT 'a' ~ ANY (SELECT store_name FROM retail.stores)",
        "SELECT 'a' ~ ANY (string_to_array('a,b', ','))",
    ] {
        refused(text, "many regular expressions");
    }
    refused(
        "SELECT '[]'::jsonb @? ANY (ARRAY['$.a'::jsonpath])",
        "a JSON path that stands by itself",
    );
    refused(
        "SELECT regexp_count(pattern => 'a', string => 'b')",
        "with names for its arguments",
    );
    // The operator ~ of a number turns its bits around.
    unchanged("SELECT ~ store_id FROM retail.stores");
    unchanged("SELECT \"substring\"(store_name, 1, 3) FROM retail.stores");
}

#[test]
fn patterns_are_as_slow_behind_any_and_under_their_operator() {
    let (text, pattern) = ("repeat('a', 100000)", "repeat('%a', 20000)");
    for operation in [
        format!("{text} LIKE {pattern}"),
        format!("{text} OPERATOR(pg_catalog.~~) {pattern}"),
        format!("{text} ~~* {pattern}"),
        format!("{text} LIKE ANY (ARRAY[{pattern}])"),
        format!("{text} LIKE ANY (SELECT {pattern} FROM retail.stores)"),
    ] {
        too_large(&format!("SELECT {operation}"), "LIKE over values");
    }
    too_large("SELECT 'a' @@ repeat('b ', 3000)", "would work on values");
    // Each is quick enough, all of them are not.
    let likes = ["repeat('a', 10000) LIKE repeat('%a', 1000)"; 3].join(" AND ");
    too_large(
        &format!("SELECT {likes}"),
        "operations on long values could take too long together",
    );
}

#[test]
fn a_json_path_stands_where_it_is_used() {
    for text in [
        "SELECT jsonb_path_query('[]', '$.keyvalue().keyvalue()')",
        "SELECT jsonb_path_match('[]', '$[*] < $[*]')",
        "SELECT jsonb_path_query('[]', '$ ? (@.a[*] == @.b[*])')",
    ] {
        too_large(text, "JSON path");
    }
    for text in [
        "SELECT '[]'::jsonb @@ (CASE WHEN true THEN '$ == 1'::jsonpath ELSE '$.**.** == 1' END)",
        "SELECT jsonb_path_query('[]', p) FROM (VALUES ('$'::jsonpath), ('$.**.**')) AS v(p)",
    ] {
        refused(text, "JSON path");
    }
    unchanged("SELECT jsonb_path_query('[1, 2]', '$[*] ? (@ > 1)'::jsonpath)");
    unchanged("SELECT '[1, 2]'::jsonb @? '$[*]'::jsonpath");
}
