//! Statements that cost far more than they are long. Memory is what the backend's process has held at its most, shared
//! buffers included; time is until the client has its answer and the backend is free again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use zava_mcp_server::query::guard::check;

use super::statements::classified;
use super::victim::ATTACKER;
use crate::support::{TestServer, number};

const BOMBS: &str = include_str!("resource_exhaustion.sql");

const TIMEOUT: Duration = Duration::from_secs(2);

/// Beyond the statement timeout. An idle machine needs less than 200 ms; others may use this one meanwhile.
const SLACK: Duration = Duration::from_millis(500);

/// What a backend may have held at its most.
const MOST_MEMORY_MIB: u64 = 256;

/// How often the backend's memory is looked at. Its high-water mark cannot be missed unless the process ends in between.
const LOOK: Duration = Duration::from_millis(5);

/// What the server's database connections are at, while the test's own do not count.
const ACTIVE: &str = "SELECT count(*) FROM pg_stat_activity \
                      WHERE usename = 'zava_query' AND datname = current_database() AND state = 'active'";

#[tokio::test]
async fn no_statement_exhausts_memory_or_outlasts_its_timeout() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero");
        settings.limits.answer.statement_timeout = TIMEOUT;
        // The most that can be set.
        settings.limits.sql_bytes = (32 << 10).try_into().expect("not zero");
    })
    .await;
    let mut db = server.database().superuser().await;
    let mut watching = server.database().superuser().await;
    let mut faults = Vec::new();
    let (mut largest, mut longest) = (0, Duration::ZERO);
    for (class, sql) in classified(BOMBS) {
        // A process of its own for each, so that the high-water mark is this statement's.
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
        let answering = server.call(
            ATTACKER,
            "execute_sales_query",
            json!({"postgresql_query": sql}),
        );
        tokio::pin!(answering);
        let mut looking = tokio::time::interval(LOOK);
        let mut held = BTreeMap::new();
        let answer = loop {
            tokio::select! {
                answer = &mut answering => break answer, // neither arm loses anything when the other is taken
                _ = looking.tick() => look(&mut watching, &mut held).await,
            }
        };
        look(&mut watching, &mut held).await;
        while number(&mut db, ACTIVE).await > 0 && begun.elapsed() < TIMEOUT * 10 {
            look(&mut watching, &mut held).await;
        }
        let (took, most) = (begun.elapsed(), held.values().max().copied().unwrap_or(0));

        (largest, longest) = (largest.max(most), longest.max(took));
        let said: String = answer.text.chars().take(120).collect();
        let shown: String = sql.chars().take(140).collect();
        if most >= MOST_MEMORY_MIB * 1024 || took > TIMEOUT + SLACK {
            faults.push(format!(
                "{class}: {} MiB, {} ms: {shown}\n    {said}",
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
        faults.is_empty(),
        "{} bombs went off\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// Statements of which a backend keeps something until its connection ends. What the guard says of
/// each is at least what is kept, and before it is too much the connection ends.
#[tokio::test]
async fn connection_is_closed_before_retained_memory_fills_its_backend() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero");
    })
    .await;
    let mut watching = server.database().superuser().await;
    for kept in [time_zones, row_types, row_types_of_stars, patterns] {
        let (mut said, mut held) = (0, BTreeMap::new());
        let mut first: Option<(i32, u64)> = None;
        // Once in a minute the posture check reads the catalogue in this backend, whose caches then
        // grow by some MiB: the largest step between two statements is not counted.
        let (mut last, mut largest_step) = (0, 0);
        for place in 0.. {
            let sql = kept(place);
            let kept_bytes = check(&sql).expect("allowed").retained_bytes();
            let request = json!({"postgresql_query": sql});
            let answer = server.call(ATTACKER, "execute_sales_query", request).await;
            assert!(!answer.is_error, "{}", answer.text);
            look(&mut watching, &mut held).await;
            match (first, backends(&mut watching).await.as_slice()) {
                (None, [pid]) => {
                    last = private_kib(*pid);
                    first = Some((*pid, last));
                }
                (Some((pid, kib)), [now]) if pid == *now => {
                    said += kept_bytes / 1024;
                    let now = private_kib(pid);
                    largest_step = now.saturating_sub(last).max(largest_step);
                    last = now;
                    let grown = now.saturating_sub(kib).saturating_sub(largest_step);
                    assert!(
                        grown <= said + 4 * 1024,
                        "{grown} KiB are kept, {said} said: {sql}"
                    );
                }
                // The connection has come to its end.
                _ => break,
            }
            assert!(place < 1_000, "the connection does not end");
        }
        let most = held.values().max().copied().unwrap_or_default();
        println!("{said} KiB said to be kept, {} MiB held", most / 1024);
        assert!(most < MOST_MEMORY_MIB / 2 * 1024, "{} MiB", most / 1024);
    }
}

/// Names of time zones, each of another offset.
fn time_zones(statement: usize) -> String {
    let letter = |place: usize| char::from(b'a' + u8::try_from(place % 26).expect("a letter"));
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

/// Rows of columns with new names in each statement.
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

/// The same, where a row is named by a star.
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

/// Regular expressions that take as much as one may.
fn patterns(statement: usize) -> String {
    let parts = r"(\w?\d?\s?.?){30}";
    let matches = (0..10).map(|pattern| format!("'Zava' ~ '{parts}{statement}-{pattern}'"));
    format!("SELECT {}", matches.collect::<Vec<String>>().join(", "))
}

/// What a process holds for itself, in KiB.
fn private_kib(process: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let anonymous = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = anonymous.and_then(|text| text.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse().ok())
        .unwrap_or_default()
}

/// Notes what each of the server's backends, parallel workers among them, has held at its most, in KiB.
async fn look(db: &mut sqlx::PgConnection, held: &mut BTreeMap<i32, u64>) {
    for backend in backends(db).await {
        // A process that has just ended has nothing to say.
        let status = std::fs::read_to_string(format!("/proc/{backend}/status")).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(mark) = mark.and_then(|mark| mark.trim().strip_suffix(" kB")) {
            held.insert(backend, mark.trim().parse().expect("a number of KiB"));
        }
    }
}

async fn backends(db: &mut sqlx::PgConnection) -> Vec<i32> {
    sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query'")
        .fetch_all(db)
        .await
        .expect("the backends")
}
