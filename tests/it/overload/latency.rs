//! How long another tenant waits while one attacks.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::PATIENCE;
use super::attack::{
    ATTACKER, Attack, Attacker, Server, VICTIM, announced, begun, call, chunked, connect,
    empty_line, empty_lines, endless_head, exchange, large_result, longest, many_not_found,
    many_values, nested, nobody, not_found, zeros,
};
use crate::support::{REDMOND, SEATTLE, TestDatabase};

/// The requests whose latencies are looked at.
const REQUESTS: usize = 200;
/// The p99 is this one, counted from the longest.
const FROM_P99: usize = REQUESTS / 100;

/// The most that the victim's p99 and a health check may be beside an attack.
const LIMIT: Duration = Duration::from_millis(500);
/// The most that the victim's p99 may be, as a multiple of what it is alone.
const FACTOR: u32 = 10;
/// … or of what it is in the same moments at a second server, which nobody attacks: attacker,
/// PostgreSQL and both servers share this machine's processors.
const FACTOR_ELSEWHERE: u32 = 3;

/// What a tenant waits for its smallest query (p99), and anybody to learn whether the server is
/// well (the longest).
#[derive(Debug)]
struct Waits {
    /// Nobody attacks.
    alone: Duration,
    /// The server is attacked.
    beside: Duration,
    /// At another server, in the same moments.
    elsewhere: Duration,
    health: Duration,
}

const ATTACKS: [(&str, Attack); 16] = [
    (
        "JSON that is expensive to parse",
        Attack::Requests(nested, 4),
    ),
    ("as many values as may be", Attack::Requests(many_values, 4)),
    ("the longest bodies", Attack::Requests(longest, 2)),
    ("the largest results", Attack::Requests(large_result, 4)),
    (
        "connections that send nothing",
        Attack::Silent(String::new, 1_000),
    ),
    ("heads that do not end", Attack::Silent(endless_head, 400)),
    ("bodies that do not come", Attack::Silent(announced, 100)),
    (
        "bodies that do not come, on all connections",
        Attack::Everywhere(begun, 960),
    ),
    (
        "responses that are not read",
        Attack::Silent(large_result, 60),
    ),
    (
        "small responses that are not read, on all connections",
        Attack::Everywhere(many_not_found, 960),
    ),
    ("requests without a tenant", Attack::Requests(nobody, 4)),
    (
        "many requests written ahead, on a few connections of each address",
        Attack::Endless(many_not_found, 16 * 31),
    ),
    (
        "sizes of chunks that do not end",
        Attack::Flood([chunked, zeros], 32),
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
    let database = TestDatabase::new().await;
    let mut failed = Vec::new();
    for (what, attack) in ATTACKS {
        // Other tests share the machine, and may come in between; what waits for the attack would
        // wait each time.
        let mut seen = Vec::new();
        while seen.len() < 3 && !seen.last().is_some_and(Waits::are_short) {
            seen.push(Waits::beside(attack, &database).await);
        }
        if !seen.last().is_some_and(Waits::are_short) {
            failed.push((what, seen));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

impl Waits {
    async fn beside(attack: Attack, database: &TestDatabase) -> Self {
        let server = Server::start(database).await;
        let another = Server::start(database).await;
        let [alone, _] = latencies([&server, &another]).await;
        let attacker = Attacker::start(server.address, attack).await;
        let [beside, elsewhere] = latencies([&server, &another]).await;
        // From the attacker's own address too.
        let health = server.health(ATTACKER).await;
        drop(attacker);
        Self {
            alone,
            beside,
            elsewhere,
            health,
        }
    }

    fn are_short(&self) -> bool {
        let limit = (FACTOR * self.alone).max(FACTOR_ELSEWHERE * self.elsewhere);
        self.beside <= limit.min(LIMIT) && self.health <= LIMIT
    }
}

/// The p99 of a tenant's smallest query at each server, over one connection to each, in turns. Ends
/// early when it is known to be above the limit.
async fn latencies(servers: [&Server; 2]) -> [Duration; 2] {
    let request = call("SELECT 1").replace(REDMOND, SEATTLE);
    let mut streams = Vec::new();
    for server in servers {
        let stream = connect(VICTIM, server.address).await;
        streams.push((stream.expect("a connection"), Vec::with_capacity(REQUESTS)));
    }
    let is_slow = |took: &Vec<Duration>| took.iter().filter(|it| **it > LIMIT).count() >= FROM_P99;
    for _ in 0..REQUESTS {
        if streams.iter().any(|(_, took)| is_slow(took)) {
            break;
        }
        for (stream, took) in &mut streams {
            let begun = Instant::now();
            let exchanged = timeout(PATIENCE, exchange(stream, &request)).await;
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

/// What others meet.
impl Server {
    /// The longest that it takes to learn whether the server is well, over new connections.
    async fn health(&self, from: [u8; 4]) -> Duration {
        let mut longest = Duration::ZERO;
        for _ in 0..10 {
            let begun = Instant::now();
            let mut stream = connect(from, self.address).await.expect("a connection");
            let request = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
            let exchanged = timeout(PATIENCE, exchange(&mut stream, request)).await;
            let body = exchanged.expect("an answer in time").expect("an answer");
            assert!(body.contains("ok"), "{body}");
            longest = longest.max(begun.elapsed());
        }
        longest
    }
}
