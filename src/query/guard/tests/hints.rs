//! What is told beside a refusal: the place, and PostgreSQL's own way. `tests/it/hints.rs` runs
//! every form.

use super::*;
use crate::query::guard::hints;

/// What is written, the place with what stands around it, and what is said of it.
const SYNTAX: &[(&str, &str, &str)] = &[
    // Other databases' syntax.
    (
        "SELECT order_id FROM orders QUALIFY row_number() OVER (ORDER BY 1) = 1",
        "column 37: … order_id FROM orders QUALIFY >>>row_number()",
        "no QUALIFY; filter on a window function outside a sub-select, as in SELECT * FROM (SELECT",
    ),
    (
        "SELECT order_id FROM orders o\nWHERE store_id = 1\nQUALIFY rank() OVER (ORDER BY 1) = 1",
        "line 3, column 1: >>>QUALIFY",
        "no QUALIFY",
    ),
    (
        "SELECT TOP 10 order_id\nFROM orders",
        "line 1, column 12: SELECT TOP >>>10 order_id)",
        "no TOP; the number of rows stands in LIMIT at the end, as in",
    ),
    (
        "SELECT DISTINCT TOP 10 order_id FROM orders",
        "column 21",
        "no TOP",
    ),
    (
        "SELECT store_id, count(*) FROM orders GROUP BY ALL",
        "column 51: …nt(*) FROM orders GROUP BY ALL>>>",
        "name the columns, or give their numbers",
    ),
    (
        "SELECT store_id, count(*) FROM orders GROUP BY ALL ORDER BY 1",
        ">>>ORDER BY 1",
        "no BY ALL",
    ),
    (
        "SELECT lag(store_id) IGNORE NULLS OVER (ORDER BY order_id) FROM orders",
        ">>>NULLS OVER",
        "no IGNORE NULLS; count the values so far",
    ),
    (
        "SELECT last_value(store_id IGNORE NULLS) OVER (ORDER BY order_id) FROM orders",
        ">>>IGNORE",
        "no IGNORE NULLS",
    ),
    (
        "SELECT order_id FROM orders LIMIT 5, 10",
        "",
        "OFFSET, as in",
    ),
    ("SELECT `order_id` FROM `orders`", "", "without backticks"),
    (
        "SELECT [order_id] FROM [orders]",
        "column 8",
        "without brackets",
    ),
    (
        "SELECT x FROM unnest([1, 2]) x",
        "column 22",
        "write ARRAY[…]",
    ),
    (
        "SELECT * FROM orders PIVOT (sum(store_id) FOR x IN ('a', 'b'))",
        ">>>(store_id)",
        "no PIVOT; write one aggregate with FILTER",
    ),
    (
        "SELECT * FROM products UNPIVOT (v FOR k IN (cost, base_price))",
        ">>>FOR",
        "no UNPIVOT",
    ),
    (
        "SELECT 1 FROM products WHERE product_name ILIKE ANY ('%a%', '%b%')",
        ">>>, '%b%'",
        "ILIKE ANY (ARRAY[",
    ),
    (
        "SELECT 1 FROM orders WHERE store_id = ANY (1, 2)",
        ">>>, 2",
        "behind IN",
    ),
    (
        "SELECT CURRENT_DATE - INTERVAL 3 MONTH",
        ">>>3 MONTH",
        "INTERVAL '3 months'",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date > now() - INTERVAL '3' MONTHS",
        ">>>MONTHS",
        "stand in one text",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date >= DATE_SUB(CURDATE(), INTERVAL 1 MONTH)",
        ">>>1 MONTH",
        "stand in one text",
    ),
    (
        "SELECT * EXCEPT (store_id) FROM orders",
        ">>>store_id",
        "no * EXCEPT; name the columns",
    ),
    (
        "SELECT o.* EXCLUDE (store_id) FROM orders o",
        "EXCLUDE >>>(store_id)",
        "name the columns",
    ),
    (
        "SELECT TRY_CAST(sku AS int) FROM products",
        ">>>AS int",
        "no TRY_CAST",
    ),
    (
        "SELECT SAFE_CAST(sku AS INT64) FROM products",
        ">>>AS INT64",
        "no TRY_CAST",
    ),
    (
        "SELECT CONVERT(varchar(10), order_date, 120) FROM orders",
        ">>>, order_date",
        "no CONVERT; write CAST",
    ),
    (
        "SELECT store_id FROM stores MINUS SELECT store_id FROM orders",
        ">>>SELECT store_id FROM orders",
        "called EXCEPT",
    ),
    (
        "SELECT * FROM stores s CROSS APPLY (SELECT 1) x",
        ">>>APPLY",
        "LATERAL",
    ),
    (
        "SELECT * FROM stores s OUTER APPLY (SELECT 1) x",
        ">>>OUTER",
        "LATERAL",
    ),
    (
        "SELECT store_id, count(*) FROM orders GROUP BY store_id WITH ROLLUP",
        ">>>WITH ROLLUP",
        "GROUP BY ROLLUP (",
    ),
    (
        "SELECT * FROM orders WITH (NOLOCK)",
        ">>>WITH",
        "leave the lock hint out",
    ),
    (
        "SELECT 1 FROM orders START WITH order_id = 1 CONNECT BY PRIOR order_id = store_id",
        ">>>WITH",
        "recursive WITH",
    ),
    (
        "SELECT 1 FROM stores s ANTI JOIN orders o ON true",
        ">>>ANTI",
        "NOT EXISTS",
    ),
    (
        "SELECT 1 FROM stores s OUTER JOIN orders o ON true",
        ">>>OUTER",
        "LEFT JOIN, RIGHT JOIN or FULL JOIN",
    ),
    (
        "SELECT 1 FROM products WHERE product_name REGEXP 'a'",
        ">>>REGEXP",
        "~*",
    ),
    (
        "SELECT 1 FROM products WHERE product_name NOT RLIKE 'a'",
        ">>>NOT RLIKE",
        "~*",
    ),
    (
        "SELECT 1 FROM products WHERE product_name CONTAINS 'a'",
        ">>>CONTAINS",
        "ILIKE '%drill%'",
    ),
    (
        "SELECT quantity MOD 2 FROM order_items",
        ">>>2",
        "the operators % and /",
    ),
    (
        "SELECT EXTRACT(MONTH, order_date) FROM orders",
        ">>>, order_date",
        "stands before FROM",
    ),
    (
        "SELECT TIMESTAMP('2024-01-01')",
        ">>>'2024-01-01'",
        "write the type before the text",
    ),
    (
        "SELECT DISTINCT ON store_id store_id FROM orders",
        ">>>store_id store_id",
        "in parentheses",
    ),
    (
        "SELECT row_number() OVER PARTITION BY store_id FROM orders",
        ">>>store_id",
        "a window stands in parentheses",
    ),
    (
        "SELECT first_value(1) OVER w FROM orders o WINDOW w (ORDER BY 1)",
        ">>>(ORDER BY 1)",
        "AS stands before",
    ),
    (
        "SELECT count(*) FILTER WHERE store_id = 1 FROM orders",
        ">>>WHERE",
        "FILTER stands in parentheses",
    ),
    (
        "SELECT x FROM unnest(ARRAY[1]) AS x WITH OFFSET",
        ">>>WITH OFFSET",
        "WITH ORDINALITY",
    ),
    ("SELECT ARRAY<INT64>[1]", ">>><INT64>", "ARRAY[…]"),
    (
        "SELECT 1 FROM products WHERE product_description NOT NULL",
        ">>>NOT NULL",
        "IS NOT NULL",
    ),
    (
        "SELECT 1 FROM orders WHERE store_id IS NOT IN (1)",
        ">>>NOT IN",
        "NOT IN",
    ),
    (
        "SELECT order_date BETWEEN '2024-01-01' TO '2024-02-01' FROM orders",
        ">>>TO",
        "BETWEEN … AND …",
    ),
    (
        "SELECT CAST(store_id AS UNSIGNED INTEGER) FROM orders",
        ">>>INTEGER",
        "bigint",
    ),
    (
        "SELECT CASE WHEN true THEN 1 ELSE IF false THEN 2 END",
        ">>>false",
        "another WHEN",
    ),
    ("SELECT 1 FROM orders FETCH FIRST 10", ">>>", "ROWS ONLY"),
    (
        "DESCRIBE retail.orders",
        "column 1: >>>DESCRIBE",
        "get_multiple_table_schemas",
    ),
    ("\\d orders", "column 1", "get_multiple_table_schemas"),
    ("# a comment\nSELECT 1", "column 1", "begins with --"),
    // Slips.
    (
        "SELECT store_id, FROM stores",
        ">>>FROM",
        "a comma too many",
    ),
    (
        "SELECT 1 FROM stores WHERE store_id IN (1, 2, )",
        ">>>)",
        "a comma too many",
    ),
    (
        "WITH a AS (SELECT 1), SELECT * FROM a",
        ">>>SELECT * FROM a",
        "a comma too many",
    ),
    (
        "WITH a AS (SELECT 1) b AS (SELECT 2) SELECT * FROM a",
        ">>>b AS",
        "separated by commas",
    ),
    (
        "WITH a AS SELECT 1 SELECT * FROM a",
        ">>>SELECT 1",
        "stands in parentheses",
    ),
    (
        "SELECT 1 FROM stores ORDER BY 1 LIMIT 1 UNION ALL SELECT 2",
        ">>>UNION",
        "in parentheses, as in (SELECT",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date > :start",
        ">>>:start",
        "no parameters",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date > ?",
        ">>>",
        "no parameters",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date > {{ start }}",
        ">>>{{",
        "no parameters",
    ),
    (
        "SELECT 1 FROM orders WHERE store_id &lt; 5",
        ">>>5",
        "escaped as HTML",
    ),
    (
        "SELECT 1 FROM orders GROUP BY store_id WHERE store_id = 1",
        ">>>WHERE",
        "in this order: SELECT, FROM",
    ),
    ("SELECT 'O'Brien'", ">>>'", "written twice"),
    (
        "SELECT 'Women's shoes' FROM orders",
        ">>>shoes",
        "written twice",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date = ‘2024-01-01’",
        ">>>01’",
        "straight single quotes",
    ),
    ("SELECT\u{a0}1 FROM orders", ">>>", "invisible character"),
    (
        "SELECT 1 FROM orders WHERE (store_id = 1",
        ">>>",
        "parenthesis is not closed",
    ),
    (
        "SELECT round(avg(total_amount), 2 FROM order_items",
        ">>>FROM",
        "parenthesis is not closed",
    ),
    (
        "SELECT 1 FROM orders WHERE store_id = 1)",
        ">>>)",
        "closing parenthesis too many",
    ),
    (
        "SELECT CASE WHEN true THEN 2 FROM orders",
        ">>>FROM",
        "CASE ends with END",
    ),
    (
        "SELECT * FROM orders JOIN stores WHERE true",
        ">>>WHERE",
        "JOIN needs ON or USING",
    ),
    (
        "SELECT * FROM orders o JOIN stores s",
        ">>>",
        "JOIN needs ON or USING",
    ),
    (
        "SELECT \"a FROM orders",
        "column 8",
        "text stands in single quotes",
    ),
    (
        "Here is the query: SELECT 1",
        "column 1",
        "send the SQL alone",
    ),
    // Nothing is known to say.
    (
        "SELECT 1 FROM orders LIMIT 10 PERCENT",
        "column 31: SELECT 1 FROM orders LIMIT 10 >>>PERCENT)",
        "correct the SQL and send it again",
    ),
];

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
