use crate::Fallible;
use crate::mcp;
use crate::plan::Plan;
use crate::process::Process;
use crate::procfs::Memory;
use crate::progress;
use crate::start::{self, Starts};
use crate::toolbox::Toolbox;
use crate::workload::SELECT_ONE;

/// Measurements of a competitor besides its throughput.
pub(crate) struct Peer {
    version: String,
    pub(crate) start: Starts,
    pub(crate) after_first: Memory,
    pub(crate) after_load: Memory,
}

impl Peer {
    /// Measures the Toolbox's start; returns a running process that has answered once.
    pub(crate) async fn measure(plan: &Plan, toolbox: &Toolbox) -> Fallible<(Self, Process)> {
        progress::report(&format!("MCP Toolbox {}", toolbox.version));
        let request = mcp::toolbox_query(SELECT_ONE.sql);
        let start = start::measure(plan, || toolbox.start(plan), &request, &[]).await?;
        let process = toolbox.start(plan)?;
        mcp::call(&mut process.connect().await?, &request).await?;
        let after_first = process.memory()?;
        let peer = Self {
            version: toolbox.version.clone(),
            start,
            after_first,
            after_load: after_first,
        };
        Ok((peer, process))
    }

    /// Measures its memory again and stops it.
    pub(crate) async fn finish(self, process: Process) -> Fallible<Self> {
        let after_load = process.memory()?;
        process.stop().await?;
        Ok(Self { after_load, ..self })
    }

    pub(crate) fn name(&self) -> String {
        format!("MCP Toolbox {}", self.version)
    }
}
