//! The command line: arguments become one call and an exit code.
use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;
use zava_mcp_server::telemetry;

mod access; // `grant`, `key` and their like: who may ask
mod check; // `check`: what is wrong and how to mend it
mod command; // what the arguments mean
mod run; // the call behind each command

/// Returns what is freed to the operating system, however it was fragmented (docs/decisions/0027).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `EX_USAGE` of `sysexits.h`: the settings or arguments cannot be used.
const UNUSABLE_SETTINGS: u8 = 64;

fn main() -> ExitCode {
    let arguments = match command::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refused) => return tell(&refused),
    };
    let ended = run::run(arguments);
    telemetry::flush();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(run::CommandError::Settings(error)) => {
            complain(error.as_ref());
            ExitCode::from(UNUSABLE_SETTINGS)
        }
        Err(run::CommandError::Refused(refusal)) => {
            // The very words that a client would read.
            telemetry::write_to_stderr(&format!("{refusal}\n"));
            ExitCode::FAILURE
        }
        Err(run::CommandError::Other(error)) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Prints what was asked for (help, the version), or why the arguments cannot be used.
fn tell(refused: &clap::Error) -> ExitCode {
    // Nobody listens: nothing can be told, and the exit code says it all the same.
    let _ = refused.print();
    if refused.use_stderr() {
        ExitCode::from(UNUSABLE_SETTINGS)
    } else {
        ExitCode::SUCCESS
    }
}

/// Tells a person at the command line what went wrong, with its causes.
fn complain(error: &(dyn Error + 'static)) {
    let mut text = format!("zava-mcp-server: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    telemetry::write_to_stderr(&format!("{text}\n"));
}
