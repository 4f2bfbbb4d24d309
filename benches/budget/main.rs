//! Measures the server against the performance budget and prints the result as Markdown; run it by `./scripts/bench`.
//!
//! Speaks HTTP to a server process and asks `pgbench` about the same database; must not link the server's own code, so that
//! what is measured is what a client meets. It judges nothing: it prints, and stops only when an answer is wrong.
//! Invariant: the schema that it makes in the database, which signs for one tenant, is gone when it ends, also after a
//! failure or a signal; after a SIGKILL the next run removes it.
mod plan; // what is measured, how long, with which programs: from the environment
mod progress; // what happens now, for the person who waits

mod client; // HTTP/1.1 over one kept-alive connection
mod mcp; // MCP messages, and whether an answer is right
mod server; // a server process and what the kernel says of it

mod load; // many requests over several connections
mod memory; // what one large result costs
mod pgbench; // the same transaction without the server
mod start; // from the process to its first answer
mod surface; // what a client's model has to read of us
mod throughput; // the server and pgbench, in turns

mod report; // the table

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use plan::Plan;
use report::Report;
use server::Server;

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
    let report = runtime.block_on(measure_and_tidy(&plan))?;
    Ok(std::io::stdout().write_all(report.markdown().as_bytes())?)
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

async fn measure(plan: &Plan) -> Fallible<Report> {
    let machine = report::Machine::look(plan).await?;
    let signing = pgbench::arrange_signing(plan).await?;

    let start = start::measure(plan).await?;

    progress::tell("memory and tool surface");
    let server = Server::start(plan, &[])?;
    let mut connection = server.connect().await?;
    connection.call(&mcp::select_one()).await?;
    let after_first = server.memory()?;
    let surface = surface::measure(plan, &mut connection).await?;
    drop(connection);

    let mut speeds = Vec::new();
    for connections in [1, 16] {
        speeds.push(throughput::measure(plan, &server, &signing, connections).await?);
    }
    let after_load = server.memory()?;
    server.stop().await?;

    let large = memory::measure(plan).await?;
    Ok(Report {
        machine,
        start,
        after_first,
        after_load,
        speeds,
        large,
        surface,
        binary_bytes: std::fs::metadata(&plan.server)?.len(),
    })
}
