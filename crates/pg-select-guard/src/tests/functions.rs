//! Function calls in every clause and in every notation.

use super::*;

#[test]
fn a_function_outside_the_list_is_refused_in_every_clause() {
    let call = "set_config('zava.context', 'x', true)";
    for text in [
        "SELECT {}",
        "SELECT 1 FROM retail.orders WHERE {} IS NOT NULL",
        "SELECT count(*) FROM retail.orders GROUP BY {}",
        "SELECT count(*) FROM retail.orders HAVING {} IS NOT NULL",
        "SELECT 1 ORDER BY {}",
        "SELECT 1 LIMIT length({})",
        "SELECT 1 OFFSET length({})",
        "SELECT DISTINCT ON ({}) 1",
        "VALUES ({})",
        "SELECT * FROM (SELECT {}) s",
        "SELECT * FROM {} s",
        "SELECT * FROM ROWS FROM (generate_series(1, 2), {}) t",
        "SELECT 1 FROM retail.orders o JOIN retail.stores s ON {} IS NULL",
        "WITH x AS MATERIALIZED (SELECT {}) SELECT * FROM x",
        "SELECT CASE WHEN true THEN {} END",
        "SELECT CASE {} WHEN 'a' THEN 1 END",
        "SELECT CASE WHEN {} = 'a' THEN 1 ELSE 2 END",
        "SELECT CASE WHEN true THEN 1 ELSE length({}) END",
        "SELECT coalesce({})",
        "SELECT greatest({}, 'a')",
        "SELECT nullif({}, 'a')",
        "SELECT (ARRAY[1])[length({})]",
        "SELECT (ARRAY[1])[1:length({})]",
        "SELECT ARRAY[{}]",
        "SELECT ROW({})",
        "SELECT sum(1) FILTER (WHERE {} IS NULL)",
        "SELECT sum(1) OVER (PARTITION BY {})",
        "SELECT sum(1) OVER (ORDER BY {})",
        "SELECT sum(1) OVER w FROM retail.orders WINDOW w AS (ORDER BY {})",
        "SELECT sum(1) OVER (ROWS length({}) PRECEDING)",
        "SELECT string_agg('a', ',' ORDER BY {})",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY length({}))",
        "SELECT ({})::int",
        "SELECT 1 WHERE {} IN ('a')",
        "SELECT 1 WHERE 'a' IN ({})",
        "SELECT 1 WHERE 'a' = ANY (SELECT {})",
        "SELECT 1 WHERE EXISTS (SELECT {})",
        "SELECT (SELECT {})",
        "SELECT NOT ({} IS NULL)",
        "SELECT {} BETWEEN 'a' AND 'b'",
        "SELECT {} LIKE 'a'",
        "SELECT 1 UNION SELECT length({})",
        "SELECT lower(VARIADIC ARRAY[{}])",
        "SELECT ({} IS TRUE)",
        "SELECT f(x => {})",
        "SELECT count(*) FROM retail.orders GROUP BY ROLLUP ({})",
        "SELECT GROUPING({}) FROM retail.orders",
        "SELECT {} COLLATE \"C\"",
        "SELECT * FROM LATERAL (SELECT {}) s",
        "SELECT 1 FROM retail.orders TABLESAMPLE SYSTEM (length({}))",
        "SELECT * FROM XMLTABLE('/a' PASSING {} COLUMNS a text)",
        "SELECT xmlelement(name a, {})",
        "SELECT JSON_OBJECT('a': {})",
    ] {
        let text = text.replace("{}", call);
        let refusal = check(&text).expect_err(&text);
        assert!(
            matches!(refusal.rule(), Rule::Function | Rule::Construct),
            "{text}\n  {refusal}"
        );
    }
}

#[test]
fn a_function_is_checked_by_the_name_that_postgresql_resolves() {
    for call in [
        "pg_sleep(1)",
        "PG_SLEEP(1)",
        "pg_catalog.pg_sleep(1)",
        "\"pg_sleep\"(1)",
        "U&\"pg\\005fsleep\"(1)",
        "U&\"pg!005fsleep\" UESCAPE '!' (1)",
        "query_to_xml('SELECT 1', true, true, '')",
        "ts_stat('SELECT 1')",
        "ts_rewrite('a'::tsquery, 'SELECT 1')",
        "current_setting('x')",
        "version()",
        "lo_creat(-1)",
        "nextval('s')",
        "pg_advisory_lock(1)",
        "txid_current()",
        "dblink('x', 'y')",
        "guard.allowed_stores()",
        "to_regclass('x')",
        "has_table_privilege('x', 'y')",
        "obj_description(1)",
        "inet_server_addr()",
        "azure_storage.blob_get('a', 'b', 'c')",
        "retail.lower('A')",
        "public.sum(1)",
        "pg_read_file('x')",
    ] {
        refused(&format!("SELECT {call}"), Rule::Function, "is not allowed");
    }
    refused("SELECT current_user", Rule::Construct, "names");
    refused("SELECT session_user", Rule::Construct, "names");
    refused("SELECT current_catalog", Rule::Construct, "names");
}

#[test]
fn field_selection_cannot_call_a_function() {
    // If there is no such field, PostgreSQL calls the function of that name:
    // ('600'::float8).pg_sleep sleeps.
    refused("SELECT ('600'::float8).pg_sleep", Rule::Column, ".pg_sleep");
    refused(
        "SELECT (('x'::text)::text).lo_import",
        Rule::Column,
        ".lo_import",
    );
    refused(
        "SELECT (SELECT 'x'::text).pg_read_file",
        Rule::Column,
        ".pg_read_file",
    );
    refused(
        "SELECT (o).rls_user_id FROM retail.stores o",
        Rule::Column,
        ".rls_user_id",
    );
    refused(
        "SELECT o.pg_column_size FROM retail.orders o",
        Rule::Column,
        "column pg_column_size does not exist",
    );
    refused(
        "SELECT o.ctid, xmin FROM retail.orders o",
        Rule::Column,
        "column ctid does not exist",
    );
    allowed("SELECT (jsonb_each('{\"a\": 1}')).key");
}

/// The row of a function in FROM is the function's value, so `alias.name` could call any function
/// of one argument.
#[test]
fn a_column_of_a_function_in_from_cannot_be_a_call() {
    for text in [
        "SELECT s.current_setting FROM lower('server_version') s",
        "SELECT lower.current_setting FROM lower('server_version')",
        "SELECT s.current_setting FROM lower('x') s(y)",
        "SELECT s.ts_stat FROM ROWS FROM (lower('x')) s",
        "SELECT v.version FROM CAST('x' AS text) v",
        "SELECT c.current_setting FROM coalesce('x') c",
        "SELECT e.to_regclass FROM unnest(ARRAY['x']) e",
        "SELECT 1 FROM lower('x') s ORDER BY s.setseed",
        "SELECT 1 FROM retail.stores t JOIN lower('x') s ON s.current_setting = 'a'",
        "SELECT 1 FROM lower('x') s, LATERAL (SELECT s.current_setting) q",
        "SELECT (SELECT s.current_setting) FROM lower('x') s",
        "SELECT (s.ts_stat).key FROM lower('x') s",
        // The column is named value, so a reference with the alias as column name would call a
        // function.
        "SELECT current_setting.current_setting FROM jsonb_array_elements_text('[\"server_version\"]') current_setting",
        "SELECT current_setting.current_setting FROM lower('x') current_setting(y)",
        // A column of another function with the same alias does not count.
        "SELECT s.current_setting FROM lower('x') s WHERE EXISTS (SELECT 1 FROM lower('y') s(current_setting))",
    ] {
        refused(text, Rule::Column, "not a column of the function");
    }
    refused(
        "SELECT hash_record FROM retail.orders o WHERE o.hash_record > 0",
        Rule::Column,
        "column hash_record does not exist",
    );
    refused(
        "SELECT 1 FROM coalesce('x')",
        Rule::Construct,
        "without an alias",
    );
    for text in [
        "SELECT g.g, g FROM generate_series(1, 3) g",
        "SELECT g.n FROM generate_series(1, 3) AS g(n)",
        "SELECT generate_series.generate_series FROM generate_series(1, 3)",
        "SELECT e.key, e.value FROM jsonb_each('{\"a\": 1}') e",
        "SELECT e.value FROM jsonb_array_elements('[1]') e",
        "SELECT u.x, u.ordinality FROM unnest(ARRAY[1]) WITH ORDINALITY AS u(x)",
        "SELECT d.day, o.order_date FROM generate_series(1, 2) AS d(day) LEFT JOIN retail.orders o ON o.order_id = d.day",
    ] {
        allowed(text);
    }
}

#[test]
fn an_aggregate_or_window_function_in_from_is_refused() {
    for text in [
        "SELECT stores FROM retail.products, array_agg(1, 200) AS stores",
        "SELECT * FROM array_agg(1) AS a",
        "SELECT * FROM ROWS FROM (generate_series(1, 2), string_agg('a', ',')) AS a",
        "SELECT * FROM retail.stores s, LATERAL sum(s.store_id) AS a",
        "SELECT * FROM rank() AS r",
    ] {
        refused(
            text,
            Rule::Construct,
            "aggregate or window function in FROM",
        );
    }
    allowed("SELECT s FROM (SELECT sum(store_id) AS s FROM retail.stores) AS a");
}
