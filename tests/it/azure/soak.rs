//! Steady load while the services fail at random: no answer is wrong or another store's, nothing
//! leaks, and everything recovers. `./scripts/soak` runs it for longer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use reqwest::StatusCode;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::COUNT_ORDERS;
use super::entra::Mode;
use super::production::{Manager, Production};
use super::vault::VaultMode;
use crate::support::{Answer, IngestionMode, eventually};

/// How long it runs unless `SOAK_SECONDS` says otherwise.
const DEFAULT_SECONDS: u64 = 60;

/// Calls at a time for each store.
const CALLERS_PER_STORE: usize = 3;

/// How long a fault lasts, and the time until the next one, in milliseconds.
const FAULT_MILLIS: std::ops::Range<u64> = 50..1500;

/// The longest back-off, and some time for the fetch after it.
const MAX_RECOVERY: Duration = Duration::from_secs(40);

/// How much the server's memory may grow from two fifths of the time to its end, in KiB. Caches
/// fill meanwhile, and what each of them may hold is bounded.
const MAX_GROWTH_KIB: u64 = 8 * 1024;

#[derive(Default)]
struct Counts {
    right: AtomicUsize,
    failed: AtomicUsize,
}

/// How many faults there were, and the memory of the server early and late, in KiB.
#[derive(Default)]
struct Faults {
    count: u32,
    early_kib: u64,
    late_kib: u64,
}

/// What fails next.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Identity(Mode),
    /// Every token issued so far is rejected.
    RevokedTokens,
    Vault(VaultMode),
    SlowDatabase,
    EndedBackends,
    KilledServer,
    Embeddings(u16),
    CutEmbeddings,
    SilentEmbeddings,
    Telemetry(IngestionMode),
}

const FAULTS: [Fault; 17] = [
    Fault::Identity(Mode::Status(503)),
    Fault::Identity(Mode::Status(429)),
    Fault::Identity(Mode::Malformed),
    Fault::Identity(Mode::Blocked),
    Fault::Identity(Mode::Slow(500)),
    Fault::RevokedTokens,
    Fault::Vault(VaultMode::Status(503)),
    Fault::Vault(VaultMode::Blocked),
    Fault::Vault(VaultMode::Slow(500)),
    Fault::SlowDatabase,
    Fault::EndedBackends,
    Fault::KilledServer,
    Fault::Embeddings(429),
    Fault::Embeddings(503),
    Fault::CutEmbeddings,
    Fault::SilentEmbeddings,
    Fault::Telemetry(IngestionMode::Status(503)),
];

impl Production {
    /// Lets the services fail for some time, one after the other. Measures the memory of a server
    /// from two fifths of the time to the end.
    async fn fail(&self, lasting: Duration, seed: u64) -> Faults {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let begun = Instant::now();
        let mut faults = Faults::default();
        while begun.elapsed() < lasting {
            let mut fault = *FAULTS.choose(&mut random).expect("a fault");
            // The memory of one process is compared, so it lives to the end.
            if matches!(fault, Fault::KilledServer) && begun.elapsed() > lasting / 5 {
                fault = Fault::EndedBackends;
            }
            self.begin(fault).await;
            sleep(Duration::from_millis(random.random_range(FAULT_MILLIS))).await;
            self.end_faults();
            sleep(Duration::from_millis(random.random_range(FAULT_MILLIS))).await;
            faults.count += 1;
            if begun.elapsed() > lasting * 2 / 5 {
                faults.late_kib = self.memory().expect("the memory of the server");
                if faults.early_kib == 0 {
                    faults.early_kib = faults.late_kib;
                }
            }
        }
        faults
    }

    /// Asserts that every tool works again, and that no connection is left behind.
    async fn assert_recovered(&self) {
        let mut random = ChaCha20Rng::seed_from_u64(0);
        for manager in &self.managers {
            let (key, counts) = (&manager.key, Counts::default());
            let search = json!({"query_description": "a hammer"});
            let deadline = Instant::now() + MAX_RECOVERY;
            loop {
                let sql = json!({"postgresql_query": COUNT_ORDERS});
                let (_, rows) = self.call(key, "execute_sales_query", sql).await;
                let (_, found) = self
                    .call(key, "semantic_search_products", search.clone())
                    .await;
                if rows["r"] == json!([[manager.orders]]) && found["n"].as_u64() > Some(0) {
                    break;
                }
                assert!(Instant::now() < deadline, "{rows} {found}");
                sleep(Duration::from_millis(100)).await;
            }
            self.ask(manager, &mut random, &counts).await;
        }
        eventually("no statement is left", async || {
            self.busy_backends().await == 0
        })
        .await;
    }

    /// How many sessions of the query login do something, or hold a transaction open.
    async fn busy_backends(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE usename = 'zava_query' AND datname = current_database() AND state <> 'idle'")
            .fetch_one(&mut self.database.superuser().await)
            .await
            .expect("a number")
    }

    async fn begin(&self, fault: Fault) {
        match fault {
            Fault::Identity(mode) => self.azure.entra.set(mode),
            Fault::RevokedTokens => self.azure.entra.revoke_all(),
            Fault::Vault(mode) => self.azure.vault.set_mode(mode),
            Fault::SlowDatabase => self.gateway.set_delay(Duration::from_millis(100)),
            Fault::EndedBackends => self.end_backends().await,
            Fault::KilledServer => self.host.kill_handler().await,
            Fault::Embeddings(status) => self.embeddings.set(Answer::Status(status, "", None)),
            Fault::CutEmbeddings => self.embeddings.set(Answer::Cut),
            Fault::SilentEmbeddings => self.embeddings.set(Answer::Blocked),
            Fault::Telemetry(mode) => self.ingestion.set(mode),
        }
    }

    fn end_faults(&self) {
        self.azure.entra.set(Mode::Healthy);
        self.azure.vault.set_mode(VaultMode::Healthy);
        self.gateway.set_delay(Duration::ZERO);
        self.embeddings.set(Answer::Vectors);
        self.ingestion.set(IngestionMode::Healthy);
    }

    async fn end_backends(&self) {
        sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'zava_query' AND datname = current_database()")
            .execute(&mut self.database.superuser().await)
            .await
            .expect("the backends end");
    }

    /// One call of a random tool. Panics at an answer that is wrong.
    async fn ask(&self, manager: &Manager, random: &mut ChaCha20Rng, counts: &Counts) {
        let number: u32 = random.random_range(0..1000);
        let (tool, arguments) = match random.random_range(0..10) {
            0 => (
                "semantic_search_products",
                json!({"query_description": format!("paint {number}")}),
            ),
            1 => ("get_current_utc_date", json!({})),
            3 => (
                "find_related_products",
                json!({"product": 1 + number % 400}),
            ),
            2 => (
                "get_multiple_table_schemas",
                json!({"table_names": ["retail.orders"]}),
            ),
            _ => (
                "execute_sales_query",
                json!({"postgresql_query": format!("SELECT count(*), {number} FROM retail.orders")}),
            ),
        };
        let (status, content) = self.call(&manager.key, tool, arguments).await;
        let is_right = match status {
            StatusCode::OK if content["err"].is_null() => true,
            StatusCode::OK => {
                let error = content["err"].as_str().unwrap_or_default();
                let is_known = [
                    "temporarily unavailable",
                    "internal error",
                    "busy",
                    "try again",
                ]
                .iter()
                .any(|known| error.contains(known));
                assert!(is_known, "{tool}: {content}");
                false
            }
            // The server has been killed, or knows no caller without its database.
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => false,
            status => panic!("{tool}: {status} {content}"),
        };
        if !is_right {
            counts.failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if tool == "execute_sales_query" {
            let expected = json!([[manager.orders, number]]);
            assert_eq!(content["r"], expected, "{}", manager.store);
        }
        counts.right.fetch_add(1, Ordering::Relaxed);
    }

    /// The server's resident memory, in KiB.
    fn memory(&self) -> Option<u64> {
        let pid = self.host.handler_pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "scripts/soak says by the environment how long and how"
)]
fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test]
async fn answers_stay_right_while_every_service_fails_at_random() {
    let seconds = number_from_environment("SOAK_SECONDS").unwrap_or(DEFAULT_SECONDS);
    let seed = number_from_environment("SOAK_SEED").unwrap_or(1);
    let production = Production::start().await;
    let counts = Counts::default();
    let is_over = AtomicBool::new(false);
    let callers = production.managers.iter().flat_map(|manager| {
        let (production, counts, is_over) = (&production, &counts, &is_over);
        (0..CALLERS_PER_STORE).map(move |caller| async move {
            let mut random = ChaCha20Rng::seed_from_u64(seed + caller as u64);
            while !is_over.load(Ordering::Relaxed) {
                production.ask(manager, &mut random, counts).await;
            }
        })
    });
    let failing = async {
        let faults = production.fail(Duration::from_secs(seconds), seed).await;
        is_over.store(true, Ordering::Relaxed);
        faults
    };
    let (_, faults) = tokio::join!(join_all(callers), failing);
    production.assert_recovered().await;
    let (right, failed) = (
        counts.right.load(Ordering::Relaxed),
        counts.failed.load(Ordering::Relaxed),
    );
    println!(
        "soak: {seconds} s, seed {seed}: {} faults, {right} right answers, {failed} errors; the last server grew from {} to {} KiB",
        faults.count, faults.early_kib, faults.late_kib
    );
    assert!(right > 100, "{right} right, {failed} failed");
    let growth = faults.late_kib.saturating_sub(faults.early_kib);
    assert!(growth <= MAX_GROWTH_KIB, "{growth} KiB more");
}
