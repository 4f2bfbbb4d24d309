//! Implements the MCP server: its description, its tools and their results, and every text about
//! them that a client reads.
//!
//! Knows rmcp and the modules that the tools call; must not know HTTP routes, sockets or how a
//! caller was authenticated.
//!
//! Invariants:
//! - no tool runs without a [`Caller`](crate::identity::Caller); a request that reaches a tool
//!   without one is a bug of this server, and gets an internal error;
//! - no tool keeps running for a client that has disconnected or cancelled the call.
mod audited_call; // a call, recorded in the audit log however it ends
mod cancellation; // finds the call that a client cancels
mod error_text; // the texts of errors
mod handler; // answers requests
mod instructions; // what a model reads about the server first
mod message; // the parts of a message that the HTTP layer reads
mod method; // supported methods, and errors for unreadable requests
mod name_hint; // the hint for a name that does not exist
mod rendered; // a tool result as JSON text, passed around rmcp's types
mod request_extensions; // what a transport puts into a request
mod request_span; // measures a request for telemetry
mod result; // a tool result: text and structured content
mod tool_error; // why a tool call failed, and its log entries
mod tools; // one file per tool

pub use cancellation::CancellableCalls;
pub use error_text::{auth_error_text, internal_error_text};
pub use handler::{CallerSource, Handler};
pub use message::{InitializeSuccess, MessageHead, SESSION_HEADER, SessionId};
pub use method::{initialize_error_text, protocol_versions};
pub use rendered::{RenderedMessage, RenderedResult};
pub use request_extensions::TenantBusy;
pub use tools::{DefaultLimits, RegisteredTool, Tools};
