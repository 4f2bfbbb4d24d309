use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use crate::Fallible;
use crate::memory::Large;
use crate::pgbench;
use crate::plan::Plan;
use crate::server::Memory;
use crate::start::Starts;
use crate::surface::Surface;
use crate::throughput::{self, Rates, Speed};

/// Where and on what the run took place.
pub(crate) struct Machine {
    lines: Vec<(&'static str, String)>,
}

impl Machine {
    pub(crate) async fn look(plan: &Plan) -> Fallible<Self> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown processor", |(_, model)| model.trim());
        let cores = std::thread::available_parallelism()?;
        let load = fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').next().unwrap_or_default();
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
                (
                    "one turn",
                    format!(
                        "{} s; {} rounds of server, pgbench same, pgbench bare",
                        plan.turn.as_secs(),
                        plan.rounds
                    ),
                ),
            ],
        })
    }
}

/// Everything that one run found.
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) start: Starts,
    pub(crate) after_first: Memory,
    pub(crate) after_load: Memory,
    pub(crate) speeds: Vec<Speed>,
    pub(crate) large: Large,
    pub(crate) surface: Surface,
    pub(crate) binary_bytes: u64,
}

impl Report {
    /// The table, beside the budget of the design.
    pub(crate) fn markdown(&self) -> String {
        let mut table = Table::new();
        let Starts {
            median,
            least,
            most,
            count,
        } = self.start;
        table.row(
            "start of process → first `tools/call` answered",
            "≤ 20 ms",
            &millis(median),
            &format!("{} to {}, median of {count}", millis(least), millis(most)),
        );
        for (what, budget, memory) in [
            ("resident memory, first call", "≤ 12 MiB", self.after_first),
            ("resident memory, after load", "≤ 20 MiB", self.after_load),
        ] {
            let peak = format!("peak {}", mebibytes(memory.peak));
            table.row(what, budget, &mebibytes(memory.now), &peak);
        }
        self.speeds.iter().for_each(|speed| table.speed(speed));
        let Large {
            rows,
            bytes,
            before,
            after,
            after_more,
        } = self.large;
        table.row(
            &format!("{}-row result, memory growth", thousands(rows)),
            "≤ 10 MiB",
            &mebibytes(after.now.saturating_sub(before.now)),
            &format!(
                "at its peak {}; after five more {}; an answer of {} bytes",
                mebibytes(after.peak.saturating_sub(before.now)),
                mebibytes(after_more.now.saturating_sub(before.now)),
                thousands(bytes)
            ),
        );
        table.row(
            "tool surface (tools and instructions)",
            "≤ 1,500 tokens",
            &format!("{} tokens", thousands(self.surface.tokens)),
            &format!(
                "{} by characters / 4",
                thousands(self.surface.characters / 4)
            ),
        );
        #[expect(clippy::cast_precision_loss, reason = "far smaller than 2^52 bytes")]
        let binary = format!("{:.1} MiB", self.binary_bytes as f64 / 1_048_576.0);
        table.row("binary, stripped", "≤ 20 MiB", &binary, "");
        for (name, value) in &self.machine.lines {
            table.fact(name, value);
        }
        table.0
    }
}

struct Table(String);

impl Table {
    fn new() -> Self {
        Self("| what | budget | measured | |\n|---|---|---|---|\n".to_owned())
    }

    fn row(&mut self, what: &str, budget: &str, measured: &str, detail: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "| {what} | {budget} | {measured} | {detail} |");
    }

    /// A line below the table.
    fn fact(&mut self, name: &str, value: &str) {
        if self.0.ends_with("|\n") {
            self.0.push('\n');
        }
        let _ = writeln!(self.0, "- {name}: {value}");
    }

    fn speed(&mut self, speed: &Speed) {
        let connections = throughput::named(speed.connections);
        let budget = match speed.connections {
            1 => "≥ 5,000/s (p50 ≤ 0.2 ms)",
            16 => "≥ 15,000/s",
            _ => "",
        };
        self.row(
            &format!("`SELECT 1` as a tool call, {connections}"),
            budget,
            &rate(&speed.server),
            &format!(
                "{}; p50 {}, p99 {}; processor time of the server {} µs a request",
                spread(&speed.server),
                millis(speed.half),
                millis(speed.most),
                speed.processor.as_micros()
            ),
        );
        for (name, rates) in [
            ("the same transaction by pgbench", &speed.same),
            ("the database's ceiling, one bare message", &speed.bare),
        ] {
            let ratio = speed.server.median() / rates.median();
            let detail = format!("{}; ours is {:.0} % of it", spread(rates), ratio * 100.0);
            self.row(
                &format!("… {name}, {connections}"),
                "",
                &rate(rates),
                &detail,
            );
        }
    }
}

fn rate(rates: &Rates) -> String {
    format!("{}/s", whole(rates.median()))
}

fn spread(rates: &Rates) -> String {
    format!("{} to {}/s", whole(rates.least()), whole(rates.most()))
}

fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

fn mebibytes(kib: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "far smaller than 2^52 KiB")]
    let mebibytes = kib as f64 / 1024.0;
    format!("{mebibytes:.1} MiB")
}

/// A positive number rounded, with separators.
fn whole(number: f64) -> String {
    thousands(format!("{number:.0}"))
}

/// A whole number with separators.
fn thousands(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
