use std::io::{self, Write as _};

use anyhow::Context as _;

/// Writes a line to standard output.
pub(super) fn print_line(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("standard output cannot be written")
}
