use std::time::Duration;

use tokio::time::Instant;

use crate::Fallible;
use crate::plan::Plan;
use crate::process::Process;

/// How long it took from the process's start to the first answered tool call, over several starts.
pub(crate) struct Starts {
    pub(crate) median: Duration,
    pub(crate) least: Duration,
    pub(crate) most: Duration,
    pub(crate) count: usize,
}

/// Starts a server again and again, each time on a free port, and calls a tool as soon as it listens. The time includes
/// making the process, reading what it needs, connecting to the database and, for ours, looking the tenant up.
pub(crate) async fn measure(
    plan: &Plan,
    start: impl Fn() -> Fallible<Process>,
    request: &[u8],
) -> Fallible<Starts> {
    once(&start, request).await?; // reads the binary and its files into the page cache
    let mut times = Vec::with_capacity(plan.starts);
    for _ in 0..plan.starts {
        times.push(once(&start, request).await?);
    }
    times.sort_unstable();
    Ok(Starts {
        median: times[times.len() / 2],
        least: times[0],
        most: times[times.len() - 1],
        count: times.len(),
    })
}

async fn once(start: impl Fn() -> Fallible<Process>, request: &[u8]) -> Fallible<Duration> {
    let began = Instant::now();
    let server = start()?;
    let mut connection = server.connect().await?;
    connection.call(request).await?;
    let took = began.elapsed();
    server.stop().await?;
    Ok(took)
}
