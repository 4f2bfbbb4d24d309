//! Short statements that try to exhaust memory or time. Memory is the peak of the backend's
//! process, shared buffers included. Time ends when the client has its response and the backend is
//! idle again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use zava_mcp_server::query::guard::check;

use super::statements::parse_classified;
use super::victim::ATTACKER;
use crate::support::{TestServer, number};

const STATEMENTS: &str = include_str!("resource_exhaustion.sql");

const TIMEOUT: Duration = Duration::from_secs(2);

/// Allowed beyond the statement timeout. An idle machine needs less than 200 ms; other processes
/// may use this one.
const TIMEOUT_TOLERANCE: Duration = Duration::from_millis(500);

/// Maximum peak memory of a backend.
const MAX_MEMORY_MIB: u64 = 256;

/// Interval between two readings of the peak (VmHWM). It never decreases, so a peak is missed only
/// if the process ends before the next reading.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(5);

/// Active backends of the server; the test's own connections do not count.
const ACTIVE_BACKENDS: &str = "SELECT count(*) FROM pg_stat_activity \
                      WHERE usename = 'zava_query' AND datname = current_database() AND state = 'active'";

#[tokio::test]
async fn no_statement_exhausts_memory_or_outlasts_its_timeout() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero");
        settings.limits.answer.statement_timeout = TIMEOUT;
        // The highest value that can be set.
        settings.limits.sql_bytes = (32 << 10).try_into().expect("not zero");
    })
    .await;
    let mut db = server.database().superuser().await;
    let mut observer = server.database().superuser().await;
    let mut failures = Vec::new();
    let (mut largest, mut longest) = (0, Duration::ZERO);
    for (class, sql) in parse_classified(STATEMENTS) {
        // A new backend for each statement, so that the peak is this statement's.
        sqlx::query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query'")
            .execute(&mut db)
            .await
            .expect("the backends end");
        let answers = async || {
            let one = json!({"postgresql_query": "SELECT 1"});
            !server
                .call(ATTACKER, "execute_sales_query", one)
                .await
                .is_error
        };
        tokio::time::timeout(TIMEOUT, async { while !answers().await {} })
            .await
            .expect("a new connection");

        let begun = Instant::now();
        let call = server.call(
            ATTACKER,
            "execute_sales_query",
            json!({"postgresql_query": sql}),
        );
        tokio::pin!(call);
        let mut sampling = tokio::time::interval(SAMPLE_INTERVAL);
        let mut peaks = BTreeMap::new();
        let answer = loop {
            tokio::select! {
                answer = &mut call => break answer, // both arms are cancel-safe
                _ = sampling.tick() => sample_peaks(&mut observer, &mut peaks).await,
            }
        };
        sample_peaks(&mut observer, &mut peaks).await;
        while number(&mut db, ACTIVE_BACKENDS).await > 0 && begun.elapsed() < TIMEOUT * 10 {
            sample_peaks(&mut observer, &mut peaks).await;
        }
        let (took, most) = (begun.elapsed(), peaks.values().max().copied().unwrap_or(0));

        (largest, longest) = (largest.max(most), longest.max(took));
        let error: String = answer.text.chars().take(120).collect();
        let shown: String = sql.chars().take(140).collect();
        if most >= MAX_MEMORY_MIB * 1024 || took > TIMEOUT + TIMEOUT_TOLERANCE {
            failures.push(format!(
                "{class}: {} MiB, {} ms: {shown}\n    {error}",
                most / 1024,
                took.as_millis()
            ));
        }
    }
    println!(
        "at most {} MiB, and {} ms after the timeout",
        largest / 1024,
        longest.saturating_sub(TIMEOUT).as_millis()
    );
    assert!(
        failures.is_empty(),
        "{} statements exceeded a limit\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Statements that leave memory allocated in their backend until the connection ends. The guard's
/// estimate must not be below the real amount, and the server must close the connection before it
/// becomes too much.
#[tokio::test]
async fn connection_is_closed_before_retained_memory_fills_its_backend() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero");
    })
    .await;
    let mut observer = server.database().superuser().await;
    for statement_for in [time_zones, row_types, row_types_of_stars, patterns] {
        let (mut estimated_kib, mut peaks) = (0, BTreeMap::new());
        let mut first: Option<(i32, u64)> = None;
        // Once a minute the posture check reads the catalog in this backend, whose caches then grow
        // by some MiB. So the largest step between two statements is not counted.
        let (mut last, mut largest_step) = (0, 0);
        for index in 0.. {
            let sql = statement_for(index);
            let retained_bytes = check(&sql).expect("allowed").retained_bytes();
            let request = json!({"postgresql_query": sql});
            let answer = server.call(ATTACKER, "execute_sales_query", request).await;
            assert!(!answer.is_error, "{}", answer.text);
            sample_peaks(&mut observer, &mut peaks).await;
            match (first, backends(&mut observer).await.as_slice()) {
                (None, [pid]) => {
                    last = private_kib(*pid);
                    first = Some((*pid, last));
                }
                (Some((pid, kib)), [now]) if pid == *now => {
                    estimated_kib += retained_bytes / 1024;
                    let now = private_kib(pid);
                    largest_step = now.saturating_sub(last).max(largest_step);
                    last = now;
                    let grown = now.saturating_sub(kib).saturating_sub(largest_step);
                    assert!(
                        grown <= estimated_kib + 4 * 1024,
                        "{grown} KiB retained, {estimated_kib} estimated: {sql}"
                    );
                }
                // The server has closed the connection.
                _ => break,
            }
            assert!(index < 1_000, "the connection does not end");
        }
        let most = peaks.values().max().copied().unwrap_or_default();
        println!(
            "{estimated_kib} KiB estimated, {} MiB at its peak",
            most / 1024
        );
        assert!(most < MAX_MEMORY_MIB / 2 * 1024, "{} MiB", most / 1024);
    }
}

/// Time zone names, each with another offset: PostgreSQL caches every zone.
fn time_zones(statement: usize) -> String {
    let letter = |index: usize| char::from(b'a' + u8::try_from(index % 26).expect("a letter"));
    let zones = (0..200).map(|zone| {
        let (one, other) = (letter(zone), letter(zone / 26));
        format!(
            "'2025-01-01 z{one}{other}{}q{statement}'",
            letter(statement)
        )
    });
    let zones: Vec<String> = zones.collect();
    format!(
        "SELECT cardinality(ARRAY[{}]::timestamptz[])",
        zones.join(", ")
    )
}

/// Row types with new column names in each statement: PostgreSQL caches every row type.
fn row_types(statement: usize) -> String {
    let columns: Vec<String> = (0..100)
        .map(|column| format!("1 AS c{column}_{statement}"))
        .collect();
    let rows: Vec<String> = (0..10)
        .map(|row| format!("(SELECT length(t::text) FROM (SELECT *, 1 AS d{row} FROM w) AS t)"))
        .collect();
    format!(
        "WITH w AS MATERIALIZED (SELECT {}) SELECT {}",
        columns.join(", "),
        rows.join(" + ")
    )
}

/// The same with `t.*` for the row.
fn row_types_of_stars(statement: usize) -> String {
    let ones = vec!["1"; 120].join(", ");
    let rows: Vec<String> = (0..8)
        .map(|row| {
            let names: Vec<String> = (1..120).map(|column| format!("c{column}")).collect();
            let names = names.join(",");
            format!("(SELECT to_json(t.*) IS NULL FROM (SELECT {ones}) AS t(s{statement}_{row},{names}) LIMIT 1)")
        })
        .collect();
    format!("SELECT {}", rows.join(", "))
}

/// Regular expressions of the maximum allowed cost: PostgreSQL caches compiled ones.
fn patterns(statement: usize) -> String {
    let parts = r"(\w?\d?\s?.?){30}";
    let matches = (0..10).map(|pattern| format!("'Zava' ~ '{parts}{statement}-{pattern}'"));
    format!("SELECT {}", matches.collect::<Vec<String>>().join(", "))
}

/// Anonymous resident memory of a process, in KiB.
fn private_kib(process: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let anonymous = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = anonymous.and_then(|text| text.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse().ok())
        .unwrap_or_default()
}

/// Records the peak memory of each of the server's backends, parallel workers included, in KiB.
async fn sample_peaks(db: &mut sqlx::PgConnection, peaks: &mut BTreeMap<i32, u64>) {
    for backend in backends(db).await {
        // A process that has just ended has no status.
        let status = std::fs::read_to_string(format!("/proc/{backend}/status")).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(mark) = mark.and_then(|mark| mark.trim().strip_suffix(" kB")) {
            peaks.insert(backend, mark.trim().parse().expect("a number of KiB"));
        }
    }
}

async fn backends(db: &mut sqlx::PgConnection) -> Vec<i32> {
    sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query'")
        .fetch_all(db)
        .await
        .expect("the backends")
}
