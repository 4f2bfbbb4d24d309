//! Tests of the server as its users meet it: real PostgreSQL, real sockets.
//!
//! `./scripts/test` starts the database and exports its address. Tests that change nothing share a
//! database that holds the sample data, and a server over it (`TestServer::shared`). Every other
//! test has its own copy of the template database.

mod support; // databases, servers, clients

mod aggregate_limits; // sizes of aggregate results that are sorted, grouped or put into JSON
mod allowed_functions; // the guard's allow-list, compared with the PostgreSQL catalog
mod audit; // the audit log: records, retries, tamper detection
mod azure; // access tokens as passwords of database logins
mod bad_input; // malformed requests and arguments: one clear error each
mod bounded_wrappers; // the functions that replace expensive expressions
mod browser; // security headers and CORS
mod budgets; // round trips and memory from start to the first answer
mod cancellation; // statements whose client has disconnected or cancelled
mod catalog; // roles, grants and policies, as the PostgreSQL catalog has them
mod catalog_tables; // the guard's tables of functions and operators
mod clients; // third-party MCP clients
mod command_line; // the binary: exit codes and messages
mod corpus; // ordinary business statements
mod documents; // files, headings and tests that the documents name
mod dot_env; // scripts and the server parse `.env` alike
mod embeddings; // embeddings by a service, and its failures
mod error_messages; // errors: position, length, nothing internal
mod failure_injection; // PostgreSQL killed, connections cut, shutdown under load
mod fairness; // queuing between tenants
mod fast_path; // calls answered without rmcp's transport
mod functions; // behind the Azure Functions host
mod fuzz_corpus; // the seeds and findings of fuzzing
mod generated_queries; // properties of random statements
mod guard; // what the guard refuses over HTTP
mod health; // the unauthenticated health endpoints
mod hints; // SQL as models write it
mod hostile; // statements of an attacker
mod identity; // authentication and authorization
mod inheritance; // child tables of those in schema guard
mod log_backpressure; // a log pipe that is not read or closed
mod memory; // memory that large values cost the server
mod migrations; // roles, schema, signing key
mod model_context; // scope, units and sizes that results and schemas state
mod overload; // one caller must not slow or stop the others
mod panics; // a tool that panics
mod pooling; // round trips, and PgBouncer
mod posture; // databases that are not as `migrate` left them
mod prepared_statements; // the server's named statements
mod previous_release; // its servers on the migrated database
mod protocol; // MCP before and since 2026-07-28
mod public_url; // behind a reverse proxy, and under its path
mod recovery; // lost connections, and connection reuse after an error
mod rejected_requests; // request ids in rejections
mod related; // products that are related to one
mod relevance; // how good the ranking of product search is
mod replicas; // reads on streaming replicas, and fail-over
mod result_limits; // rows, bytes, columns, temporary space
mod results; // values as clients get them
mod rewrite_equivalence; // outcomes of rewritten statements, compared with the originals'
mod search; // semantic product search
mod search_index; // upkeep of the words and vectors of products
mod session_state; // state that a statement could leave in its session
mod signals; // shutdown by a signal
mod signed_calls; // database functions that need the server's signature
mod signed_context; // row security alone, without the guard
mod signed_context_failures; // contexts that the database does not accept
mod smoke; // the test of a deployed server
mod statement_timeout; // statements that outlive their timeout
mod stdio; // MCP on standard input and output
mod telemetry; // traces, metrics and logs
mod tenancy; // which tenant sees which rows
mod tls; // TLS to the database
mod values; // every PostgreSQL type
mod versions; // PostgreSQL 16 and 17
