use std::sync::Arc;
use std::time::Duration;

use crate::Fallible;
use crate::load;
use crate::mcp;
use crate::pgbench::{self, Script, Signing};
use crate::plan::Plan;
use crate::progress;
use crate::server::Server;

/// Requests or transactions per second of several rounds.
pub(crate) struct Rates(Vec<f64>);

/// The server beside pgbench at one number of connections.
pub(crate) struct Speed {
    pub(crate) connections: usize,
    pub(crate) server: Rates,
    /// Half of the requests took at most this long.
    pub(crate) half: Duration,
    /// All but one in a hundred took at most this long.
    pub(crate) most: Duration,
    /// The server's processor time for one request.
    pub(crate) processor: Duration,
    /// The transaction that the server sends, by pgbench.
    pub(crate) same: Rates,
    /// The smallest transaction, by pgbench.
    pub(crate) bare: Rates,
}

/// Lets the server, pgbench's transaction and pgbench's bare one take turns, so that whatever else the machine does falls on
/// each of them alike.
pub(crate) async fn measure(
    plan: &Plan,
    server: &Server,
    signing: &Signing,
    connections: usize,
) -> Fallible<Speed> {
    let request: Arc<[u8]> = mcp::select_one().into();
    let turn = |duration| {
        load::run(
            server.address(),
            connections,
            duration,
            Arc::clone(&request),
        )
    };
    let over = named(connections);
    progress::tell(&format!("{over}: warming up"));
    turn(plan.turn).await?;

    let (mut of_server, mut of_same, mut of_bare) = (Vec::new(), Vec::new(), Vec::new());
    let (mut latencies, mut requests, mut processor) = (Vec::new(), 0_usize, 0.0);
    for round in 1..=plan.rounds {
        progress::tell(&format!("{over}: round {round} of {}", plan.rounds));
        let before = server.processor_seconds()?;
        let mut load = turn(plan.turn).await?;
        processor += server.processor_seconds()? - before;
        requests += load.requests;
        latencies.append(&mut load.latencies);
        of_server.push(load.requests_per_second);
        of_same.push(pgbench::run(plan, Script::Same(signing), connections).await?);
        of_bare.push(pgbench::run(plan, Script::Bare, connections).await?);
    }
    latencies.sort_unstable();
    let quantile = |hundredths: usize| {
        let at = (latencies.len() * hundredths / 100).min(latencies.len() - 1);
        Duration::from_nanos(latencies[at].into())
    };
    Ok(Speed {
        connections,
        server: Rates::of(of_server),
        half: quantile(50),
        most: quantile(99),
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
        processor: Duration::from_secs_f64(processor / requests as f64),
        same: Rates::of(of_same),
        bare: Rates::of(of_bare),
    })
}

/// The number of connections in words.
pub(crate) fn named(connections: usize) -> String {
    match connections {
        1 => "1 connection".to_owned(),
        several => format!("{several} connections"),
    }
}

impl Rates {
    fn of(mut rates: Vec<f64>) -> Self {
        rates.sort_unstable_by(f64::total_cmp);
        Self(rates)
    }

    /// The middle one, or the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let count = self.0.len();
        f64::midpoint(self.0[(count - 1) / 2], self.0[count / 2])
    }

    pub(crate) fn least(&self) -> f64 {
        self.0[0]
    }

    pub(crate) fn most(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}
