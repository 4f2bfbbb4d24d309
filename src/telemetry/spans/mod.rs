//! Spans: what happened during a request, and for how long.
//!
//! The spans of one request are kept together until the outermost one ends ([`local_trace`]): only
//! then it is known whether something failed or was slow. The span in progress is found through the
//! task, so that the modules that a request passes need not hand it on; a module that starts a task
//! of its own, or calls a library that does, must. Must not know HTTP, MCP or SQL libraries.
//!
//! Invariants:
//! - without a destination, nothing here allocates or takes a lock;
//! - a span holds no text that a client has written, no value, no token and no row;
//! - a span ends exactly once, also if its future is dropped.
mod database_call; // a transaction of the database
mod http_request; //  a request to the HTTP server
mod local_trace; //   the spans of one request, and whether they are sent
mod mcp_request; //   an MCP request
mod open_span; //     a span in progress
mod wait; //          what a request waits for

use std::fmt;
use std::sync::Arc;

use opentelemetry::{KeyValue, Value};

use super::TraceId;
use super::recorder::Recorder;

pub use database_call::{DatabaseCall, DatabaseStatement};
pub use http_request::HttpRequest;
pub use mcp_request::{McpOutcome, McpRequest};
pub use wait::{Wait, WaitTimer};

pub(super) use open_span::instrumentation_scope;

use open_span::OpenSpan;

tokio::task_local! {
    static CURRENT: Current;
}

/// What the running task records.
#[derive(Clone)]
struct Current {
    recorder: Arc<Recorder>,
    /// `None` in the background, where only metrics are recorded.
    span: Option<Arc<OpenSpan>>,
}

fn current() -> Option<Current> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Runs `work`, whose metrics are recorded.
pub(super) async fn in_background<T>(recorder: Arc<Recorder>, work: impl Future<Output = T>) -> T {
    let current = Current {
        recorder,
        span: None,
    };
    CURRENT.scope(current, work).await
}

/// A span in progress, as a parent of others.
#[derive(Clone)]
pub struct ActiveSpan(Arc<OpenSpan>);

impl ActiveSpan {
    /// The trace that the span belongs to.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.0.trace_id()
    }

    /// The span that the running task is in.
    pub(super) fn current() -> Option<Self> {
        current()?.span.map(Self)
    }

    /// Runs `work` within the span.
    ///
    /// # Cancel safety
    /// That of `work`, which is also dropped within the span.
    pub async fn scope<T>(&self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self.to_current(), work).await
    }

    /// Runs `work` within the span.
    pub(super) fn sync_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.to_current(), work)
    }

    pub(super) fn ids(&self) -> (TraceId, std::num::NonZeroU64) {
        (self.0.trace_id(), self.0.id())
    }

    fn to_current(&self) -> Current {
        Current {
            recorder: Arc::clone(self.0.recorder()),
            span: Some(Arc::clone(&self.0)),
        }
    }
}

impl fmt::Debug for ActiveSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveSpan").finish_non_exhaustive()
    }
}

/// Adds an attribute to the span that the running task is in.
pub(super) fn set_attribute(name: &'static str, value: impl Into<Value>) {
    // Without cloning the current span.
    let _ = CURRENT.try_with(|current| {
        if let Some(span) = &current.span {
            span.set(KeyValue::new(name, value));
        }
    });
}
