//! What is left in memory when an attack is over.
#![cfg(target_os = "linux")]

use tokio::time::timeout;

use super::PATIENCE;
use super::attack::{
    Attack, Attacker, Server, VICTIM, call, connect, endless_head, exchange, large_result, nested,
};
use crate::support::TestDatabase;

const MIB: u64 = 1 << 20;

/// What may be resident beside what was before: at the height of an attack, and when it is over.
/// Each would take hundreds of MiB if it were not bounded, and leave some tens with glibc's
/// allocator.
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
    let database = TestDatabase::new().await;
    for (what, attack, most, left_over) in ATTACKS {
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
        let returned = async {
            loop {
                ask(&server).await;
                if server.resident() <= before + left_over {
                    return;
                }
            }
        };
        let is_returned = timeout(PATIENCE, returned).await.is_ok();
        let left = server.resident().saturating_sub(before);
        assert!(peak <= most, "{what}: {peak} bytes");
        assert!(is_returned, "{what}: {left} bytes are left");
    }
}

async fn ask(server: &Server) {
    let mut stream = connect(VICTIM, server.address).await.expect("a connection");
    let answered = timeout(PATIENCE, exchange(&mut stream, &call("SELECT 1"))).await;
    let _ = answered.expect("an answer in time").expect("an answer");
}
