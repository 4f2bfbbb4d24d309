use std::time::Duration;

use crate::Fallible;
use crate::kernel;
use crate::load::Load;
use crate::pgbench::Run;
use crate::plan::Plan;
use crate::process::Process;

/// Collects the turns of one contestant.
#[derive(Default)]
pub(crate) struct Tally {
    rates: Vec<f64>,
    latencies: Vec<u32>,
    requests: usize,
    program: f64,
    database: f64,
}

/// What one contestant did in all its turns.
pub(crate) struct Turns {
    pub(crate) rates: Rates,
    /// None for pgbench, which tells no single times.
    pub(crate) latency: Option<Latency>,
    /// The measured program's processor time for one request.
    pub(crate) program: Duration,
    /// PostgreSQL's processor time for one request; `None` when its processes are not known.
    pub(crate) database: Option<Duration>,
}

/// How long requests took.
pub(crate) struct Latency {
    /// Half of them at most this long.
    pub(crate) half: Duration,
    /// All but one in a hundred at most this long.
    pub(crate) most: Duration,
}

/// Requests or transactions per second of several turns, in the order of the rounds.
pub(crate) struct Rates(Vec<f64>);

/// Processor time used before a turn began.
pub(crate) struct Clock<'a> {
    plan: &'a Plan,
    process: Option<&'a Process>,
    program: f64,
    database: f64,
}

impl<'a> Clock<'a> {
    /// Starts a turn of pgbench, or of a server.
    pub(crate) fn start(plan: &'a Plan, process: Option<&'a Process>) -> Fallible<Self> {
        let (program, database) = read(plan, process)?;
        Ok(Self {
            plan,
            process,
            program,
            database,
        })
    }

    fn passed(&self) -> Fallible<(f64, f64)> {
        let (program, database) = read(self.plan, self.process)?;
        Ok((program - self.program, database - self.database))
    }
}

fn read(plan: &Plan, process: Option<&Process>) -> Fallible<(f64, f64)> {
    let program = process.map_or(Ok(0.0), Process::processor_seconds)?;
    let database = plan
        .postmaster
        .map_or(Ok(0.0), kernel::processor_seconds_of_children)?;
    Ok((program, database))
}

impl Tally {
    /// Adds a server's turn.
    pub(crate) fn add_load(&mut self, mut load: Load, clock: &Clock<'_>) -> Fallible<()> {
        self.latencies.append(&mut load.latencies);
        self.add(load.requests_per_second, load.requests, clock)
    }

    /// Adds a turn of pgbench.
    pub(crate) fn add_run(&mut self, run: &Run, clock: &Clock<'_>) -> Fallible<()> {
        self.add(run.transactions_per_second, run.transactions, clock)
    }

    fn add(&mut self, rate: f64, requests: usize, clock: &Clock<'_>) -> Fallible<()> {
        let (program, database) = clock.passed()?;
        self.rates.push(rate);
        self.requests += requests;
        self.program += program;
        self.database += database;
        Ok(())
    }

    pub(crate) fn finish(mut self, plan: &Plan) -> Turns {
        self.latencies.sort_unstable();
        let latencies = &self.latencies;
        let quantile = |hundredths: usize| {
            let at = (latencies.len() * hundredths / 100).min(latencies.len() - 1);
            Duration::from_nanos(latencies[at].into())
        };
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
        let each = |seconds: f64| Duration::from_secs_f64(seconds.max(0.0) / self.requests as f64);
        Turns {
            latency: (!latencies.is_empty()).then(|| Latency {
                half: quantile(50),
                most: quantile(99),
            }),
            program: each(self.program),
            database: plan.postmaster.map(|_| each(self.database)),
            rates: Rates(self.rates),
        }
    }
}

impl Rates {
    /// What this is of another's, round by round.
    pub(crate) fn ratios(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(ours, theirs)| ours / theirs).collect())
    }

    /// The middle one, or the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let count = sorted.len();
        f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2])
    }

    pub(crate) fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn most(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }
}
