use std::sync::Arc;

use crate::Fallible;
use crate::load::{self, Load};
use crate::mcp;
use crate::pgbench::{self, Form, Signing};
use crate::plan::Plan;
use crate::process::Process;
use crate::progress;
use crate::tally::{Clock, Tally, Turns};
use crate::workload::{CONNECTIONS, Workload};

/// With whom our server is compared.
#[derive(Clone, Copy)]
pub(crate) enum Rival {
    Pgbench(Form),
    Toolbox,
}

/// Our server and its rivals at one number of connections.
pub(crate) struct Speed {
    pub(crate) workload: &'static Workload,
    /// Which of [`CONNECTIONS`].
    pub(crate) at: usize,
    pub(crate) ours: Turns,
    pub(crate) rivals: Vec<(Rival, Turns)>,
}

/// Who may take part.
pub(crate) struct Race<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) signing: &'a Signing,
    pub(crate) ours: &'a Process,
    pub(crate) toolbox: Option<&'a Process>,
}

impl Race<'_> {
    /// Measures a statement at each number of connections. All take turns, so that whatever else the machine does falls on
    /// each of them alike.
    pub(crate) async fn measure(
        &self,
        workload: &'static Workload,
        rivals: &[Rival],
    ) -> Fallible<Vec<Speed>> {
        let mut speeds = Vec::with_capacity(CONNECTIONS.len());
        for (at, connections) in CONNECTIONS.into_iter().enumerate() {
            progress::tell(&format!("{}, {}", workload.name, named(connections)));
            self.ours(workload, connections, &mut Tally::default())
                .await?; // warms up
            let mut ours = Tally::default();
            let mut others: Vec<_> = rivals.iter().map(|_| Tally::default()).collect();
            for _ in 0..self.plan.rounds {
                self.ours(workload, connections, &mut ours).await?;
                for (rival, tally) in rivals.iter().zip(&mut others) {
                    self.rival(*rival, workload.sql, connections, tally).await?;
                }
            }
            let others = others.into_iter().map(|tally| tally.finish(self.plan));
            speeds.push(Speed {
                workload,
                at,
                ours: ours.finish(self.plan),
                rivals: rivals.iter().copied().zip(others).collect(),
            });
        }
        Ok(speeds)
    }

    async fn ours(
        &self,
        workload: &Workload,
        connections: usize,
        tally: &mut Tally,
    ) -> Fallible<()> {
        let clock = Clock::start(self.plan, Some(self.ours))?;
        let stores = workload.stores.iter().cycle().take(connections);
        let requests = stores.map(|store| mcp::query_of(store, workload.sql).into());
        let load = self.load(self.ours, requests.collect()).await?;
        tally.add_load(load, &clock)
    }

    async fn rival(
        &self,
        rival: Rival,
        sql: &str,
        connections: usize,
        tally: &mut Tally,
    ) -> Fallible<()> {
        match rival {
            Rival::Pgbench(form) => {
                let clock = Clock::start(self.plan, None)?;
                let run = pgbench::run(self.plan, self.signing, form, sql, connections).await?;
                tally.add_run(&run, &clock)
            }
            Rival::Toolbox => {
                let toolbox = self.toolbox.ok_or("the Toolbox does not run")?;
                let clock = Clock::start(self.plan, Some(toolbox))?;
                let request: Arc<[u8]> = mcp::toolbox_query(sql).into();
                let load = self.load(toolbox, vec![request; connections]).await?;
                tally.add_load(load, &clock)
            }
        }
    }

    async fn load(&self, process: &Process, requests: Vec<Arc<[u8]>>) -> Fallible<Load> {
        load::run(process.address(), self.plan.turn, requests).await
    }
}

/// The number of connections in words.
pub(crate) fn named(connections: usize) -> String {
    match connections {
        1 => "1 connection".to_owned(),
        several => format!("{several} connections"),
    }
}
