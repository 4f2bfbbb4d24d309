//! The command line: parses the arguments, makes one call and maps its result to an exit code.
use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;
use zava_mcp_server::telemetry;

use crate::cli::arguments::Arguments;
use crate::cli::dispatch::{self, CommandError};

mod cli;

/// Returns freed memory to the operating system even when the heap is fragmented
/// (docs/decisions/0027).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code for invalid settings or arguments: `EX_USAGE` of `sysexits.h`.
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return print_parse_result(&error),
    };
    let result = dispatch::run(arguments);
    telemetry::flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Settings(error)) => {
            report_error(error.as_ref());
            ExitCode::from(EXIT_USAGE)
        }
        Err(CommandError::Refused(refusal)) => {
            // The same text that a client gets.
            telemetry::write_to_stderr(&format!("{refusal}\n"));
            ExitCode::FAILURE
        }
        Err(CommandError::Other(error)) => {
            report_error(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Prints the help or version that was requested, or why the arguments are invalid: clap reports
/// all three as an error.
fn print_parse_result(error: &clap::Error) -> ExitCode {
    // A closed output is ignored: the exit code is still right.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(EXIT_USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

/// Writes an error and its causes to standard error.
fn report_error(error: &(dyn Error + 'static)) {
    let mut text = format!("zava-mcp-server: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    telemetry::write_to_stderr(&format!("{text}\n"));
}
