//! Statements that fill the caches of their backend, whose memory stays allocated until the
//! connection ends.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use zava_mcp_server::query::guard::check;

use super::backend_memory::{MAX_MEMORY_KIB, backends, private_kib, sample_peaks};
use super::victim::ATTACKER;
use crate::support::TestServer;

/// The guard's estimate must not be below the real amount, and the server must close the connection
/// before it becomes too much.
#[tokio::test]
async fn connection_is_closed_before_retained_memory_fills_its_backend() {
    let kinds = [time_zones, row_types, row_types_of_stars, patterns];
    let closed = join_all(kinds.map(assert_closed_in_time)).await;
    println!("KiB estimated, and at the peak: {closed:?}");
}

/// Runs statements on one connection until the server closes it; returns the estimate and the peak
/// in KiB.
async fn assert_closed_in_time(statement_for: fn(usize) -> String) -> (u64, u64) {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero");
    })
    .await;
    let mut observer = server.database().superuser().await;
    let (mut estimated_kib, mut peaks) = (0, BTreeMap::new());
    let mut first: Option<(i32, u64)> = None;
    // Once a minute the posture check reads the catalog in this backend, whose caches then grow
    // by some MiB. So the largest step between two statements is not counted.
    let (mut last, mut largest_step) = (0, 0);
    for index in 0.. {
        let sql = statement_for(index);
        let retained_bytes = check(&sql).expect("allowed").retained_bytes();
        let answer = server.query(ATTACKER, &sql).await;
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
    assert!(most < MAX_MEMORY_KIB / 2, "{} MiB", most / 1024);
    (estimated_kib, most)
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
