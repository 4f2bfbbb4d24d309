//! Memory after an attack.
#![cfg(target_os = "linux")]

use tokio::time::timeout;

use super::RESPONSE_TIMEOUT;
use super::attack::{
    Attack, Attacker, Server, VICTIM, call, connect, endless_head, exchange, large_result, nested,
};
use crate::support::TestDatabase;

const MIB: u64 = 1 << 20;

/// Allowed growth of resident memory: during an attack, and after it. Unbounded, each attack would
/// take hundreds of MiB, and leave tens with glibc's allocator.
const ATTACKS: [(&str, Attack, u64, u64); 3] = [
    (
        "JSON that is expensive to parse",
        Attack::Requests(nested, 16),
        32 * MIB,
        8 * MIB,
    ),
    (
        "heads that do not end",
        Attack::Silent(endless_head, 900),
        64 * MIB,
        12 * MIB,
    ),
    (
        "responses that are not read",
        Attack::Silent(large_result, 100),
        160 * MIB,
        32 * MIB,
    ),
];

#[tokio::test]
async fn memory_under_attack_is_bounded_and_released() {
    let database = TestDatabase::shared();
    for (what, attack, max_growth, max_growth_after) in ATTACKS {
        let server = Server::start(&database).await;
        ask(&server).await;
        let before = server.resident();
        let attacker = Attacker::start(server.address, attack).await;
        let mut peak = 0;
        for _ in 0..50 {
            ask(&server).await;
            peak = peak.max(server.resident().saturating_sub(before));
        }
        drop(attacker);
        let released = async {
            loop {
                ask(&server).await;
                if server.resident() <= before + max_growth_after {
                    return;
                }
            }
        };
        let is_released = timeout(RESPONSE_TIMEOUT, released).await.is_ok();
        let left = server.resident().saturating_sub(before);
        assert!(peak <= max_growth, "{what}: {peak} bytes");
        assert!(is_released, "{what}: {left} bytes are left");
    }
}

async fn ask(server: &Server) {
    let mut stream = connect(VICTIM, server.address).await.expect("a connection");
    let answered = timeout(RESPONSE_TIMEOUT, exchange(&mut stream, &call("SELECT 1"))).await;
    let _ = answered.expect("an answer in time").expect("an answer");
}
