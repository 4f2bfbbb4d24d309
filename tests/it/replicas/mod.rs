//! Reads on streaming replicas, and fail-over of the primary.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{LocalBoxFuture, join_all};
use zava_mcp_server::identity::Caller;
use zava_mcp_server::query::scope::{Scope, ScopeError, ServerState};

use crate::support::{eventually, run_unguarded};

mod commands; // `check` and the health endpoints
mod fail_over; // the primary fails, and a replica is promoted
mod failures; // replicas that are killed, suspended, unreachable, or cancel a statement
mod lag; // replicas that have not replayed a change
mod lookups; // tenants, grants and keys, with and without the primary
mod replica_set; // a primary and two replicas
mod routing; // which server runs a query
mod tenancy; // tenants' rows on a replica, without the guard

/// Returns the port of the server that runs it.
const PORT: &str = "SELECT inet_server_port()";

/// Runs a test while the scope probes its servers.
fn watched<'a, T>(scope: &'a Scope, test: impl Future<Output = T> + 'a) -> LocalBoxFuture<'a, T> {
    let (test, watching) = (Box::pin(test), Box::pin(scope.watch_replicas()));
    Box::pin(async {
        tokio::select! {
            done = test => done,
            never = watching => match never {},
        }
    })
}

/// The port in the rows of [`PORT`].
fn port(rows: Result<String, ScopeError>) -> u16 {
    let rows = rows.expect("a row");
    let port = rows.trim_start_matches("[[").trim_end_matches("]]");
    port.parse().unwrap_or_else(|_| panic!("a port: {rows}"))
}

/// The ports of the servers that run eight queries at once.
async fn ports_in_use(scope: &Scope, caller: &Caller) -> BTreeSet<u16> {
    let queries = (0..8).map(|_| run_unguarded(scope, caller, PORT));
    join_all(queries).await.into_iter().map(port).collect()
}

/// Waits until exactly these servers run queries.
async fn wait_until_used(scope: &Scope, caller: &Caller, ports: &[u16]) {
    let expected: BTreeSet<u16> = ports.iter().copied().collect();
    let mut last = BTreeSet::new();
    eventually(&format!("queries run on {expected:?}"), async || {
        last = ports_in_use(scope, caller).await;
        last == expected
    })
    .await;
}

/// The states of the primary and the replicas.
async fn states(scope: &Scope) -> Vec<ServerState> {
    let statuses = scope.server_statuses().await;
    statuses.iter().map(|status| status.state).collect()
}

/// A maximum lag that no test reaches.
const LONG: Duration = Duration::from_secs(600);
