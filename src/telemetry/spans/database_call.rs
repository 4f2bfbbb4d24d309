//! A transaction of the database, by the [semantic
//! conventions](https://opentelemetry.io/docs/specs/semconv/db/postgresql/).

use std::borrow::Cow;
use std::fmt;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use tokio::time::Instant;

use super::open_span::SpanGuard;
use super::wait::Wait;
use super::{Current, current};
use crate::telemetry::names;

/// What a transaction runs, and where.
#[derive(Clone, Debug)]
pub struct DatabaseStatement<'a> {
    /// The command and the tables, such as `SELECT retail.orders`; nothing that a client has
    /// written.
    pub summary: Cow<'a, str>,
    /// The fingerprint of a client's statement.
    pub fingerprint: Option<String>,
    /// The database's name.
    pub database: &'a str,
    /// The server's host name or address.
    pub host: &'a str,
    /// The server's port.
    pub port: u16,
}

/// A transaction in progress. Dropped before [`finish`](Self::finish), it counts as cancelled.
#[must_use]
pub struct DatabaseCall(Option<CallInProgress>);

struct CallInProgress {
    current: Current,
    span: Option<SpanGuard>,
    began_at: Instant,
    /// The attributes of the metric.
    attributes: Vec<KeyValue>,
}

impl DatabaseCall {
    /// Begins a transaction of the running task. `describe` is called only if telemetry is sent
    /// somewhere.
    pub fn begin<'a>(describe: impl FnOnce() -> DatabaseStatement<'a>) -> Self {
        Self(current().map(|current| {
            let statement = describe();
            let operation = statement
                .summary
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned();
            let attributes = vec![
                KeyValue::new(names::DB_SYSTEM_NAME, "postgresql"),
                KeyValue::new(names::DB_NAMESPACE, statement.database.to_owned()),
                KeyValue::new(names::DB_OPERATION_NAME, operation),
                KeyValue::new(names::SERVER_ADDRESS, statement.host.to_owned()),
                KeyValue::new(names::SERVER_PORT, i64::from(statement.port)),
            ];
            let span = current.span.as_ref().map(|parent| {
                let summary = statement.summary.into_owned();
                let name = Cow::Owned(summary.clone());
                let span = parent.child(name, SpanKind::Client);
                for attribute in &attributes {
                    span.set(attribute.clone());
                }
                span.set(KeyValue::new(names::DB_QUERY_SUMMARY, summary));
                if let Some(fingerprint) = statement.fingerprint {
                    span.set(KeyValue::new(names::QUERY_FINGERPRINT, fingerprint));
                }
                span
            });
            CallInProgress {
                current,
                span,
                began_at: Instant::now(),
                attributes,
            }
        }))
    }

    /// Ends the transaction. `error` says why it failed: a SQLSTATE, or another constant.
    pub fn finish(mut self, error: Option<&str>) {
        if let Some(running) = self.0.take() {
            running.end(error);
        }
    }
}

impl Drop for DatabaseCall {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.end(Some("cancelled"));
        }
    }
}

impl CallInProgress {
    fn end(mut self, error: Option<&str>) {
        const SQLSTATE_LENGTH: usize = 5;
        let elapsed = self.began_at.elapsed();
        if let Some(error) = error {
            if error.len() == SQLSTATE_LENGTH {
                let status = KeyValue::new(names::DB_RESPONSE_STATUS_CODE, error.to_owned());
                self.attributes.push(status.clone());
                if let Some(span) = &self.span {
                    span.set(status);
                }
            }
            let error_type = KeyValue::new(names::ERROR_TYPE, error.to_owned());
            self.attributes.push(error_type);
            if let Some(span) = &self.span {
                span.fail(error.to_owned());
            }
        }
        if let Some(parent) = &self.current.span {
            parent.waits().add(Wait::Database, elapsed);
        }
        let recorder = &self.current.recorder;
        recorder.record_database_call(elapsed, &self.attributes);
    }
}

impl fmt::Debug for DatabaseCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseCall").finish_non_exhaustive()
    }
}
