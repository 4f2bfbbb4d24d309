//! Sends spans, log records and metrics to Application Insights and to an OpenTelemetry collector.
//!
//! Each destination has a queue and a thread. The thread serializes and compresses; the requests go
//! through the server's HTTP client on its runtime. Knows the exporters' crates; must not know what
//! is sent.
//!
//! Invariants:
//! - who records something never waits for a destination;
//! - a destination that does not answer costs a bounded amount of memory;
//! - an access token is sent to the ingestion endpoint only, over HTTPS.
mod client; //      sends the exporters' requests
mod destination; // the thread of one destination
mod exporter; //    the exporters' crates
mod health; //      logs when a destination fails and recovers
mod outbox; //      what waits to be sent

pub(super) use destination::{Destination, MetricSource, RunningDestination};
pub(super) use outbox::Outbox;
