use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use zava_mcp_server::telemetry;

use super::error::CommandError;

/// The exit code for invalid settings or arguments: `EX_USAGE` of `sysexits.h`.
const EXIT_USAGE: u8 = 64;

/// Writes a line to standard output.
pub(super) fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("standard output cannot be written")
}

/// Prints the help or version that was requested, or why the arguments are invalid: clap reports
/// all three as an error.
pub(super) fn print_parse_result(error: &clap::Error) -> ExitCode {
    // A closed output is ignored: the exit code is still right.
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(EXIT_USAGE)
    } else {
        ExitCode::SUCCESS
    }
}

/// Writes to standard error why a command failed, if it did.
pub(super) fn print_command_result(result: Result<(), CommandError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Settings(error)) => {
            print_error(error.as_ref());
            ExitCode::from(EXIT_USAGE)
        }
        Err(CommandError::Refused(refusal)) => {
            // The same text that a client gets.
            telemetry::write_to_stderr(&format!("{refusal}\n"));
            ExitCode::FAILURE
        }
        Err(CommandError::Other(error)) => {
            print_error(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

/// Writes an error and its causes to standard error.
fn print_error(error: &(dyn Error + 'static)) {
    let mut text = format!("zava-mcp-server: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    telemetry::write_to_stderr(&format!("{text}\n"));
}
