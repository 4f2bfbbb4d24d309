//! The transports: HTTP with its connections, routes, health and shutdown; standard input and
//! output.
//!
//! Knows axum, hyper and rmcp's transports; must not know SQL or tools. The only module that maps
//! an error to an HTTP status.
//!
//! Invariants:
//! - a POST to `/mcp` is only handled with a [`Caller`](crate::identity::Caller), and every other
//!   method is rejected there;
//! - no tenant has more requests in flight than its limit.
mod address; //            the client's address, behind proxies
mod admission; //          the caller of a request, and its rate limits
mod authority; //          checks Host and Origin
mod body_budget; //        the memory of unfinished bodies
mod browser; //            security headers and CORS
mod connection_io; //      a connection's bytes, reported to the table of connections
mod connections; //        the table of connections: limits, timeouts, eviction
mod endpoint; //           /mcp: admission, body, rmcp
mod fast_path; //          a plain tool call without rmcp's transport
mod health; //             liveness, readiness, details for operators
mod holding_body; //       a response that holds a value until its body is dropped
mod http; //               the HTTP server: its routes, and what they work with
mod http_error; //         the form of a response that rejects a request
mod http_span; //          measures requests for telemetry
mod in_flight; //          the limit of requests in flight per tenant
mod invocation; //         the invocation id of the Azure Functions host
mod json_scan; //          what a body would cost to parse
mod json_text; //          the bytes of a JSON text
mod media_types; //        Content-Type, Content-Encoding, Accept
mod message_id; //         the id in an incomplete or invalid message
mod protected_resource; // OAuth metadata and challenges
mod rate_limits; //        rate limits per principal and address
mod rejection; //          every response that rejects a request, with its text
mod rendered_body; //      a response with a rendered result, copied while the client reads
mod request_body; //       reads a body within its limits
mod response_body; //      a response that holds an in-flight permit
mod server; //             the listener: accepts connections, shuts down gracefully
mod signals; //            the signals that stop the process
mod stdio; //              MCP over standard input and output
mod timer; //              the endpoint for the timer of Azure Functions
mod unread_body; //        the id of a request that is rejected before it is read

pub use health::{DatabaseServerStatus, Readiness};
pub use http::{HttpServer, HttpServices};
pub use server::listen;
pub use signals::stop_signal;
pub use stdio::{StdioError, StdioLimits, serve_stdio};
pub use timer::{IndexRefresher, RefreshReport};
