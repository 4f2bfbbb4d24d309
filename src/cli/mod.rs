//! The command line of the server.
pub(crate) mod access; //    `grant`, `revoke`, `grants`, `key` and `audit`
pub(crate) mod arguments; // the arguments
pub(crate) mod check; //     `check`: what is wrong and how to fix it
pub(crate) mod dispatch; //  the call for each command
