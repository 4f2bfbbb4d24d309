//! What is told beside a refusal: the place, and PostgreSQL's own way. `tests/it/hints/mod.rs` runs
//! every form.
mod syntax; // mistakes, and what is told of each

use super::*;
use crate::query::guard::hints;

use syntax::SYNTAX;

#[test]
fn a_syntax_error_has_a_place_a_snippet_and_postgresqls_own_way() {
    for (text, place, hint) in SYNTAX {
        let refusal = check(text).expect_err(text);
        assert_eq!(refusal.rule(), Rule::Syntax, "{text}\n  {refusal}");
        let told = refusal.to_string();
        let (where_it_is, what_to_do) = told.split_once("); ").unwrap_or(("", &told));
        assert!(
            format!("{where_it_is})").contains(place),
            "{text}\n  {told}"
        );
        assert!(what_to_do.contains(hint), "{text}\n  {told}");
    }
}

/// Every kind of token may be the one at fault, also where the same one stands before and behind.
#[test]
fn the_place_is_the_first_token_that_fits_nowhere() {
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
        let told = check(text).expect_err(text).to_string();
        assert!(
            told.contains(&format!("(line 1, column {column}: ")),
            "{text}\n  {told}"
        );
    }
}

#[test]
fn names_of_other_databases_are_answered_with_a_form() {
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
            "CURRENT_DATE - order_date (a difference of dates is a number of days",
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
            "ILIKE '%drill%' (or call semantic_search_products",
        ),
        (
            "SELECT levenshtein(product_name, 'a') FROM products",
            Rule::Function,
            "semantic_search_products",
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
            "use for example quantity::text",
        ),
        (
            "SELECT CAST(1 AS double)",
            Rule::Type,
            "quantity::double precision",
        ),
        (
            "SELECT CAST(now() AS datetime)",
            Rule::Type,
            "order_date::timestamp",
        ),
        (
            "SELECT 1 FROM products WHERE product_name LIKE 'a' OR LIKE 'b'",
            Rule::Type,
            "the column stands before each LIKE",
        ),
        (
            "SELECT 1 == 1",
            Rule::Operator,
            "use for example quantity = 1",
        ),
        ("SELECT 2 ** 2", Rule::Operator, "quantity ^ 2"),
    ] {
        refused(text, rule, hint);
    }
}

#[test]
fn a_table_may_be_named_with_the_database() {
    runs_as(
        "SELECT zava.retail.orders.order_id FROM zava.retail.orders",
        "SELECT retail.orders.order_id FROM retail.orders",
    );
    runs_as(
        "SELECT zava.retail.orders.* FROM Zava.Retail.Orders",
        "SELECT retail.orders.* FROM retail.orders",
    );
    for (text, told) in [
        (
            "SELECT 1 FROM other.retail.orders",
            "no table other.retail.orders here (line 1, column 15); leave the database's name out: retail.orders",
        ),
        (
            "SELECT 1 FROM zava.guard.tenant",
            "no table guard.tenant here",
        ),
        (
            "SELECT 1 FROM zava.retail.secrets",
            "no table retail.secrets here",
        ),
        (
            "SELECT 1 FROM zava.pg_catalog.pg_class",
            "no table pg_catalog.pg_class here",
        ),
        ("SELECT 1 FROM zava.orders", "did you mean retail.orders?"),
        ("SELECT 1 FROM \"Orders\"", "did you mean retail.orders?"),
        ("SELECT 1 FROM dual", "leave FROM out"),
    ] {
        refused(text, Rule::Relation, told);
    }
}

#[test]
fn the_names_that_a_text_demands_are_found() {
    let found = |text: &str| {
        let names = hints::compared_names(text);
        let shown = names
            .iter()
            .map(|name| format!("{}/{:?}={}", name.named.column(), name.folding, name.value));
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

/// A place is not worth more time than the statement was.
#[test]
fn a_text_that_is_slow_to_scan_is_told_without_a_place() {
    let told = check(&format!("SELECT 1 {} FROM FROM", "+-".repeat(200)))
        .expect_err("refused")
        .to_string();
    assert!(!told.contains(">>>"), "{told}");
}

/// Found by looking at any text: nothing here may panic or take long.
#[test]
fn hints_bear_any_text() {
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
                let _ = hints::compared_names(&text);
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
                        let _ = hints::for_error(&text, state, &message, byte);
                    }
                }
            }
        }
    }
}
