use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tracing::callsite::Identifier;
use tracing::{Level, Metadata};

use crate::telemetry::AUDIT_TARGET;

/// How many events of one kind, logged at one place in the source, are written in an interval.
const MAX_EVENTS: u32 = 50;

/// How long that interval is.
const INTERVAL: Duration = Duration::from_secs(10);

/// How often events of each kind came.
#[derive(Debug, Default)]
pub(super) struct Frequency {
    windows: HashMap<Identifier, Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    written: u32,
    left_out: u64,
    /// File and line.
    place: &'static str,
}

/// Events that were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) place: &'static str,
    pub(super) events: u64,
}

impl Frequency {
    /// Whether an event comes too often to be written. What is asked for by a level below INFO
    /// always is, and so is the audit log, which sums up by itself.
    pub(super) fn is_exceeded(&mut self, event: &Metadata<'_>, now: Instant) -> bool {
        if *event.level() > Level::INFO || event.target() == AUDIT_TARGET {
            return false;
        }
        let window = self.windows.entry(event.callsite()).or_insert(Window {
            began: now,
            written: 0,
            left_out: 0,
            place: event.name(),
        });
        if window.left_out == 0 && now.duration_since(window.began) >= INTERVAL {
            (window.began, window.written) = (now, 0);
        }
        if window.written < MAX_EVENTS {
            window.written += 1;
            return false;
        }
        window.left_out += 1;
        true
    }

    /// When there is something to report.
    pub(super) fn report_due(&self) -> Option<Instant> {
        let with_some = self.windows.values().filter(|window| window.left_out > 0);
        with_some.map(|window| window.began + INTERVAL).min()
    }

    /// What was left out in intervals that are over.
    pub(super) fn take_report(&mut self, now: Instant) -> Vec<LeftOut> {
        let over = self
            .windows
            .values_mut()
            .filter(|window| window.left_out > 0 && now.duration_since(window.began) >= INTERVAL);
        over.map(|window| {
            let left_out = LeftOut {
                place: window.place,
                events: window.left_out,
            };
            *window = Window {
                began: now,
                written: 0,
                left_out: 0,
                place: window.place,
            };
            left_out
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use tracing::callsite::Callsite as _;
    use tracing::field::FieldSet;
    use tracing::metadata::Kind;

    use super::*;

    macro_rules! metadata {
        ($target:literal, $level:expr) => {{
            struct Place;
            static PLACE: Place = Place;
            impl tracing::callsite::Callsite for Place {
                fn set_interest(&self, _: tracing::subscriber::Interest) {}
                fn metadata(&self) -> &Metadata<'_> {
                    &METADATA
                }
            }
            static METADATA: Metadata<'static> = Metadata::new(
                "event src/somewhere.rs:1",
                $target,
                $level,
                None,
                None,
                None,
                FieldSet::new(&[], tracing::callsite::Identifier(&PLACE)),
                Kind::EVENT,
            );
            PLACE.metadata()
        }};
    }

    #[test]
    fn events_of_one_kind_are_bounded_and_counted() {
        let mut frequency = Frequency::default();
        let often = metadata!("zava_mcp_server::app", Level::WARN);
        let seldom = metadata!("zava_mcp_server::app", Level::WARN);
        let began = Instant::now();
        let left_out = (0..1000)
            .filter(|_| frequency.is_exceeded(often, began))
            .count();
        assert_eq!(left_out, 950);
        assert!(!frequency.is_exceeded(seldom, began));
        assert_eq!(frequency.take_report(began), []);
        let later = began + INTERVAL;
        assert_eq!(frequency.report_due(), Some(later));
        let report = LeftOut {
            place: "event src/somewhere.rs:1",
            events: 950,
        };
        assert_eq!(frequency.take_report(later), [report]);
        assert_eq!(frequency.take_report(later), []);
        assert!(!frequency.is_exceeded(often, later));
    }

    #[test]
    fn what_comes_seldom_never_fills_an_interval() {
        let mut frequency = Frequency::default();
        let event = metadata!("zava_mcp_server::app", Level::INFO);
        let began = Instant::now();
        for seconds in 0..1000 {
            assert!(!frequency.is_exceeded(event, began + Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn the_audit_log_and_what_was_asked_for_are_whole() {
        let mut frequency = Frequency::default();
        let now = Instant::now();
        for event in [
            metadata!("zava::audit", Level::INFO),
            metadata!("zava_mcp_server::app", Level::DEBUG),
        ] {
            assert!(!(0..1000).any(|_| frequency.is_exceeded(event, now)));
        }
    }
}
