//! The command line of the server.
pub(crate) mod arguments; // what clap parses
mod audit; //     `audit verify`
mod check; //     `check`
pub(crate) mod dispatch; //  the command's settings, the runtime, the call
mod grants; //    `grant`, `revoke` and `grants`
mod key; //       `key create`, `key list` and `key revoke`
mod migrate; //   `migrate`
mod output; //    what a command prints
mod seed; //      `seed`
mod serve; //     `serve`, over HTTP or standard input and output
mod sql; //       `sql`
