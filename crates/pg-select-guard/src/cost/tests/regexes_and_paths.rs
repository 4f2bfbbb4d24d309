//! Regular expressions, LIKE and JSON paths.

use super::{check, refused, runs_as, too_large, unchanged};

#[test]
fn every_use_of_a_regular_expression_is_bounded() {
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
        "a JSON path outside of the call that uses it",
    );
    refused(
        "SELECT regexp_count(pattern => 'a', string => 'b')",
        "with named arguments",
    );
    // The unary operator ~ of a number is bitwise NOT.
    unchanged("SELECT ~ store_id FROM retail.stores");
    unchanged("SELECT \"substring\"(store_name, 1, 3) FROM retail.stores");
}

/// An automaton grows with the square of its optional parts.
#[test]
fn repeated_optional_parts_are_limited() {
    for pattern in [
        r"(\w?\d?\s?.?){100}",
        r"(\w?\d?\s?.?){31}",
        r"((a?|b*){8}){16}",
        r"(?x)(\w?\d?\s?.?) {100}",
        "(?x)(a?b?c?d?)# x\n{1,100}",
        "(a?b?c?d?)(?#x){1,100}",
        r"(?b)\(\w*\d*\)\{100\}",
        r"([(]?\w?\d?\s?[(]){100}",
        r"(\w{0,9}\d?){15}",
        r"\y\y\y\y\y\y\y\y\y",
        r"(\y\w?){20}",
    ] {
        for text in [
            format!("SELECT product_name ~ '{pattern}' FROM retail.products"),
            format!("SELECT regexp_replace(product_name, '{pattern}', '') FROM retail.products"),
            format!("SELECT product_name ~ ANY (ARRAY['a', '{pattern}']) FROM retail.products"),
        ] {
            too_large(&text, "repeats too many optional parts");
        }
    }
    for pattern in [
        r"^(\+?\d{1,3}[\s.-]?)?\(?\d{3}\)?[\s.-]?\d{3}[\s.-]?\d{4}$",
        r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$",
        r"^(\d{1,3}\.){3}\d{1,3}$",
        r"^\d{5}(-\d{4})?$",
        r"\y(drill|saw|hammer)\y",
        r"^(\w+\s*){1,20}$",
        r"([A-Z]{2,4}-?){1,10}",
        r"^https?://(www\.)?[a-z0-9-]+(\.[a-z]{2,})+(/.*)?$",
    ] {
        let text = format!("SELECT product_name ~* '{pattern}' FROM retail.products");
        assert!(check(&text).is_ok(), "{text}");
    }
}

/// A backend keeps its last 32 regular expressions.
#[test]
fn regular_expressions_count_as_retained_bytes() {
    let retained = |text: &str| check(text).expect(text).retained_bytes();
    let place = "SELECT substring(sku, strpos(sku, 'A') + 1) FROM retail.products";
    assert_eq!(retained(place), 0);
    let (small, large) = ("'^a.c$'", r"'(\w?\d?\s?.?){25}'");
    for (template, patterns) in [
        ("SELECT product_name ~ P FROM retail.products", 1),
        (
            "SELECT product_name !~* ANY (ARRAY[P, P]) FROM retail.products",
            2,
        ),
        ("SELECT product_name SIMILAR TO P FROM retail.products", 1),
        (
            "SELECT regexp_replace(product_name, P, '') FROM retail.products",
            1,
        ),
        (
            "SELECT substring(product_name FROM P) FROM retail.products",
            1,
        ),
        (
            "SELECT count(*) FROM retail.products WHERE regexp_like(product_name, P)",
            1,
        ),
    ] {
        let of = |pattern: &str| retained(&template.replace('P', pattern));
        assert_eq!(of(small), patterns * (16 << 10), "{template}");
        assert!(of(large) >= patterns * (600 << 10), "{template}");
        assert_eq!(of("lower(sku)"), patterns << 20, "{template}");
    }
    for text in [
        "SELECT substring(sku, 1, 3), sku LIKE '%a?b?%' FROM retail.products",
        "SELECT ~ store_id, sku || '(a?){9}' FROM retail.products, retail.stores",
    ] {
        assert_eq!(retained(text), 0, "{text}");
    }
}

/// PostgreSQL keeps the positions of all groups of all matches.
#[test]
fn groups_of_all_matches_are_counted() {
    let pattern = format!("a|b{}", "()".repeat(245));
    for call in [
        format!("regexp_substr(repeat('a', 400000), '{pattern}', 1, 1, '', 1)"),
        format!("regexp_instr(repeat('a', 400000), '{pattern}', 1, 1, 0, '', 1)"),
        format!("regexp_matches(repeat('a', 40000), '{pattern}', 'g')"),
        "regexp_matches(repeat('a', 40000), lower('A'), 'g')".to_owned(),
    ] {
        too_large(&format!("SELECT {call}"), "at once");
    }
    // This call cannot ask for groups.
    let text = format!("SELECT regexp_count(repeat('a', 400000), '{pattern}')");
    assert!(check(&text).is_ok(), "{text}");
    for text in [
        "SELECT regexp_substr(product_description, '([a-z]+) ([a-z]+)', 1, 1, 'i', 2) FROM retail.products",
        "SELECT regexp_matches(product_description, '([a-z]+)-([a-z]+)', 'g') FROM retail.products",
    ] {
        unchanged(text);
    }
}

#[test]
fn every_form_of_like_counts_its_steps() {
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
    too_large("SELECT 'a' @@ repeat('b ', 3000)", "would process values");
    // Each of them is fast enough, all together are not.
    let likes = ["repeat('a', 10000) LIKE repeat('%a', 1000)"; 3].join(" AND ");
    too_large(
        &format!("SELECT {likes}"),
        "operations on long values could take too long together",
    );
}

#[test]
fn a_json_path_must_be_a_literal_argument() {
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

#[test]
fn blanks_in_a_quantifier_bound_are_refused() {
    for pattern in [
        "(?x)((x{1,2 5 5}){1,1 3 0})",
        "***:(?ix)(x{1,2\t5\n5}){1,130}",
        "(?x)x{ 2 5 5}",
        "(?x)x{25#}\n5}",
        "(?x)x{#\n255}",
    ] {
        too_large(
            &format!("SELECT 'a' ~ '{pattern}'"),
            "blanks or a comment in a bound",
        );
    }
    too_large(
        "SELECT regexp_like('a', '((x{1,2 5 5}){1,1 3 0})', 'x')",
        "blanks or a comment in a bound",
    );
    unchanged("SELECT 'a' ~ '(?x) a {2} b'");
    assert!(check("SELECT 'a' ~ '\\{ \"name\": [0-9]+ \\}'").is_ok());
}

#[test]
fn a_json_path_is_checked_by_its_tokens() {
    let document = "('{\"a\":[1' || repeat(',1', 14000) || ']}')::jsonb";
    for path in [
        "$ ? (@.a[ * ] < @.a[ * ])",
        "$.a[0\tto\tlast] < $.b[0 to last]",
        "$ ? (@. * < @. *)",
        "($.a[*] < $.b[*]) ? (@ == true)",
        "strict $ ? ((@.a[*]) < (@.b[*]))",
        "($.a[*] ? (@ == 1)) < ($.b[*] ? (@ == 1))",
        "$.\"a\"[*] == -$.b[\n*]",
        // Arrays are unwrapped to their elements.
        "$ ? (@.a < @.b)",
        "$.a == $.a",
        "LAX $ ? (!(@.a == 1 && @.b >= @.a))",
        // Other spellings of keywords.
        "$.number ()",
        "$. NUMBER()",
        "$.n\\u0075mber()",
        "$.decimal ()",
        "$.keyvalu\\u0065()",
        "$.keyvalue\n()",
        "$ ? (@ lik\\u0065_regex \"a\")",
        "$ ? (@ LIKE_REGEX \"a\")",
        "$./* a */number()",
        "$.a ? (@ == \"\\\"\") ? (@ == 1)",
    ] {
        for statement in [
            format!("SELECT jsonb_path_exists({document}, '{path}')"),
            format!("SELECT {document} @? '{path}'"),
            format!("SELECT {document} @@ '{path}'"),
            format!("SELECT JSON_EXISTS({document}, '{path}')"),
            format!("SELECT JSON_QUERY({document}, '{path}')"),
            format!("SELECT 1 FROM JSON_TABLE({document}, '{path}' COLUMNS (a int PATH '$')) AS t"),
        ] {
            too_large(&statement, "a JSON path");
        }
    }
    for path in [
        "strict $.items[*] ? (@.price > @.cost)",
        "$.items[*] ? (@.price * 2 > 10 && @.tags[*] == \"a, b\" || exists(@.tags[*]))",
        "$.items[0 to 2].* ? (@.number == \"like_regex ? \\\" **\")",
        "$.keyvalue.decimal",
        "$.to == 1 && $.a[*] starts with \"b\"",
    ] {
        let statement =
            format!("SELECT jsonb_path_exists(to_jsonb(s), '{path}') FROM retail.stores AS s");
        assert!(check(&statement).is_ok(), "{statement}");
    }
    // A short document, and a variable.
    unchanged("SELECT jsonb_path_query('{\"a\": 1, \"b\": 2}', '$ ? (@.a < @.b)')");
    unchanged("SELECT jsonb_path_query('[1, 2]', '$[*] ? (@ >= $min)', '{\"min\": 2}')");
    unchanged("SELECT jsonb_path_query('[1, 2]', '$[*] ? (@ >= $\"min\")', '{\"min\": 2}')");
    too_large(
        &format!("SELECT jsonb_path_exists({document}, '$.a[*] ? (@ < $x)', {document})"),
        "two parts of a document",
    );
    too_large(
        &format!(
            "SELECT jsonb_path_match('1', '{}')",
            ["$ == 1"; 101].join(" && ")
        ),
        "too many comparisons",
    );
    // The numbers of a variable are multiplied as well.
    too_large(
        &format!(
            "SELECT jsonb_path_query('1', '{}', '{{\"x\": 1e9999}}')",
            ["$x"; 10_000].join(" * ")
        ),
        "could produce a value",
    );
}
