//! Statements that cost far more than they are long. Memory is what the backend's process has held at its most, shared
//! buffers included; time is until the client has its answer and the backend is free again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::statements::classified;
use super::victim::ATTACKER;
use crate::support::{TestServer, number};

const BOMBS: &str = include_str!("bombs.sql");

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
async fn bombs_cost_neither_memory_nor_time() {
    let server = TestServer::start_with(|settings| {
        settings.limits.connections = 1.try_into().expect("not zero");
        settings.limits.answer.statement_timeout = TIMEOUT;
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

/// Notes what each of the server's backends, parallel workers among them, has held at its most, in KiB.
async fn look(db: &mut sqlx::PgConnection, held: &mut BTreeMap<i32, u64>) {
    let backends: Vec<i32> = sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'zava_query'")
        .fetch_all(db)
        .await
        .expect("the backends");
    for backend in backends {
        // A process that has just ended has nothing to say.
        let status = std::fs::read_to_string(format!("/proc/{backend}/status")).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(mark) = mark.and_then(|mark| mark.trim().strip_suffix(" kB")) {
            held.insert(backend, mark.trim().parse().expect("a number of KiB"));
        }
    }
}
