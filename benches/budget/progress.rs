//! Progress messages. They go to standard error, because standard output holds only the result.
#![expect(
    clippy::print_stderr,
    reason = "a program at a terminal tells what it does"
)]

use std::error::Error;

/// Prints the current step.
pub(crate) fn report(text: &str) {
    eprintln!("    {text}");
}

/// Prints an error and its causes.
pub(crate) fn report_error(error: &(dyn Error + 'static)) {
    eprint!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
}
