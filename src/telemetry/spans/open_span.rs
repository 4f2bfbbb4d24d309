use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId as OtelTraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use tokio::time::Instant;

use super::local_trace::LocalTrace;
use super::wait::Waits;
use crate::telemetry::TraceId;
use crate::telemetry::names;
use crate::telemetry::recorder::Recorder;
use crate::telemetry::trace::TraceParent;

/// A span in progress.
pub(super) struct OpenSpan {
    trace: Arc<LocalTrace>,
    trace_id: TraceId,
    id: NonZeroU64,
    parent: Option<Parent>,
    kind: SpanKind,
    name: Cow<'static, str>,
    started_at: Instant,
    start_time: SystemTime,
    fields: Mutex<Fields>,
    waits: Waits,
}

/// The span that has caused another.
struct Parent {
    id: NonZeroU64,
    /// Whether it is a client's.
    is_remote: bool,
}

/// What is known of a span only after its start.
#[derive(Default)]
struct Fields {
    attributes: Vec<KeyValue>,
    links: Vec<Link>,
    is_failed: bool,
}

impl OpenSpan {
    /// The outermost span of a request.
    pub(super) fn root(
        recorder: &Arc<Recorder>,
        name: Cow<'static, str>,
        kind: SpanKind,
        parent: Option<TraceParent>,
    ) -> SpanGuard {
        let trace_id = parent.map_or_else(TraceId::random, |parent| parent.trace_id);
        let id = rand::random();
        let is_sampled = parent.is_some_and(|parent| parent.is_sampled);
        let trace = Arc::new(LocalTrace::new(recorder, id, trace_id, is_sampled));
        let parent = parent.map(Parent::from);
        SpanGuard(Self::new(trace, trace_id, id, parent, name, kind))
    }

    /// A span that this one has caused.
    pub(super) fn child(&self, name: Cow<'static, str>, kind: SpanKind) -> SpanGuard {
        let parent = Parent {
            id: self.id,
            is_remote: false,
        };
        let (trace, id) = (Arc::clone(&self.trace), rand::random());
        SpanGuard(Self::new(
            trace,
            self.trace_id,
            id,
            Some(parent),
            name,
            kind,
        ))
    }

    /// A span of the same request that belongs to the trace of a client's span. It has a link to
    /// this one.
    pub(super) fn child_of_client(
        &self,
        name: Cow<'static, str>,
        kind: SpanKind,
        client: TraceParent,
    ) -> SpanGuard {
        if client.is_sampled {
            self.trace.sample();
        }
        let (trace, id) = (Arc::clone(&self.trace), rand::random());
        let span = Self::new(trace, client.trace_id, id, Some(client.into()), name, kind);
        span.fields().links.push(Link::with_context(self.context()));
        SpanGuard(span)
    }

    fn new(
        trace: Arc<LocalTrace>,
        trace_id: TraceId,
        id: NonZeroU64,
        parent: Option<Parent>,
        name: Cow<'static, str>,
        kind: SpanKind,
    ) -> Arc<Self> {
        Arc::new(Self {
            trace_id,
            id,
            parent,
            kind,
            name,
            started_at: Instant::now(),
            start_time: trace.recorder().now(),
            trace,
            fields: Mutex::default(),
            waits: Waits::default(),
        })
    }

    pub(super) fn recorder(&self) -> &Arc<Recorder> {
        self.trace.recorder()
    }

    pub(super) fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    pub(super) fn id(&self) -> NonZeroU64 {
        self.id
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started_at.elapsed()
    }

    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    pub(super) fn set(&self, attribute: KeyValue) {
        self.fields().attributes.push(attribute);
    }

    /// Marks the span as failed, with a constant that says why.
    pub(super) fn fail(&self, error_type: impl Into<Cow<'static, str>>) {
        let mut fields = self.fields();
        fields.is_failed = true;
        let error_type = KeyValue::new(names::ERROR_TYPE, error_type.into());
        fields.attributes.push(error_type);
    }

    fn context(&self) -> SpanContext {
        SpanContext::new(
            OtelTraceId::from_bytes(self.trace_id.to_u128().to_be_bytes()),
            SpanId::from_bytes(self.id.get().to_be_bytes()),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        )
    }

    fn end(&self) {
        let elapsed = self.elapsed();
        let mut fields = std::mem::take(&mut *self.fields());
        fields.attributes.extend(self.waits.attributes());
        let mut links = SpanLinks::default();
        links.links = fields.links;
        let parent_id = self.parent.as_ref().map_or(0, |parent| parent.id.get());
        let status = match (fields.is_failed, &self.kind) {
            (true, _) => Status::error(""),
            // Without it, Application Insights cannot tell whether the call succeeded.
            (false, SpanKind::Client) => Status::Ok,
            (false, _) => Status::Unset,
        };
        let span = SpanData {
            span_context: self.context(),
            parent_span_id: SpanId::from_bytes(parent_id.to_be_bytes()),
            parent_span_is_remote: self.parent.as_ref().is_some_and(|parent| parent.is_remote),
            span_kind: self.kind.clone(),
            name: self.name.clone(),
            start_time: self.start_time,
            // A clock that is set meanwhile does not change the duration.
            end_time: self.start_time + elapsed,
            attributes: fields.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links,
            status,
            instrumentation_scope: instrumentation_scope(),
        };
        self.trace.add(span, self.id, elapsed);
    }

    /// A std mutex, because it is held for a few instructions and never across an await.
    fn fields(&self) -> MutexGuard<'_, Fields> {
        self.fields.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<TraceParent> for Parent {
    fn from(parent: TraceParent) -> Self {
        Self {
            id: parent.span_id,
            is_remote: true,
        }
    }
}

/// The name of what records spans, metrics and logs.
pub(in crate::telemetry) fn instrumentation_scope() -> InstrumentationScope {
    InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .build()
}

/// Ends a span when it is dropped.
pub(super) struct SpanGuard(pub(super) Arc<OpenSpan>);

impl SpanGuard {
    /// Drops the span, and all others of its request, unless one of them failed or was slow.
    pub(super) fn drop_unless_failed_or_slow(&self) {
        self.0.trace.drop_unless_failed_or_slow();
    }
}

impl std::ops::Deref for SpanGuard {
    type Target = Arc<OpenSpan>;

    fn deref(&self) -> &Arc<OpenSpan> {
        &self.0
    }
}

impl Drop for SpanGuard {
    fn drop(&mut self) {
        self.0.end();
    }
}
