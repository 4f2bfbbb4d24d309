use std::time::Duration;

use crate::Fallible;
use crate::load::Load;
use crate::pgbench::PgbenchResult;
use crate::plan::Plan;
use crate::process::Process;
use crate::procfs;

/// Collects the measurements of one competitor.
#[derive(Default)]
pub(crate) struct Samples {
    rates: Vec<f64>,
    latencies: Vec<u32>,
    requests: usize,
    program_cpu: f64,
    database_cpu: f64,
}

/// All measurements of one competitor.
pub(crate) struct Summary {
    pub(crate) rates: Rates,
    /// `None` for pgbench, which reports no single latencies.
    pub(crate) latency: Option<Latency>,
    /// CPU time of the measured program per request.
    pub(crate) program_cpu: Duration,
    /// CPU time of PostgreSQL per request; `None` if its processes are not known.
    pub(crate) database_cpu: Option<Duration>,
}

/// Latency of requests.
pub(crate) struct Latency {
    /// Median.
    pub(crate) p50: Duration,
    /// 99th percentile.
    pub(crate) p99: Duration,
}

/// Requests or transactions per second of each round, in order.
pub(crate) struct Rates(Vec<f64>);

/// CPU time at the start of a measurement.
pub(crate) struct CpuClock<'a> {
    plan: &'a Plan,
    process: Option<&'a Process>,
    program_cpu: f64,
    database_cpu: f64,
}

impl<'a> CpuClock<'a> {
    /// Starts measuring pgbench, or a server.
    pub(crate) fn start(plan: &'a Plan, process: Option<&'a Process>) -> Fallible<Self> {
        let (program_cpu, database_cpu) = read_cpu_seconds(plan, process)?;
        Ok(Self {
            plan,
            process,
            program_cpu,
            database_cpu,
        })
    }

    fn elapsed(&self) -> Fallible<(f64, f64)> {
        let (program_cpu, database_cpu) = read_cpu_seconds(self.plan, self.process)?;
        Ok((
            program_cpu - self.program_cpu,
            database_cpu - self.database_cpu,
        ))
    }
}

fn read_cpu_seconds(plan: &Plan, process: Option<&Process>) -> Fallible<(f64, f64)> {
    let program_cpu = process.map_or(Ok(0.0), Process::cpu_seconds)?;
    let database_cpu = plan
        .postmaster
        .map_or(Ok(0.0), procfs::children_cpu_seconds)?;
    Ok((program_cpu, database_cpu))
}

impl Samples {
    /// Adds a measurement of a server.
    pub(crate) fn add_load(&mut self, mut load: Load, clock: &CpuClock<'_>) -> Fallible<()> {
        self.latencies.append(&mut load.latencies);
        self.add(load.requests_per_second, load.requests, clock)
    }

    /// Adds a measurement of pgbench.
    pub(crate) fn add_run(&mut self, run: &PgbenchResult, clock: &CpuClock<'_>) -> Fallible<()> {
        self.add(run.transactions_per_second, run.transactions, clock)
    }

    fn add(&mut self, rate: f64, requests: usize, clock: &CpuClock<'_>) -> Fallible<()> {
        let (program_cpu, database_cpu) = clock.elapsed()?;
        self.rates.push(rate);
        self.requests += requests;
        self.program_cpu += program_cpu;
        self.database_cpu += database_cpu;
        Ok(())
    }

    pub(crate) fn finish(mut self, plan: &Plan) -> Summary {
        self.latencies.sort_unstable();
        let latencies = &self.latencies;
        let quantile = |hundredths: usize| {
            let at = (latencies.len() * hundredths / 100).min(latencies.len() - 1);
            Duration::from_nanos(latencies[at].into())
        };
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
        let per_request =
            |seconds: f64| Duration::from_secs_f64(seconds.max(0.0) / self.requests as f64);
        Summary {
            latency: (!latencies.is_empty()).then(|| Latency {
                p50: quantile(50),
                p99: quantile(99),
            }),
            program_cpu: per_request(self.program_cpu),
            database_cpu: plan.postmaster.map(|_| per_request(self.database_cpu)),
            rates: Rates(self.rates),
        }
    }
}

impl Rates {
    /// The ratio to another's rates, round by round.
    pub(crate) fn ratios(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(ours, theirs)| ours / theirs).collect())
    }

    /// The median.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let count = sorted.len();
        f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2])
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }
}
