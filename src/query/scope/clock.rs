use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::ScopeError;
use super::server::DatabaseServer;
use super::wire::{Query, WireError};
use super::{Column, RowSink, Scope};

/// Microseconds since 1970-01-01 UTC.
const DATABASE_CLOCK: &str =
    "SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::int8";

impl Scope {
    /// A lower bound of the difference between the clocks of this server and the database: the time
    /// of the round trip is not counted. If it exceeds the validity of a signed context (30 s), no
    /// rows are visible any more.
    ///
    /// # Errors
    /// [`ScopeError`] when the database's clock cannot be read.
    pub async fn clock_skew(&self) -> Result<Duration, ScopeError> {
        match self.clock_skew_of(&self.primary).await {
            // Without the primary, a usable replica does.
            Err(error @ ScopeError::Unavailable(_)) => {
                let replicas = self.replicas.as_ref();
                let chosen = replicas.and_then(|replicas| {
                    let index = replicas.choose(None, &[])?;
                    Some(&replicas.servers[index])
                });
                match chosen {
                    Some(server) => self.clock_skew_of(server).await,
                    None => Err(error),
                }
            }
            measured => measured,
        }
    }

    async fn clock_skew_of(&self, server: &DatabaseServer) -> Result<Duration, ScopeError> {
        let (mut lease, _) = self.lease(server, None).await?;
        let mut reading = ClockReading(None);
        let before = (self.clock)();
        lease
            .connection()
            .run_internal(Query::internal(DATABASE_CLOCK, &[]), &mut reading)
            .await
            .map_err(|error| ScopeError::from_wire(error.into_internal()))?;
        let after = (self.clock)();
        let ClockReading(Some(database)) = reading else {
            return Err(ScopeError::from_wire(WireError::Protocol(
                "no timestamp from the clock query",
            )));
        };
        Ok(clock_skew_between(before, database, after))
    }
}

/// A lower bound of the clock skew of a database whose clock was read between two times.
pub(super) fn clock_skew_between(
    before: SystemTime,
    database: SystemTime,
    after: SystemTime,
) -> Duration {
    let ahead = database.duration_since(after);
    let behind = before.duration_since(database);
    ahead.or(behind).unwrap_or_default()
}

/// The time that the database's clock shows.
struct ClockReading(Option<SystemTime>);

impl RowSink for ClockReading {
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
