use std::sync::Arc;

use crate::Fallible;
use crate::load::{self, Load};
use crate::mcp;
use crate::pgbench::{self, PgbenchMode, Signing};
use crate::plan::Plan;
use crate::process::Process;
use crate::progress;
use crate::samples::{CpuClock, Samples, Summary};
use crate::workload::{CONNECTIONS, Workload};

/// What our server is compared with.
#[derive(Clone, Copy)]
pub(crate) enum Competitor {
    Pgbench(PgbenchMode),
    Toolbox,
}

/// Our server and its competitors at one number of connections.
pub(crate) struct Throughput {
    pub(crate) workload: &'static Workload,
    /// Which of [`CONNECTIONS`].
    pub(crate) at: usize,
    pub(crate) ours: Summary,
    pub(crate) competitors: Vec<(Competitor, Summary)>,
}

/// The processes that are compared.
pub(crate) struct Comparison<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) signing: &'a Signing,
    pub(crate) ours: &'a Process,
    pub(crate) toolbox: Option<&'a Process>,
}

impl Comparison<'_> {
    /// Measures a statement at each number of connections. All alternate, so that other activity on
    /// the machine affects them equally.
    pub(crate) async fn measure(
        &self,
        workload: &'static Workload,
        competitors: &[Competitor],
    ) -> Fallible<Vec<Throughput>> {
        let mut throughputs = Vec::with_capacity(CONNECTIONS.len());
        for (at, connections) in CONNECTIONS.into_iter().enumerate() {
            progress::report(&format!("{}, {}", workload.name, named(connections)));
            self.ours(workload, connections, &mut Samples::default())
                .await?; // warms up
            let mut ours = Samples::default();
            let mut others: Vec<_> = competitors.iter().map(|_| Samples::default()).collect();
            for _ in 0..self.plan.rounds {
                self.ours(workload, connections, &mut ours).await?;
                for (competitor, samples) in competitors.iter().zip(&mut others) {
                    self.competitor(*competitor, workload.sql, connections, samples)
                        .await?;
                }
            }
            let others = others.into_iter().map(|samples| samples.finish(self.plan));
            throughputs.push(Throughput {
                workload,
                at,
                ours: ours.finish(self.plan),
                competitors: competitors.iter().copied().zip(others).collect(),
            });
        }
        Ok(throughputs)
    }

    async fn ours(
        &self,
        workload: &Workload,
        connections: usize,
        samples: &mut Samples,
    ) -> Fallible<()> {
        let clock = CpuClock::start(self.plan, Some(self.ours))?;
        let stores = workload.stores.iter().cycle().take(connections);
        let requests = stores.map(|store| mcp::query_of(store, workload.sql).into());
        let load = self.load(self.ours, requests.collect()).await?;
        samples.add_load(load, &clock)
    }

    async fn competitor(
        &self,
        competitor: Competitor,
        sql: &str,
        connections: usize,
        samples: &mut Samples,
    ) -> Fallible<()> {
        match competitor {
            Competitor::Pgbench(mode) => {
                let clock = CpuClock::start(self.plan, None)?;
                let run = pgbench::run(self.plan, self.signing, mode, sql, connections).await?;
                samples.add_run(&run, &clock)
            }
            Competitor::Toolbox => {
                let toolbox = self.toolbox.ok_or("the Toolbox does not run")?;
                let clock = CpuClock::start(self.plan, Some(toolbox))?;
                let request: Arc<[u8]> = mcp::toolbox_query(sql).into();
                let load = self.load(toolbox, vec![request; connections]).await?;
                samples.add_load(load, &clock)
            }
        }
    }

    async fn load(&self, process: &Process, requests: Vec<Arc<[u8]>>) -> Fallible<Load> {
        load::run(process.address(), self.plan.interval, requests).await
    }
}

/// The number of connections as text.
pub(crate) fn named(connections: usize) -> String {
    match connections {
        1 => "1 connection".to_owned(),
        several => format!("{several} connections"),
    }
}
