/// Statements that do not parse, each with a part of the location and a part of the hint.
pub(super) const SYNTAX: &[(&str, &str, &str)] = &[
    // Syntax of other databases.
    (
        "SELECT order_id FROM orders QUALIFY row_number() OVER (ORDER BY 1) = 1",
        "column 37: … order_id FROM orders QUALIFY >>>row_number()",
        "no QUALIFY; compute the window function in a subquery and filter in the outer query, as in SELECT * FROM (SELECT",
    ),
    (
        "SELECT order_id FROM orders o\nWHERE store_id = 1\nQUALIFY rank() OVER (ORDER BY 1) = 1",
        "line 3, column 1: >>>QUALIFY",
        "no QUALIFY",
    ),
    (
        "SELECT TOP 10 order_id\nFROM orders",
        "line 1, column 12: SELECT TOP >>>10 order_id)",
        "no TOP; put the number of rows in LIMIT at the end, as in",
    ),
    (
        "SELECT DISTINCT TOP 10 order_id FROM orders",
        "column 21",
        "no TOP",
    ),
    (
        "SELECT store_id, count(*) FROM orders GROUP BY ALL",
        "column 51: …nt(*) FROM orders GROUP BY ALL>>>",
        "list the columns or their positions",
    ),
    (
        "SELECT store_id, count(*) FROM orders GROUP BY ALL ORDER BY 1",
        ">>>ORDER BY 1",
        "no BY ALL",
    ),
    (
        "SELECT lag(store_id) IGNORE NULLS OVER (ORDER BY order_id) FROM orders",
        ">>>NULLS OVER",
        "no IGNORE NULLS; number the blocks by a running count of values",
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
        "after IN",
    ),
    (
        "SELECT CURRENT_DATE - INTERVAL 3 MONTH",
        ">>>3 MONTH",
        "INTERVAL '3 months'",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date > now() - INTERVAL '3' MONTHS",
        ">>>MONTHS",
        "in one string",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date >= DATE_SUB(CURDATE(), INTERVAL 1 MONTH)",
        ">>>1 MONTH",
        "in one string",
    ),
    (
        "SELECT * EXCEPT (store_id) FROM orders",
        ">>>store_id",
        "no * EXCEPT; list the columns",
    ),
    (
        "SELECT o.* EXCLUDE (store_id) FROM orders o",
        "EXCLUDE >>>(store_id)",
        "list the columns",
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
        "write EXCEPT",
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
        "omit the lock hint",
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
        "ILIKE '%north%'",
    ),
    (
        "SELECT quantity MOD 2 FROM order_items",
        ">>>2",
        "the operators % and /",
    ),
    (
        "SELECT EXTRACT(MONTH, order_date) FROM orders",
        ">>>, order_date",
        "write the field before FROM",
    ),
    (
        "SELECT TIMESTAMP('2024-01-01')",
        ">>>'2024-01-01'",
        "write the type before the string",
    ),
    (
        "SELECT DISTINCT ON store_id store_id FROM orders",
        ">>>store_id store_id",
        "in parentheses",
    ),
    (
        "SELECT row_number() OVER PARTITION BY store_id FROM orders",
        ">>>store_id",
        "put the window definition in parentheses",
    ),
    (
        "SELECT first_value(1) OVER w FROM orders o WINDOW w (ORDER BY 1)",
        ">>>(ORDER BY 1)",
        "write AS before",
    ),
    (
        "SELECT count(*) FILTER WHERE store_id = 1 FROM orders",
        ">>>WHERE",
        "put the condition of FILTER in parentheses",
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
        "call describe_table",
    ),
    ("\\d orders", "column 1", "call describe_table"),
    (
        "# a comment\nSELECT 1",
        "column 1",
        "begin a comment with --",
    ),
    // Common mistakes.
    ("SELECT store_id, FROM stores", ">>>FROM", "an extra comma"),
    (
        "SELECT 1 FROM stores WHERE store_id IN (1, 2, )",
        ">>>)",
        "an extra comma",
    ),
    (
        "WITH a AS (SELECT 1), SELECT * FROM a",
        ">>>SELECT * FROM a",
        "an extra comma",
    ),
    (
        "WITH a AS (SELECT 1) b AS (SELECT 2) SELECT * FROM a",
        ">>>b AS",
        "separate WITH queries by commas",
    ),
    (
        "WITH a AS SELECT 1 SELECT * FROM a",
        ">>>SELECT 1",
        "put a WITH query in parentheses",
    ),
    (
        "SELECT 1 FROM stores ORDER BY 1 LIMIT 1 UNION ALL SELECT 2",
        ">>>UNION",
        "in parentheses, as in (SELECT",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date > :start",
        ">>>:start",
        "parameters are not supported",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date > ?",
        ">>>",
        "parameters are not supported",
    ),
    (
        "SELECT 1 FROM orders WHERE order_date > {{ start }}",
        ">>>{{",
        "parameters are not supported",
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
    ("SELECT 'O'Brien'", ">>>'", "a quote inside a string twice"),
    (
        "SELECT 'Women's shoes' FROM orders",
        ">>>shoes",
        "a quote inside a string twice",
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
        "an extra closing parenthesis",
    ),
    (
        "SELECT CASE WHEN true THEN 2 FROM orders",
        ">>>FROM",
        "CASE has no END",
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
        "put strings in single quotes",
    ),
    (
        "Here is the query: SELECT 1",
        "column 1",
        "send only the SQL",
    ),
    // No hint applies.
    (
        "SELECT 1 FROM orders LIMIT 10 PERCENT",
        "column 31: SELECT 1 FROM orders LIMIT 10 >>>PERCENT)",
        "correct the SQL and send it again",
    ),
];
