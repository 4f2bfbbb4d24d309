mod functions;
mod hints;
mod imports;
mod withheld_functions;

use std::sync::LazyLock;

use super::*;

/// The guard that the tests use: the tables of a retailer.
static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let schema = Schema::parse("retail", include_str!("relations.txt")).expect("well-formed");
    let limits = Limits {
        text_bytes: usize::MAX,
        ..Limits::STANDARD
    };
    let schema = schema
        .with_database("zava")
        .with_description_hint("call describe_table")
        .with_search_hint("or call search_products");
    Guard::new(schema, limits)
});

pub(super) fn check(text: &str) -> Result<CheckedQuery, Refusal> {
    GUARD.check(text)
}

/// The text that runs in place of `text`.
#[track_caller]
pub(super) fn runs_as(text: &str, expected: &str) {
    match check(text) {
        Ok(query) => assert_eq!(query.sql(), expected),
        Err(refusal) => panic!("{text}\n  refused: {refusal}"),
    }
}

#[track_caller]
fn allowed(text: &str) {
    if let Err(refusal) = check(text) {
        panic!("{text}\n  refused: {refusal}");
    }
}

#[track_caller]
pub(super) fn refused(text: &str, rule: Rule, words: &str) {
    match check(text) {
        Ok(query) => panic!("{text}\n  runs as: {}", query.sql()),
        Err(refusal) => {
            assert_eq!(refusal.rule(), rule, "{text}\n  {refusal}");
            assert!(refusal.to_string().contains(words), "{text}\n  {refusal}");
        }
    }
}

#[test]
fn table_names_are_qualified_with_their_schema() {
    runs_as("select * from orders", "SELECT * FROM retail.orders");
    runs_as(
        "SELECT * FROM Retail.ORDERS o",
        "SELECT * FROM retail.orders o",
    );
    runs_as("TABLE products", "SELECT * FROM retail.products");
    runs_as(
        "WITH orders AS (SELECT 1 AS a) SELECT a FROM orders",
        "WITH orders AS (SELECT 1 AS a) SELECT a FROM orders",
    );
}

#[test]
fn a_cte_hides_a_table_only_where_it_does_in_postgresql() {
    // A CTE is not visible in its own query, unless it is recursive.
    runs_as(
        "WITH orders AS (SELECT * FROM orders) SELECT * FROM orders",
        "WITH orders AS (SELECT * FROM retail.orders) SELECT * FROM orders",
    );
    runs_as(
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
        "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
    );
    // A CTE of a subquery is not visible outside it.
    refused(
        "SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) a, x",
        Rule::Relation,
        "table x is not available",
    );
    // A qualified name never refers to a CTE.
    refused(
        "WITH pg_authid AS (SELECT 1) SELECT * FROM pg_catalog.pg_authid",
        Rule::Relation,
        "pg_authid",
    );
}

#[test]
fn tables_outside_the_allow_list_are_refused() {
    for name in [
        "pg_stat_activity",
        "pg_catalog.pg_class",
        "information_schema.tables",
        "guard.tenant",
        "guard.signing_key",
        "retail.secrets",
        "public.orders",
        "pg_temp.orders",
        "\"Orders\"",
        "pg_toast.pg_toast_1",
    ] {
        refused(
            &format!("SELECT * FROM {name}"),
            Rule::Relation,
            "available tables: retail.customers",
        );
    }
}

#[test]
fn anything_but_a_single_query_is_refused() {
    for text in [
        "",
        "  -- nothing",
        ";",
        "SELECT 1; SELECT 2",
        "SELECT 1;;DELETE FROM retail.orders",
        "SELECT 1 --\r; DELETE FROM retail.orders",
    ] {
        refused(text, Rule::Statement, "exactly one SELECT");
    }
    allowed("SELECT 1;");
    allowed("/* lead */ (((SELECT 1)))");
    for text in [
        "INSERT INTO retail.stores VALUES (1)",
        "UPDATE retail.orders SET store_id = 1",
        "DELETE FROM retail.orders",
        "MERGE INTO retail.stores s USING (SELECT 1) v ON true WHEN MATCHED THEN DELETE",
        "TRUNCATE retail.orders",
        "DROP TABLE retail.orders",
        "CREATE TABLE x (a int)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "COMMIT",
        "ROLLBACK",
        "BEGIN READ WRITE",
        "SAVEPOINT a",
        "SET TRANSACTION READ WRITE",
        "SET statement_timeout = 0",
        "RESET ALL",
        "SET ROLE zava_owner",
        "SHOW ALL",
        "DO $$ BEGIN END $$",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "COPY retail.orders TO STDOUT",
        "LISTEN c",
        "NOTIFY c",
        "LOCK TABLE retail.orders",
        "VACUUM",
        "ANALYZE",
        "LOAD 'x'",
        "PREPARE p AS SELECT 1",
        "EXECUTE p",
        "DEALLOCATE ALL",
        "DISCARD ALL",
        "DECLARE c CURSOR FOR SELECT 1",
        "CALL f()",
        "EXPLAIN INSERT INTO retail.stores VALUES (1)",
        "EXPLAIN EXECUTE p",
        "REFRESH MATERIALIZED VIEW v",
        "GRANT SELECT ON retail.orders TO public",
        "ALTER ROLE zava_query SUPERUSER",
        "CHECKPOINT",
    ] {
        refused(text, Rule::Statement, "only read-only");
    }
}

#[test]
fn a_query_that_writes_or_locks_rows_is_refused() {
    refused(
        "WITH d AS (DELETE FROM retail.orders RETURNING *) SELECT * FROM d",
        Rule::Construct,
        "a data-modifying statement in WITH",
    );
    refused("SELECT 1 AS a INTO TEMP t", Rule::Construct, "INTO");
    refused(
        "SELECT * FROM retail.orders FOR UPDATE",
        Rule::Construct,
        "FOR UPDATE",
    );
    refused(
        "SELECT * FROM retail.orders FOR KEY SHARE SKIP LOCKED",
        Rule::Construct,
        "FOR UPDATE",
    );
    refused(
        "SELECT * FROM (SELECT * FROM retail.orders FOR SHARE) o",
        Rule::Construct,
        "FOR UPDATE",
    );
}

/// Names that the deparser would write without quotes, and trees that it prints as different ones.
#[test]
fn a_statement_that_is_not_deparsed_faithfully_is_refused() {
    for text in [
        "SELECT count(*) OVER \"(), version() --\"",
        "SELECT make_interval(\"years := 1), set_config('a', 'b', false), make_interval(days\" => 5)",
        "SELECT 1 FROM retail.orders a JOIN retail.order_items b USING (order_id) AS \"x, pg_stat_activity y --\"",
        "SELECT upper('abc')::pg_catalog.bpchar",
        "SELECT TRIM('xax', 'x', 'y')",
        "SELECT make_interval(\"Days\" => 5)",
        "SELECT '1'::pg_catalog.interval('x')",
    ] {
        let refusal = check(text).expect_err(text);
        assert_eq!(refusal.rule(), Rule::Construct, "{text}\n  {refusal}");
        assert!(
            !refusal.to_string().contains('/') || refusal.to_string().contains("x::type"),
            "{refusal}"
        );
    }
    // Names of windows may be replaced: they are visible only inside the statement.
    for (text, expected) in [
        (
            "SELECT sum(1) OVER \"w /*\" FROM retail.stores WINDOW \"w /*\" AS ()",
            "SELECT sum(1) OVER window_1 FROM retail.stores WINDOW window_1 AS ()",
        ),
        (
            "SELECT sum(1) OVER (\"A\" ORDER BY 1), sum(2) OVER \"order\" FROM retail.stores WINDOW \"A\" AS (), window_1 AS (), \"order\" AS (\"A\")",
            "SELECT sum(1) OVER (window_2 ORDER BY 1), sum(2) OVER window_3 FROM retail.stores WINDOW window_2 AS (), window_1 AS (), window_3 AS (window_2)",
        ),
        ("SELECT 't'::boolean::text", "SELECT 'true'::boolean::text"),
    ] {
        runs_as(text, expected);
    }
    allowed(
        "SELECT count(*) OVER my_window FROM retail.stores WINDOW my_window AS (ORDER BY store_id)",
    );
    allowed(
        "SELECT make_interval(days => 5), trim(BOTH 'x' FROM 'xax'), 'abc'::char(3), 'a'::varchar(2)",
    );
}

#[test]
fn types_that_look_up_the_catalogs_or_parse_xml_are_refused() {
    for name in [
        "regclass",
        "regrole",
        "regproc",
        "xml",
        "oid",
        "pg_catalog.regclass",
        "name",
        "pg_lsn",
        "cstring",
        "retail.orders",
        "aclitem",
    ] {
        refused(&format!("SELECT 'x'::{name}"), Rule::Type, "type");
        refused(
            &format!("SELECT CAST(NULL AS {name}[])"),
            Rule::Type,
            "type",
        );
    }
    for name in [
        "text",
        "numeric(10, 2)",
        "date",
        "timestamptz",
        "int[]",
        "double precision",
        "interval",
        "vector(3)",
        "jsonb",
        "character varying(9)",
    ] {
        allowed(&format!("SELECT NULL::{name}"));
    }
}

#[test]
fn analytic_statements_are_accepted() {
    for text in [
        "SELECT s.store_name, sum(i.total_amount) AS revenue FROM retail.order_items i JOIN retail.stores s USING (store_id) GROUP BY 1 ORDER BY 2 DESC LIMIT 20",
        "WITH m AS (SELECT date_trunc('month', order_date)::date AS month, count(*) AS n FROM retail.orders GROUP BY 1) SELECT month, n, n - lag(n) OVER (ORDER BY month) AS change, sum(n) OVER (ORDER BY month ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM m",
        "SELECT c.category_name, pt.type_name, count(*) FROM retail.products p JOIN retail.categories c ON c.category_id = p.category_id JOIN retail.product_types pt USING (type_id) GROUP BY ROLLUP (1, 2) HAVING count(*) > 1",
        "SELECT extract(year FROM order_date) AS y, to_char(order_date, 'YYYY-MM'), count(DISTINCT customer_id) FILTER (WHERE store_id = 1) FROM retail.orders WHERE order_date BETWEEN '2024-01-01' AND CURRENT_DATE - INTERVAL '7 days' GROUP BY 1, 2",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total_amount), stddev(total_amount) FROM retail.order_items",
        "SELECT d::date, coalesce(count(o.order_id), 0) FROM generate_series(date '2025-01-01', date '2025-01-31', interval '1 day') d LEFT JOIN retail.orders o ON o.order_date = d::date GROUP BY 1",
        "SELECT product_name FROM retail.products WHERE product_name ILIKE '%drill%' OR product_description ~* 'cordless' ORDER BY base_price DESC NULLS LAST",
        "SELECT rank() OVER (PARTITION BY category_id ORDER BY base_price DESC) r, p.* FROM retail.products p",
        "SELECT jsonb_agg(jsonb_build_object('sku', sku, 'price', base_price)) FROM retail.products",
        "SELECT CASE WHEN is_online THEN 'online' ELSE 'store' END AS kind, count(*) FROM retail.stores GROUP BY GROUPING SETS ((is_online), ())",
        "SELECT a.x, b.y FROM (VALUES (1, 'a'), (2, 'b')) AS a(x, z) CROSS JOIN LATERAL (SELECT a.x * 2 AS y) b WHERE a.x IN (SELECT store_id FROM retail.stores)",
        "SELECT count(*) FROM retail.customers c WHERE NOT EXISTS (SELECT 1 FROM retail.orders o WHERE o.customer_id = c.customer_id)",
        "SELECT e.product_id FROM retail.product_description_embeddings e ORDER BY e.description_embedding <=> (SELECT description_embedding FROM retail.product_description_embeddings WHERE product_id = 1) LIMIT 5",
        "SELECT unnest(ARRAY[1, 2]) UNION SELECT 3 EXCEPT SELECT 2 ORDER BY 1 FETCH FIRST 2 ROWS ONLY",
        "SELECT E'it\\'s; ok', repeat('-', 80), now() AT TIME ZONE 'UTC', trim(' a '), substring('abc' FROM 2 FOR 1), position('b' IN 'abc')",
        "SELECT avg(q) FROM (SELECT sum(quantity) AS q FROM retail.order_items GROUP BY order_id) t",
        "SELECT store_id, (array_agg(order_id ORDER BY order_date DESC))[1:3] FROM retail.orders GROUP BY store_id",
    ] {
        allowed(text);
    }
}

#[test]
fn a_deparsed_statement_is_accepted_unchanged() {
    for text in [
        "select a.store_id from orders a natural join stores where a.order_date > now() - interval '1 mon'",
        "SELECT (1 + 2) * 3, -(-1), NOT (true AND false), 'a' || 'b' LIKE 'c%' ESCAPE '!'",
        "SELECT extract(epoch FROM now()), overlay('abc' placing 'x' from 1), x.* FROM (SELECT 1) x(a)",
    ] {
        let once = check(text).expect(text);
        runs_as(once.sql(), once.sql());
    }
}

#[test]
fn a_refusal_has_a_location_and_a_hint() {
    let refusal = check("SELECT 1,\n  'é', pg_sleep(1)").expect_err("refused");
    assert!(
        refusal
            .to_string()
            .starts_with("the function pg_sleep is not allowed (line 2, column 8); use "),
        "{refusal}"
    );
    assert_eq!(
        check("SELEC 1").expect_err("refused").to_string(),
        "syntax error at or near \"SELEC\" (line 1, column 1: >>>SELEC 1); did you mean SELECT?",
    );
}

/// Found by the fuzzer: the parser's message repeats the token at fault, and escapes make it
/// longer.
#[test]
fn a_refusal_has_no_control_characters_and_is_short() {
    refused("SET ROLE zav\u{1e}a_owner", Rule::Syntax, "\\u{1e}");
    refused(
        "SELECT \u{202e}x FROM retail.\u{202e}y",
        Rule::Relation,
        "\\u{202e}",
    );
    for long in ["x", "\u{1b}", "🔨"] {
        for literal in ["SELECT 1 '{}'", "SELECT '{}"] {
            let refusal = check(&literal.replace("{}", &long.repeat(5_000))).expect_err("refused");
            let length = refusal.to_string().len();
            assert!(length < 2_000, "{long:?} in {literal}: {length} bytes");
        }
    }
}

#[test]
fn long_and_deeply_nested_statements_are_refused() {
    let limits = Limits {
        text_bytes: 32 * 1024,
        ..Limits::STANDARD
    };
    let limited = Guard::new(Schema::default(), limits);
    let padded = |bytes: usize| format!("SELECT 1{}", " ".repeat(bytes - 8));
    assert!(limited.check(&padded(32 * 1024)).is_ok());
    let refusal = limited
        .check(&padded(32 * 1024 + 1))
        .expect_err("one byte too many");
    assert_eq!(refusal.rule(), Rule::Size);
    refused("SELECT '\0'", Rule::Size, "NUL");
    for depth in [60, 1_000, 15_000] {
        refused(
            &format!("SELECT {}1{}", "(".repeat(depth), "+1)".repeat(depth)),
            Rule::Size,
            "too deeply",
        );
        refused(
            &format!(
                "SELECT * FROM {}retail.orders{}",
                "(SELECT * FROM ".repeat(depth),
                ") s".repeat(depth)
            ),
            Rule::Size,
            "too deeply",
        );
    }
}

#[test]
fn limits_above_the_standard_are_supported() {
    let schema = Schema::parse("zoo", "cages: *cage_id 4").expect("well-formed");
    let limits = Limits {
        items: 100,
        ..Limits::STANDARD
    };
    let guard = Guard::new(schema, limits);
    let joined = |count: usize| {
        let items: Vec<String> = (0..count)
            .map(|number| format!("cages c{number}"))
            .collect();
        guard.check(&format!("SELECT 1 FROM {}", items.join(", ")))
    };
    let query = joined(100).expect("within the limits");
    assert!(!query.settings().allow_hash_join);
    assert_eq!(joined(101).expect_err("one too many").rule(), Rule::Cost);
}
