//! Measures the server against the performance budget and prints the result as Markdown.
//! `./scripts/bench` runs it.
//!
//! Speaks HTTP to server processes and runs `pgbench` over the same database. It must not link the
//! server's code, so that it measures what a client experiences. It does not compare with budgets:
//! it prints, and stops only at a wrong response.
mod plan; // durations and programs, from the environment
mod progress; // progress messages on standard error
mod workload; // the statements, and their budgets

mod client; // HTTP/1.1 over one kept-alive connection
mod mcp; // MCP messages, and validation of responses
mod process; // a running server
mod procfs; // memory and CPU time of a process
mod server; // our server
mod toolbox; // MCP Toolbox, the fastest competitor

mod availability; // one tenant's latency while another attacks
mod catalogue; // searches among many products
mod cloud; // our server on Azure, where each service answers after 20 ms
mod load; // requests over several connections
mod memory; // the memory of one large result
mod peer; // the competitor's start time and memory
mod pgbench; // the same transaction without the server
mod relevance; // how well products are ranked
mod samples; // measurements of several rounds, summarized
mod scaling; // several servers, and read replicas
mod start; // time from process start to the first response
mod support; // what the stand-ins of the tests need
mod throughput; // our server and its competitors, alternating
mod token; // the cost of verifying a token
mod tool_surface; // tokens that a model reads to use the server

mod report; // the results, in Markdown
mod table; // table rows and number formats

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use peer::Peer;
use pgbench::{PgbenchMode, Signing};
use plan::Plan;
use process::Process;
use procfs::Memory;
use report::{ColdReport, Report};
use start::OurStarts;
use throughput::{Comparison, Competitor, Throughput};
use toolbox::Toolbox;
use workload::{LARGE_WORKLOADS, ROWS_1_000, ROWS_10_000, SELECT_ONE};

/// The result of every part: any error ends the run, and its text is for the person who started it.
type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    // `cargo test --all-targets` runs every bench without this argument, to see that it starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        progress::report("pass --bench to measure");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::report_error(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// One thread: the load generator must leave the machine to the server and the database.
fn run() -> Fallible<()> {
    let plan = Plan::from_environment()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let markdown = if plan.is_cold {
        runtime.block_on(measure_starts(&plan))?.markdown()
    } else if plan.is_catalogue {
        runtime.block_on(catalogue::measure(&plan))?.markdown()
    } else if plan.is_relevance {
        runtime.block_on(relevance::measure(&plan))?.markdown()
    } else if let Some(replicas) = &plan.replicas {
        runtime
            .block_on(scaling::measure(&plan, replicas))?
            .markdown()
    } else {
        runtime.block_on(measure_and_clean_up(&plan))?.markdown()
    };
    Ok(std::io::stdout().write_all(markdown.as_bytes())?)
}

/// Measures, and always drops the signing schema afterwards.
async fn measure_and_clean_up(plan: &Plan) -> Fallible<Report> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The measuring arm is not cancel-safe and need not be: dropping it ends the processes that it
    // started.
    let measured = tokio::select! {
        measured = measure(plan) => measured,
        _ = interrupt.recv() => Err("interrupted".into()),
        _ = terminate.recv() => Err("interrupted".into()),
    };
    let cleaned_up = pgbench::drop_signing(plan).await;
    let report = measured?;
    cleaned_up?;
    Ok(report)
}

/// Measures starts only.
async fn measure_starts(plan: &Plan) -> Fallible<ColdReport> {
    let machine = report::Machine::detect(plan).await?;
    let (start, peer) = starts(plan).await?;
    Ok(ColdReport {
        machine,
        start,
        peer: match peer {
            Some((peer, process)) => Some(peer.finish(process).await?),
            None => None,
        },
    })
}

/// Start times of our server and of the Toolbox; one Toolbox process keeps running.
async fn starts(plan: &Plan) -> Fallible<(OurStarts, Option<(Peer, Process)>)> {
    progress::report(&format!("start to first answer, {} times", plan.starts));
    let ours = start::measure_ours(plan, &mcp::query(SELECT_ONE.sql)).await?;
    let peer = match &plan.toolbox {
        Some(program) => Some(Peer::measure(plan, &Toolbox::find(program).await?).await?),
        None => None,
    };
    Ok((ours, peer))
}

async fn measure(plan: &Plan) -> Fallible<Report> {
    let machine = report::Machine::detect(plan).await?;
    let signing = pgbench::create_signing(plan).await?;
    let (start, peer) = starts(plan).await?;

    progress::report("memory and tool surface");
    let ours = server::start(plan)?;
    let mut connection = ours.connect().await?;
    mcp::call(&mut connection, &mcp::query(SELECT_ONE.sql)).await?;
    let after_first = ours.memory()?;
    let surface = tool_surface::measure(plan, &mut connection).await?;
    drop(connection);

    let comparison = Comparison {
        plan,
        signing: &signing,
        ours: &ours,
        toolbox: peer.as_ref().map(|(_, process)| process),
    };
    let mut throughputs = comparison
        .measure(&SELECT_ONE, &competitors(peer.is_some()))
        .await?;
    let after_load = ours.memory()?;
    let peer = match peer {
        Some((peer, process)) => Some(peer.finish(process).await?),
        None => None,
    };
    let comparison = Comparison {
        plan,
        signing: &signing,
        ours: &ours,
        toolbox: None,
    };
    for workload in LARGE_WORKLOADS {
        throughputs.extend(
            comparison
                .measure(workload, &[Competitor::Pgbench(PgbenchMode::Parsed)])
                .await?,
        );
    }
    ours.stop().await?;

    let tokens = token::measure(plan).await?;
    let availability = availability::measure(plan).await?;

    progress::report("memory around large results");
    let large = vec![
        memory::measure(plan, &ROWS_1_000).await?,
        memory::measure(plan, &ROWS_10_000).await?,
    ];
    let (largest_result, after_largest_result) = measure_largest_result(plan, &signing).await?;
    throughputs.extend(largest_result);
    Ok(Report {
        machine,
        start,
        peer,
        after_first,
        after_load,
        after_largest_result,
        throughputs,
        large,
        tokens,
        availability,
        surface,
        binary_bytes: std::fs::metadata(&plan.server)?.len(),
    })
}

/// The largest result, for which limits must be raised.
async fn measure_largest_result(
    plan: &Plan,
    signing: &Signing,
) -> Fallible<(Vec<Throughput>, Memory)> {
    let ours = server::start_with_raised_limits(plan)?;
    drop(ours.connect().await?); // waits until it listens
    let comparison = Comparison {
        plan,
        signing,
        ours: &ours,
        toolbox: None,
    };
    let throughputs = comparison
        .measure(&ROWS_10_000, &[Competitor::Pgbench(PgbenchMode::Parsed)])
        .await?;
    let memory = ours.memory()?;
    ours.stop().await?;
    Ok((throughputs, memory))
}

/// What the smallest query is compared with; the two faster modes are an upper bound.
fn competitors(toolbox: bool) -> Vec<Competitor> {
    let mut competitors = vec![
        Competitor::Pgbench(PgbenchMode::Parsed),
        Competitor::Pgbench(PgbenchMode::Prepared),
        Competitor::Pgbench(PgbenchMode::Bare),
    ];
    if toolbox {
        competitors.push(Competitor::Toolbox);
    }
    competitors
}
