//! What the catalog says of single functions and operators, and no server's catalog determines:
//! each value is shown by a statement that would pass without it.

use super::*;

/// A number whose square takes more steps than a statement may have.
fn long_number() -> String {
    format!("'{}'::numeric", "9".repeat(30_000))
}

#[test]
fn functions_that_multiply_long_numbers_are_limited() {
    for call in [
        "div({}, {})",
        "gcd({}, {})",
        "lcm({}, {})",
        "mod({}, {})",
        "stddev({})",
        "stddev_pop({})",
        "stddev_samp({})",
        "var_pop({})",
        "var_samp({})",
        "variance({})",
    ] {
        let (name, _) = call.split_once('(').expect("a call");
        let call = call.replace("{}", &long_number());
        too_large(&format!("SELECT {call}"), &format!("{name} over values"));
    }
    assert!(check(&format!("SELECT abs({})", long_number())).is_ok());
}

#[test]
fn operators_over_all_pairs_of_digits_or_elements_are_limited() {
    let number = long_number();
    let array = format!("'{{{}}}'::int4[]", vec!["7"; 15_000].join(","));
    let document = format!("'[{}]'::jsonb", vec!["7"; 15_000].join(","));
    let text = format!("'{}'::text", "x ".repeat(60_000));
    let keys = format!("string_to_array('{}', ',')", "k,".repeat(5_000));
    let query = format!("to_tsquery('{}')", "a".repeat(4_000));
    for (left, operator, right) in [
        (&number, "*", &number),
        (&number, "/", &number),
        (&number, "%", &number),
        (&array, "@>", &array),
        (&array, "<@", &array),
        (&array, "&&", &array),
        (&document, "-", &keys),
        (&document, "?|", &keys),
        (&document, "?&", &keys),
        (&text, "@@", &query),
    ] {
        too_large(
            &format!("SELECT {left} {operator} {right}"),
            &format!("the operator {operator} over values"),
        );
    }
    let text = format!("'{}'", "x".repeat(30_000));
    for operator in ["~~", "!~~", "~~*", "!~~*"] {
        too_large(
            &format!("SELECT {text} {operator} {text}"),
            "LIKE over values",
        );
    }
}

/// A sort reports the size of its key. By the next smaller rule, each of these would be short
/// enough.
#[test]
fn sizes_of_sums_and_products_are_those_of_both_operands() {
    let number = long_number();
    let sorted = |expr: &str| format!("SELECT 1 ORDER BY {expr}");
    for operator in ["+", "-", "%"] {
        let text = sorted(&format!(
            "'{0}'::numeric {operator} '{0}'::numeric",
            "9".repeat(14_000)
        ));
        too_large(&text, "values of up to 28000 bytes would be sorted");
    }
    too_large(
        &sorted(&number),
        "values of up to 30000 bytes would be sorted",
    );
    for operator in ["*", "/"] {
        let text = sorted(&format!(
            "'{0}'::numeric {operator} '{0}'::numeric",
            "9".repeat(13_000)
        ));
        too_large(&text, "values of up to 26016 bytes would be sorted");
    }
    for operator in ["||", "&&"] {
        let text = sorted(&format!(
            "'{0}'::text {operator} '{0}'::text",
            "x".repeat(7_000)
        ));
        too_large(&text, "values of up to 28192 bytes would be sorted");
    }
    for operator in ["&", "|", "#", "<<", ">>", "->", "->>", "#>", "#>>", "#-"] {
        let text = sorted(&format!("'{}'::bytea {operator} 1", "x".repeat(13_000)));
        too_large(&text, "values of up to 26064 bytes would be sorted");
    }
    for operator in ["@", "!!", "~"] {
        let text = sorted(&format!("{operator} '{}'::bytea", "x".repeat(13_000)));
        too_large(&text, "values of up to 26064 bytes would be sorted");
    }
    let text = sorted(&format!("'{}'::numeric ^ 3", "9".repeat(9_000)));
    too_large(&text, "values of up to 27000 bytes would be sorted");
}

/// PostgreSQL plans a query once more for each aggregate with a sort operator, in the hope for an
/// index.
#[test]
fn aggregates_with_a_sort_operator_are_planned_again() {
    let query = |aggregate: &str| {
        let calls = [aggregate; 3].join(", ");
        format!("SELECT {calls} FROM retail.orders WHERE repeat('x', 12000000) || store_id <> 'x'")
    };
    for aggregate in [
        "max(order_id)",
        "min(order_id)",
        "bool_and(order_id > 1)",
        "bool_or(order_id > 1)",
        "every(order_id > 1)",
    ] {
        too_large(&query(aggregate), "at once");
    }
    assert!(check(&query("count(order_id)")).is_ok());
}

#[test]
fn functions_that_build_documents_hold_them_as_trees() {
    let text = |function: &str, length: usize| {
        let args = match function {
            "row_to_json" | "to_jsonb" | "jsonb_strip_nulls" => "{}",
            "jsonb_path_query_array" => "{}, '$'",
            "jsonb_set" | "jsonb_insert" => "{}, '{a}', 'true'",
            _ => "'a', {}",
        };
        let value = format!("(SELECT repeat(store_name, 1) || '{}')", "x".repeat(length));
        format!(
            "SELECT {function}({}) FROM retail.stores",
            args.replace("{}", &value)
        )
    };
    for function in [
        "jsonb_build_array",
        "jsonb_build_object",
        "jsonb_insert",
        "jsonb_object",
        "jsonb_path_query_array",
        "jsonb_set",
        "jsonb_strip_nulls",
        "row_to_json",
        "to_jsonb",
    ] {
        too_large(&text(function, 1_850_000), "of values at once");
        assert!(check(&text(function, 100_000)).is_ok(), "{function}");
    }
}

/// A sort reports the size of its key: four arguments, times the factor of the function.
#[test]
fn results_of_functions_count_with_their_factor() {
    let text = format!("'{}'", "x".repeat(7_000));
    let arguments = [text.as_str(); 4].join(", ");
    for (factor, names) in [
        (
            1,
            "abs ceil ceiling div floor gcd lcm mod trim_scale concat overlay array_append \
             array_cat array_positions array_prepend jsonb_insert jsonb_set datemultirange \
             daterange int4multirange int4range int8multirange int8range multirange nummultirange \
             numrange range_merge tsmultirange tsrange tstzmultirange tstzrange random",
        ),
        (
            2,
            "stddev stddev_pop stddev_samp var_pop var_samp variance decode like_escape \
             similar_to_escape setweight",
        ),
        (3, "casefold initcap lower upper"),
        (4, "quote_ident quote_literal quote_nullable encode"),
        (
            6,
            "array_to_json json_build_array json_build_object json_object jsonb_build_array \
             jsonb_build_object jsonb_object row_to_json to_json to_jsonb",
        ),
        (8, "to_tsvector"),
    ] {
        let bytes = 64 + factor * 4 * 7_000;
        for name in names.split_whitespace() {
            too_large(
                &format!("SELECT 1 ORDER BY {name}({arguments})"),
                &format!("values of up to {bytes} bytes would be sorted"),
            );
        }
    }
    // Their second argument is a short format, or a keyword.
    for (name, bytes) in [("to_char", 112_064), ("normalize", 140_064)] {
        too_large(
            &format!("SELECT 1 ORDER BY {name}({text})"),
            &format!("values of up to {bytes} bytes would be sorted"),
        );
    }
}
