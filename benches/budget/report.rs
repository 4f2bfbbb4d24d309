use std::fs;

use crate::Fallible;
use crate::availability::{Availability, Latency};
use crate::memory::LargeResult;
use crate::peer::Peer;
use crate::pgbench::{self, PgbenchMode};
use crate::plan::Plan;
use crate::procfs::Memory;
use crate::samples::Summary;
use crate::start::{Durations, OurStarts};
use crate::table::{Table, mebibytes, micros, millis, percent, rate, spread, thousands};
use crate::throughput::{self, Competitor, Throughput};
use crate::token::Tokens;
use crate::tool_surface::ToolSurface;
use crate::workload::CONNECTIONS;

/// The machine, versions and command of the run.
pub(crate) struct Machine {
    lines: Vec<(&'static str, String)>,
}

impl Machine {
    pub(crate) async fn detect(plan: &Plan) -> Fallible<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown processor", |(_, model)| model.trim());
        let cores = std::thread::available_parallelism()?;
        let load = fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').next().unwrap_or_default();
        let interval = format!(
            "{} s; {} rounds of our server and each it is compared with",
            plan.interval.as_secs(),
            plan.rounds
        );
        Ok(Self {
            lines: vec![
                ("commit", plan.commit.clone()),
                ("machine", format!("{cores} cores, {model}")),
                (
                    "load before the run",
                    format!("{load} (one minute's average)"),
                ),
                ("PostgreSQL", pgbench::server_version(plan).await?),
                ("command", format!("`{}`", plan.command)),
                ("date", plan.date.clone()),
                ("measurement interval", interval),
            ],
        })
    }

    pub(crate) fn facts(&self, table: &mut Table) {
        for (name, value) in &self.lines {
            table.fact(name, value);
        }
    }
}

/// The results of a run that measures only starts.
pub(crate) struct ColdReport {
    pub(crate) machine: Machine,
    pub(crate) start: OurStarts,
    pub(crate) peer: Option<Peer>,
}

impl ColdReport {
    pub(crate) fn markdown(&self) -> String {
        let mut table = Table::new();
        start_rows(&self.start, self.peer.as_ref(), &mut table);
        self.machine.facts(&mut table);
        table.into_text()
    }
}

/// All results of a run.
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) start: OurStarts,
    pub(crate) peer: Option<Peer>,
    pub(crate) after_first: Memory,
    pub(crate) after_load: Memory,
    /// Of a server with raised limits, after the largest result at all numbers of connections.
    pub(crate) after_largest_result: Memory,
    pub(crate) throughputs: Vec<Throughput>,
    pub(crate) large: Vec<LargeResult>,
    pub(crate) tokens: Tokens,
    pub(crate) availability: Availability,
    pub(crate) surface: ToolSurface,
    pub(crate) binary_bytes: u64,
}

impl Report {
    /// The results as a table beside the budgets.
    pub(crate) fn markdown(&self) -> String {
        let mut table = Table::new();
        start_rows(&self.start, self.peer.as_ref(), &mut table);
        self.memory(&mut table);
        for throughput in &self.throughputs {
            self.throughput(throughput, &mut table);
        }
        self.token(&mut table);
        self.availability(&mut table);
        self.size(&mut table);
        self.machine.facts(&mut table);
        table.into_text()
    }

    fn memory(&self, table: &mut Table) {
        for (label, budget, ours, peer_memory) in [
            (
                "resident memory, first call",
                "≤ 12 MiB",
                self.after_first,
                self.peer.as_ref().map(|peer| peer.after_first),
            ),
            (
                "resident memory, after load of `SELECT 1`",
                "≤ 16 MiB",
                self.after_load,
                self.peer.as_ref().map(|peer| peer.after_load),
            ),
        ] {
            let peak = |memory: Memory| format!("peak {}", mebibytes(memory.peak));
            table.row(label, budget, &mebibytes(ours.now), &peak(ours));
            if let Some((peer, memory)) = self.peer.as_ref().zip(peer_memory) {
                let label = format!("… {}", peer.name());
                table.row(&label, "", &mebibytes(memory.now), &peak(memory));
            }
        }
        for large in &self.large {
            let growth = |memory: u64| mebibytes(memory.saturating_sub(large.before.now));
            table.row(
                &format!("{}-row result, memory growth", thousands(large.rows)),
                "≤ 10 MiB",
                &growth(large.after.now),
                &format!(
                    "at its peak {}; after five more {}; an answer of {} bytes",
                    growth(large.after.peak),
                    growth(large.after_more.now),
                    thousands(large.bytes)
                ),
            );
        }
        table.row(
            "resident memory, after load of 10,000-row results",
            "",
            &mebibytes(self.after_largest_result.now),
            &format!("peak {}", mebibytes(self.after_largest_result.peak)),
        );
    }

    fn throughput(&self, throughput: &Throughput, table: &mut Table) {
        let Throughput {
            workload,
            at,
            ours,
            competitors,
        } = throughput;
        let connections = throughput::named(CONNECTIONS[*at]);
        table.row(
            &format!("{}, {connections}", workload.name),
            workload.rates[*at],
            &rate(&ours.rates),
            &details(ours),
        );
        for (competitor, summary) in competitors {
            let (name, budget) = match competitor {
                Competitor::Pgbench(PgbenchMode::Parsed) => (
                    "pgbench, the same transaction, each statement parsed".to_owned(),
                    workload.shares[*at],
                ),
                Competitor::Pgbench(PgbenchMode::Prepared) => {
                    ("pgbench, the same, each statement prepared".to_owned(), "")
                }
                Competitor::Pgbench(PgbenchMode::Bare) => (
                    "pgbench, one bare `BEGIN READ ONLY; SELECT 1; COMMIT`".to_owned(),
                    "",
                ),
                Competitor::Toolbox => (
                    self.peer.as_ref().map(Peer::name).unwrap_or_default(),
                    ["≥ 130 %", "≥ 115 %"][*at],
                ),
            };
            let ratios = ours.rates.ratios(&summary.rates);
            table.row(
                &format!("… compared with {name}"),
                budget,
                &percent(ratios.median()),
                &format!(
                    "{} to {} by round; {}, {}",
                    percent(ratios.min()),
                    percent(ratios.max()),
                    rate(&summary.rates),
                    details(summary)
                ),
            );
        }
    }

    fn token(&self, table: &mut Table) {
        let Tokens {
            unverified,
            verified,
        } = &self.tokens;
        table.row(
            "verifying a token, of a `ping`",
            "≤ 100 µs",
            &micros(self.tokens.cost()),
            &format!(
                "with a token {}; without {}",
                details(verified),
                details(unverified)
            ),
        );
    }

    fn availability(&self, table: &mut Table) {
        let Availability { alone, beside } = &self.availability;
        let detail = |latency: &Latency| {
            format!(
                "p50 {}; of {} requests",
                millis(latency.p50),
                thousands(latency.requests)
            )
        };
        table.row(
            "`SELECT 1` of one tenant, p99, alone",
            "",
            &millis(alone.p99),
            &detail(alone),
        );
        for (attack, latency) in beside {
            let factor = latency.p99.as_secs_f64() / alone.p99.as_secs_f64();
            table.row(
                &format!("… while another tenant attacks: {attack}"),
                "≤ 2 × alone, ≤ 50 ms",
                &millis(latency.p99),
                &format!("{factor:.1} × alone; {}", detail(latency)),
            );
        }
    }

    fn size(&self, table: &mut Table) {
        table.row(
            "tool surface (tools and instructions)",
            "≤ 1,500 tokens",
            &format!("{} tokens", thousands(self.surface.tokens)),
            &format!(
                "{} by characters / 4",
                thousands(self.surface.characters / 4)
            ),
        );
        let binary = mebibytes(self.binary_bytes / 1024);
        table.row("binary, stripped", "≤ 17 MiB", &binary, "");
    }
}

/// Table rows of the start times.
fn start_rows(start: &OurStarts, peer: Option<&Peer>, table: &mut Table) {
    let detail = |times: &Durations| {
        let (min, max) = (millis(times.min()), millis(times.max()));
        format!("{min} to {max}, median of {}", times.count())
    };
    let median = |times: &Durations| millis(times.median());
    for (label, budget, starts) in [
        (
            "start of process → first `tools/call` answered",
            "≤ 20 ms; ≤ 0.3 × the Toolbox's",
            &start.later,
        ),
        (
            "… the first time, when no verdict of the posture check is stored",
            "",
            &start.first,
        ),
        (
            "… on Azure, where each stand-in answers after 20 ms",
            "≤ 150 ms",
            &start.cloud,
        ),
    ] {
        let answered = &starts.answered;
        table.row(label, budget, &median(answered), &detail(answered));
        for (step, times) in &starts.steps {
            let label = format!("… … of it until: {step}");
            table.row(&label, "", &median(times), &detail(times));
        }
    }
    if let Some(peer) = peer {
        let answered = &peer.start.answered;
        let ratio = start.later.answered.median().as_secs_f64() / answered.median().as_secs_f64();
        table.row(
            &format!("… {}", peer.name()),
            "",
            &median(answered),
            &format!("{}; ours takes {ratio:.2} × as long", detail(answered)),
        );
    }
}

/// Spread, latency and CPU cost.
fn details(summary: &Summary) -> String {
    let mut parts = vec![spread(&summary.rates)];
    if let Some(latency) = &summary.latency {
        parts.push(format!(
            "p50 {}, p99 {}; processor {} a request",
            millis(latency.p50),
            millis(latency.p99),
            micros(summary.program_cpu)
        ));
    }
    if let Some(database) = summary.database_cpu {
        parts.push(format!("PostgreSQL's {}", micros(database)));
    }
    parts.join("; ")
}
