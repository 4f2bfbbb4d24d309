//! Short statements that try to exhaust memory or time. Memory is the peak of the backend's
//! process, shared buffers included. Time ends when the client has its response and the backend is
//! idle again.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use tokio::time::Instant;
use zava_mcp_server::query::guard::check;

use super::backend_memory::{MAX_MEMORY_KIB, sample_peaks};
use super::statements::parse_classified;
use super::victim::ATTACKER;
use crate::support::{ActivityMonitor, TestServer};

const STATEMENTS: &str = include_str!("resource_exhaustion.sql");

const TIMEOUT: Duration = Duration::from_secs(2);

/// Allowed beyond the statement timeout. An idle machine needs less than 200 ms; other processes
/// may use this one.
const TIMEOUT_TOLERANCE: Duration = Duration::from_millis(500);

/// Interval between two readings of the peak (VmHWM). It never decreases, so a peak is missed only
/// if the process ends before the next reading.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(5);

/// How many statements run at a time, each on its own server and database. A statement keeps one
/// processor busy.
const WORKERS: usize = 2;

/// The measurements of one worker.
#[derive(Default)]
struct Measured {
    failures: Vec<String>,
    largest_kib: u64,
    longest: Duration,
}

#[test]
fn no_statement_exhausts_memory_or_outlasts_its_timeout() {
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(measure_every(WORKERS, worker))
            })
        })
        .collect();
    let workers: Vec<Measured> = workers
        .into_iter()
        .map(|worker| worker.join().expect("the worker ends"))
        .collect();
    println!(
        "at most {:?} MiB, and {:?} ms after the timeout",
        workers.iter().map(|worker| worker.largest_kib / 1024).max(),
        workers
            .iter()
            .map(|worker| worker.longest.saturating_sub(TIMEOUT).as_millis())
            .max()
    );
    let failures: Vec<String> = workers
        .into_iter()
        .flat_map(|worker| worker.failures)
        .collect();
    assert!(
        failures.is_empty(),
        "{} statements exceeded a limit\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Runs every `step`th statement, from the `first`.
async fn measure_every(step: usize, first: usize) -> Measured {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero");
        settings.limits.answer.statement_timeout = TIMEOUT;
        // The highest value that can be set.
        settings.limits.sql_bytes = (32 << 10).try_into().expect("not zero");
    })
    .await;
    let mut db = server.database().superuser().await;
    let mut observer = server.database().superuser().await;
    let mut monitor = ActivityMonitor::new(server.database()).await;
    let mut measured = Measured::default();
    let statements = parse_classified(STATEMENTS).into_iter();
    for (class, sql) in statements.skip(first).step_by(step) {
        // A new backend for each statement that reaches one, so that the peak is this statement's.
        if check(&sql).is_ok() {
            renew_backend(&server, &mut db).await;
        }
        let begun = Instant::now();
        let call = server.query(ATTACKER, &sql);
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
        while monitor.running_statements().await > 0 && begun.elapsed() < TIMEOUT * 10 {
            sample_peaks(&mut observer, &mut peaks).await;
        }
        let (took, most) = (begun.elapsed(), peaks.values().max().copied().unwrap_or(0));

        measured.largest_kib = measured.largest_kib.max(most);
        measured.longest = measured.longest.max(took);
        let error: String = answer.text.chars().take(120).collect();
        let shown: String = sql.chars().take(140).collect();
        if most >= MAX_MEMORY_KIB || took > TIMEOUT + TIMEOUT_TOLERANCE {
            measured.failures.push(format!(
                "{class}: {} MiB, {} ms: {shown}\n    {error}",
                most / 1024,
                took.as_millis()
            ));
        }
    }
    measured
}

/// Ends the server's backend, and waits until the server has a new one.
async fn renew_backend(server: &TestServer, db: &mut sqlx::PgConnection) {
    sqlx::query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query'")
        .execute(db)
        .await
        .expect("the backends end");
    let answering = async { while server.query(ATTACKER, "SELECT 1").await.is_error {} };
    tokio::time::timeout(TIMEOUT, answering)
        .await
        .expect("a new connection");
}
