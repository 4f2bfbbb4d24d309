/// The statement, PostgreSQL's message with the position, and the hint.
pub(super) const ERRORS: &[(&str, &str, &str)] = &[
    // Columns.
    (
        "SELECT s.city FROM retail.stores s",
        "column s.city does not exist (line 1, column 8; SQLSTATE 42703)",
        "retail.stores has store_id, store_name, is_online",
    ),
    (
        "SELECT stores.city FROM stores",
        "column stores.city does not exist",
        "retail.stores has store_id, store_name, is_online",
    ),
    (
        "SELECT city\nFROM stores",
        "column \"city\" does not exist (line 1, column 8;",
        "retail.stores has store_id, store_name, is_online",
    ),
    (
        "SELECT s.store_nam FROM stores s",
        "column s.store_nam does not exist",
        "did you mean s.store_name? retail.stores has",
    ),
    (
        "SELECT o.total_amount FROM orders o",
        "column o.total_amount does not exist",
        "total_amount is in retail.order_items; retail.orders has order_id",
    ),
    (
        "SELECT total_amount FROM orders",
        "column \"total_amount\" does not exist",
        "total_amount is in retail.order_items; join that table",
    ),
    (
        "SELECT order_dat FROM orders",
        "column \"order_dat\" does not exist",
        "did you mean order_date (retail.orders)?",
    ),
    (
        "SELECT total_amount FROM (SELECT store_id FROM order_items) t",
        "column \"total_amount\" does not exist",
        "a subquery or WITH query exposes only the columns that it selects",
    ),
    (
        "WITH m AS (SELECT sum(total_amount) AS revenue FROM order_items) SELECT m.revenu FROM m",
        "column m.revenu does not exist",
        "did you mean m.revenue?",
    ),
    (
        "SELECT x.order_id FROM orders o JOIN stores s USING (store_id)",
        "missing FROM-clause entry for table \"x\"",
        "FROM has o (retail.orders), s (retail.stores)",
    ),
    (
        "SELECT orders.order_id FROM retail.orders AS o",
        "invalid reference to FROM-clause entry for table \"orders\"",
        "FROM has o (retail.orders)",
    ),
    (
        "SELECT store_id FROM orders o JOIN stores s ON o.store_id = s.store_id",
        "column reference \"store_id\" is ambiguous",
        "write o.store_id or s.store_id",
    ),
    // Output names.
    (
        "SELECT store_id, sum(total_amount) AS revenue FROM order_items GROUP BY 1 HAVING revenue > 100",
        "column \"revenue\" does not exist",
        "revenue is an output column name, which can only be used in GROUP BY and, by itself, in ORDER BY; repeat sum(total_amount), or filter in an outer query, as in SELECT * FROM (SELECT …) t WHERE revenue > 0",
    ),
    (
        "SELECT order_id, quantity * 2 AS twice FROM order_items WHERE twice > 4",
        "column \"twice\" does not exist",
        "repeat quantity * 2",
    ),
    (
        "SELECT sum(round(i.total_amount, 2)) AS revenue, revenue / 2 FROM order_items i",
        "column \"revenue\" does not exist",
        "repeat sum(round(i.total_amount, 2))",
    ),
    (
        "SELECT sum(total_amount) AS revenue FROM order_items ORDER BY revenue * 2",
        "column \"revenue\" does not exist",
        "repeat sum(total_amount)",
    ),
    // Text.
    (
        "SELECT count(*) FROM categories WHERE category_name = \"POWER TOOLS\"",
        "column \"POWER TOOLS\" does not exist",
        "put strings in single quotes: 'POWER TOOLS'",
    ),
    (
        "SELECT count(*) FROM categories c WHERE c.category_name = \"It's\"",
        "column \"It's\" does not exist",
        "put strings in single quotes: 'It''s'",
    ),
    (
        "SELECT count(*) FROM categories WHERE category_name = ‘POWER’",
        "column \"‘power’\" does not exist",
        "put strings in single quotes: 'POWER'",
    ),
    (
        "SELECT \"Store_Name\" FROM stores",
        "column \"Store_Name\" does not exist",
        "did you mean store_name, without quotes?",
    ),
    (
        "SELECT 'a' + 'b'",
        "operator is not unique: unknown + unknown",
        "concatenate text with ||",
    ),
    (
        "SELECT store_name + 'b' FROM stores",
        "operator does not exist: text + unknown",
        "concatenate text with ||",
    ),
    (
        "SELECT count(*) FROM orders WHERE store_id = 'Seattle'",
        "invalid input syntax for type integer: \"Seattle\"",
        "store_id is a number; the name is in retail.stores.store_name",
    ),
    (
        "SELECT count(*) FROM products WHERE category_id IN ('Tools')",
        "invalid input syntax for type integer: \"Tools\"",
        "the name is in retail.categories.category_name",
    ),
    (
        "SELECT coalesce(store_id, 'none') FROM orders",
        "invalid input syntax for type integer: \"none\"",
        "cast one of the values to the type of the others, as in SELECT coalesce(quantity::text",
    ),
    // Dates.
    (
        "SELECT count(*) FROM orders WHERE order_date > CURRENT_DATE - '3 months'",
        "invalid input syntax for type date: \"3 months\"",
        "write it as an interval: INTERVAL '3 months'",
    ),
    (
        "SELECT count(*) FROM orders WHERE order_date > now() - '1 year 2 days'",
        "invalid input syntax for type timestamp with time zone",
        "INTERVAL '1 year 2 days'",
    ),
    (
        "SELECT count(*) FROM orders WHERE order_date > '2024-01-01' - INTERVAL '1 month'",
        "invalid input syntax for type interval: \"2024-01-01\"",
        "write it as a date: DATE '2024-01-01'",
    ),
    (
        "SELECT '2024-01-01' + 30",
        "invalid input syntax for type integer: \"2024-01-01\"",
        "DATE '2024-01-01'",
    ),
    (
        "SELECT DATE_TRUNC(month, order_date) FROM orders",
        "column \"month\" does not exist",
        "write the unit first, as a string, as in date_trunc('month', order_date)",
    ),
    (
        "SELECT DATE_TRUNC(order_date, QUARTER) FROM orders",
        "column \"quarter\" does not exist",
        "as in date_trunc('quarter', order_date)",
    ),
    (
        "SELECT date_trunc(order_date, 'month') FROM orders",
        "function date_trunc(date, unknown) does not exist",
        "write the unit first",
    ),
    (
        "SELECT date_trunc('month', '2024-01-15')",
        "function date_trunc(unknown, unknown) is not unique",
        "DATE '2024-01-15'",
    ),
    (
        "SELECT extract(day FROM CURRENT_DATE - order_date) FROM orders",
        "extract(unknown, integer) does not exist",
        "the difference of two dates is already a number of days",
    ),
    (
        "SELECT count(*) FROM orders WHERE order_date LIKE '2024%'",
        "operator does not exist: date ~~ unknown",
        "compare dates",
    ),
    (
        "SELECT count(*) FROM orders WHERE order_date >= 2024-01-01",
        "operator does not exist: date >= integer",
        "put a date in quotes",
    ),
    (
        "SELECT (now() - order_date)::int FROM orders",
        "cannot cast type interval to integer",
        "extract(day FROM",
    ),
    (
        "SELECT generate_series('2024-01-01', '2024-02-01', '1 day')",
        "function generate_series(unknown, unknown, unknown) is not unique",
        "generate_series(DATE '2024-01-01'",
    ),
    (
        "SELECT sysdate",
        "column \"sysdate\" does not exist",
        "CURRENT_DATE",
    ),
    (
        "SELECT count(*) FROM orders WHERE order_date > @start",
        "column \"start\" does not exist",
        "variables are not supported",
    ),
    // Numbers and conditions.
    (
        "SELECT round(1.5::float8, 2)",
        "function round(double precision, integer) does not exist",
        "as in SELECT round(avg(quantity)::float8::numeric, 2)",
    ),
    (
        "SELECT 1 / 0",
        "division by zero (SQLSTATE 22012)",
        "nullif(quantity, 0)",
    ),
    (
        "SELECT sum(is_online) FROM stores",
        "function sum(boolean) does not exist",
        "FILTER (WHERE is_online)",
    ),
    (
        "SELECT 1 FROM stores WHERE is_online = 1",
        "operator does not exist: boolean = integer",
        "WHERE NOT is_online",
    ),
    (
        "SELECT repeat(order_date, 2) FROM orders",
        "function repeat(date, integer) does not exist",
        "type casts",
    ),
    // Aggregates and windows.
    (
        "SELECT store_id FROM orders WHERE count(*) > 5 GROUP BY 1",
        "aggregate functions are not allowed in WHERE",
        "HAVING count(*) > 10",
    ),
    (
        "SELECT avg(count(*)) FROM orders",
        "aggregate function calls cannot be nested",
        "compute the inner aggregate in a subquery",
    ),
    (
        "SELECT order_id FROM orders WHERE row_number() OVER (ORDER BY order_id) = 1",
        "window functions are not allowed in WHERE",
        "filter in the outer query",
    ),
    (
        "SELECT count(DISTINCT customer_id, store_id) FROM orders",
        "function count(integer, integer) does not exist",
        "count(DISTINCT (customer_id, store_id))",
    ),
    (
        "SELECT count(DISTINCT store_id) OVER () FROM orders",
        "DISTINCT is not implemented for window functions",
        "dense_rank()",
    ),
    (
        "SELECT percentile_cont(0.5) FROM stores",
        "function percentile_cont(numeric) does not exist",
        "WITHIN GROUP",
    ),
    (
        "SELECT rank() FROM stores",
        "window function rank requires an OVER clause",
        "OVER (ORDER BY",
    ),
    (
        "SELECT string_agg(store_id, ',') FROM stores",
        "function string_agg(integer, unknown) does not exist",
        "store_id::text",
    ),
    (
        "SELECT 1 WHERE 1 = (SELECT store_id FROM stores)",
        "more than one row returned by a subquery",
        "compare with IN",
    ),
];
