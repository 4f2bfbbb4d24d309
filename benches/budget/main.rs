//! Measures the server against the performance budget and prints the result as Markdown; run it by `./scripts/bench`.
//!
//! Speaks HTTP to server processes and asks `pgbench` about the same database; must not link the server's own code, so that
//! what is measured is what a client meets. It judges nothing: it prints, and stops only when an answer is wrong.
//! Invariant: the schema that it makes in the database, which signs for one tenant, is gone when it ends, also after a
//! failure or a signal; after a SIGKILL the next run removes it.
mod plan; // how long, with which programs: from the environment
mod progress; // what happens now, for the person who waits
mod workload; // which statements, and what the design asks of them

mod client; // HTTP/1.1 over one kept-alive connection
mod kernel; // memory and processor time of a process
mod mcp; // MCP messages, and whether an answer is right
mod process; // a running server
mod server; // ours
mod toolbox; // the fastest of the others

mod availability; // how long one tenant waits while another attacks
mod load; // many requests over several connections
mod memory; // what one large result costs
mod peer; // another server's start and memory
mod pgbench; // the same transaction without the server
mod start; // from the process to its first answer
mod surface; // what a client's model has to read of us
mod tally; // many turns in a few numbers
mod throughput; // our server and its rivals, in turns
mod token; // what verifying a token costs

mod report; // what was found, in Markdown
mod table; // rows and figures

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use kernel::Memory;
use peer::Peer;
use pgbench::{Form, Signing};
use plan::Plan;
use process::Process;
use report::{ColdReport, Report};
use start::OwnStarts;
use throughput::{Race, Rival, Speed};
use toolbox::Toolbox;
use workload::{LARGER, ROWS_1_000, ROWS_10_000, SELECT_ONE};

/// What every part returns: any failure ends the run, and its text is for the person who started it.
type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    // `cargo test --all-targets` starts every bench without this argument, to see that it runs at all.
    if !std::env::args().any(|argument| argument == "--bench") {
        progress::tell("nothing is measured without --bench");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// One thread: the load it makes must leave the machine to the server and the database.
fn run() -> Fallible<()> {
    let plan = Plan::from_environment()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let markdown = if plan.is_cold {
        runtime.block_on(measure_starts(&plan))?.markdown()
    } else {
        runtime.block_on(measure_and_tidy(&plan))?.markdown()
    };
    Ok(std::io::stdout().write_all(markdown.as_bytes())?)
}

/// Measures, and removes the signing schema whatever happens meanwhile.
async fn measure_and_tidy(plan: &Plan) -> Fallible<Report> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // The measuring arm is not cancel-safe and need not be: dropping it ends the processes that it started.
    let measured = tokio::select! {
        measured = measure(plan) => measured,
        _ = interrupt.recv() => Err("interrupted".into()),
        _ = terminate.recv() => Err("interrupted".into()),
    };
    let tidied = pgbench::forget_signing(plan).await;
    let report = measured?;
    tidied?;
    Ok(report)
}

/// Measures the starts alone.
async fn measure_starts(plan: &Plan) -> Fallible<ColdReport> {
    let machine = report::Machine::look(plan).await?;
    let (start, peer) = starts(plan).await?;
    Ok(ColdReport {
        machine,
        start,
        peer: match peer {
            Some((peer, process)) => Some(peer.part(process).await?),
            None => None,
        },
    })
}

/// Our server's starts, and the Toolbox's, of which one runs on.
async fn starts(plan: &Plan) -> Fallible<(OwnStarts, Option<(Peer, Process)>)> {
    progress::tell(&format!("start to first answer, {} times", plan.starts));
    let ours = start::measure_ours(plan, &mcp::query(SELECT_ONE.sql)).await?;
    let peer = match &plan.toolbox {
        Some(program) => Some(Peer::meet(plan, &Toolbox::find(program).await?).await?),
        None => None,
    };
    Ok((ours, peer))
}

async fn measure(plan: &Plan) -> Fallible<Report> {
    let machine = report::Machine::look(plan).await?;
    let signing = pgbench::arrange_signing(plan).await?;
    let (start, peer) = starts(plan).await?;

    progress::tell("memory and tool surface");
    let ours = server::start(plan)?;
    let mut connection = ours.connect().await?;
    connection.call(&mcp::query(SELECT_ONE.sql)).await?;
    let after_first = ours.memory()?;
    let surface = surface::measure(plan, &mut connection).await?;
    drop(connection);

    let race = Race {
        plan,
        signing: &signing,
        ours: &ours,
        toolbox: peer.as_ref().map(|(_, process)| process),
    };
    let mut speeds = race.measure(&SELECT_ONE, &rivals(peer.is_some())).await?;
    let after_load = ours.memory()?;
    let peer = match peer {
        Some((peer, process)) => Some(peer.part(process).await?),
        None => None,
    };
    let race = Race {
        plan,
        signing: &signing,
        ours: &ours,
        toolbox: None,
    };
    for workload in LARGER {
        speeds.extend(
            race.measure(workload, &[Rival::Pgbench(Form::Parsed)])
                .await?,
        );
    }
    ours.stop().await?;

    let tokens = token::measure(plan).await?;
    let availability = availability::measure(plan).await?;

    progress::tell("memory around large results");
    let large = vec![
        memory::measure(plan, &ROWS_1_000).await?,
        memory::measure(plan, &ROWS_10_000).await?,
    ];
    let (most_rows, after_most_rows) = measure_most_rows(plan, &signing).await?;
    speeds.extend(most_rows);
    Ok(Report {
        machine,
        start,
        peer,
        after_first,
        after_load,
        after_most_rows,
        speeds,
        large,
        tokens,
        availability,
        surface,
        binary_bytes: std::fs::metadata(&plan.server)?.len(),
    })
}

/// The largest result, which a server gives only when it is set to.
async fn measure_most_rows(plan: &Plan, signing: &Signing) -> Fallible<(Vec<Speed>, Memory)> {
    let ours = server::start_with_raised_limits(plan)?;
    drop(ours.connect().await?); // waits until it listens
    let race = Race {
        plan,
        signing,
        ours: &ours,
        toolbox: None,
    };
    let speeds = race
        .measure(&ROWS_10_000, &[Rival::Pgbench(Form::Parsed)])
        .await?;
    let memory = ours.memory()?;
    ours.stop().await?;
    Ok((speeds, memory))
}

/// With whom the smallest query is compared: the two faster forms bound what is possible.
fn rivals(toolbox: bool) -> Vec<Rival> {
    let mut rivals = vec![
        Rival::Pgbench(Form::Parsed),
        Rival::Pgbench(Form::Prepared),
        Rival::Pgbench(Form::Bare),
    ];
    if toolbox {
        rivals.push(Rival::Toolbox);
    }
    rivals
}
