use serde_json::Value;

use crate::Fallible;
use crate::kernel::Memory;
use crate::mcp;
use crate::plan::Plan;
use crate::process::Process;
use crate::server;
use crate::workload::{SELECT_ONE, Workload};

/// What one large result costs in memory.
pub(crate) struct Large {
    pub(crate) rows: u64,
    /// The answer's length.
    pub(crate) bytes: usize,
    pub(crate) before: Memory,
    /// After one.
    pub(crate) after: Memory,
    /// After five more: what a leak or a hoarding allocator would show.
    pub(crate) after_more: Memory,
}

/// Asks a fresh server for a small result, then for large ones.
pub(crate) async fn measure(plan: &Plan, workload: &Workload) -> Fallible<Large> {
    let server = server::start_with_raised_limits(plan)?;
    let large = around(&server, &mcp::query(workload.sql)).await?;
    server.stop().await?;
    Ok(large)
}

async fn around(server: &Process, request: &[u8]) -> Fallible<Large> {
    let mut connection = server.connect().await?;
    connection.call(&mcp::query(SELECT_ONE.sql)).await?;
    server.forget_peak()?;
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
    Ok(Large {
        rows: rows.ok_or("the large result does not tell its number of rows")?,
        bytes,
        before,
        after,
        after_more: server.memory()?,
    })
}
