use std::cell::Cell;
use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime as CurrentTime};

thread_local! {
    /// When the event that this thread logs has happened, if that is not now.
    static HAPPENED_AT: Cell<Option<SystemTime>> = const { Cell::new(None) };
}

/// Runs `log`, whose events happened at that time.
pub(super) fn set(happened_at: SystemTime, log: impl FnOnce()) {
    HAPPENED_AT.set(Some(happened_at));
    log();
    HAPPENED_AT.set(None);
}

/// Writes when an event happened, in the form of `tracing-subscriber`.
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

    fn written() -> String {
        let mut text = String::new();
        EventTime
            .format_time(&mut Writer::new(&mut text))
            .expect("a text takes all");
        text
    }

    #[test]
    fn an_event_that_is_formatted_later_has_the_time_at_which_it_happened() {
        let happened_at = SystemTime::UNIX_EPOCH + Duration::from_micros(86_400_000_012);
        set(happened_at, || {
            assert_eq!(written(), "1970-01-02T00:00:00.000012Z");
        });
        let now = written();
        assert_eq!(now.len(), "1970-01-02T00:00:00.000012Z".len(), "{now}");
        assert!(now.as_str() > "2026", "{now}");
    }
}
