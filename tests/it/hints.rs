//! SQL as models write it: what is taken as it is meant, what is told beside an error, and that it
//! runs.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, SqlSafeStr as _};
use zava_mcp_server::query::guard::hints;

use crate::support::{HEAD_OFFICE, REDMOND, SEATTLE, TestServer};

/// A form is shown so that it can be used: as a statement, or as an expression over these tables.
#[tokio::test]
async fn every_form_that_a_hint_shows_runs() {
    let server = TestServer::start().await;
    let foreign = hints::FOREIGN.iter().map(|entry| entry.form);
    let syntax = hints::SYNTAX.iter().map(|entry| entry.form);
    let errors = hints::ERRORS.iter().map(|entry| entry.form);
    let mut tried = 0;
    for form in foreign.chain(syntax).chain(errors) {
        let begins = ["SELECT ", "WITH ", "(SELECT "];
        let sql = if begins.iter().any(|begin| form.starts_with(begin)) {
            form.to_owned()
        } else if form.is_empty() {
            continue;
        } else {
            format!(
                "SELECT {form} FROM retail.orders JOIN retail.order_items USING (order_id, store_id) \
                 JOIN retail.products USING (product_id) JOIN retail.stores USING (store_id) WHERE order_id = 1"
            )
        };
        let arguments = json!({"postgresql_query": sql});
        let answer = server
            .call(HEAD_OFFICE, "execute_sales_query", arguments)
            .await;
        assert!(!answer.is_error, "{form}\n  {}", answer.text);
        tried += 1;
    }
    assert!(tried > 150, "{tried}");
}

/// What is written, PostgreSQL's message with the place, and the hint.
const ERRORS: &[(&str, &str, &str)] = &[
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
        "total_amount is in retail.order_items; join it",
    ),
    (
        "SELECT order_dat FROM orders",
        "column \"order_dat\" does not exist",
        "did you mean order_date (retail.orders)?",
    ),
    (
        "SELECT total_amount FROM (SELECT store_id FROM order_items) t",
        "column \"total_amount\" does not exist",
        "a sub-select or WITH query gives only what it selects",
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
        "revenue is an output name, which only GROUP BY and ORDER BY know; write sum(total_amount) again, or filter outside, as in SELECT * FROM (SELECT …) t WHERE revenue > 0",
    ),
    (
        "SELECT order_id, quantity * 2 AS twice FROM order_items WHERE twice > 4",
        "column \"twice\" does not exist",
        "write quantity * 2 again",
    ),
    (
        "SELECT sum(round(i.total_amount, 2)) AS revenue, revenue / 2 FROM order_items i",
        "column \"revenue\" does not exist",
        "write sum(round(i.total_amount, 2)) again",
    ),
    (
        "SELECT sum(total_amount) AS revenue FROM order_items ORDER BY revenue * 2",
        "column \"revenue\" does not exist",
        "write sum(total_amount) again",
    ),
    // Text.
    (
        "SELECT count(*) FROM categories WHERE category_name = \"POWER TOOLS\"",
        "column \"POWER TOOLS\" does not exist",
        "text stands in single quotes: 'POWER TOOLS'",
    ),
    (
        "SELECT count(*) FROM categories c WHERE c.category_name = \"It's\"",
        "column \"It's\" does not exist",
        "text stands in single quotes: 'It''s'",
    ),
    (
        "SELECT count(*) FROM categories WHERE category_name = ‘POWER’",
        "column \"‘power’\" does not exist",
        "text stands in single quotes: 'POWER'",
    ),
    (
        "SELECT \"Store_Name\" FROM stores",
        "column \"Store_Name\" does not exist",
        "did you mean store_name, without quotes?",
    ),
    (
        "SELECT 'a' + 'b'",
        "operator is not unique: unknown + unknown",
        "text is joined by ||",
    ),
    (
        "SELECT store_name + 'b' FROM stores",
        "operator does not exist: text + unknown",
        "text is joined by ||",
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
        "cast one of them, as in SELECT coalesce(quantity::text",
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
        "the unit is a text and stands first, as in date_trunc('month', order_date)",
    ),
    (
        "SELECT DATE_TRUNC(order_date, QUARTER) FROM orders",
        "column \"quarter\" does not exist",
        "as in date_trunc('quarter', order_date)",
    ),
    (
        "SELECT date_trunc(order_date, 'month') FROM orders",
        "function date_trunc(date, unknown) does not exist",
        "the unit stands first",
    ),
    (
        "SELECT date_trunc('month', '2024-01-15')",
        "function date_trunc(unknown, unknown) is not unique",
        "DATE '2024-01-15'",
    ),
    (
        "SELECT extract(day FROM CURRENT_DATE - order_date) FROM orders",
        "extract(unknown, integer) does not exist",
        "a difference of dates is a number of days already",
    ),
    (
        "SELECT count(*) FROM orders WHERE order_date LIKE '2024%'",
        "operator does not exist: date ~~ unknown",
        "compare dates",
    ),
    (
        "SELECT count(*) FROM orders WHERE order_date >= 2024-01-01",
        "operator does not exist: date >= integer",
        "a date stands in quotes",
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
        "no variables",
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
        "in a sub-select first",
    ),
    (
        "SELECT order_id FROM orders WHERE row_number() OVER (ORDER BY order_id) = 1",
        "window functions are not allowed in WHERE",
        "outside a sub-select",
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
        "compare by IN",
    ),
];

#[tokio::test]
async fn an_error_of_postgresql_comes_with_what_to_write_instead() {
    let server = TestServer::start().await;
    for (sql, message, hint) in ERRORS {
        let text = server.failure(SEATTLE, sql).await;
        let (said, hinted) = text.split_once("); ").unwrap_or((&text, ""));
        assert!(format!("{said})").contains(message), "{sql}\n  {text}");
        assert!(hinted.contains(hint), "{sql}\n  {text}");
        assert!(!text.contains("bounded."), "{sql}\n  {text}");
    }
}

/// What is certain is taken as it is meant.
#[tokio::test]
async fn markdown_and_the_databases_name_are_taken_off() {
    let server = TestServer::start().await;
    for sql in [
        "```sql\nSELECT count(*) FROM retail.stores\n```",
        "Here it is:\n\n```\nSELECT count(*) FROM retail.stores;\n```\n",
        "`SELECT count(*) FROM retail.stores`",
        "SELECT count(*) FROM zava.retail.stores",
        "SELECT count(zava.retail.stores.store_id) FROM zava.retail.stores",
    ] {
        assert_eq!(server.number(SEATTLE, sql).await, 8, "{sql}");
    }
    let text = server
        .failure(SEATTLE, "```sql\nSELECT city\nFROM retail.stores\n```")
        .await;
    assert!(text.contains("(line 1, column 8; "), "{text}");
}

/// Each answer holds no row, or one of NULL and zeros.
#[tokio::test]
async fn an_empty_answer_says_which_name_nobody_has() {
    let server = TestServer::start().await;
    let products = "FROM products p JOIN categories c USING (category_id) JOIN product_types t USING (type_id)";
    for (select, condition, message) in [
        (
            "p.sku",
            "c.category_name = 'Power Tools'",
            "No rows; no category is called 'Power Tools'; did you mean 'POWER TOOLS'?",
        ),
        (
            "sum(p.cost)",
            "c.category_name = 'Power Tools'",
            "no category is called 'Power Tools'; did you mean 'POWER TOOLS'?",
        ),
        (
            "count(*), sum(p.cost), coalesce(sum(p.cost), 0)",
            "'Power Tools' = c.category_name",
            "no category is called 'Power Tools'; did you mean 'POWER TOOLS'?",
        ),
        (
            "p.sku",
            "c.category_name IN ('Power Tool', 'POWER TOOLS') AND t.type_name = 'x'",
            "No rows; no category is called 'Power Tool'; did you mean 'POWER TOOLS'? no product type is called 'x'; get_multiple_table_schemas of retail.product_types lists them",
        ),
        (
            "p.sku",
            "c.category_name LIKE 'power tools'",
            "No rows; no category is called 'power tools'; did you mean 'POWER TOOLS'?",
        ),
        (
            "p.sku",
            "c.category_name = 'Tools'",
            "No rows; no category is called 'Tools'; did you mean 'HAND TOOLS' or 'POWER TOOLS'?",
        ),
        (
            "p.sku",
            "lower(t.type_name) = 'hammers'",
            "No rows; no product type is called 'hammers' in lower case; did you mean 'hammers & mallets'?",
        ),
        (
            "p.sku",
            "c.category_name = 'Hammers & Mallets'",
            "No rows; no category is called 'Hammers & Mallets'; a product type is: type_name = 'Hammers & Mallets'",
        ),
        (
            "p.sku",
            "c.category_name = 'Hammers'",
            "No rows; no category is called 'Hammers'; a product type is: type_name = 'Hammers & Mallets'",
        ),
    ] {
        let sql = format!("SELECT {select} {products} WHERE {condition}");
        assert_eq!(remark(&server, SEATTLE, &sql).await, message, "{sql}");
    }
    let stores = "SELECT sum(o.order_id) FROM orders o JOIN stores s USING (store_id) WHERE s.store_name = 'Seattle'";
    assert_eq!(
        remark(&server, SEATTLE, stores).await,
        "no store is called 'Seattle'; did you mean 'Zava Retail Seattle'?"
    );
    // Names are everybody's; whose rows they are is another question.
    for (tenant, sql) in [
        (
            SEATTLE,
            "SELECT order_id FROM orders JOIN stores USING (store_id) WHERE store_name = 'Zava Retail Redmond'",
        ),
        (
            REDMOND,
            "SELECT sku FROM products JOIN categories USING (category_id) WHERE category_name = 'POWER TOOLS' AND false",
        ),
        (
            SEATTLE,
            "SELECT sku FROM products WHERE product_name = 'Power Tools'",
        ),
        (
            SEATTLE,
            "SELECT store_name FROM stores WHERE store_name <> 'Seattle' AND false",
        ),
    ] {
        let text = remark(&server, tenant, sql).await;
        assert!(!text.contains("is called"), "{sql}\n  {text}");
    }
    // An answer with something in it says all by itself.
    let found =
        "SELECT count(*) FROM categories WHERE category_name IN ('Power Tools', 'HAND TOOLS')";
    assert_eq!(remark(&server, SEATTLE, found).await, "");
}

/// Today every store may know the others' names. If a policy hides them one day, what is cached for
/// one must not be told to another.
#[tokio::test]
async fn names_that_one_tenant_sees_are_not_told_to_another() {
    let server = TestServer::start().await;
    let policy = "DROP POLICY tenant_reads ON retail.stores; \
        CREATE POLICY tenant_reads ON retail.stores FOR SELECT TO zava_reader USING \
        ((SELECT guard.tenant()) IS NOT NULL AND store_id = ANY ((SELECT guard.allowed_stores())::integer[]))";
    let mut superuser = server.database().superuser().await;
    superuser
        .execute(AssertSqlSafe(policy).into_sql_str())
        .await
        .expect("the policy");
    let sql = "SELECT store_id FROM stores WHERE store_name = 'nobody'";
    // The second time from the cache.
    for _ in 0..2 {
        for (tenant, name) in [(SEATTLE, "Seattle"), (REDMOND, "Redmond")] {
            assert_eq!(
                remark(&server, tenant, sql).await,
                format!("No rows; no store is called 'nobody'; there are 'Zava Retail {name}'")
            );
        }
    }
}

async fn remark(server: &TestServer, tenant: &str, sql: &str) -> String {
    let arguments = json!({"postgresql_query": sql});
    let answer = server.call(tenant, "execute_sales_query", arguments).await;
    assert!(!answer.is_error, "{sql}\n  {}", answer.text);
    let message = answer.structured.get("msg").and_then(Value::as_str);
    message.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_statement_that_is_stopped_says_after_how_long() {
    let server = TestServer::start_with(|settings| {
        settings.limits.answer.statement_timeout = Duration::from_millis(300);
        settings.limits.analyst_answer.statement_timeout = Duration::from_secs(1);
    })
    .await;
    let sql = "SELECT count(*) FROM order_items a, order_items b, order_items c";
    for (tenant, length) in [(SEATTLE, "0.3 s"), (HEAD_OFFICE, "0.3 s")] {
        let text = server.failure(tenant, sql).await;
        assert_eq!(
            text,
            format!(
                "the statement was stopped after {length}, the longest that one may run (SQLSTATE 57014); aggregate or filter more"
            )
        );
    }
}
