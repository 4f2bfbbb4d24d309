//! Memory of the processes that run a server's statements, from `/proc`.

use std::collections::BTreeMap;

/// Maximum peak memory of a backend.
pub(super) const MAX_MEMORY_KIB: u64 = 256 * 1024;

/// Anonymous resident memory of a process, in KiB.
pub(super) fn private_kib(process: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let anonymous = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = anonymous.and_then(|text| text.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse().ok())
        .unwrap_or_default()
}

/// Records the peak memory of each of the server's backends, parallel workers included, in KiB.
pub(super) async fn sample_peaks(db: &mut sqlx::PgConnection, peaks: &mut BTreeMap<i32, u64>) {
    for backend in backends(db).await {
        // A process that has just ended has no status.
        let status = std::fs::read_to_string(format!("/proc/{backend}/status")).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(mark) = mark.and_then(|mark| mark.trim().strip_suffix(" kB")) {
            peaks.insert(backend, mark.trim().parse().expect("a number of KiB"));
        }
    }
}

pub(super) async fn backends(db: &mut sqlx::PgConnection) -> Vec<i32> {
    sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query'")
        .fetch_all(db)
        .await
        .expect("the backends")
}
