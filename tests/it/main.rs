//! Tests of the server as its users meet it: real PostgreSQL, real sockets.
//!
//! `./scripts/test` starts the database and says where it is; every test takes its own copy of a migrated, loaded template.

mod support; // databases, servers, clients

mod answers; // what the guard prints, beside what was sent
mod audit; // what is recorded of decisions
mod bad_input; // each has one clear error
mod bounded_time; // what is read as a time, and time zones
mod browser; // security headers, and pages of other origins
mod cancellation; // nobody waits for the answer any more
mod catalogue; // what stands in the database's own catalogue
mod clients; // clients that nobody here wrote
mod collected; // what aggregates collect, where it is used
mod command_line; // the binary: exit codes and messages
mod context; // what keeps a model from misreading what it gets
mod context_faults;
mod corpus; // ordinary business statements
mod documents; // files, headings and tests that the documents name
mod dot_env; // scripts and the server read `.env` alike
mod encryption; // TLS to the database
mod fairness; // one tenant beside the others
mod faults; // the database dies, the wire is cut, all is in use
mod functions; // the guard's allow-list against the server's own
mod fuzz_corpus; // what fuzzing began with and what it found
mod health; // which anybody may ask for
mod hints; // SQL as models write it
mod hostile; // statements of somebody who wants more
mod identity; // who may ask, and for which store
mod inherited; // tables that inherit from those of schema guard
mod laws; // what holds for every statement
mod log_reader; // the log when its reader stalls or is gone
mod memory; // what large values cost the server
mod migrations; // roles, schema, signing key
mod overdue; // a statement that outlives its timeout
mod overload; // one caller must not slow or stop the others
mod own_statements; // what the session holds by name
mod plain_calls; // the short way of a call, and the long one
mod pooling; // round trips, and PgBouncer
mod posture; // a database that is not as migrate made it
mod protocol; // both eras of MCP
mod public_url; // behind a reverse proxy, and under its path
mod recovery; // the database comes and goes
mod refusals; // which request a refusal is for
mod results; // values as clients get them
mod search; // products by meaning
mod signals; // how a server is stopped
mod signed_calls; // what the server alone may ask and record
mod signed_context; // the database alone, with the guard switched off
mod stdio; // MCP on standard input and output
mod tenancy; // who sees which rows
mod values; // every type of the server
mod versions; // PostgreSQL 16 and 17
mod weaknesses; // the original sample's, one by one
