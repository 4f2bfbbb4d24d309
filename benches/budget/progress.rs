//! Messages for the person who waits. They go to standard error: standard output holds the result only.
#![expect(
    clippy::print_stderr,
    reason = "a program at a terminal tells what it does"
)]

use std::error::Error;

/// What happens now.
pub(crate) fn tell(text: &str) {
    eprintln!("    {text}");
}

/// Why there is no result, with its causes.
pub(crate) fn complain(error: &(dyn Error + 'static)) {
    eprint!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
}
