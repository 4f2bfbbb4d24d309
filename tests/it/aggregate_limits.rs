//! The results of collecting aggregates (array_agg, string_agg, json_agg …) where they are sorted,
//! grouped, or put into JSON.
use serde_json::json;

use crate::support::{SEATTLE, TestServer, assert_rows};

const TOO_LARGE_ERROR: &str = "an aggregate collects too many bytes for how they are used";

/// A bounded wrapper changes nothing about results within its limit: types, NULL, order, DISTINCT,
/// FILTER, windows.
#[tokio::test]
async fn bounded_aggregates_return_the_same_results() {
    let server = TestServer::shared();
    const THREE_ROWS: &str = "FROM (VALUES (1, 'b'), (2, NULL), (3, 'a')) v(n, t)";
    for (sql, rows) in [
        (
            "json_build_object('t', string_agg(t, ','), 'n', array_agg(n)) {}",
            json!([[{"t": "b,a", "n": [1, 2, 3]}]]),
        ),
        (
            "jsonb_build_object('t', string_agg(t, ',' ORDER BY t), 'n', array_agg(n ORDER BY n DESC) FILTER (WHERE n > 1)) {}",
            json!([[{"t": "a,b", "n": [3, 2]}]]),
        ),
        (
            "json_build_object('t', string_agg(t, ','), 'n', array_agg(n)) {} WHERE false",
            json!([[{"t": null, "n": null}]]),
        ),
        (
            "to_json(array_agg(v ORDER BY n)) {}",
            json!([[[{"n": 1, "t": "b"}, {"n": 2, "t": null}, {"n": 3, "t": "a"}]]]),
        ),
        (
            "to_jsonb(array_agg(ROW(n, t) ORDER BY n)) {} WHERE n < 2",
            json!([[[{"f1": 1, "f2": "b"}]]]),
        ),
        (
            "row_to_json(x) FROM (SELECT array_agg(t ORDER BY n) AS t, json_agg(t ORDER BY n) AS j, jsonb_agg(n) AS b {}) x",
            json!([[{"t": ["b", null, "a"], "j": ["b", null, "a"], "b": [1, 2, 3]}]]),
        ),
        (
            "x, count(*) FROM (SELECT array_agg(DISTINCT t) AS x {} GROUP BY n > 1) y GROUP BY x ORDER BY x",
            json!([[["a", null], 1], [["b"], 1]]),
        ),
        (
            "DISTINCT string_agg(t, '') AS x {} GROUP BY n > 1 ORDER BY string_agg(t, '')",
            json!([["a"], ["b"]]),
        ),
        (
            "string_agg(t, '') OVER (ORDER BY n) AS x {} ORDER BY x",
            json!([["b"], ["b"], ["ba"]]),
        ),
        (
            "array_agg(n) OVER (ORDER BY n) AS x {} ORDER BY x DESC",
            json!([[[1, 2, 3]], [[1, 2]], [[1]]]),
        ),
        (
            "ARRAY(SELECT n {} ORDER BY n) AS x, ARRAY(SELECT n {} WHERE false) AS y ORDER BY x, y",
            json!([[[1, 2, 3], []]]),
        ),
        (
            "JSON_ARRAYAGG(n ORDER BY n RETURNING jsonb) AS x, JSON_OBJECT('t': string_agg(t, ',')) {} GROUP BY n > 1 ORDER BY x",
            json!([[[1], {"t": "b"}], [[2, 3], {"t": "a"}]]),
        ),
        (
            "range_agg(int4range(n, n + 1)) AS x {} GROUP BY n = 2 ORDER BY x",
            json!([["{[1,2),[3,4)}"], ["{[2,3)}"]]),
        ),
        (
            "array_agg(ARRAY[n, n]) AS x {} GROUP BY n ORDER BY x LIMIT 1",
            json!([[[[1, 1]]]]),
        ),
        (
            "jsonb_object_agg(n, t) AS x {} GROUP BY n ORDER BY x LIMIT 1",
            json!([[{"1": "b"}]]),
        ),
        (
            "array_agg(a) AS x FROM (SELECT array_fill(n::float8, ARRAY[40]) AS a {} WHERE n = 1) y GROUP BY a ORDER BY x LIMIT 0",
            json!([]),
        ),
    ] {
        let sql = format!("SELECT {}", sql.replace("{}", THREE_ROWS));
        assert_rows!(server, SEATTLE, &sql, rows);
    }
}

/// The limit applies to actual sizes: the same statement passes with few rows and fails with many.
#[tokio::test]
async fn oversized_aggregates_fail_at_run_time() {
    let server = TestServer::shared();
    for (sql, fits, too_many) in [
        (
            "SELECT count(*) FROM (SELECT string_agg('0123456789', '') AS x {} ORDER BY x OFFSET 0) t",
            2_000,
            3_000,
        ),
        (
            "SELECT x, count(*) FROM (SELECT string_agg('é', '') AS x {}) t GROUP BY x",
            12_000,
            13_000,
        ),
        (
            "SELECT cardinality(x) FROM (SELECT array_agg(g) AS x {}) t GROUP BY x",
            1_000,
            2_000,
        ),
        (
            "SELECT cardinality(x) FROM (SELECT array_agg(NULL::int) AS x {}) t GROUP BY x",
            300,
            2_000,
        ),
        (
            "SELECT count(DISTINCT x) FROM (SELECT array_agg(DISTINCT g % 5) AS x {}) t",
            20_000,
            0,
        ),
        (
            "SELECT length(json_build_object('x', string_agg('0123456789', ''))::text) {}",
            20_000,
            30_000,
        ),
        (
            "SELECT length(x) FROM (SELECT jsonb_agg(g)::text AS x {}) t GROUP BY x",
            400,
            2_000,
        ),
        (
            "SELECT 1 FROM (SELECT ARRAY(SELECT g {}) AS x) t GROUP BY x",
            300,
            2_000,
        ),
        (
            "SELECT 1 FROM (SELECT array_agg(t) AS x FROM (SELECT g, g::text AS u {}) t) t GROUP BY x",
            100,
            2_000,
        ),
    ] {
        let with_rows =
            |rows: u32| sql.replace("{}", &format!("FROM generate_series(1, {rows}) AS g"));
        server.rows(SEATTLE, &with_rows(fits)).await;
        if too_many > 0 {
            let error = server.failure(SEATTLE, &with_rows(too_many)).await;
            assert!(
                error.contains(TOO_LARGE_ERROR) && error.contains("SQLSTATE ZV101"),
                "{}: {error}",
                with_rows(too_many)
            );
        }
    }
}
