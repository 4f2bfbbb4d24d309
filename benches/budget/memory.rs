use serde_json::Value;

use crate::Fallible;
use crate::mcp;
use crate::plan::Plan;
use crate::progress;
use crate::server::{Memory, Server};

/// Ten thousand rows of seven columns, whatever the scale of the sample data.
const LARGE: &str = "SELECT o.order_id, o.order_date, o.store_id, c.customer_id, c.first_name, c.last_name, c.email \
     FROM retail.orders AS o CROSS JOIN retail.customers AS c LIMIT 10000";

/// How many rows and bytes the server is allowed for this; its defaults are a tenth of it.
const LIMITS: [(&str, &str); 2] = [
    ("ZAVA_MAX_ROWS", "10000"),
    ("ZAVA_MAX_RESULT_BYTES", "16777216"),
];

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
pub(crate) async fn measure(plan: &Plan) -> Fallible<Large> {
    progress::tell("memory around a 10,000-row result");
    let server = Server::start(plan, &LIMITS)?;
    let mut connection = server.connect().await?;
    connection
        .call(&mcp::query(mcp::HEAD_OFFICE, "SELECT 1"))
        .await?;
    server.forget_peak()?;
    let before = server.memory()?;

    let request = mcp::query(mcp::HEAD_OFFICE, LARGE);
    let answer = connection.exchange(&request).await?;
    let bytes = answer.body.len();
    let after = server.memory()?;
    let result = mcp::result_of(answer)?;
    let rows = result["structuredContent"]["n"].as_u64();
    drop::<Value>(result);
    for _ in 0..5 {
        connection.exchange(&request).await?;
    }
    let after_more = server.memory()?;
    server.stop().await?;
    Ok(Large {
        rows: rows.ok_or("the large result does not tell its number of rows")?,
        bytes,
        before,
        after,
        after_more,
    })
}
