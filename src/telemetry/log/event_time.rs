use std::cell::Cell;
use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime as CurrentTime};

thread_local! {
    /// The time of the event that this thread is logging; `None` for the current time.
    static HAPPENED_AT: Cell<Option<SystemTime>> = const { Cell::new(None) };
}

/// Runs `log` and gives its events the time `happened_at`.
pub(super) fn with_time(happened_at: SystemTime, log: impl FnOnce()) {
    HAPPENED_AT.set(Some(happened_at));
    log();
    HAPPENED_AT.set(None);
}

/// The time of the event that this thread is logging; `None` for the current time.
pub(in crate::telemetry) fn current() -> Option<SystemTime> {
    HAPPENED_AT.get()
}

/// Writes the time of an event in the format of `tracing-subscriber`.
#[derive(Debug)]
pub(crate) struct EventTime;

impl FormatTime for EventTime {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        match HAPPENED_AT.get() {
            None => CurrentTime.format_time(out),
            Some(at) => {
                let at = DateTime::<Utc>::from(at);
                out.write_str(&at.to_rfc3339_opts(SecondsFormat::Micros, true))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn format() -> String {
        let mut text = String::new();
        EventTime
            .format_time(&mut Writer::new(&mut text))
            .expect("writing to a string succeeds");
        text
    }

    #[test]
    fn an_event_that_is_formatted_later_has_the_time_when_it_happened() {
        let happened_at = SystemTime::UNIX_EPOCH + Duration::from_micros(86_400_000_012);
        with_time(happened_at, || {
            assert_eq!(format(), "1970-01-02T00:00:00.000012Z");
        });
        let now = format();
        assert_eq!(now.len(), "1970-01-02T00:00:00.000012Z".len(), "{now}");
        assert!(now.as_str() > "2026", "{now}");
    }
}
