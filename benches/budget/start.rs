use std::time::Duration;

use tokio::time::Instant;

use crate::Fallible;
use crate::mcp;
use crate::plan::Plan;
use crate::progress;
use crate::server::Server;

/// How long it took from the process's start to the first answered tool call, over several starts.
pub(crate) struct Starts {
    pub(crate) median: Duration,
    pub(crate) least: Duration,
    pub(crate) most: Duration,
    pub(crate) count: usize,
}

/// Starts the server again and again, each time on a free port, and calls a tool as soon as it listens. The time includes
/// making the process, reading the embedding model, connecting to the database and looking the tenant up.
pub(crate) async fn measure(plan: &Plan) -> Fallible<Starts> {
    progress::tell(&format!("start to first answer, {} times", plan.starts));
    once(plan).await?; // reads the binary and the model into the page cache
    let mut times = Vec::with_capacity(plan.starts);
    for _ in 0..plan.starts {
        times.push(once(plan).await?);
    }
    times.sort_unstable();
    Ok(Starts {
        median: times[times.len() / 2],
        least: times[0],
        most: times[times.len() - 1],
        count: times.len(),
    })
}

async fn once(plan: &Plan) -> Fallible<Duration> {
    let request = mcp::select_one();
    let began = Instant::now();
    let server = Server::start(plan, &[])?;
    let mut connection = server.connect().await?;
    connection.call(&request).await?;
    let took = began.elapsed();
    server.stop().await?;
    Ok(took)
}
