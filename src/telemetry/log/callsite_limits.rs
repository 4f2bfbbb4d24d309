use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;
use tracing::callsite::Identifier;
use tracing::{Level, Metadata};

use crate::telemetry::AUDIT_TARGET;

/// Maximum number of events of one callsite that are written per interval.
const MAX_EVENTS: u32 = 50;

/// The interval of this rate limit.
const INTERVAL: Duration = Duration::from_secs(10);

/// Limits how many events each callsite (place in the source) may log.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct CallsiteLimits {
    windows: HashMap<Identifier, Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    written: u32,
    suppressed: u64,
    /// File and line.
    callsite: &'static str,
}

/// Events of one callsite that were suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::telemetry) struct Suppressed {
    pub(super) callsite: &'static str,
    pub(super) events: u64,
}

impl CallsiteLimits {
    /// Whether an event exceeds its callsite's limit and is to be suppressed. Exempt are events
    /// below INFO, which somebody enabled on purpose, and the audit log, which sums up events
    /// itself.
    pub(in crate::telemetry) fn is_exceeded(&mut self, event: &Metadata<'_>, now: Instant) -> bool {
        if *event.level() > Level::INFO || event.target() == AUDIT_TARGET {
            return false;
        }
        let window = self.windows.entry(event.callsite()).or_insert(Window {
            began: now,
            written: 0,
            suppressed: 0,
            callsite: event.name(),
        });
        if window.suppressed == 0 && now.duration_since(window.began) >= INTERVAL {
            (window.began, window.written) = (now, 0);
        }
        if window.written < MAX_EVENTS {
            window.written += 1;
            return false;
        }
        window.suppressed += 1;
        true
    }

    /// When the next report of suppressed events is due; `None` if no event was suppressed.
    pub(super) fn report_due(&self) -> Option<Instant> {
        let suppressing = self.windows.values().filter(|window| window.suppressed > 0);
        suppressing.map(|window| window.began + INTERVAL).min()
    }

    /// Ends the intervals that are over and returns how many events each of them suppressed.
    pub(in crate::telemetry) fn take_report(&mut self, now: Instant) -> Vec<Suppressed> {
        let over = self
            .windows
            .values_mut()
            .filter(|window| window.suppressed > 0 && now.duration_since(window.began) >= INTERVAL);
        over.map(|window| {
            let suppressed = Suppressed {
                callsite: window.callsite,
                events: window.suppressed,
            };
            *window = Window {
                began: now,
                written: 0,
                suppressed: 0,
                callsite: window.callsite,
            };
            suppressed
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
            struct TestCallsite;
            static CALLSITE: TestCallsite = TestCallsite;
            impl tracing::callsite::Callsite for TestCallsite {
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
                FieldSet::new(&[], tracing::callsite::Identifier(&CALLSITE)),
                Kind::EVENT,
            );
            CALLSITE.metadata()
        }};
    }

    #[test]
    fn events_of_one_callsite_are_limited_and_counted() {
        let mut limits = CallsiteLimits::default();
        let frequent = metadata!("zava_mcp_server::app", Level::WARN);
        let rare = metadata!("zava_mcp_server::app", Level::WARN);
        let began = Instant::now();
        let suppressed = (0..1000)
            .filter(|_| limits.is_exceeded(frequent, began))
            .count();
        assert_eq!(suppressed, 950);
        assert!(!limits.is_exceeded(rare, began));
        assert_eq!(limits.take_report(began), []);
        let later = began + INTERVAL;
        assert_eq!(limits.report_due(), Some(later));
        let report = Suppressed {
            callsite: "event src/somewhere.rs:1",
            events: 950,
        };
        assert_eq!(limits.take_report(later), [report]);
        assert_eq!(limits.take_report(later), []);
        assert!(!limits.is_exceeded(frequent, later));
    }

    #[test]
    fn rare_events_never_exceed_the_limit() {
        let mut limits = CallsiteLimits::default();
        let event = metadata!("zava_mcp_server::app", Level::INFO);
        let began = Instant::now();
        for seconds in 0..1000 {
            assert!(!limits.is_exceeded(event, began + Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn audit_and_debug_events_are_never_suppressed() {
        let mut limits = CallsiteLimits::default();
        let now = Instant::now();
        for event in [
            metadata!("zava::audit", Level::INFO),
            metadata!("zava_mcp_server::app", Level::DEBUG),
        ] {
            assert!(!(0..1000).any(|_| limits.is_exceeded(event, now)));
        }
    }
}
