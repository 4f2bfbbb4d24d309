//! The statement that the guard deparses has the same outcome as the original in PostgreSQL: the
//! same columns and rows, or the same error.

use sqlx::{AssertSqlSafe, Column as _, PgConnection, Row as _, ValueRef as _};
use zava_mcp_server::query::guard;

use crate::support::{Proxy, SEATTLE, TestDatabase, TestServer, settings};

/// Columns, and rows of values in text form; or SQLSTATE and message.
type Outcome = Result<(Vec<String>, Vec<Vec<Option<String>>>), (String, String)>;

async fn outcome(db: &mut PgConnection, sql: &str) -> Outcome {
    let savepoint = sqlx::raw_sql("SAVEPOINT here").execute(&mut *db).await;
    savepoint.expect("a savepoint");
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *db).await;
    let rolled_back = sqlx::raw_sql("ROLLBACK TO here").execute(&mut *db).await;
    rolled_back.expect("the savepoint is restored");
    let rows = rows.map_err(|error| {
        let error = error.as_database_error().expect("PostgreSQL's error");
        let state = error.code().expect("a SQLSTATE");
        (state.into_owned(), error.message().to_owned())
    })?;
    let names = rows.first().map(|row| {
        let columns = row.columns().iter();
        columns.map(|column| column.name().to_owned()).collect()
    });
    let texts = rows.iter().map(|row| {
        let values = (0..row.len()).map(|place| row.try_get_raw(place).expect("a value"));
        values
            .map(|value| (!value.is_null()).then(|| value.as_str().expect("text").to_owned()))
            .collect()
    });
    Ok((names.unwrap_or_default(), texts.collect()))
}

/// The statements of a data file: blocks separated by empty lines, each after optional comments.
fn statements(file: &'static str) -> Vec<&'static str> {
    let blocks = file.split("\n\n").map(str::trim);
    blocks
        .filter(|block| block.lines().any(|line| !line.starts_with("--")))
        .collect()
}

#[track_caller]
fn assert_no_differences(differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{} differences\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// Runs each statement as it is and as the guard rewrites it; returns the differences.
async fn differences(file: &'static str, is_error: bool) -> Vec<String> {
    let database = TestDatabase::shared();
    let mut db = database.signed(SEATTLE).await;
    let mut differences = Vec::new();
    for sql in statements(file) {
        let checked = match guard::check(sql) {
            Ok(checked) => checked,
            Err(refusal) => {
                differences.push(format!("{sql}\n    refused: {refusal}"));
                continue;
            }
        };
        let original = outcome(&mut db, sql).await;
        let rewritten = outcome(&mut db, checked.sql()).await;
        if original.is_err() != is_error || original != rewritten {
            differences.push(format!(
                "{sql}\n    {original:?}\n    {rewritten:?}\n    by {}",
                checked.sql()
            ));
        }
    }
    differences
}

#[tokio::test]
async fn rewritten_statements_fail_with_the_same_error() {
    assert_no_differences(&differences(include_str!("errors.sql"), true).await);
}

#[tokio::test]
async fn rewritten_statements_return_the_same_rows() {
    assert_no_differences(&differences(include_str!("results.sql"), false).await);
}

/// Statements that read columns withheld from the login through a star or a whole row, and
/// equivalent statements that name the readable columns.
const EQUIVALENTS: &[(&str, &str)] = &[
    (
        "SELECT * FROM retail.stores ORDER BY 1",
        "SELECT store_id, store_name, is_online FROM retail.stores ORDER BY 1",
    ),
    (
        "TABLE stores ORDER BY store_id DESC",
        "SELECT store_id, store_name, is_online FROM retail.stores ORDER BY 1 DESC",
    ),
    (
        "SELECT s.*, 1 AS one FROM stores s ORDER BY 1",
        "SELECT store_id, store_name, is_online, 1 AS one FROM retail.stores ORDER BY 1",
    ),
    (
        "SELECT retail.stores.* FROM retail.stores WHERE retail.stores.store_id < 3 ORDER BY retail.stores.store_id",
        "SELECT store_id, store_name, is_online FROM retail.stores WHERE store_id < 3 ORDER BY 1",
    ),
    (
        "SELECT row_to_json(s), to_jsonb(s) FROM retail.stores s ORDER BY s.store_id",
        "SELECT row_to_json(t), to_jsonb(t) FROM (SELECT store_id, store_name, is_online FROM retail.stores) t ORDER BY store_id",
    ),
    (
        "SELECT row_to_json(stores) AS j FROM stores ORDER BY store_id LIMIT 1",
        "SELECT row_to_json(t) AS j FROM (SELECT store_id, store_name, is_online FROM retail.stores) t ORDER BY store_id LIMIT 1",
    ),
    (
        "SELECT s FROM retail.stores s ORDER BY store_id",
        "SELECT ROW(store_id, store_name, is_online) AS s FROM retail.stores ORDER BY store_id",
    ),
    (
        "SELECT s::text, count(s.*) FROM retail.stores s GROUP BY s ORDER BY s",
        "SELECT ROW(store_id, store_name, is_online)::text AS s, 1::bigint AS count FROM retail.stores ORDER BY store_id",
    ),
    (
        "SELECT count(*) FROM retail.stores a NATURAL JOIN retail.stores b",
        "SELECT count(*) FROM retail.stores",
    ),
    (
        "SELECT o.order_id, s.* FROM retail.orders o JOIN retail.stores s USING (store_id) ORDER BY 1 LIMIT 2",
        "SELECT o.order_id, s.store_id, s.store_name, s.is_online FROM retail.orders o JOIN retail.stores s USING (store_id) ORDER BY 1 LIMIT 2",
    ),
    (
        "SELECT * FROM (retail.stores s CROSS JOIN (VALUES (7)) v(x)) AS j ORDER BY 1 LIMIT 1",
        "SELECT store_id, store_name, is_online, 7 AS x FROM retail.stores ORDER BY 1 LIMIT 1",
    ),
    (
        "SELECT x.a, x.c FROM retail.stores AS x(a, b, c) ORDER BY 1",
        "SELECT store_id AS a, is_online AS c FROM retail.stores ORDER BY 1",
    ),
    (
        "SELECT (SELECT row_to_json(s) FROM (SELECT 1) z) AS j FROM retail.stores s ORDER BY s.store_id LIMIT 1",
        "SELECT row_to_json(t) AS j FROM (SELECT store_id, store_name, is_online FROM retail.stores) t ORDER BY store_id LIMIT 1",
    ),
    (
        "SELECT json_agg(s ORDER BY store_id) FROM retail.stores s",
        "SELECT json_agg(t ORDER BY store_id) FROM (SELECT store_id, store_name, is_online FROM retail.stores) t",
    ),
    (
        "WITH w AS (SELECT * FROM stores) SELECT count(*), max(w.store_name) FROM w",
        "SELECT count(*), max(store_name) FROM retail.stores",
    ),
    (
        "SELECT count(*) FROM (SELECT * FROM stores TABLESAMPLE BERNOULLI (100)) t",
        "SELECT count(*) FROM retail.stores",
    ),
    (
        "SELECT store_id AS rls_user_id FROM retail.stores GROUP BY rls_user_id ORDER BY rls_user_id",
        "SELECT store_id AS rls_user_id FROM retail.stores ORDER BY 1",
    ),
    (
        "SELECT store_id FROM retail.stores WHERE store_id IN (SELECT s.store_id FROM (SELECT * FROM retail.stores) s) ORDER BY 1",
        "SELECT store_id FROM retail.stores ORDER BY 1",
    ),
    (
        "SELECT s.*, count(*) AS orders FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY s.store_id ORDER BY 1",
        "SELECT s.store_id, s.store_name, s.is_online, count(*) AS orders FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY s.store_id ORDER BY 1",
    ),
    (
        "SELECT s.*, count(*) AS n FROM retail.stores s LEFT JOIN retail.orders o ON o.store_id = s.store_id GROUP BY 1 ORDER BY 1",
        "SELECT s.store_id, s.store_name, s.is_online, count(*) AS n FROM retail.stores s LEFT JOIN retail.orders o ON o.store_id = s.store_id GROUP BY s.store_id ORDER BY 1",
    ),
    (
        "SELECT s.store_name, count(o) FROM retail.stores s LEFT JOIN retail.orders o USING (store_id) GROUP BY s.store_id ORDER BY 1",
        "SELECT s.store_name, count(o.order_id) FROM retail.stores s LEFT JOIN retail.orders o USING (store_id) GROUP BY s.store_name ORDER BY 1",
    ),
    (
        "SELECT s.store_name, json_agg(o ORDER BY o.order_id) FROM retail.stores s JOIN (SELECT store_id, order_id FROM retail.orders ORDER BY order_id LIMIT 3) o USING (store_id) GROUP BY s.store_id ORDER BY 1",
        "SELECT s.store_name, json_agg(o ORDER BY o.order_id) FROM retail.stores s JOIN (SELECT store_id, order_id FROM retail.orders ORDER BY order_id LIMIT 3) o USING (store_id) GROUP BY s.store_name ORDER BY 1",
    ),
    (
        "SELECT row_to_json(s) AS j, count(*) FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY s.store_id ORDER BY s.store_id",
        "SELECT row_to_json(t) AS j, (SELECT count(*) FROM retail.orders o WHERE o.store_id = t.store_id) AS count FROM (SELECT store_id, store_name, is_online FROM retail.stores WHERE store_id IN (SELECT store_id FROM retail.orders)) t ORDER BY store_id",
    ),
    (
        "SELECT s.store_id AS k, to_jsonb(s) -> 'store_name' AS name, s IS NULL AS none FROM retail.stores s RIGHT JOIN retail.orders o USING (store_id) GROUP BY k ORDER BY 1",
        "SELECT DISTINCT s.store_id AS k, to_jsonb(s.store_name) AS name, false AS none FROM retail.stores s JOIN retail.orders o USING (store_id) ORDER BY 1",
    ),
    (
        "SELECT s.store_name, count(*) FROM retail.stores s NATURAL JOIN retail.orders o GROUP BY s.store_id ORDER BY 1",
        "SELECT s.store_name, count(*) FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY s.store_name ORDER BY 1",
    ),
    (
        "SELECT s.store_name, (SELECT count(*) FROM retail.orders o WHERE o.store_id = s.store_id) AS n, (SELECT s::text) AS t FROM retail.stores s GROUP BY s.store_id ORDER BY 1",
        "SELECT s.store_name, (SELECT count(*) FROM retail.orders o WHERE o.store_id = s.store_id) AS n, ROW(store_id, store_name, is_online)::text AS t FROM retail.stores s ORDER BY 1",
    ),
    (
        "SELECT s.store_id, min(to_jsonb(o)::text) FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY (s.store_id) HAVING s.store_name IS NOT NULL ORDER BY s.store_name",
        "SELECT s.store_id, min(to_jsonb(o)::text) FROM retail.stores s JOIN retail.orders o USING (store_id) GROUP BY s.store_id, s.store_name ORDER BY s.store_name",
    ),
];

#[tokio::test]
async fn star_expands_to_the_readable_columns() {
    let database = TestDatabase::shared();
    let mut db = database.signed(SEATTLE).await;
    let mut differences = Vec::new();
    for (sql, expected) in EQUIVALENTS {
        let printed = guard::check(sql).map(|checked| checked.sql().to_owned());
        let expected = outcome(&mut db, expected).await;
        let actual = match &printed {
            Ok(printed) => outcome(&mut db, printed).await,
            Err(refusal) => Err((String::new(), refusal.to_string())),
        };
        if expected.is_err() || actual != expected {
            differences.push(format!(
                "{sql}\n    {actual:?}\n    {expected:?}\n    by {printed:?}"
            ));
        }
    }
    assert_no_differences(&differences);
}

/// PostgreSQL 16 itself would report a syntax error or a missing function.
#[tokio::test]
async fn sql_json_on_postgresql_16_is_refused_with_an_alternative() {
    let database = TestDatabase::shared();
    let mut settings = settings(&database.name);
    let proxy = Proxy::start(settings.database.port).await;
    let version: String = sqlx::query_scalar("SHOW server_version")
        .fetch_one(&mut database.superuser().await)
        .await
        .expect("a version");
    let parameter = |major: &str| [b"server_version\0", major.as_bytes()].concat();
    proxy.replace_in_responses(&parameter(&version[..2]), &parameter("16"));
    settings.database.port = proxy.port;
    let server = TestServer::with_settings(&settings).await;
    assert_eq!(server.number(SEATTLE, "SELECT 1").await, 1);
    for sql in [
        "SELECT JSON_VALUE('{}', '$.a')",
        "SELECT 1 WHERE JSON_EXISTS('{}', '$.a')",
        "SELECT (SELECT JSON_QUERY('{}', '$'))",
        "SELECT JSON_SCALAR(1)",
        "SELECT JSON('1')",
        "SELECT * FROM JSON_TABLE('[]', '$[*]' COLUMNS (a int)) AS t",
    ] {
        let error = server.failure(SEATTLE, sql).await;
        assert!(
            error.contains("need PostgreSQL 17, and this database is PostgreSQL 16"),
            "{error}"
        );
        assert!(error.contains("use ->, ->>"), "{error}");
    }
    let both = "SELECT JSON_ARRAY_LENGTH(JSON_ARRAY(1, 2)) + JSON_ARRAY_LENGTH(JSON_ARRAYAGG(1))";
    assert_eq!(server.number(SEATTLE, both).await, 3);
}
