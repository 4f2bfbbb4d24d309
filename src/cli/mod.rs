//! The command line: parses the arguments, runs one command, and returns the exit code.
//!
//! Knows the commands and the library's front doors; must not know what is behind them. The
//! process's arguments and the clock are handed in.
//!
//! Invariants:
//! - a command starts only if all of its settings are valid;
//! - `dispatch` builds the only runtime, and every asynchronous command runs on it;
//! - `output` alone prints a command's result or error, and decides the exit code.
mod arguments; // what clap parses
mod audit; //     `audit verify`
mod check; //     `check`
mod dispatch; //  the command's settings, the runtime, the call
mod embed; //     `embed`
mod error; //     why a command failed
mod grants; //    `grant`, `revoke` and `grants`
mod health; //    `health`
mod key; //       `key create`, `key list` and `key revoke`
mod migrate; //   `migrate`
mod output; //    results, errors, exit codes
mod seed; //      `seed`
mod serve; //     `serve`, over HTTP or standard input and output
mod sql; //       `sql`
mod tenant; //    `tenant add`, `tenant rename`, `tenant remove` and `tenant list`

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser as _;
use zava_mcp_server::telemetry;

use arguments::Arguments;

/// Runs the command that `arguments` name, the program's name first.
pub(crate) fn run(
    arguments: impl IntoIterator<Item = OsString>,
    clock: fn() -> SystemTime,
) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return output::print_parse_result(&error),
    };
    let result = dispatch::run(arguments, clock);
    telemetry::flush();
    output::print_command_result(result)
}
