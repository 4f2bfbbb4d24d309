use serde_json::Value;

use crate::Fallible;
use crate::mcp;
use crate::plan::Plan;
use crate::process::Process;
use crate::procfs::Memory;
use crate::server;
use crate::workload::{SELECT_ONE, Workload};

/// The memory of one large result.
pub(crate) struct LargeResult {
    pub(crate) rows: u64,
    /// The response's length.
    pub(crate) bytes: usize,
    pub(crate) before: Memory,
    /// After one result.
    pub(crate) after: Memory,
    /// After five more: shows leaks, and memory that the allocator retains.
    pub(crate) after_more: Memory,
}

/// Requests a small result from a new server, then large ones.
pub(crate) async fn measure(plan: &Plan, workload: &Workload) -> Fallible<LargeResult> {
    let server = server::start_with_raised_limits(plan)?;
    let large = measure_around(&server, &mcp::query(workload.sql)).await?;
    server.stop().await?;
    Ok(large)
}

async fn measure_around(server: &Process, request: &[u8]) -> Fallible<LargeResult> {
    let mut connection = server.connect().await?;
    mcp::call(&mut connection, &mcp::query(SELECT_ONE.sql)).await?;
    server.reset_peak()?;
    let before = server.memory()?;

    let answer = connection.exchange(request).await?;
    let bytes = answer.body.len();
    let after = server.memory()?;
    let result = mcp::result_of(answer)?;
    let rows = result["structuredContent"]["n"].as_u64();
    drop::<Value>(result);
    for _ in 0..5 {
        connection.exchange(request).await?;
    }
    Ok(LargeResult {
        rows: rows.ok_or("the large result does not tell its number of rows")?,
        bytes,
        before,
        after,
        after_more: server.memory()?,
    })
}
