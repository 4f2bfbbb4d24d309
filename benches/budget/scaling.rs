use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::Fallible;
use crate::load;
use crate::mcp;
use crate::plan::Plan;
use crate::process::Process;
use crate::progress;
use crate::report::Machine;
use crate::server;
use crate::table::{Table, whole};
use crate::workload::{SELECT_ONE, WEEK_OF_SALES, Workload};

/// How many servers share the load.
const SERVERS: [usize; 3] = [1, 2, 3];

/// Connections of the load, spread evenly over the servers.
const CONNECTIONS: usize = 48;

/// One tenant of four may use a quarter of the load's connections on any server, so that the limits
/// per tenant do not decide the result.
const LIMITS: [(&str, &str); 3] = [
    ("ZAVA_MAX_CONNECTIONS", "20"),
    ("ZAVA_TENANT_CONNECTIONS", "8"),
    ("ZAVA_TENANT_QUEUE", "100"),
];

/// How long the servers are loaded before they are measured: they compare the replicas with the
/// primary meanwhile.
const WARM_UP: Duration = Duration::from_secs(2);

/// The throughput of one combination of servers and replicas.
struct Cell {
    workload: &'static Workload,
    servers: usize,
    replicas: usize,
    /// Requests per second in each round.
    rates: Vec<f64>,
}

/// The results of a run that measures scaling.
pub(crate) struct ScalingReport {
    machine: Machine,
    cells: Vec<Cell>,
}

/// Measures each number of servers with each number of the replicas.
pub(crate) async fn measure(plan: &Plan, replicas: &[String]) -> Fallible<ScalingReport> {
    let machine = Machine::detect(plan).await?;
    let mut cells = Vec::new();
    for number in 0..=replicas.len() {
        for servers in SERVERS {
            let hosts = replicas[..number].join(",");
            let mut settings = LIMITS.to_vec();
            if number > 0 {
                settings.push(("POSTGRES_READ_HOSTS", hosts.as_str()));
            }
            let processes: Vec<Process> = (0..servers)
                .map(|_| server::start_with(plan, &settings))
                .collect::<Fallible<_>>()?;
            for process in &processes {
                drop(process.connect().await?); // waits until it listens
            }
            for workload in [&SELECT_ONE, &WEEK_OF_SALES] {
                progress::report(&format!(
                    "{}, servers: {servers}, replicas: {number}",
                    workload.name
                ));
                run(&processes, workload, WARM_UP).await?;
                let mut rates = Vec::new();
                for _ in 0..plan.rounds {
                    rates.push(run(&processes, workload, plan.interval).await?);
                }
                rates.sort_unstable_by(f64::total_cmp);
                cells.push(Cell {
                    workload,
                    servers,
                    replicas: number,
                    rates,
                });
            }
            for process in processes {
                process.stop().await?;
            }
        }
    }
    Ok(ScalingReport { machine, cells })
}

/// The servers' requests per second together.
async fn run(processes: &[Process], workload: &Workload, duration: Duration) -> Fallible<f64> {
    let loads = processes.iter().map(|process| {
        let stores = mcp::STORES
            .iter()
            .cycle()
            .take(CONNECTIONS / processes.len());
        let requests = stores.map(|store| Arc::from(mcp::query_of(store, workload.sql)));
        load::run(process.address(), duration, requests.collect())
    });
    let loads = try_join_all(loads).await?;
    Ok(loads.iter().map(|load| load.requests_per_second).sum())
}

impl ScalingReport {
    pub(crate) fn markdown(&self) -> String {
        let mut table = Table::new();
        for cell in &self.cells {
            let what = format!(
                "{}, {} servers, {} replicas",
                cell.workload.name, cell.servers, cell.replicas
            );
            let (rates, middle) = (&cell.rates, cell.rates.len() / 2);
            let spread =
                rates
                    .first()
                    .zip(rates.last())
                    .map_or_else(String::new, |(least, most)| {
                        format!(
                            "{} to {}/s, median of {}",
                            whole(*least),
                            whole(*most),
                            rates.len()
                        )
                    });
            let median = rates.get(middle).copied().unwrap_or_default();
            table.row(&what, "", &format!("{}/s", whole(median)), &spread);
        }
        table.fact("connections", &CONNECTIONS.to_string());
        self.machine.facts(&mut table);
        table.into_text()
    }
}
