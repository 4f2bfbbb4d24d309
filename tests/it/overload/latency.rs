//! Latency of another tenant while one attacks.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::RESPONSE_TIMEOUT;
use super::attack::{
    ATTACKER, Attack, Attacker, Server, VICTIM, call, chunked, connect, empty_line, empty_lines,
    endless_chunk_size, endless_head, exchange, large_result, many_not_found, many_values,
    max_length_body, nested, not_found, partial_body, unknown_tenant, unsent_body,
};
use crate::support::{REDMOND, SEATTLE, TestDatabase};

/// Requests measured per run.
const REQUESTS: usize = 200;
/// Index of the p99, counted from the longest.
const FROM_P99: usize = REQUESTS / 100;

/// Maximum latency of the victim's p99 and of a health check during an attack.
const MAX_LATENCY: Duration = Duration::from_millis(500);
/// Maximum p99 during an attack, as a multiple of the p99 alone …
const MAX_FACTOR: u32 = 10;
/// … or of the p99 at a second server in the same moments, which nobody attacks: attacker,
/// PostgreSQL and both servers share this machine's processors.
const MAX_FACTOR_ELSEWHERE: u32 = 3;

/// Latencies: the p99 of a tenant's smallest query, and the longest health check.
#[derive(Debug)]
struct Latencies {
    /// Without an attack.
    alone: Duration,
    /// During an attack on the server.
    beside: Duration,
    /// At another server at the same time.
    elsewhere: Duration,
    health: Duration,
}

const ATTACKS: [(&str, Attack); 16] = [
    (
        "JSON that is expensive to parse",
        Attack::Requests(nested, 4),
    ),
    (
        "as many JSON values as allowed",
        Attack::Requests(many_values, 4),
    ),
    ("the longest bodies", Attack::Requests(max_length_body, 2)),
    ("the largest results", Attack::Requests(large_result, 4)),
    (
        "connections that send nothing",
        Attack::Silent(String::new, 1_000),
    ),
    ("heads that do not end", Attack::Silent(endless_head, 400)),
    ("bodies that do not come", Attack::Silent(unsent_body, 100)),
    (
        "bodies that do not come, on all connections",
        Attack::SilentFromMany(partial_body, 960),
    ),
    (
        "responses that are not read",
        Attack::Silent(large_result, 60),
    ),
    (
        "small responses that are not read, on all connections",
        Attack::SilentFromMany(many_not_found, 960),
    ),
    (
        "requests without a tenant",
        Attack::Requests(unknown_tenant, 4),
    ),
    (
        "many requests written ahead, on a few connections of each address",
        Attack::Repeat(many_not_found, 16 * 31),
    ),
    (
        "sizes of chunks that do not end",
        Attack::Flood([chunked, endless_chunk_size], 32),
    ),
    (
        "empty lines before a head",
        Attack::Flood([empty_lines, empty_lines], 880),
    ),
    (
        "empty lines before a head, a few bytes at a time",
        Attack::Flood([empty_lines, empty_line], 880),
    ),
    (
        "connections that come and go",
        Attack::Requests(not_found, 200),
    ),
];

#[tokio::test]
async fn attacks_do_not_delay_another_tenant() {
    let database = TestDatabase::shared();
    let mut failed = Vec::new();
    for (what, attack) in ATTACKS {
        // Other tests load the machine and may distort one attempt; a real delay would show in all
        // of them.
        let mut seen = Vec::new();
        while seen.len() < 3 && !seen.last().is_some_and(Latencies::are_acceptable) {
            seen.push(Latencies::measure(attack, &database).await);
        }
        if !seen.last().is_some_and(Latencies::are_acceptable) {
            failed.push((what, seen));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

impl Latencies {
    async fn measure(attack: Attack, database: &TestDatabase) -> Self {
        let server = Server::start(database).await;
        let another = Server::start(database).await;
        let [alone, _] = measure_p99([&server, &another]).await;
        let attacker = Attacker::start(server.address, attack).await;
        let [beside, elsewhere] = measure_p99([&server, &another]).await;
        // Also from the attacker's own address.
        let health = server.health(ATTACKER).await;
        drop(attacker);
        Self {
            alone,
            beside,
            elsewhere,
            health,
        }
    }

    fn are_acceptable(&self) -> bool {
        let limit = (MAX_FACTOR * self.alone).max(MAX_FACTOR_ELSEWHERE * self.elsewhere);
        self.beside <= limit.min(MAX_LATENCY) && self.health <= MAX_LATENCY
    }
}

/// The p99 of a tenant's smallest query at each server, over one connection each, alternating.
/// Stops early once it is above the limit.
async fn measure_p99(servers: [&Server; 2]) -> [Duration; 2] {
    let request = call("SELECT 1").replace(REDMOND, SEATTLE);
    let mut streams = Vec::new();
    for server in servers {
        let stream = connect(VICTIM, server.address).await;
        streams.push((stream.expect("a connection"), Vec::with_capacity(REQUESTS)));
    }
    let is_slow =
        |took: &Vec<Duration>| took.iter().filter(|it| **it > MAX_LATENCY).count() >= FROM_P99;
    for _ in 0..REQUESTS {
        if streams.iter().any(|(_, took)| is_slow(took)) {
            break;
        }
        for (stream, took) in &mut streams {
            let begun = Instant::now();
            let exchanged = timeout(RESPONSE_TIMEOUT, exchange(stream, &request)).await;
            let body = exchanged.expect("an answer in time").expect("an answer");
            assert!(body.contains(r#""r":[[1]]"#), "{body}");
            took.push(begun.elapsed());
        }
    }
    let mut p99 = streams.into_iter().map(|(_, mut took)| {
        took.sort_unstable();
        took[took.len() - FROM_P99]
    });
    servers.map(|_| p99.next().expect("one for each"))
}

/// What other clients experience.
impl Server {
    /// The longest of ten health checks, each over a new connection.
    async fn health(&self, from: [u8; 4]) -> Duration {
        let mut longest = Duration::ZERO;
        for _ in 0..10 {
            let begun = Instant::now();
            let mut stream = connect(from, self.address).await.expect("a connection");
            let request = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
            let exchanged = timeout(RESPONSE_TIMEOUT, exchange(&mut stream, request)).await;
            let body = exchanged.expect("an answer in time").expect("an answer");
            assert!(body.contains("ok"), "{body}");
            longest = longest.max(begun.elapsed());
        }
        longest
    }
}
