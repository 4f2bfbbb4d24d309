//! Locations and hints of refusals. `tests/it/hints/mod.rs` runs every example.
mod examples; // examples over the tables of the schema
mod syntax; // statements that do not parse, and their hints

use super::*;
use crate::hints;

use syntax::SYNTAX;

/// The columns with names, each with itself in the place of what the names stand for.
const NAME_COLUMNS: [(&str, &str); 3] = [
    ("store_name", "store_name"),
    ("category_name", "category_name"),
    ("type_name", "type_name"),
];

#[test]
fn a_syntax_error_has_a_location_a_snippet_and_a_hint() {
    for (text, location, hint) in SYNTAX {
        let refusal = check(text).expect_err(text);
        assert_eq!(refusal.rule(), Rule::Syntax, "{text}\n  {refusal}");
        let shown = refusal.to_string();
        let (located, hinted) = shown.split_once("); ").unwrap_or(("", &shown));
        assert!(
            format!("{located})").contains(location),
            "{text}\n  {shown}"
        );
        assert!(hinted.contains(hint), "{text}\n  {shown}");
    }
}

/// Any kind of token can be the one at fault, even if the same token also occurs before and after
/// it.
#[test]
fn the_location_is_the_first_token_that_does_not_parse() {
    for (text, column) in [
        ("SELECT a, b, , c", 14),
        ("SELECT (1), (2)), (3)", 16),
        ("SELECT x FROM t WHERE x x x x", 25),
        ("SELECT 'a' FROM t WHERE 'a' 'a' = 'a'", 29),
        ("SELECT 'é', 'é' FROM t t t", 26),
        ("SELECT from from from", 13),
        ("SELECT 1 WHERE", 15),
        ("SELECT 1 WHERE  \n ", 15),
    ] {
        let shown = check(text).expect_err(text).to_string();
        assert!(
            shown.contains(&format!("(line 1, column {column}: ")),
            "{text}\n  {shown}"
        );
    }
}

#[test]
fn a_name_of_another_database_is_refused_with_an_example() {
    for (text, rule, hint) in [
        (
            "SELECT ifnull(1, 2)",
            Rule::Function,
            "use for example coalesce(",
        ),
        (
            "SELECT NVL(1, 2)",
            Rule::Function,
            "use for example coalesce(",
        ),
        (
            "SELECT isnull(1, 2)",
            Rule::Function,
            "use for example coalesce(",
        ),
        ("SELECT if(true, 1, 2)", Rule::Function, "CASE WHEN"),
        (
            "SELECT dateadd(day, 7, order_date) FROM orders",
            Rule::Function,
            "order_date + INTERVAL '7 days'",
        ),
        (
            "SELECT datediff(day, order_date, now()) FROM orders",
            Rule::Function,
            "CURRENT_DATE - order_date (the difference of two dates is a number of days",
        ),
        (
            "SELECT getdate()",
            Rule::Function,
            "now() (or CURRENT_DATE)",
        ),
        (
            "SELECT strftime('%Y', order_date) FROM orders",
            Rule::Function,
            "to_char(order_date, 'YYYY-MM')",
        ),
        (
            "SELECT year(order_date) FROM orders",
            Rule::Function,
            "extract(year FROM order_date)",
        ),
        (
            "SELECT top (10) order_id FROM orders",
            Rule::Function,
            "LIMIT 10",
        ),
        (
            "SELECT similarity(product_name, 'a') FROM products",
            Rule::Function,
            "ILIKE '%north%' (or call search_products",
        ),
        (
            "SELECT levenshtein(product_name, 'a') FROM products",
            Rule::Function,
            "search_products",
        ),
        ("SELECT countif(true)", Rule::Function, "FILTER (WHERE"),
        ("SELECT safe_divide(1, 2)", Rule::Function, "nullif("),
        (
            "SELECT 1 FROM orders (nolock)",
            Rule::Function,
            "it is a table; write retail.orders",
        ),
        (
            "SELECT CAST(1 AS string)",
            Rule::Type,
            "use for example base_price::text",
        ),
        (
            "SELECT CAST(1 AS double)",
            Rule::Type,
            "base_price::double precision",
        ),
        (
            "SELECT CAST(now() AS datetime)",
            Rule::Type,
            "order_date::timestamp",
        ),
        (
            "SELECT 1 FROM products WHERE product_name LIKE 'a' OR LIKE 'b'",
            Rule::Type,
            "repeat the column before each LIKE",
        ),
        (
            "SELECT 1 == 1",
            Rule::Operator,
            "use for example base_price = 1",
        ),
        ("SELECT 2 ** 2", Rule::Operator, "base_price ^ 2"),
    ] {
        refused(text, rule, hint);
    }
}

#[test]
fn a_table_may_be_qualified_with_the_database_name() {
    runs_as(
        "SELECT zava.retail.orders.order_id FROM zava.retail.orders",
        "SELECT retail.orders.order_id FROM retail.orders",
    );
    runs_as(
        "SELECT zava.retail.orders.* FROM Zava.Retail.Orders",
        "SELECT retail.orders.* FROM retail.orders",
    );
    for (text, words) in [
        (
            "SELECT 1 FROM other.retail.orders",
            "table other.retail.orders is not available (line 1, column 15); omit the database name: retail.orders",
        ),
        (
            "SELECT 1 FROM zava.guard.tenant",
            "table guard.tenant is not available",
        ),
        (
            "SELECT 1 FROM zava.retail.secrets",
            "table retail.secrets is not available",
        ),
        (
            "SELECT 1 FROM zava.pg_catalog.pg_class",
            "table pg_catalog.pg_class is not available",
        ),
        ("SELECT 1 FROM zava.orders", "did you mean retail.orders?"),
        ("SELECT 1 FROM \"Orders\"", "did you mean retail.orders?"),
        ("SELECT 1 FROM dual", "omit FROM"),
    ] {
        refused(text, Rule::Relation, words);
    }
}

#[test]
fn names_that_a_statement_requires_are_found() {
    let found = |text: &str| {
        let names = hints::compared_names(text, &NAME_COLUMNS);
        let shown = names
            .iter()
            .map(|name| format!("{}/{:?}={}", name.entity, name.folding, name.value));
        shown.collect::<Vec<_>>().join(", ")
    };
    for (text, names) in [
        (
            "SELECT 1 WHERE c.category_name = 'A'",
            "category_name/None=A",
        ),
        (
            "SELECT 1 WHERE 'It''s' = retail.stores.store_name",
            "store_name/None=It's",
        ),
        (
            "SELECT 1 WHERE type_name IN ('A', 'B')",
            "type_name/None=A, type_name/None=B",
        ),
        (
            "SELECT 1 WHERE type_name = ANY (ARRAY['A', 'B'])",
            "type_name/None=A, type_name/None=B",
        ),
        (
            "SELECT 1 WHERE lower(s.store_name) = 'a' AND 'B' = upper(store_name)",
            "store_name/Lower=a, store_name/Upper=B",
        ),
        ("SELECT 1 WHERE store_name LIKE 'A'", "store_name/None=A"),
        (
            "SELECT 1 WHERE store_name = 'A' OR store_name = 'A'",
            "store_name/None=A",
        ),
        ("SELECT 1 WHERE store_name LIKE 'A%'", ""),
        (
            "SELECT 1 WHERE store_name <> 'A' AND store_name NOT IN ('B')",
            "",
        ),
        ("SELECT 1 WHERE store_name IN ('A', lower('B'))", ""),
        ("SELECT 1 WHERE product_name = 'A'", ""),
        ("SELECT 'store_name = ''A''' /* store_name = 'A' */", ""),
        ("SELECT 'unterminated WHERE store_name = 'A'", ""),
        ("", ""),
    ] {
        assert_eq!(found(text), names, "{text}");
    }
}

/// Finding the location must not take more time than parsing the statement.
#[test]
fn a_text_that_is_slow_to_scan_is_refused_without_a_location() {
    let shown = check(&format!("SELECT 1 {} FROM FROM", "+-".repeat(200)))
        .expect_err("refused")
        .to_string();
    assert!(!shown.contains(">>>"), "{shown}");
}

/// Hints are computed for any text, so they must neither panic nor take long.
#[test]
fn hints_handle_any_text() {
    let parts = [
        "SELECT",
        "'",
        "\"",
        "(",
        ")",
        ",",
        ".",
        "AS",
        "é",
        "`",
        "[",
        "store_name",
        "=",
        "\n",
        "--",
        "/*",
        "orders",
        "in",
        "1",
    ];
    for first in parts {
        for second in parts {
            for third in parts {
                let text = format!("{first} {second}{third} {second}");
                let _ = check(&text);
                let _ = hints::compared_names(&text, &NAME_COLUMNS);
                for (state, message) in [
                    ("42703", format!("column \"{second}\" does not exist")),
                    ("42703", format!("column {first}.{third} does not exist")),
                    (
                        "22007",
                        format!("invalid input syntax for type date: \"{third}\""),
                    ),
                    (
                        "42702",
                        format!("column reference \"{second}\" is ambiguous"),
                    ),
                    (
                        "42P01",
                        "missing FROM-clause entry for table \"x\"".to_owned(),
                    ),
                ] {
                    for byte in [None, Some(0), Some(text.len() / 2), Some(text.len() + 9)] {
                        let _ = GUARD.hint_for_error(&text, state, &message, byte);
                    }
                }
            }
        }
    }
}
