use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::ScopeError;
use super::wire::{Query, WireError};
use super::{Column, RowSink, Scope};

/// Microseconds since 1970-01-01 UTC.
const DATABASE_CLOCK: &str =
    "SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::int8";

impl Scope {
    /// How far the clocks of this server and the database are apart, at least; what passes between
    /// the question and its answer is not counted. Beyond the validity of a signed context no rows
    /// are shown any more.
    ///
    /// # Errors
    /// [`ScopeError`] when it cannot be told.
    pub async fn clock_skew(&self) -> Result<Duration, ScopeError> {
        let mut lease = self.lease(None).await?;
        let mut reading = Reading(None);
        let before = (self.clock)();
        lease
            .connection()
            .read(Query::own(DATABASE_CLOCK, &[]), &mut reading)
            .await
            .map_err(|error| ScopeError::of_wire(error.of_own_statement()))?;
        let after = (self.clock)();
        let Reading(Some(database)) = reading else {
            return Err(ScopeError::of_wire(WireError::Protocol("no time of day")));
        };
        let ahead = database.duration_since(after);
        let behind = before.duration_since(database);
        Ok(ahead.or(behind).unwrap_or_default())
    }
}

/// What the database's clock shows.
struct Reading(Option<SystemTime>);

impl RowSink for Reading {
    fn columns(&mut self, _: Vec<Column>) {}

    fn row(&mut self, values: &mut dyn Iterator<Item = Option<&[u8]>>) -> ControlFlow<()> {
        let text = values.next().flatten();
        let text = text.and_then(|text| std::str::from_utf8(text).ok());
        let micros = text.and_then(|text| text.parse().ok());
        self.0 = micros.map(|micros| UNIX_EPOCH + Duration::from_micros(micros));
        ControlFlow::Continue(())
    }

    fn oversized(&mut self) {}
}
