//! The work that a server does beside its requests: tasks with names, which their log lines carry.
//!
//! The tasks share the task that serves, so they end with it, before what they use is closed; and a
//! panic in one ends the process instead of leaving a server that nobody watches.

use std::convert::Infallible;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use crate::telemetry::Telemetry;

/// Named tasks that never end by themselves.
pub(super) struct Background<'a> {
    telemetry: &'a Telemetry,
    tasks: FuturesUnordered<BoxFuture<'a, Infallible>>,
}

impl<'a> Background<'a> {
    pub(super) fn new(telemetry: &'a Telemetry) -> Self {
        let tasks = FuturesUnordered::new();
        Self { telemetry, tasks }
    }

    /// Adds a task. It does not start yet.
    pub(super) fn with(
        self,
        name: &'static str,
        task: impl Future<Output = Infallible> + Send + 'a,
    ) -> Self {
        let task = self.telemetry.in_background(name, task);
        self.tasks.push(Box::pin(task));
        self
    }

    /// Runs the tasks until `work` ends, and drops them.
    pub(super) async fn run_during<T>(mut self, work: impl Future<Output = T>) -> T {
        // The second arm never completes, and dropping a task loses nothing.
        tokio::select! {
            done = work => done,
            Some(never) = self.tasks.next() => match never {},
        }
    }
}
