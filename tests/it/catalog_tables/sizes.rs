use sqlx::{AssertSqlSafe, Row as _};
use zava_mcp_server::query::guard::catalog::{self, AggregateState, FromColumns, SizeRule};

use super::Functions;
use crate::support::TestDatabase;

/// The size of a number, date or boolean in the guard's bounds.
const SCALAR_BYTES: i64 = 64;

/// Samples of a type that make results long.
fn samples(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "text" | "\"any\"" | "character varying" => &[
            r#"repeat('a"b''c\ <&> é ', 20)"#,
            "repeat(chr(1), 90)",
            "repeat('ŉΐİﷺ', 20)",
            "'NFKC'",
            "'hex'",
            "repeat('9,', 50)",
        ],
        "numeric" | "anyelement" | "anycompatible" => {
            &["repeat('9', 300)::numeric", "0.5::numeric"]
        }
        "anyarray" | "anycompatiblearray" => &["ARRAY[repeat('9', 300)::numeric, 1]"],
        "text[]" => &[
            r#"ARRAY[repeat('"', 90), 'b']"#,
            "ARRAY[repeat(chr(1), 90), NULL]",
        ],
        "integer" => &["3", "-1"],
        "bigint" => &["9007199254740993::bigint"],
        "smallint" => &["7::smallint"],
        "double precision" => &["1.2345678901234567e-300::float8", "5::float8"],
        "boolean" => &["true"],
        "bytea" => &["decode(repeat('ff', 90), 'hex')"],
        "json" => &[
            r#"json_build_object('k"1', repeat(chr(1), 90), 'n', 5)"#,
            "'[1,{\"a\":2}]'::json",
        ],
        "jsonb" => &[
            r#"jsonb_build_object('k"1', repeat(chr(1), 90), 'n', 5)"#,
            "'[1,{\"a\":2}]'::jsonb",
        ],
        "interval" => &["'-17 years 3 days 11:12:13.123456'::interval"],
        "date" => &["'2025-02-03'::date"],
        "timestamp without time zone" => &["'2025-02-03 04:05:06.789'::timestamp"],
        "timestamp with time zone" => &["'2025-02-03 04:05:06.789+03'::timestamptz"],
        "anyrange" => &["numrange(repeat('9', 300)::numeric, NULL)"],
        "anymultirange" => {
            &["nummultirange(numrange(1, 2), numrange(3, repeat('9', 300)::numeric))"]
        }
        "tsvector" => &["to_tsvector('simple', repeat('one two three ', 30))"],
        "regconfig" => &["'simple'::regconfig"],
        "\"char\"" => &["'B'::\"char\""],
        "record" => &[r#"ROW(1, repeat('"', 90))"#],
        "vector" => &["'[1.25,-2.5,3e-30]'::vector"],
        _ => &[],
    }
}

/// All combinations of samples for these types.
fn calls(types: &[String]) -> Vec<Vec<&'static str>> {
    types.iter().fold(vec![Vec::new()], |calls, type_name| {
        let extended = calls.iter().flat_map(|call: &Vec<&'static str>| {
            samples(type_name).iter().map(move |sample| {
                let mut call = call.clone();
                call.push(sample);
                call
            })
        });
        extended.collect()
    })
}

/// The most bytes of a result that the size rule announces; `None` if it depends on more than the
/// sizes of the arguments.
fn max_bytes(rule: SizeRule, arguments: &[i64]) -> Option<i64> {
    let longest = arguments.iter().copied().max().unwrap_or_default();
    match rule {
        SizeRule::Fixed => Some(SCALAR_BYTES),
        SizeRule::LongestArgument => Some(longest.max(SCALAR_BYTES)),
        SizeRule::SumTimes(times) => {
            let times = i64::try_from(times).expect("a factor");
            Some(SCALAR_BYTES + times * arguments.iter().sum::<i64>())
        }
        SizeRule::Accumulates | SizeRule::Custom => None,
    }
}

/// What each function returns for arguments that make results long is no longer than its row says.
#[tokio::test]
async fn results_are_no_longer_than_the_size_rule_says() {
    let database = TestDatabase::new().await;
    let mut db = database.superuser().await;
    let functions = Functions::read(&mut db).await;
    let (mut measured, mut too_long) = (0, Vec::new());
    for function in catalog::functions() {
        // A row is longer as a text than its columns, which the guard counts where it is cast.
        let returns_row = function.columns == FromColumns::KeyValue;
        let is_measured = max_bytes(function.size, &[]).is_some();
        if function.kinds.window
            || function.state == AggregateState::Sorted
            || returns_row
            || !is_measured
        {
            continue;
        }
        for arguments in functions.argument_types(function.name).flat_map(calls) {
            let name = function.name;
            let call = format!("{name}({})", arguments.join(", "));
            let sizes = arguments
                .iter()
                .map(|argument| format!("octet_length(({argument})::text)::bigint"));
            let sizes = sizes.collect::<Vec<_>>().join(", ");
            let sql = format!(
                "SELECT max(octet_length(v::text))::bigint, ARRAY[{sizes}]::bigint[] FROM (SELECT {call} AS v) AS q"
            );
            // Not every combination is valid.
            let Ok(row) = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut db).await else {
                continue;
            };
            let (result, sizes): (Option<i64>, Vec<i64>) = (row.get(0), row.get(1));
            if let (Some(result), Some(max)) = (result, max_bytes(function.size, &sizes)) {
                measured += 1;
                if result > max {
                    too_long.push(format!("{call}: {result} > {max}"));
                }
            }
        }
    }
    assert_eq!(too_long, Vec::<String>::new());
    assert!(measured > 800, "{measured}");
}
