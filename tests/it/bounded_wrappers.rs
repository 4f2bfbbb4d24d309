//! Bounded wrappers: the functions that the guard puts in place of expressions whose cost depends
//! on computed values. They return what PostgreSQL returns, or refuse the value.

use serde_json::json;

use crate::support::{SEATTLE, TestDatabase, TestServer, assert_rows};

const SAME_AS_POSTGRESQL: [(&str, &str); 19] = [
    ("('2025-01-' || lpad('5', 2, '0'))::date", "2025-01-05"),
    (
        "(lower('2025-01-05T10:11:12Z'))::timestamptz",
        "2025-01-05 10:11:12+00",
    ),
    (
        "(lower('2025-01-05T10:11:12.5-08:30'))::timestamptz",
        "2025-01-05 18:41:12.5+00",
    ),
    ("(lower('05-JAN-2025'))::date", "2025-01-05"),
    ("(lower('JAN-05-2025'))::date", "2025-01-05"),
    (
        "(lower('5 January 2025, 10:00 PM'))::timestamp",
        "2025-01-05 22:00:00",
    ),
    ("(lower('jan5 2025'))::date", "2025-01-05"),
    ("(lower('J2451187'))::date", "1999-01-08"),
    ("(lower('JD2451187'))::date", "1999-01-08"),
    ("(lower('05/Jan/2025'))::date", "2025-01-05"),
    (
        "(lower('2025-01-05 10:00 America/New_York'))::timestamptz",
        "2025-01-05 15:00:00+00",
    ),
    (
        "(lower('2025-01-05 10:00 PST8PDT'))::timestamptz",
        "2025-01-05 18:00:00+00",
    ),
    (
        "(lower('2025-01-05 10:00UTC+3'))::timestamptz",
        "2025-01-05 13:00:00+00",
    ),
    (
        "(ARRAY['2025-01-05', lower('06-JAN-2025')]::date[])[2]",
        "2025-01-06",
    ),
    (
        "lower(('[' || '2025-01-05,2025-01-06)')::daterange)",
        "2025-01-05",
    ),
    ("date(lower('2025-01-05'))", "2025-01-05"),
    (
        "timestamptz '2025-01-05 10:00+00' AT TIME ZONE lower('Asia/Tokyo')",
        "2025-01-05 19:00:00",
    ),
    (
        "timestamptz '2025-01-05 10:00+00' AT TIME ZONE 'UTC-2'",
        "2025-01-05 12:00:00",
    ),
    (
        "date_trunc('day', timestamptz '2025-01-05 10:00+00', lower('+05:30'))",
        "2025-01-05 05:30:00+00",
    ),
];

/// Timestamps with POSIX-style time zones, which PostgreSQL would cache in the backend.
const REFUSED: [&str; 27] = [
    "'2025-01-01 jan-1'",
    "'2025-01-01 sept-1'",
    "'2025-01-01 sept/01/0025'",
    "'1/sept-1'",
    "'2025-01-01 jd-1'",
    "'2025-01-01 septx1'",
    "'2025-01-01 x1'",
    "'2025-01-01 xy/1'",
    "'2025-01-01 xy.1'",
    "'00:00xy1'",
    "'20250101T000000xy1'",
    "'2025-01-01 T/1'",
    "'2025-01-01 T-1'",
    "'2025-01-01 Z16'",
    "'2025-01-01 d-1'",
    "'{\"2025-01-01 xy1\"}'",
    "'{\"2025-01-01 x\\y1\"}'",
    "'[\"2025-01-01 x\"\"y1\",)'",
    "'2025-01-01 UTC+3:30:15'",
    "'2025-01-01T00:00:00xy1'",
    "'1-jan/1'",
    "'1-\"jan-1'",
    "'2025-01-01 jan.01.0025'",
    "'2025-01-01 utc+3a1'",
    "'2025-01-01 j1a1'",
    "'2025-01-01 etc/gmt+99'",
    "ARRAY['2025-01-01', '2025-01-01 xy1']",
];

#[tokio::test]
async fn computed_timestamps_parse_as_in_postgresql() {
    let server = TestServer::shared();
    for (expression, expected) in SAME_AS_POSTGRESQL {
        let sql = format!("SELECT ({expression})::text");
        assert_rows!(server, SEATTLE, &sql, [[expected]]);
    }
    for (sql, words) in [
        (
            "SELECT (lower('2025-01-01 xy1'))::timestamptz",
            "write the offset as +05:30",
        ),
        ("SELECT now() AT TIME ZONE lower('xy1')", "name a region"),
        ("SELECT now() AT TIME ZONE '<xy>1'", "name a region"),
        (
            "SELECT power(0.999, store_id * 1000) FROM retail.stores",
            "as in power(0.999::float8, n)",
        ),
        (
            "SELECT count(*) FROM generate_series('2025-01-01'::timestamp, '2026-01-01', '12 months -365 days -6 hours')",
            "parts of different signs",
        ),
    ] {
        let error = server.failure(SEATTLE, sql).await;
        assert!(
            error.contains(words) && error.contains("ZV101"),
            "{sql}: {error}"
        );
    }
}

#[tokio::test]
async fn time_zones_given_as_offsets_are_refused_in_every_spelling() {
    let database = TestDatabase::shared();
    let mut db = database.superuser().await;
    for text in REFUSED {
        let sql = format!("SELECT bounded.moment({text}::text, 'date')");
        let sql = sql.replace("]::text", "]");
        let refused = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut db).await;
        let error = refused.expect_err(text);
        let state = error.as_database_error().and_then(|error| error.code());
        assert_eq!(state.as_deref(), Some("ZV101"), "{text}: {error}");
    }
}

/// The month names in PostgreSQL's table (`datetktbl` in datetime.c).
const MONTHS: [(&str, u8); 24] = [
    ("jan", 1),
    ("january", 1),
    ("feb", 2),
    ("february", 2),
    ("mar", 3),
    ("march", 3),
    ("apr", 4),
    ("april", 4),
    ("may", 5),
    ("jun", 6),
    ("june", 6),
    ("jul", 7),
    ("july", 7),
    ("aug", 8),
    ("august", 8),
    ("sep", 9),
    ("sept", 9),
    ("september", 9),
    ("oct", 10),
    ("october", 10),
    ("nov", 11),
    ("november", 11),
    ("dec", 12),
    ("december", 12),
];

#[tokio::test]
async fn month_names_and_abbreviations_are_accepted() {
    let database = TestDatabase::shared();
    let mut db = database.superuser().await;
    for (month, number) in MONTHS {
        for text in [
            format!("{month}-03-2024"),
            format!("{month}/03/2024"),
            format!("{month}.03.2024"),
            format!("03-{month}-2024"),
            format!("3/{month}/2024"),
            format!("03.{month}.2024"),
            format!("{month}3, 2024"),
            format!("3{month}2024"),
            format!("{month} 3 2024"),
        ] {
            let read: String =
                sqlx::query_scalar("SELECT bounded.moment($1::text, 'date')::date::text")
                    .bind(&text)
                    .fetch_one(&mut db)
                    .await
                    .expect(&text);
            assert_eq!(read, format!("2024-{number:02}-03"), "{text}");
        }
    }
}

/// Exponents in texts that are parsed as numbers at run time.
#[tokio::test]
async fn computed_exponents_are_limited_to_two_digits() {
    let server = TestServer::shared();
    for (exponent, digits) in [("e-3", 5), ("e2", 3), ("E+10", 11), ("e-99", 101)] {
        for number in [
            format!("('1' || '{exponent}')::numeric"),
            format!("('[1' || '{exponent}]')::jsonb -> 0"),
            format!("('{{1' || '{exponent}}}')::numeric[]"),
            format!("JSON_VALUE(to_jsonb('1' || '{exponent}'), '$' RETURNING numeric)"),
        ] {
            let sql =
                format!("SELECT length(replace(replace(({number})::text, '{{', ''), '}}', ''))");
            assert_eq!(server.number(SEATTLE, &sql).await, digits, "{sql}");
        }
    }
    for exponent in ["e-16000", "E-100", "e+100", "e-0_16000"] {
        for number in [
            format!("('1' || '{exponent}')::numeric"),
            format!("('{{1' || '{exponent}}}')::numeric[]"),
            format!("('[0,1' || '{exponent}]')::numrange"),
            format!("JSON_VALUE(to_jsonb('1' || '{exponent}'), '$' RETURNING numeric)"),
        ] {
            let error = server.failure(SEATTLE, &format!("SELECT {number}")).await;
            assert!(
                error.contains("exponent has too many digits"),
                "{number}: {error}"
            );
        }
    }
    let error = server
        .failure(SEATTLE, "SELECT ('[1' || 'e-16000]')::jsonb")
        .await;
    assert!(error.contains("an exponent of too many digits"), "{error}");
    let error = server
        .failure(SEATTLE, "SELECT to_jsonb(('[1' || 'e-16000]')::json)")
        .await;
    assert!(error.contains("an exponent of too many digits"), "{error}");
}

/// PostgreSQL parses such numbers in time quadratic in their length.
#[tokio::test]
async fn computed_non_decimal_numbers_are_limited_in_length() {
    let server = TestServer::shared();
    for (number, read) in [
        ("('0x' || 'fF')::numeric", "255"),
        ("(('{-0o1' || '7,0b11}')::numeric[])[1]", "-15"),
        ("upper(('[0,0x' || 'ff]')::numrange)", "255"),
        // The array is long, but no element is.
        ("(('{1,2' || repeat(',2', 500) || '}')::numeric[])[2]", "2"),
    ] {
        let sql = format!("SELECT ({number})::text");
        assert_rows!(server, SEATTLE, &sql, [[read]]);
    }
    for number in [
        "('0x' || repeat('F', 300))::numeric",
        "('{1,-0B' || repeat('1_0', 300) || '}')::numeric[]",
        r#"('{"0\x' || repeat('F', 300) || '"}')::numeric[]"#,
        "('[0,0o' || repeat('7', 300) || ']')::numrange",
        "JSON_VALUE(to_jsonb('0x' || repeat('F', 300)), '$' RETURNING numeric)",
    ] {
        let error = server.failure(SEATTLE, &format!("SELECT {number}")).await;
        assert!(error.contains("another base than ten"), "{number}: {error}");
    }
}

/// The number of steps is bounded by the shortest step, so the time is bounded by the row count.
#[tokio::test]
async fn timestamp_series_are_bounded_by_their_shortest_step() {
    let server = TestServer::shared();
    let count = "SELECT count(*) FROM generate_series";
    for (series, rows) in [
        ("('2025-01-01'::timestamp, '2026-01-01', '1 month')", 13),
        (
            "('2025-01-31'::timestamp, '2026-01-01', '1 month -1 day')",
            12,
        ),
        ("('2026-01-01'::timestamptz, '2025-01-01', '-1 day')", 366),
        (
            "('2025-01-01'::timestamptz, '2025-01-02', '1 hour', 'Europe/Berlin')",
            25,
        ),
        ("('2025-01-01'::timestamp, '2024-01-01', '1 day')", 0),
    ] {
        assert_eq!(
            server.number(SEATTLE, &format!("{count}{series}")).await,
            rows,
            "{series}"
        );
    }
    let error = server
        .failure(
            SEATTLE,
            &format!("{count}('2025-01-01'::timestamp, '2026-01-01', '0 days')"),
        )
        .await;
    assert!(error.contains("step size cannot equal zero"), "{error}");
    let error = server
        .failure(
            SEATTLE,
            &format!("{count}('2025-01-01'::timestamp, 'infinity', '1 day')"),
        )
        .await;
    assert!(error.contains("SQLSTATE"), "{error}");
}

/// The same limit as for literal patterns: each word boundary doubles the work for its
/// surroundings.
#[tokio::test]
async fn computed_regular_expressions_are_limited_in_word_boundaries() {
    let server = TestServer::shared();
    for boundary in [r"\y", r"\Y"] {
        for (count, is_run) in [(1, true), (8, true), (9, false), (20, false)] {
            let sql = format!("SELECT ('Zava' ~ repeat('{boundary}', {count}))::text");
            if is_run {
                server.rows(SEATTLE, &sql).await;
            } else {
                let error = server.failure(SEATTLE, &sql).await;
                assert!(error.contains("too many word boundaries"), "{sql}: {error}");
            }
        }
    }
}

/// A wrapper means what the wrapped call means, also for NULL.
#[tokio::test]
async fn bounded_wrappers_pass_null_through() {
    let server = TestServer::shared();
    let cases = [
        (
            "x::numeric::int FROM (VALUES ('1'), (NULL)) v(x)",
            json!([[1], [null]]),
        ),
        (
            "(x || '')::jsonb FROM (VALUES ('1'), (NULL)) v(x)",
            json!([[1], [null]]),
        ),
        (
            "('{' || x || '}')::numeric[]::int[] FROM (VALUES ('1'), (NULL)) v(x)",
            json!([[[1]], [null]]),
        ),
        (
            "power(2, x) FROM (VALUES (1), (NULL)) v(x)",
            json!([[2], [null]]),
        ),
        ("2 ^ x FROM (VALUES (1), (NULL)) v(x)", json!([[2], [null]])),
        (
            "exp(x)::int FROM (VALUES (0), (NULL)) v(x)",
            json!([[1], [null]]),
        ),
        ("power(2::numeric, '3')::int", json!([[8]])),
        (
            "repeat('a', x) FROM (VALUES (1), (NULL)) v(x)",
            json!([["a"], [null]]),
        ),
        (
            "lpad('a', x), rpad('a', x) FROM (VALUES (1), (NULL)) v(x)",
            json!([["a", "a"], [null, null]]),
        ),
        (
            "'abc' ~ x FROM (VALUES ('b'), (NULL)) v(x)",
            json!([[true], [null]]),
        ),
        (
            "g FROM (VALUES (NULL::int)) v(x), generate_series(1, x) g",
            json!([]),
        ),
        (
            "(e ->> 'price')::numeric::float8 FROM jsonb_array_elements('[{\"price\": \"1.5\"}, {}]') e",
            json!([[1.5], [null]]),
        ),
        (
            "array_agg(x) FROM (SELECT repeat('a', 300) || y AS x FROM (VALUES (NULL)) v(y)) t",
            json!([[[null]]]),
        ),
        (
            "json_agg(x) FROM (SELECT repeat('a', 300) || y AS x FROM (VALUES (NULL)) v(y)) t",
            json!([[[null]]]),
        ),
    ];
    for (sql, rows) in cases {
        assert_rows!(server, SEATTLE, &format!("SELECT {sql}"), rows);
    }
    let sql = "WITH RECURSIVE t AS (SELECT 1 AS i, NULL::text AS s UNION ALL SELECT i + 1, s || 'x' FROM t WHERE i < 3) SELECT * FROM t";
    assert_rows!(server, SEATTLE, sql, [[1, null], [2, null], [3, null]]);
}
