use std::io;
use std::num::NonZeroUsize;

use anyhow::Context as _;
use zava_mcp_server::query::guard;

use super::error::CommandError;
use super::output::print_line;

/// Prints the SQL that the guard would let run, or fails with its refusal. Needs no database.
pub(super) fn run(statement: String, max_bytes: NonZeroUsize) -> Result<(), CommandError> {
    let text = if statement == "-" {
        io::read_to_string(io::stdin()).context("standard input cannot be read as UTF-8 text")?
    } else {
        statement
    };
    let query = guard::with_max_bytes(max_bytes)
        .check(&text)
        .map_err(CommandError::Refused)?;
    Ok(print_line(query.sql())?)
}
